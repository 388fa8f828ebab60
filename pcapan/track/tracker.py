"""Drives the trackers over the timeline and joins what they find.

Knows the order of the steps: roles, attempts, SAs, ESP, ends. The single steps live in their own
modules. Must not judge: `pcapan.detect` does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from ipaddress import ip_address

from msgspec import Struct, field

from pcapan.decode.numbers import CREATE_CHILD_SA
from pcapan.scan.columns import FileScan
from pcapan.track.attempts import GRACE, Attempt
from pcapan.track.flows import Flows
from pcapan.track.intake import Intake
from pcapan.track.late import Late
from pcapan.track.roles import Roles, decide_roles
from pcapan.track.sas import Basis, IkeSa, SaState, judge_end, judge_establishment
from pcapan.track.timeline import Message, Timeline
from pcapan.track.tunnels import Clients, Tunnels, attach_esp


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
    sas: Late[IkeSa]
    """All SAs; those of which only ESP is seen come last, and are made when they are looked at."""
    tunnels: Tunnels
    """Those of which only ESP is seen."""
    esp: Flows
    keepalives: Flows
    esp_clients: Clients
    keepalive_clients: Clients
    orphan_auths: list[IkeSa]
    """IKE_AUTH with message id 1 for an SPI pair whose IKE_SA_INIT was never seen here."""
    stray: list[IkeSa]
    """Messages of unknown SPI pairs without a sign that there is an SA: scanners, damage."""
    stray_answers: list[Message]
    odd_requests: list[Message]
    old_versions: list[Message] = field(default_factory=list)
    """IKEv1 and AuthIP messages."""
    ttls: dict[str, dict[int, int]] = field(default_factory=dict)
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
    def __init__(self, timeline: Timeline, roles: Roles, esp: Flows) -> None:
        self.timeline = timeline
        self.roles = roles
        self.esp = esp
        self.keepalives = timeline.keepalives()
        self.began = self._capture_began()
        pairs = timeline.pairs()
        files: dict[str, set[int]] = defaultdict(set)
        for file, src, dst, _ in pairs if len(timeline.scans) > 1 else ():
            files[src].add(file)
            files[dst].add(file)
        asked = {dst for _, _, dst, _ in pairs}
        number = timeline.addresses.number
        self.senders = frozenset(server for server in roles.servers if timeline.talked(server))
        self.receivers = frozenset(
            server
            for server in roles.servers
            if server in asked
            or any(flows.go_to(number(server)) for flows in (esp, self.keepalives))
        )
        self.both_ways = self.senders & self.receivers
        self.intake = Intake(timeline, roles.servers, files)
        self.attempts = self.intake.attempts
        self.sas = list(self.intake.sas)

    def run(self) -> Track:
        self.intake.settle(self.both_ways, self.timeline.last_ts - GRACE)
        self._link_rekeyed()
        names = self.timeline.addresses.names
        servers = [number for number in map(names.number, self.roles.servers) if number >= 0]
        clients = Clients(self.esp, servers)
        tunnels = attach_esp(clients, self.sas, self.both_ways, self.began)
        confirmed, orphans, stray = self._judge()
        return Track(
            timeline=self.timeline,
            roles=self.roles,
            senders=self.senders,
            receivers=self.receivers,
            began=self.began,
            attempts=self.attempts,
            sas=Late(confirmed, len(tunnels), tunnels.tunnel),
            tunnels=tunnels,
            esp=self.esp,
            keepalives=self.keepalives,
            esp_clients=clients,
            keepalive_clients=Clients(self.keepalives, servers),
            orphan_auths=orphans,
            stray=stray,
            stray_answers=self.intake.stray_answers,
            odd_requests=self.intake.odd_requests,
            old_versions=self.intake.old_versions,
            ttls=self.intake.ttls,
        )

    def _link_rekeyed(self) -> None:
        """An SPI pair without IKE_SA_INIT, on the address and port of an SA that did CREATE_CHILD_SA."""
        rekeyed: dict[tuple[str, int], list[tuple[int, IkeSa]]] = defaultdict(list)
        for sa in self.sas:
            for exchange in sa.later():
                if exchange.kind == CREATE_CHILD_SA and sa.peers:
                    for peer in {peer[1:] for peer in sa.peers}:
                        rekeyed[peer].append((exchange.first_ts, sa))
        for events in rekeyed.values():
            events.sort(key=lambda event: event[0])
        for sa in sorted([sa for sa in self.sas if sa.attempt is None], key=lambda s: s.first_ts):
            if sa.auths() or not sa.peers:
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
            names = self.timeline.names[file]
            shown = [
                server
                for server in self.roles.servers
                if ip_address(server).packed in scan.talkers or names.number(server) >= 0
            ]
            # A file that shows another server only is that node's; one that shows none is anybody's.
            for name in shown or self.roles.servers:
                began[name] = min(began.get(name, scan.first_ts), scan.first_ts)
        return began

    def _date_older(self, began: dict[str, int]) -> None:
        """An SA older than the capture was there when the capture of its server began."""
        for sa in self.sas:
            if sa.basis == Basis.OLDER and sa.predecessor is None and sa.established_ts is not None:
                sa.established_ts = min(sa.established_ts, began.get(sa.server, sa.established_ts))

    def _judge(self) -> tuple[list[IkeSa], list[IkeSa], list[IkeSa]]:
        confirmed: list[IkeSa] = []
        orphans: list[IkeSa] = []
        stray: list[IkeSa] = []
        for sa in self.sas:
            if sa.spi_r:
                judge_establishment(sa, sa.server in self.both_ways)
            auths = sa.auths()
            if sa.attempt is None and sa.predecessor is None and auths and not sa.has_esp:
                (orphans if auths[0].message_id == 1 else stray).append(sa)
            elif sa.attempt is None and sa.predecessor is None and sa.state == SaState.HALF_OPEN:
                stray.append(sa)
            else:
                confirmed.append(sa)
        self._date_older(self.began)
        capture_end = self.timeline.last_ts
        sas = confirmed if len(self.keepalives) else []
        last_times = self.keepalives.last_of({peer[1] for sa in sas for peer in sa.peers})
        alive = {(src, sport): last_ts for src, sport, last_ts in last_times}
        for sa in confirmed:
            until = max([alive.get(peer[1:], 0) for peer in sa.peers], default=0) if alive else 0
            judge_end(sa, capture_end, until)
        return confirmed, orphans, stray
