"""Drives the trackers over the timeline and joins what they find.

Knows the order of the steps: roles, attempts, SAs, ESP, ends. The single steps live in their own
modules. Must not judge: `pcapan.detect` does.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from ipaddress import ip_address

from msgspec import Struct, field

from pcapan.decode.numbers import CREATE_CHILD_SA, IKE_SA_INIT
from pcapan.scan.columns import FileScan
from pcapan.track.attempts import GRACE, Attempt, AttemptTracker
from pcapan.track.roles import Roles, decide_roles
from pcapan.track.sas import Basis, IkeSa, SaState, judge_end, judge_establishment
from pcapan.track.timeline import EspFlow, Message, Timeline
from pcapan.track.tunnels import attach_esp


class Track(Struct):
    """Everything that the capture shows of IKE and ESP, joined over all files."""

    timeline: Timeline
    roles: Roles
    senders: frozenset[str]
    """Servers that sent at least one packet of any protocol."""
    receivers: frozenset[str]
    """Servers to which at least one packet of IKE or ESP goes."""
    began: dict[str, int]
    """When the capture of each server began, ns."""
    attempts: list[Attempt]
    sas: list[IkeSa]
    esp: list[EspFlow]
    keepalives: list[EspFlow]
    orphan_auths: list[IkeSa]
    """IKE_AUTH with message id 1 for an SPI pair whose IKE_SA_INIT was never seen here."""
    stray: list[IkeSa]
    """Messages of unknown SPI pairs without a sign that there is an SA: scanners, damage."""
    stray_answers: list[Message]
    odd_requests: list[Message]
    old_versions: list[Message] = field(default_factory=list)
    """IKEv1 and AuthIP messages."""
    ttls: dict[str, Counter[int]] = field(default_factory=dict)
    """Per client address: time to live of its IKE messages after IKE_SA_INIT."""

    @property
    def both_ways(self) -> frozenset[str]:
        """Servers of which requests and replies can both be in the capture."""
        return self.senders & self.receivers

    @property
    def both_directions(self) -> bool:
        """Requests and replies of at least one server can both be in the capture."""
        return bool(self.both_ways)

    @property
    def first_ts(self) -> int:
        """Time of the first frame."""
        return self.timeline.first_ts

    @property
    def last_ts(self) -> int:
        """Time of the last frame."""
        return self.timeline.last_ts


def track(scans: list[FileScan], servers: Sequence[str] = ()) -> Track:
    """Join the scans of one incident; `servers` overrides the decision who is a server."""
    timeline = Timeline(scans)
    esp = timeline.esp()
    roles = decide_roles(timeline, esp, servers)
    return _Tracker(timeline, roles, esp).run()


class _Tracker:
    def __init__(self, timeline: Timeline, roles: Roles, esp: list[EspFlow]) -> None:
        self.timeline = timeline
        self.roles = roles
        self.esp = esp
        self.keepalives = timeline.keepalives()
        self.init = AttemptTracker()
        self.sas: dict[tuple[int, int, str], IkeSa] = {}
        self.by_pair: dict[tuple[int, int], IkeSa] = {}
        self.began = self._capture_began()
        self.files: dict[str, set[int]] = defaultdict(set)
        """Which files show IKE of an address."""
        pairs = list(timeline.pairs())
        for file, src, dst, _ in pairs:
            self.files[src].add(file)
            self.files[dst].add(file)
        self.old_versions: list[Message] = []
        self.ttls: dict[str, Counter[int]] = defaultdict(Counter)
        receivers = {dst for _, _, dst, _ in pairs} | {flow.dst for flow in (*esp, *self.keepalives)}
        self.senders = frozenset(server for server in roles.servers if timeline.talked(server))
        self.receivers = frozenset(receivers & set(roles.servers))
        self.both_ways = self.senders & self.receivers

    def run(self) -> Track:
        self._take_all()
        self._settle_attempts()
        self._link_rekeyed()
        for number, bare in enumerate(attach_esp(self.esp, self.sas.values(), self.roles, self.both_ways)):
            # No SPI is negative, so these never meet those of the handshakes.
            self.sas[-1, number, bare.server] = bare
        confirmed, orphans, stray = self._judge()
        return Track(
            timeline=self.timeline,
            roles=self.roles,
            senders=self.senders,
            receivers=self.receivers,
            began=self.began,
            attempts=list(self.init.attempts.values()),
            sas=confirmed,
            esp=self.esp,
            keepalives=self.keepalives,
            orphan_auths=orphans,
            stray=stray,
            stray_answers=self.init.stray_answers,
            odd_requests=self.init.odd_requests,
            old_versions=self.old_versions,
            ttls=self.ttls,
        )

    def _take_all(self) -> None:
        """Every message in order of time. One loop with nothing looked up twice: there may be a million."""
        servers, sas, ttls = frozenset(self.roles.servers), self.sas, self.ttls
        for (
            ts,
            file,
            frame,
            messages,
            spi_i,
            spi_r,
            src,
            dst,
            sport,
            dport,
            ttl,
            is_response,
            kind,
            message_id,
            length,
            encrypted,
            number,
            total,
        ) in self.timeline.rows():
            if messages is not None:
                self._take_special(next(messages))
                continue
            if not spi_r:
                continue
            by_client = src not in servers
            client, port, server = (src, sport, dst) if by_client else (dst, dport, src)
            sa = sas.get((spi_i, spi_r, server)) or self._elsewhere(spi_i, spi_r, server)
            if sa is None:
                # Its IKE_SA_INIT may be here although the answer is not: one direction, or a lost packet.
                attempt = self.init.of_spi(spi_i, server)
                sa = IkeSa(spi_i, spi_r, client, server, file, ts, attempt)
                sas[spi_i, spi_r, server] = sa
            exchange = sa.exchange(kind, message_id, by_client != is_response, ts)
            exchange.add(is_response, (file, frame, ts), length, encrypted, number, total)
            sa.seen(ts, client, port)
            if by_client:
                ttls[src][ttl] += 1

    def _take_special(self, message: Message) -> None:
        """IKE_SA_INIT, and what is no readable IKEv2."""
        if message.version >> 4 == 1:
            self.old_versions.append(message)
        elif message.exchange == IKE_SA_INIT and message.is_response:
            attempt = self.init.response(message)
            if attempt is not None and message.spi_r in attempt.spi_r:
                self._open(message, attempt)
        elif message.spi_r == 0:  # cut behind the SPIs: a zero responder SPI means IKE_SA_INIT
            self.init.request(message)

    def _elsewhere(self, spi_i: int, spi_r: int, server: str) -> IkeSa | None:
        """The SA of this SPI pair at another address of the same capture point as this server's.

        Two servers behind one balancer may each see one half of a handshake: those stay apart. They
        are two when no file shows both.
        """
        first = self.by_pair.get((spi_i, spi_r))
        return first if first is not None and self.files[first.server] & self.files[server] else None

    def _open(self, message: Message, attempt: Attempt) -> None:
        key = (message.spi_i, message.spi_r, attempt.server)
        if key not in self.sas:
            sa = IkeSa(
                message.spi_i,
                message.spi_r,
                attempt.src,
                attempt.server,
                attempt.file,
                message.ts,
                attempt,
                last_ts=message.ts,
            )
            self.sas[key] = sa
            self.by_pair.setdefault(key[:2], sa)

    def _link_rekeyed(self) -> None:
        """An SPI pair without IKE_SA_INIT, on the address and port of an SA that did CREATE_CHILD_SA."""
        rekeyed: dict[tuple[str, int], list[tuple[int, IkeSa]]] = defaultdict(list)
        for sa in self.sas.values():
            for exchange in sa.exchanges.values():
                if exchange.kind == CREATE_CHILD_SA and sa.peers:
                    for peer in {peer[1:] for peer in sa.peers}:
                        rekeyed[peer].append((exchange.first_ts, sa))
        for events in rekeyed.values():
            events.sort(key=lambda event: event[0])
        for sa in sorted(self.sas.values(), key=lambda s: s.first_ts):
            if sa.attempt is not None or sa.auths() or not sa.peers:
                continue
            for ts, earlier in reversed(rekeyed.get(sa.peers[0][1:], [])):
                if ts < sa.first_ts and earlier is not sa and earlier.successor is None:
                    sa.predecessor, earlier.successor = earlier, sa
                    break

    def _capture_began(self) -> dict[str, int]:
        """When the capture of each server began: over all files that may show it."""
        began: dict[str, int] = {}
        for file, scan in enumerate(self.timeline.scans):
            if scan.first_ts is None:
                continue
            seen = set(self.timeline.names[file])
            shown = [s for s in self.roles.servers if s in seen or ip_address(s).packed in scan.talkers]
            # A file that shows another server only is that node's; one that shows none is anybody's.
            for name in shown or self.roles.servers:
                began[name] = min(began.get(name, scan.first_ts), scan.first_ts)
        return began

    def _date_older(self, began: dict[str, int]) -> None:
        """An SA older than the capture was there when the capture of its server began."""
        for sa in self.sas.values():
            if sa.basis == Basis.OLDER and sa.predecessor is None and sa.established_ts is not None:
                sa.established_ts = min(sa.established_ts, began.get(sa.server, sa.established_ts))

    def _settle_attempts(self) -> None:
        continued = {sa.spi_i for sa in self.sas.values() if sa.spi_r and sa.exchanges}
        for attempt in self.init.attempts.values():
            attempt.continued = attempt.spi_i in continued
            attempt.server_heard = attempt.server in self.both_ways
            attempt.undecided = attempt.requests[-1].ts > self.timeline.last_ts - GRACE

    def _judge(self) -> tuple[list[IkeSa], list[IkeSa], list[IkeSa]]:
        alive = {(flow.src, flow.flow.sport): flow.flow.last_ts for flow in self.keepalives}
        confirmed: list[IkeSa] = []
        orphans: list[IkeSa] = []
        stray: list[IkeSa] = []
        for sa in self.sas.values():
            if sa.spi_r:
                judge_establishment(sa, sa.server in self.both_ways)
            auths = sa.auths()
            if sa.attempt is None and sa.predecessor is None and auths and not sa.esp:
                (orphans if auths[0].message_id == 1 else stray).append(sa)
            elif sa.attempt is None and sa.predecessor is None and sa.state == SaState.HALF_OPEN:
                stray.append(sa)
            else:
                confirmed.append(sa)
        self._date_older(self.began)
        for sa in confirmed:
            until = max((alive.get(peer[1:], 0) for peer in sa.peers), default=0)
            judge_end(sa, self.timeline.last_ts, until)
        return confirmed, orphans, stray
