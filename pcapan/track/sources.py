# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""All that one source address did, gathered from attempts, SAs, ESP and keepalives.

Knows how to count over time: live SAs, half-open SAs, clients at once. Must not know thresholds or
verdicts. "Source" is always the address that the server sees, whoever put it there. Cython compiles this
source where it can (see `pcapan.compiled`; C types are in the .pxd).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING

from pcapan.decode.numbers import IKE_PORT, NAT_T_PORT
from pcapan.track.attempts import Attempt
from pcapan.track.calls import Calls, Fits
from pcapan.track.flows import NO_PORT, SECOND, SEVERAL_PORTS, EspFlow
from pcapan.track.numbered import Numbered, numbered
from pcapan.track.overlap import Interval, join, peak, steps
from pcapan.track.probes import ProbeSeries, could_be_probe, find_series
from pcapan.track.sas import Basis, IkeSa, SaState
from pcapan.track.tracker import Track
from pcapan.track.tunnels import Clients

if TYPE_CHECKING:
    from pcapan.scan.columns import Shape
    from pcapan.track.attempts import Asked

#: How long a responder may keep an SA that got no IKE_AUTH. Implementations differ (30 to 60 s).
HALF_OPEN_LIFE = 60 * SECOND
#: Initial time-to-live values of the operating systems in use (Windows 128, Unix 64, devices 255).
INITIAL_TTLS = (32, 64, 128, 255)

#: States of an SA that was established at some time.
LIVE = (SaState.ESTABLISHED, SaState.ENDED)

# Asked of every SA, so where it is found fastest: Python 3.11 looks for a member at each `Basis.X`.
_HALF_OPEN, _OLDER = SaState.HALF_OPEN, Basis.OLDER

_IKE, _NAT_T, _NO_PORT, _SEVERAL_PORTS = IKE_PORT, NAT_T_PORT, NO_PORT, SEVERAL_PORTS

_NO_CALLS = Calls()
"""Stands in for those of a source that made none; nothing is ever added to it."""
_NO_TTLS: Counter[int] = Counter()
_NO_PROBES: list[ProbeSeries] = []


class Around:
    """What all sources of an incident have in common."""

    def __init__(self, track: Track) -> None:
        self.capture_end = track.last_ts
        self.esp, self.keepalives = track.esp_clients.groups(), track.keepalive_clients.groups()
        self.servers = frozenset(track.roles.servers)
        self.neighbours = {str(ip_address(a)) for scan in track.timeline.scans for a in scan.link_neighbours}
        """Addresses that ARP or neighbour discovery showed on the server's own link."""
        self._numbers: dict[str, Numbered] = {}
        self._alone: dict[str, frozenset[str]] = {}

    def alone(self, server: str) -> frozenset[str]:
        """A set of one server, the same for all who have to do with it alone."""
        found = self._alone.get(server)
        if found is None:
            found = self._alone[server] = frozenset((server,))
        return found

    def same_subnet(self, address: str, servers: Iterable[str]) -> bool:
        """Whether an address is in the same /24 (IPv4) or /64 (IPv6) as one of these servers."""
        own = numbered(address)
        for server in servers:
            if server not in self._numbers:
                self._numbers[server] = numbered(server)
        return any(_same_subnet(own, self._numbers[server]) for server in servers)


class Source:
    """One source address. Counts over time are computed once: add everything before asking for them."""

    def __init__(self, address: str, number: int, around: Around) -> None:
        """`number` is the address's among all, see `pcapan.track.flows.Addresses`."""
        self.address = address
        self._number = number
        self._around = around
        self.calls = _NO_CALLS
        self.probes = _NO_PROBES
        self.sas: list[IkeSa] = []
        self.older = 0
        """IKE SAs that were there before the capture began; a chain of rekeyed SAs is one."""
        self.half_open = 0
        """IKE_SA_INITs that were answered and never followed by IKE_AUTH."""
        self.ttls = _NO_TTLS
        self.servers: frozenset[str] = frozenset()
        self._intervals: list[Interval] | None = None
        self._ends: list[int] | None = None
        """Ends of the live intervals, in order."""
        self._replies: list[int] | None = None
        self._live: tuple[list[int], list[int]] | None = None
        """Beginnings and ends of the live intervals that are not empty, each in order."""
        self._half_open: tuple[list[int], list[int]] | None = None
        """The same of the intervals in which SAs were half-open."""
        self._clients = -1
        self._peak = -1

    def add_server(self, server: str) -> None:
        """Note a server that this source has to do with."""
        if server not in self.servers:
            self.servers = self.servers | {server} if self.servers else self._around.alone(server)

    def add_attempt(self, attempt: Attempt) -> None:
        """Take an attempt that is no probe."""
        if self.calls is _NO_CALLS:
            self.calls = Calls()
        self.calls.add(attempt, self._around.capture_end)

    def add_probes(self, series: ProbeSeries) -> None:
        """Take a series of probes."""
        self.probes = [*self.probes, series]

    def add_sa(self, sa: IkeSa) -> None:
        """Take an SA."""
        self.sas.append(sa)
        if sa.basis is _OLDER and sa.predecessor is None:
            self.older += 1
        if sa.state is _HALF_OPEN:
            self.half_open += 1

    @property
    def attempts(self) -> list[Attempt]:
        """Clients' attempts, probes left out."""
        return self.calls.attempts

    @property
    def asked(self) -> list[Asked]:
        """Requests of the attempts; undecided ones at the capture's end are left out."""
        return self.calls.asked

    @property
    def esp(self) -> list[EspFlow]:
        """Its ESP, both directions."""
        return self._around.esp.of(self._number)

    @property
    def has_esp(self) -> bool:
        """Whether any ESP was seen."""
        return self._around.esp.count(self._number) > 0

    @property
    def keepalives(self) -> list[EspFlow]:
        """Its NAT keepalives, by flow."""
        return self._around.keepalives.of(self._number)

    @property
    def is_neighbour(self) -> bool:
        """ARP or neighbour discovery showed this address on the server's own link."""
        return self.address in self._around.neighbours and self.address not in self._around.servers

    @property
    def same_subnet(self) -> bool:
        """Same /24 (IPv4) or /64 (IPv6) as the server: the likeliest subnet where ARP is silent."""
        return self._around.same_subnet(self.address, self.servers)

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
        return self.calls.answers.count(True)

    def unanswered(self) -> int:
        """Attempts without a real answer."""
        return self.calls.answers.count(False)

    def hashes(self) -> Counter[Fits]:
        """How many attempts have NAT-D hashes that fit so."""
        return self.calls.hashes()

    def shapes(self) -> list[tuple[Shape, int]]:
        """The shapes of the first requests, and of how many attempts each is."""
        return self.calls.shapes()

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
            intervals.append((sa.established_ts, last.ended_ts or self._around.capture_end))
        return intervals

    def live_at(self, ts: int) -> int:
        """Established IKE SAs at this time."""
        return self.live_at_each((ts,))[0]

    def live_at_each(self, times: Sequence[int]) -> list[int]:
        """The same at several times."""
        if self._live is None:
            self._live = steps(self.live_intervals())
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
            self._half_open = steps(self._half_open_intervals())
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
        if self._peak < 0:
            self._peak = peak(self.live_intervals())
        return self._peak

    def port_intervals(self) -> list[Interval]:
        """[from, to] in ns during which each client port on UDP 4500 was in use.

        One client keeps one port at a time; its next one after a NAT rebinding follows the old one.
        """
        spans: dict[int, list[Interval]] = defaultdict(list)
        for groups in (self._around.esp, self._around.keepalives):
            for port, begin, end in groups.spans(self._number, _NAT_T):
                spans[port].append((begin, end))
        for sa in self.sas:
            peers = sa.peers
            for exchange in sa.exchanges.values():
                _, _, port = peers[0]
                if len(peers) > 1:
                    _, _, port = max((p for p in peers if p[0] <= exchange.last_ts), default=peers[0])
                if port != IKE_PORT:  # a client without NAT may stay on port 500
                    spans[port].append((exchange.first_ts, exchange.last_ts))
        return [interval for intervals in spans.values() for interval in join(intervals)]

    def clients_at_once(self) -> int:
        """Clients that used this address at the same time, at least: distinct ports in use at once.

        A device tunnel and a user tunnel of one computer share its port and count once. So does everything
        of an address with a single port, whenever it was in use.
        """
        if self._clients < 0:
            on_500 = 0
            if self.calls is not _NO_CALLS:
                on_500 = 1 if len(self.calls.ports) == 1 else peak(self.calls.intervals())
            self._clients = max(self._clients_on_4500(), on_500)
        return self._clients

    def _clients_on_4500(self) -> int:
        number, esp, keepalives = self._number, self._around.esp, self._around.keepalives
        only = keepalives.one_port(number, _NAT_T, esp.one_port(number, _NAT_T, _NO_PORT))
        for sa in self.sas:
            if sa.exchanges:
                for _, _, port in sa.peers:
                    if port != only:
                        only = port if only == _NO_PORT else _SEVERAL_PORTS
        if only == _NO_PORT:
            return 0
        return peak(self.port_intervals()) if only in (_SEVERAL_PORTS, _IKE) else 1

    def ttl_was_decremented(self) -> bool | None:
        """Whether the packets passed a router on their way here; None when their TTL is unknown."""
        seen = self.ttls or Counter([attempt.ttl for attempt in self.attempts])
        if not seen:
            return None
        return not any(ttl in INITIAL_TTLS for ttl in seen)


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
    return _Gathering(track).all_of(series)


class _Gathering:
    """Makes the sources, each when it is first seen."""

    def __init__(self, track: Track) -> None:
        self._track = track
        self._around = Around(track)
        self._numbers = track.timeline.addresses.numbers
        self._found: dict[str, Source] = {}

    def all_of(self, series: Iterable[ProbeSeries]) -> dict[str, Source]:
        """By address, in order of appearance."""
        track, servers = self._track, self._around.servers
        for attempt in track.attempts:
            if attempt.src in servers:
                continue  # a server that dials another site is nobody's client here
            source = self._source(attempt.src)
            source.add_server(attempt.server)
            if not attempt.is_probe:
                source.add_attempt(attempt)
        for probes in series:
            self._source(probes.src).add_probes(probes)
        for sa in track.sas:
            if sa.state is _HALF_OPEN and sa.attempt is not None and sa.attempt.is_probe:
                continue
            if sa.src in servers:
                continue
            source = self._source(sa.src)
            source.add_server(sa.server)
            source.add_sa(sa)
        for clients in (track.esp_clients, track.keepalive_clients):
            self._add_flows(clients)
        for address, ttls in track.ttls.items():
            if address in self._found:
                self._found[address].ttls = ttls
        return self._found

    def _source(self, address: str) -> Source:
        source = self._found.get(address)
        if source is None:
            source = self._found[address] = Source(address, self._numbers[address], self._around)
        return source

    def _add_flows(self, clients: Clients) -> None:
        """Note whose the flows are; they are found by the number of the address."""
        names = clients.flows.names
        last = array("I", (0,)) * len(names)
        last_server = last
        for row in range(len(clients.client)):
            client, server = clients.client[row], clients.server[row]
            if last_server[client] != server + 1:
                last_server[client] = server + 1
                self._source(names[client]).add_server(names[server])


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


def _same_subnet(one: Numbered, other: Numbered) -> bool:
    version, number = one
    host_bits = 8 if version == 4 else 64
    return one != other and version == other[0] and number >> host_bits == other[1] >> host_bits
