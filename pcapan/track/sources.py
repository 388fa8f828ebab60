"""All that one source address did, gathered from attempts, SAs, ESP and keepalives.

Knows how to count over time: live SAs, half-open SAs, clients at once. Must not know thresholds or
verdicts. "Source" is always the address that the server sees, whoever put it there.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from operator import attrgetter

from msgspec import Struct, field

from pcapan.decode.numbers import IKE_PORT, NAT_T_PORT
from pcapan.scan.columns import Shape
from pcapan.track.attempts import GRACE, Answer, Asked, Attempt
from pcapan.track.flows import SECOND, EspFlow
from pcapan.track.numbered import Numbered, numbered
from pcapan.track.probes import ProbeSeries, could_be_probe, find_series
from pcapan.track.sas import Basis, IkeSa, SaState
from pcapan.track.tracker import Track

#: A NAT keeps an idle UDP port mapping for at least this long, so a port silent for less is still
#: the same client; RFC 4787 section 4.3 asks for two minutes and allows 30 s in practice.
PORT_IDLE = 30 * SECOND
#: How long a responder may keep an SA that got no IKE_AUTH. Implementations differ (30 to 60 s).
HALF_OPEN_LIFE = 60 * SECOND
#: Initial time-to-live values of the operating systems in use (Windows 128, Unix 64, devices 255).
INITIAL_TTLS = (32, 64, 128, 255)

#: States of an SA that was established at some time.
LIVE = (SaState.ESTABLISHED, SaState.ENDED)

# Asked of every SA, so where it is found fastest: Python 3.11 looks for a member at each `Basis.X`.
_COOKIE, _HALF_OPEN, _OLDER = Answer.COOKIE, SaState.HALF_OPEN, Basis.OLDER

_SHAPE = attrgetter("shape")
_HASHES = attrgetter("natd_source_matches", "natd_destination_matches", "natd_destination_is_source")

Interval = tuple[int, int]


class Source(Struct):
    """One source address. Counts over time are computed once: add everything before asking for them.

    What is asked of all attempts and SAs is noted as they are added, in the order in which they were made:
    to visit them again source by source, all over the memory, would take several times as long.
    """

    address: str
    attempts: list[Attempt] = field(default_factory=list)
    """Clients' attempts, probes left out."""
    first_times: list[int] = field(default_factory=list)
    """Time of the first request of each attempt."""
    answers: list[bool] = field(default_factory=list)
    """For each attempt whether it got a real answer."""
    asked: list[Asked] = field(default_factory=list)
    """Requests of the attempts; undecided ones at the capture's end are left out."""
    repeated: list[Attempt] = field(default_factory=list)
    """Attempts with more than one request."""
    delays: list[int] = field(default_factory=list)
    """Time from request to answer, ns, of the first request of each attempt that got a real answer."""
    other_delays: list[int] = field(default_factory=list)
    """The same of requests that were answered with a COOKIE challenge, and of later ones."""
    probes: list[ProbeSeries] = field(default_factory=list)
    sas: list[IkeSa] = field(default_factory=list)
    older: int = 0
    """IKE SAs that were there before the capture began; a chain of rekeyed SAs is one."""
    half_open: int = 0
    """IKE_SA_INITs that were answered and never followed by IKE_AUTH."""
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
    _init_ports: set[int] = field(default_factory=set)
    """Client ports of attempts."""
    _sa_ports: set[int] = field(default_factory=set)
    """Client ports of SAs with exchanges."""
    _hashes: Counter[tuple[bool | None, bool | None, bool | None]] | None = None
    _shapes: list[tuple[Shape, int]] | None = None
    _intervals: list[Interval] | None = None
    _ends: list[int] | None = None
    """Ends of the live intervals, in order."""
    _replies: list[int] | None = None
    _live: tuple[list[int], list[int]] | None = None
    """Beginnings and ends of the live intervals that are not empty, each in order."""
    _half_open: tuple[list[int], list[int]] | None = None
    """The same of the intervals in which SAs were half-open."""
    _clients: int | None = None
    _peak: int | None = None

    def add_attempt(self, attempt: Attempt) -> None:
        """Take an attempt that is no probe."""
        requests = attempt.requests
        self.attempts.append(attempt)
        self.first_times.append(requests[0].ts)
        self._init_ports.add(attempt.sport)
        self.answers.append(attempt.answered)
        if len(requests) > 1:
            self.repeated.append(attempt)
        waiting = True
        for request in requests:
            answer, ts = request.answer, request.ts
            if answer is None:
                continued = attempt.continued and request is requests[-1]
                if continued or ts <= self.capture_end - GRACE:
                    self.asked.append(Asked(ts, continued, attempt, request))
                continue
            self.asked.append(Asked(ts, True, attempt, request))
            if not request.answer_frame:
                continue
            if waiting and answer is not _COOKIE:
                self.delays.append(request.answer_ts - ts)
                waiting = False
            else:
                self.other_delays.append(request.answer_ts - ts)

    def add_sa(self, sa: IkeSa) -> None:
        """Take an SA."""
        self.sas.append(sa)
        if sa.basis is _OLDER and sa.predecessor is None:
            self.older += 1
        if sa.state is _HALF_OPEN:
            self.half_open += 1
        if sa.exchanges:
            for _, _, port in sa.peers:
                self._sa_ports.add(port)

    def asked_by_server(self) -> Mapping[str, list[Asked]]:
        """What is in `asked` by server, in order of appearance."""
        if len(self.servers) == 1:
            return dict.fromkeys(self.servers, self.asked)
        by_server: dict[str, list[Asked]] = defaultdict(list)
        for one in self.asked:
            by_server[one.attempt.server].append(one)
        return by_server

    def answered(self) -> int:
        """Attempts that got a real answer."""
        return self.answers.count(True)

    def unanswered(self) -> int:
        """Attempts without a real answer."""
        return self.answers.count(False)

    def hashes(self) -> Counter[tuple[bool | None, bool | None, bool | None]]:
        """How many attempts have NAT-D hashes that fit (source, destination, source as destination)."""
        if self._hashes is None:
            self._hashes = Counter(map(_HASHES, self.attempts))
        return self._hashes

    def shapes(self) -> list[tuple[Shape, int]]:
        """The shapes of the first requests, and of how many attempts each is."""
        if self._shapes is None:
            shapes = list(map(_SHAPE, self.attempts))
            counts = Counter(map(id, shapes))  # equal ones are mostly one object, and long to compare
            each = dict(zip(map(id, shapes), shapes, strict=True))
            self._shapes = [(each[key], count) for key, count in counts.items()]
        return self._shapes

    def live_intervals(self) -> list[Interval]:
        """[from, to] in ns of every established IKE SA; a chain of rekeyed SAs is one."""
        if self._intervals is None:
            self._intervals = self._find_intervals()
        return self._intervals

    def _find_intervals(self) -> list[Interval]:
        intervals = []
        for sa in self.sas:
            if sa.established_ts is None or sa.predecessor is not None or sa.state not in LIVE:
                continue
            last = sa
            while last.successor is not None:
                last = last.successor
            intervals.append((sa.established_ts, last.ended_ts or self.capture_end))
        return intervals

    def live_at(self, ts: int) -> int:
        """Established IKE SAs at this time."""
        return self.live_at_each((ts,))[0]

    def live_at_each(self, times: Sequence[int]) -> list[int]:
        """The same at several times."""
        if self._live is None:
            self._live = _steps(self.live_intervals())
        begins, ends = self._live
        if not begins:
            return [0] * len(times)
        return [bisect_right(begins, ts) - bisect_right(ends, ts) for ts in times]

    def ended_within(self, begin: int, end: int) -> int:
        """Established IKE SAs that ended at `begin` or later, and before `end`."""
        if self._ends is None:
            self._ends = sorted([to for _, to in self.live_intervals()])
        return max(0, bisect_left(self._ends, end) - bisect_left(self._ends, begin))

    def replies_within(self, after: int, until: int) -> int:
        """Exchanges of its SAs whose first response came later than `after` and not later than `until`."""
        if self._replies is None:
            answers = [exchange.response.sends for sa in self.sas for exchange in sa.exchanges.values()]
            self._replies = sorted([sends[0][2] for sends in answers if sends])
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

    def _flow_spans(self) -> Iterator[tuple[int, Interval]]:
        """Client port on UDP 4500 and times of each flow of ESP or keepalives."""
        for flow in (*self.esp, *self.keepalives):
            outward = flow.src != self.address
            ours, theirs = flow.flow.sport, flow.flow.dport
            if outward:
                ours, theirs = theirs, ours
            if theirs == NAT_T_PORT:
                yield ours, (flow.flow.first_ts, flow.flow.last_ts)

    def port_intervals(self) -> list[Interval]:
        """[from, to] in ns during which each client port on UDP 4500 was in use.

        One client keeps one port at a time; its next one after a NAT rebinding follows the old one.
        """
        spans: dict[int, list[Interval]] = defaultdict(list)
        for port, interval in self._flow_spans():
            spans[port].append(interval)
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

        A device tunnel and a user tunnel of one computer share its port and count once. So does everything
        of an address with a single port, whenever it was in use.
        """
        if self._clients is None:
            ports = self._sa_ports.union([port for port, _ in self._flow_spans()])
            on_4500 = 1 if len(ports) == 1 and IKE_PORT not in ports else peak(self.port_intervals())
            on_500 = 1 if len(self._init_ports) == 1 else peak(self.init_intervals())
            self._clients = max(on_4500, on_500)
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
    lone = [attempt for attempt in track.attempts if could_be_probe(attempt)]
    if lone:
        continued = {sa.spi_i for sa in (*track.sas, *track.orphan_auths, *track.stray) if sa.exchanges}
        lone = [attempt for attempt in lone if attempt.spi_i not in continued]
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
        entry = sources.get(attempt.src) or source(attempt.src)
        entry.servers.add(attempt.server)
        if not attempt.is_probe:
            entry.add_attempt(attempt)
    for found in series:
        source(found.src).probes.append(found)
    for sa in track.sas:
        if sa.state is _HALF_OPEN and sa.attempt is not None and sa.attempt.is_probe:
            continue
        if sa.src in servers:
            continue
        entry = sources.get(sa.src) or source(sa.src)
        entry.servers.add(sa.server)
        entry.add_sa(sa)
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
