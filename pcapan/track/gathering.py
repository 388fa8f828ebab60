# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""All source addresses of an incident, each made when somebody looks at it.

Knows which are busy: those with attempts, probes or SAs of which there is IKE. Of the others there may be a
hundred thousand, tunnels that just went on, and nobody wants to see one: they stay numbers until somebody
does. Must not know what is counted of a source. Cython compiles this source where it can (see
`pcapan.compiled`; C types are in the .pxd).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from pcapan.track.addresses import Texts
from pcapan.track.attempts import Attempt
from pcapan.track.late import Late
from pcapan.track.probes import ProbeSeries, could_be_probe, find_series
from pcapan.track.sas import SaState
from pcapan.track.sources import Around, Source
from pcapan.track.tracker import Track
from pcapan.track.tunnels import Clients

# Asked of every SA, so where it is found fastest: Python 3.11 looks for a member at each `SaState.X`.
_HALF_OPEN = SaState.HALF_OPEN

# What is known of an address, by its number.
_BUSY, _IDLE = 1, 2


class Sources(Mapping[str, Source]):
    """All sources by address, in order of appearance: the busy ones come first."""

    def __init__(self, busy: dict[str, Source], kinds: bytearray, around: Around, names: Texts) -> None:
        """`names` are the addresses by number, `kinds` tells by number which of them are the `busy` ones."""
        self.around = around
        self._names = names
        self._busy = busy
        self._kinds = kinds
        self.idle, self.with_tunnels = _idle(around, kinds)
        """Addresses of the others, by number, and how many have tunnels: those come first."""
        self._made: dict[int, Source] = {}
        self.in_order: Late[Source] = Late(list(busy.values()), len(self.idle), self._idle_source)
        """All of them by where they stand."""

    @property
    def busy(self) -> list[Source]:
        """Those with attempts, probes or SAs of which there is IKE, in order."""
        return self.in_order.ready

    def counts_of_sas(self) -> Iterator[int]:
        """How many SAs each of them has, in order."""
        tunnels = self.around.tunnels
        own = [len(source.ike_sas) + len(source.tunnels()) for source in self.busy]
        some = map(tunnels.count_of, self.idle[: self.with_tunnels])
        return chain(own, some, bytes(len(self.idle) - self.with_tunnels))

    def count_with(self, server: str) -> int:
        """How many of them have to do with a server."""
        busy = sum(server in source.servers for source in self.busy)
        number = self._names.number(server)
        return busy if number < 0 else busy + _count_idle(self.around, self._kinds, number)

    def find(self, address: str) -> Source | None:
        """The source with this address; None when there is none."""
        found = self._busy.get(address)
        if found is None:
            number = self._names.number(address)
            if number >= 0 and self._kinds[number] == _IDLE:
                found = self._source(number)
        return found

    def __getitem__(self, address: str) -> Source:
        found = self.find(address)
        if found is None:
            raise KeyError(address)
        return found

    def __iter__(self) -> Iterator[str]:
        return chain(self._busy, map(self._names.text, self.idle))

    def __len__(self) -> int:
        return len(self._busy) + len(self.idle)

    def _idle_source(self, index: int) -> Source:
        return self._source(self.idle[index])

    def _source(self, number: int) -> Source:
        """The idle source with this address."""
        made = self._made.get(number)
        if made is None:
            made = self._made[number] = Source(self._names.text(number), number, self.around)
        return made


def gather_sources(track: Track) -> Sources:
    """All sources by address, in order of appearance; marks probes on the way."""
    lone = [attempt for attempt in track.attempts if could_be_probe(attempt)]
    if lone:
        with_ike = (*track.sas.ready, *track.orphan_auths, *track.stray)
        continued = {sa.spi_i for sa in with_ike if sa.exchanges}
        lone = [attempt for attempt in lone if attempt.spi_i not in continued]
    for attempt in lone:
        # Alone it is a lone probe, in a series a monitor: never a client.
        attempt.is_probe = True
    series = find_series(_candidates(track, lone))
    names = track.timeline.addresses.names
    around = Around(track)
    gathering = _Gathering(track, around, names)
    return Sources(gathering.busy(series), gathering.kinds, around, names)


class _Gathering:
    """Makes the busy sources, each when it is first seen."""

    def __init__(self, track: Track, around: Around, names: Texts) -> None:
        self._track = track
        self._around = around
        self._names = names
        self._found: dict[str, Source] = {}
        self.kinds = bytearray(len(names))
        """By number of an address, whether its source was made."""

    def busy(self, series: Iterable[ProbeSeries]) -> dict[str, Source]:
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
        for sa in track.sas.ready:
            if sa.state is _HALF_OPEN and sa.attempt is not None and sa.attempt.is_probe:
                continue
            if sa.src in servers:
                continue
            source = self._source(sa.src)
            source.add_server(sa.server)
            source.add_sa(sa)
        return self._found

    def _source(self, address: str) -> Source:
        source = self._found.get(address)
        if source is None:
            number = self._names.number(address)
            self.kinds[number] = _BUSY
            source = self._found[address] = Source(address, number, self._around)
        return source


def _idle(around: Around, kinds: bytearray) -> tuple[array[int], int]:
    """Addresses of the idle sources, by number, in order of appearance; the first so many have tunnels."""
    found = array("I", (0,)) * len(kinds)
    count = with_tunnels = _clients_of_tunnels(around, kinds, found)
    for clients in around.clients:
        count = _clients_of_flows(clients, kinds, found, count)
    return found[:count], with_tunnels


def _clients_of_tunnels(around: Around, kinds: bytearray, found: array[int]) -> int:
    tunnels, clients = around.tunnels, around.clients[0]
    count = 0
    for index in range(len(tunnels)):
        client = tunnels.client(index)
        if kinds[client] == 0 and not clients.is_server(client):
            kinds[client] = _IDLE
            found[count] = client
            count += 1
    return count


def _clients_of_flows(clients: Clients, kinds: bytearray, found: array[int], count: int) -> int:
    for row in range(len(clients.client)):
        client = clients.client[row]
        if kinds[client] == 0:
            kinds[client] = _IDLE
            found[count] = client
            count += 1
    return count


def _count_idle(around: Around, kinds: bytearray, server: int) -> int:
    """How many idle sources have flows to or from a server, by the number of its address."""
    counted = bytearray(len(kinds))
    return sum([_count_clients(clients, kinds, server, counted) for clients in around.clients])


def _count_clients(clients: Clients, kinds: bytearray, server: int, counted: bytearray) -> int:
    count = 0
    for row in range(len(clients.client)):
        client = clients.client[row]
        if clients.server[row] == server and kinds[client] == _IDLE and not counted[client]:
            counted[client] = 1
            count += 1
    return count


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
