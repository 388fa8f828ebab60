# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""All that one source address did, gathered from attempts, SAs, ESP and keepalives.

Knows how to count over time: live SAs, half-open SAs, clients at once. Must not know thresholds or
verdicts. "Source" is always the address that the server sees, whoever put it there; `pcapan.track.gathering`
finds them all. Cython compiles this source where it can (see `pcapan.compiled`; C types are in the .pxd).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING

from pcapan.decode.numbers import IKE_PORT, NAT_T_PORT
from pcapan.track.attempts import Attempt
from pcapan.track.calls import Calls, Fits
from pcapan.track.flows import NO_PORT, SECOND, SEVERAL_PORTS, EspFlow
from pcapan.track.numbered import Numbered, numbered
from pcapan.track.overlap import Interval, join, peak, steps
from pcapan.track.probes import ProbeSeries
from pcapan.track.sas import Basis, IkeSa, SaState
from pcapan.track.tracker import Track
from pcapan.track.tunnels import Clients, Tunnels

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
_NO_TTLS: dict[int, int] = {}
_NO_PROBES: list[ProbeSeries] = []


class Around:
    """What all sources of an incident have in common."""

    def __init__(self, track: Track) -> None:
        self.capture_end = track.last_ts
        self.clients: tuple[Clients, Clients] = (track.esp_clients, track.keepalive_clients)
        self.esp, self.keepalives = track.esp_clients.groups(), track.keepalive_clients.groups()
        self.tunnels: Tunnels = track.tunnels
        ports = array("i", (_NO_PORT,)) * len(track.timeline.addresses.names)
        for clients in self.clients:
            clients.note_ports(_NAT_T, ports)
        self._ports = ports
        self.ttls = track.ttls
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

    def tunnels_of(self, client: int) -> list[int]:
        """The tunnels of a client, an address by its number; a server that dials is nobody's client here."""
        return [] if self.clients[0].is_server(client) else self.tunnels.numbers_of(client)

    def only_port(self, client: int) -> int:
        """The port on which a client has flows of port 4500; NO_PORT or SEVERAL_PORTS where it is not one."""
        return self._ports[client]

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
        self.ike_sas: list[IkeSa] = []
        """Its SAs with IKE messages."""
        self._sas: list[IkeSa] | None = None
        self._tunnels: list[int] | None = None
        self._older = 0
        self.half_open = 0
        """IKE_SA_INITs that were answered and never followed by IKE_AUTH."""
        self._servers: frozenset[str] = frozenset()
        self._servers_are_all = False
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
        """Note a server that this source has to do with, other than by its flows."""
        if server not in self._servers:
            self._servers = self._servers | {server} if self._servers else self._around.alone(server)

    def add_attempt(self, attempt: Attempt) -> None:
        """Take an attempt that is no probe."""
        if self.calls is _NO_CALLS:
            self.calls = Calls()
        self.calls.add(attempt, self._around.capture_end)

    def add_probes(self, series: ProbeSeries) -> None:
        """Take a series of probes."""
        self.probes = [*self.probes, series]

    def add_sa(self, sa: IkeSa) -> None:
        """Take an SA with IKE messages."""
        self.ike_sas.append(sa)
        if sa.basis is _OLDER and sa.predecessor is None:
            self._older += 1
        if sa.state is _HALF_OPEN:
            self.half_open += 1

    def tunnels(self) -> list[int]:
        """Its tunnels of which only ESP is seen, by their indexes."""
        if self._tunnels is None:
            self._tunnels = self._around.tunnels_of(self._number)
        return self._tunnels

    @property
    def sas(self) -> list[IkeSa]:
        """Its SAs, those of which only ESP is seen behind the others."""
        if self._sas is None:
            self._sas = self.ike_sas + [self._around.tunnels.tunnel(index) for index in self.tunnels()]
        return self._sas

    @property
    def older(self) -> int:
        """IKE SAs that were there before the capture began; a chain of rekeyed SAs is one."""
        return self._older + len(self.tunnels())

    @property
    def servers(self) -> frozenset[str]:
        """Servers that it has to do with; whom its flows go to or come from where they have no server."""
        if not self._servers_are_all:
            for clients in self._around.clients:
                for server in clients.servers_of(self._number):
                    self.add_server(server)
            self._servers_are_all = True
        return self._servers

    @property
    def ttls(self) -> Mapping[int, int]:
        """Time to live of its IKE messages after IKE_SA_INIT, and how many have it."""
        return self._around.ttls.get(self.address, _NO_TTLS)

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
        # Whom it asked is known without a look at its flows.
        servers = self._servers if len(self._servers) == 1 and self.asked else self.servers
        if len(servers) == 1:
            return dict.fromkeys(servers, self.asked)
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

    def hashes(self) -> Mapping[Fits, int]:
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
        for sa in self.ike_sas:
            if sa.established_ts is None or sa.predecessor is not None or sa.state not in LIVE:
                continue
            last = sa
            while last.successor is not None:
                last = last.successor
            intervals.append((sa.established_ts, last.ended_ts or self._around.capture_end))
        for tunnel in self.tunnels():
            intervals.append((self._around.tunnels.established(tunnel), self._around.capture_end))
        return intervals

    def holds_fewer(self, than: int, ts: int) -> bool:
        """Whether fewer established IKE SAs than so many are there at this time."""
        if len(self.ike_sas) < than and len(self.ike_sas) + len(self.tunnels()) < than:
            return True  # so few that it does not matter when
        return self.live_at(ts) < than

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
            answers = [exchange.response.sends for sa in self.ike_sas for exchange in sa.exchanges.values()]
            self._replies = sorted([sends[0][2] for sends in answers if sends])
        return max(0, bisect_right(self._replies, until) - bisect_right(self._replies, after))

    def half_open_at(self, ts: int) -> int:
        """Answered IKE_SA_INITs without IKE_AUTH (yet) at this time, young enough to still count."""
        if self._half_open is None:
            self._half_open = steps(self._half_open_intervals())
        begins, ends = self._half_open
        return bisect_right(begins, ts) - bisect_right(ends, ts)

    def _half_open_intervals(self) -> Iterator[Interval]:
        for sa in self.ike_sas:
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
        for sa in self.ike_sas:
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
                on_500 = 1 if self.calls.on_one_port else peak(self.calls.intervals())
            self._clients = max(self._clients_on_4500(), on_500)
        return self._clients

    def _clients_on_4500(self) -> int:
        only = self._around.only_port(self._number)
        for sa in self.ike_sas:
            if sa.exchanges:
                for _, _, port in sa.peers:
                    if port != only:
                        only = port if only == _NO_PORT else _SEVERAL_PORTS
        clients = clients_with(only)
        return peak(self.port_intervals()) if clients < 0 else clients

    def ttl_was_decremented(self) -> bool | None:
        """Whether the packets passed a router on their way here; None when their TTL is unknown."""
        seen: Iterable[int] = self.ttls or {attempt.ttl for attempt in self.attempts}
        if not seen:
            return None
        return not any(ttl in INITIAL_TTLS for ttl in seen)


def clients_with(port: int) -> int:
    """Clients at once on a single port, NO_PORT or SEVERAL_PORTS; -1 where times have to tell."""
    if port == _NO_PORT:
        return 0
    return -1 if port in (_SEVERAL_PORTS, _IKE) else 1


def _same_subnet(one: Numbered, other: Numbered) -> bool:
    version, number = one
    host_bits = 8 if version == 4 else 64
    return one != other and version == other[0] and number >> host_bits == other[1] >> host_bits
