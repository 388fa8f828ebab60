"""All that one source address did, gathered from attempts, SAs, ESP and keepalives.

Knows how to count over time: live SAs, half-open SAs, clients at once. Must not know thresholds or
verdicts. "Source" is always the address that the server sees, whoever put it there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from msgspec import Struct, field

from pcapan.decode.numbers import IKE_PORT, NAT_T_PORT
from pcapan.track.attempts import Attempt
from pcapan.track.numbered import Numbered, numbered
from pcapan.track.probes import ProbeSeries, could_be_probe, find_series
from pcapan.track.sas import IkeSa, SaState
from pcapan.track.timeline import SECOND, EspFlow
from pcapan.track.tracker import Track

#: A NAT keeps an idle UDP port mapping for at least this long, so a port silent for less is still
#: the same client; RFC 4787 section 4.3 asks for two minutes and allows 30 s in practice.
PORT_IDLE = 30 * SECOND
#: How long a responder may keep an SA that got no IKE_AUTH. Implementations differ (30 to 60 s).
HALF_OPEN_LIFE = 60 * SECOND
#: Initial time-to-live values of the operating systems in use (Windows 128, Unix 64, devices 255).
INITIAL_TTLS = (32, 64, 128, 255)

Interval = tuple[int, int]


class Source(Struct):
    """One source address. Counts over time are computed once: fill the lists before asking for them."""

    address: str
    attempts: list[Attempt] = field(default_factory=list)
    """Clients' attempts, probes left out."""
    probes: list[ProbeSeries] = field(default_factory=list)
    sas: list[IkeSa] = field(default_factory=list)
    esp: list[EspFlow] = field(default_factory=list)
    """Both directions."""
    keepalives: list[EspFlow] = field(default_factory=list)
    ttls: Counter[int] = field(default_factory=Counter)
    servers: set[str] = field(default_factory=set)
    capture_end: int = 0
    is_neighbour: bool = False
    """ARP or neighbour discovery showed this address on the server's own link."""
    same_subnet: bool = False
    """Same /24 (IPv4) or /64 (IPv6) as the server: the likeliest subnet where ARP is silent."""
    _answered: int | None = None
    _intervals: list[Interval] | None = None
    _replies: list[int] | None = None
    _live: tuple[list[int], list[int]] | None = None
    """Beginnings and ends of the live intervals, each in order."""
    _half_open: tuple[list[int], list[int]] | None = None
    """The same of the intervals in which SAs were half-open."""
    _clients: int | None = None
    _peak: int | None = None

    def answered(self) -> int:
        """Attempts that got a real answer."""
        if self._answered is None:
            self._answered = [attempt.answered for attempt in self.attempts].count(True)
        return self._answered

    def unanswered(self) -> int:
        """Attempts without a real answer."""
        return len(self.attempts) - self.answered()

    def live_intervals(self) -> list[Interval]:
        """[from, to] in ns of every established IKE SA; a chain of rekeyed SAs is one."""
        if self._intervals is None:
            self._intervals = self._find_intervals()
        return self._intervals

    def _find_intervals(self) -> list[Interval]:
        intervals = []
        for sa in self.sas:
            if sa.established_ts is None or sa.predecessor is not None or not sa.is_live_kind:
                continue
            last = sa
            while last.successor is not None:
                last = last.successor
            intervals.append((sa.established_ts, last.ended_ts or self.capture_end))
        return intervals

    def live_at(self, ts: int) -> int:
        """Established IKE SAs at this time."""
        if self._live is None:
            self._live = _steps(self.live_intervals())
        begins, ends = self._live
        return bisect_right(begins, ts) - bisect_right(ends, ts)

    def replies_within(self, after: int, until: int) -> int:
        """Exchanges of its SAs whose first response came later than `after` and not later than `until`."""
        if self._replies is None:
            self._replies = sorted(
                exchange.response.sends[0][2]
                for sa in self.sas
                for exchange in sa.exchanges.values()
                if exchange.response.sends
            )
        return max(0, bisect_right(self._replies, until) - bisect_right(self._replies, after))

    def half_open_at(self, ts: int) -> int:
        """Answered IKE_SA_INITs without IKE_AUTH (yet) at this time, young enough to still count."""
        if self._half_open is None:
            self._half_open = _steps(self._half_open_intervals())
        begins, ends = self._half_open
        return bisect_right(begins, ts) - bisect_right(ends, ts)

    def _half_open_intervals(self) -> Iterator[Interval]:
        for sa in self.sas:
            if sa.attempt is None or not sa.attempt.answers:
                continue
            auths = sa.auths()
            until = sa.first_ts + HALF_OPEN_LIFE
            yield sa.first_ts, min(auths[0].first_ts, until) if auths else until

    def peak_live(self) -> int:
        """Most established IKE SAs at once."""
        if self._peak is None:
            self._peak = peak(self.live_intervals())
        return self._peak

    def port_intervals(self) -> list[Interval]:
        """[from, to] in ns during which each client port on UDP 4500 was in use.

        One client keeps one port at a time; its next one after a NAT rebinding follows the old one.
        """
        spans: dict[int, list[Interval]] = defaultdict(list)
        for flow in (*self.esp, *self.keepalives):
            outward = flow.src != self.address
            ours, theirs = flow.flow.sport, flow.flow.dport
            if outward:
                ours, theirs = theirs, ours
            if theirs == NAT_T_PORT:
                spans[ours].append((flow.flow.first_ts, flow.flow.last_ts))
        for sa in self.sas:
            peers = sa.peers
            for exchange in sa.exchanges.values():
                _, _, port = peers[0]
                if len(peers) > 1:
                    _, _, port = max((p for p in peers if p[0] <= exchange.last_ts), default=peers[0])
                if port != IKE_PORT:  # a client without NAT may stay on port 500
                    spans[port].append((exchange.first_ts, exchange.last_ts))
        return [interval for intervals in spans.values() for interval in _join(intervals)]

    def init_intervals(self) -> list[Interval]:
        """[from, to] in ns of the IKE_SA_INIT attempts of each client port."""
        spans: dict[int, list[Interval]] = defaultdict(list)
        for attempt in self.attempts:
            requests = attempt.requests
            spans[attempt.sport].append((requests[0].ts, requests[-1].ts))
        return [interval for intervals in spans.values() for interval in _join(intervals)]

    def clients_at_once(self) -> int:
        """Clients that used this address at the same time, at least: distinct ports in use at once.

        A device tunnel and a user tunnel of one computer share its port and count once.
        """
        if self._clients is None:
            self._clients = max(peak(self.port_intervals()), peak(self.init_intervals()))
        return self._clients

    def ttl_was_decremented(self) -> bool | None:
        """Whether the packets passed a router on their way here; None when their TTL is unknown."""
        seen = self.ttls or Counter(attempt.ttl for attempt in self.attempts)
        if not seen:
            return None
        return not any(ttl in INITIAL_TTLS for ttl in seen)


def _steps(intervals: Iterable[Interval]) -> tuple[list[int], list[int]]:
    """Beginnings and ends of the intervals that are not empty, each in order."""
    real = [(begin, end) for begin, end in intervals if begin < end]
    return sorted(begin for begin, _ in real), sorted(end for _, end in real)


def peak(intervals: Iterable[Interval]) -> int:
    """Most intervals that overlap at one time; an interval that ends as another begins does not."""
    spans = list(intervals)
    begins = sorted([begin for begin, _ in spans])
    ends = sorted([end if end > begin else begin + 1 for begin, end in spans])
    most = over = 0
    for begun, moment in enumerate(begins, 1):
        while ends[over] <= moment:  # some end is later: every interval ends after it begins
            over += 1
        if begun - over > most:
            most = begun - over
    return most


def _join(intervals: list[Interval]) -> list[Interval]:
    """Join intervals of one port that are less than PORT_IDLE apart."""
    if len(intervals) < 2:
        return intervals
    joined: list[Interval] = []
    intervals = sorted(intervals)
    since, until = intervals[0]
    for begin, end in intervals:
        if begin - until >= PORT_IDLE:
            joined.append((since, until))
            since, until = begin, end
        elif end > until:
            until = end
    joined.append((since, until))
    return joined


def gather_sources(track: Track) -> dict[str, Source]:
    """All sources by address, in order of appearance; marks probes on the way."""
    continued = {sa.spi_i for sa in (*track.sas, *track.orphan_auths, *track.stray) if sa.exchanges}
    lone = [attempt for attempt in track.attempts if could_be_probe(attempt, continued)]
    for attempt in lone:
        # Alone it is a lone probe, in a series a monitor: never a client.
        attempt.is_probe = True
    series = find_series(_candidates(track, lone))
    sources: dict[str, Source] = {}
    capture_end, servers = track.last_ts, frozenset(track.roles.servers)

    def source(address: str) -> Source:
        found = sources.get(address)
        if found is None:
            found = sources[address] = Source(address, capture_end=capture_end)
        return found

    for attempt in track.attempts:
        if attempt.src in servers:
            continue  # a server that dials another site is nobody's client here
        entry = source(attempt.src)
        entry.servers.add(attempt.server)
        if not attempt.is_probe:
            entry.attempts.append(attempt)
    for found in series:
        source(found.src).probes.append(found)
    for sa in track.sas:
        if sa.state == SaState.HALF_OPEN and sa.attempt is not None and sa.attempt.is_probe:
            continue
        if sa.src in servers:
            continue
        entry = source(sa.src)
        entry.servers.add(sa.server)
        entry.sas.append(sa)
    for flows, name in ((track.esp, "esp"), (track.keepalives, "keepalives")):
        for flow in flows:
            outward = flow.src in servers
            entry = source(flow.dst if outward else flow.src)
            entry.servers.add(flow.src if outward else flow.dst)
            (entry.esp if name == "esp" else entry.keepalives).append(flow)
    for address, ttls in track.ttls.items():
        if address in sources:
            sources[address].ttls = ttls
    _locate(track, sources)
    return sources


def _candidates(track: Track, lone: Iterable[Attempt]) -> list[tuple[str, str, str, int, int, int]]:
    """Datagrams that might be a monitor's: (src, server, kind, file, frame, time)."""
    found = []
    servers = track.roles.servers
    for file, src, dst, seen in track.timeline.odd():
        if dst in servers:
            found.append((src, dst, f"{seen.length} bytes that are not IKE", file, seen.frame, seen.ts))
    for message in track.odd_requests:
        kind = f"IKE header without usable payloads, {message.length} bytes"
        found.append((message.src, message.dst, kind, message.file, message.frame, message.ts))
    for attempt in lone:
        first = attempt.requests[0]
        kind = "IKE_SA_INIT without NAT detection, never continued"
        found.append((attempt.src, attempt.server, kind, first.file, first.frame, first.ts))
    return found


def _locate(track: Track, sources: dict[str, Source]) -> None:
    neighbours = {str(ip_address(a)) for scan in track.timeline.scans for a in scan.link_neighbours}
    servers = {server: numbered(server) for entry in sources.values() for server in entry.servers}
    for entry in sources.values():
        entry.is_neighbour = entry.address in neighbours and entry.address not in track.roles.servers
        own = numbered(entry.address)
        entry.same_subnet = any(_same_subnet(own, servers[server]) for server in entry.servers)


def _same_subnet(one: Numbered, other: Numbered) -> bool:
    version, number = one
    host_bits = 8 if version == 4 else 64
    return one != other and version == other[0] and number >> host_bits == other[1] >> host_bits
