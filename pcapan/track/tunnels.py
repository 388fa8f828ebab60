# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""Which IKE SA an ESP flow belongs to, and the tunnels of which only ESP is seen.

Knows that the receiver chooses the SPI, that IKE_AUTH and CREATE_CHILD_SA make keys, and that NAT
hands ports on to other clients. Must not know states: `pcapan.track.sas` judges them. There may be a hundred
thousand such tunnels of which nobody wants to see one, so each is a number until somebody does. Cython
compiles this source where it can (see `pcapan.compiled`; C types are in the .pxd).
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right
from operator import itemgetter
from typing import TYPE_CHECKING

from pcapan.decode.numbers import CREATE_CHILD_SA, IKE_AUTH
from pcapan.scan.keys import KeyTable
from pcapan.track.addresses import Texts
from pcapan.track.flows import NO_PORT, SECOND, SEVERAL_PORTS, FlowGroups, Flows
from pcapan.track.sas import IkeSa

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pcapan import shadow as cython
else:
    try:
        import cython
    except ImportError:
        from pcapan import shadow as cython
if not cython.compiled:
    from pcapan.octets import mixed2

#: ESP may overtake the IKE message that created its SA by this much in a capture.
ESP_SLACK = SECOND // 5
#: One-way ESP counts as a tunnel from this many packets on, when their sequence has no large gaps:
#: a scanner's random bytes never look like that.
TUNNEL_PACKETS = 5

# The same numbers where compiled code finds them fastest.
_SLACK, _TUNNEL_PACKETS, _AUTH, _CHILD = ESP_SLACK, TUNNEL_PACKETS, IKE_AUTH, CREATE_CHILD_SA
#: What is seen of an SA: a flow from the server, one from somebody else, one that no scanner sends.
_SERVERS, _CLIENTS, _STEADY_ONE = 1, 2, 4
_SEVERAL = _NOWHERE = 0xFFFFFFFF

_NO_PORT, _SEVERAL_PORTS = NO_PORT, SEVERAL_PORTS

_BY_TIME = itemgetter(0)

Moment = tuple[int, int]
"""When an SA made keys or moved, ns, and its number."""


class Clients:
    """Whose each flow is: the client, by the number of its address, and its port (0 = native ESP)."""

    def __init__(self, flows: Flows, servers: Sequence[int]) -> None:
        """What one of the servers (numbers of addresses) sends goes to a client, all else comes from one."""
        columns, count = flows.columns, len(flows)
        self.flows = flows
        self.held = array("I", (0,)) * count
        self.client = self.held
        """The same, as compiled code looks into it."""
        self.port = array("H", (0,)) * count
        self.server = array("I", (0,)) * count
        self._is_server = is_server = bytearray(len(flows.names))
        for number in servers:
            is_server[number] = 1
        self._groups: FlowGroups | None = None
        self._part(is_server, columns.src, columns.dst, columns.sport, columns.dport)

    def groups(self) -> FlowGroups:
        """The flows by the number of the client's address."""
        if self._groups is None:
            self._groups = FlowGroups(self.flows, self.held, len(self.flows.names))
        return self._groups

    def is_server(self, address: int) -> bool:
        """Whether an address, by its number, is one of the servers."""
        return self._is_server[address] != 0

    def servers_of(self, client: int) -> set[str]:
        """The servers with which a client, an address by its number, has flows, or who takes their place."""
        groups = self.groups()
        found: set[str] = set()
        last = client
        for at in range(groups.begin(client), groups.begin(client + 1)):
            server = self.server[groups.row(at)]
            if server != last or not found:
                found.add(self.flows.names.text(server))
                last = server
        return found

    def note_ports(self, to: int, ports: array[int]) -> None:
        """Note each client's port where the other side has the port `to`, by the number of its address.

        `ports` holds what was found elsewhere: a port, NO_PORT or SEVERAL_PORTS; so is what comes of both.
        """
        columns = self.flows.columns
        self._note_ports(to, ports, columns.src, columns.sport, columns.dport)

    def _note_ports(
        self, to: int, ports: array[int], src: array[int], sport: array[int], dport: array[int]
    ) -> None:
        for row in range(len(src)):
            client, mine, theirs = self.client[row], sport[row], dport[row]
            if src[row] != client:
                mine, theirs = theirs, mine
            if theirs == to and mine != ports[client]:
                ports[client] = mine if ports[client] == _NO_PORT else _SEVERAL_PORTS

    def _part(
        self,
        is_server: bytearray,
        src: array[int],
        dst: array[int],
        sport: array[int],
        dport: array[int],
    ) -> None:
        for row in range(len(src)):
            if is_server[src[row]]:
                self.client[row], self.port[row], self.server[row] = dst[row], dport[row], src[row]
            else:
                self.client[row], self.port[row], self.server[row] = src[row], sport[row], dst[row]


class Owned:
    """The SA of each flow, by number: those with IKE come first, then those of which only ESP is seen."""

    def __init__(self, clients: Clients, sas: Sequence[IkeSa]) -> None:
        count = len(clients.flows)
        self.begin = len(sas)
        """How many have IKE."""
        self.bare = 0
        """How many have none."""
        self.owners = array("I", (0,)) * count
        """By flow, the number of its SA."""
        self.first = array("I", (0,)) * count
        """By number of those without IKE, their first flow."""
        self.signs = bytearray(count)
        """By that number, what is seen of it."""
        self._owner, self._first = self.owners, self.first
        """The same, as compiled code looks into them."""
        self._clients = clients
        self._bare_of = array("I", (0,)) * len(clients.flows.names)
        """By address, 1 more than the number of the first SA without IKE of this client; 0 = it has none."""
        self._others = KeyTable()
        """Clients with their ports and servers, where a client has more than one such SA."""
        self._other_bare: list[int] = []
        """By row of the table before, the number of the SA without IKE."""
        self._spis = KeyTable()
        self._with_spi: list[int] = []
        """By row of the table before, the number of the SA."""
        if count:
            self._find(_Keys(clients.flows.names, sas, self._with_flows()))

    def _with_flows(self) -> bytearray:
        """By address, whether it is a client with flows."""
        clients, found = self._clients, bytearray(len(self._bare_of))
        for row in range(len(clients.client)):
            found[clients.client[row]] = 1
        return found

    def _find(self, keys: _Keys) -> None:
        clients, columns = self._clients, self._clients.flows.columns
        src, spi, first_ts, packets = columns.src, columns.spi, columns.first_ts, columns.packets
        lowest, highest = columns.lowest_sequence, columns.highest_sequence
        signs, begin = self.signs, self.begin
        repeats = Repeats(len(src))
        for row in range(len(src)):
            repeats.add(clients.server[row], spi[row])
        for row in range(len(src)):
            # The same SPI is the same SA even from a new port; a port alone may have gone to another client.
            known = -1
            if repeats.may_repeat(clients.server[row], spi[row]):
                known = self._spis.row(clients.server[row], spi[row], clients.is_server(src[row]))
            if 0 <= known < len(self._with_spi):
                number = self._with_spi[known]
            else:
                number = keys.sa(clients.client[row], clients.port[row], first_ts[row])
                if number < 0:
                    number = begin + self._bare(row)
                if known >= 0:
                    self._with_spi.append(number)
            self._owner[row] = number
            if number >= begin:
                seen, span = packets[row], highest[row] - lowest[row]
                sign = _SERVERS if src[row] == clients.server[row] else _CLIENTS
                if seen >= _TUNNEL_PACKETS and span < 2 * seen:
                    sign |= _STEADY_ONE
                signs[number - begin] |= sign

    def _bare(self, row: int) -> int:
        """The number among the SAs without IKE of that between the client and server of a flow."""
        clients = self._clients
        client, port, server = clients.client[row], clients.port[row], clients.server[row]
        if self._bare_of[client] == 0:
            self._bare_of[client] = self.bare + 1
            return self._new(row)
        number = self._bare_of[client] - 1
        first = self._first[number]
        if clients.port[first] == port and clients.server[first] == server:
            return number
        other = self._others.row(client, port, server)
        if other == len(self._other_bare):
            self._other_bare.append(self._new(row))
        return self._other_bare[other]

    def _new(self, row: int) -> int:
        number = self.bare
        self._first[number] = row
        self.bare = number + 1
        return number


class Repeats:
    """Pairs of numbers that come more than once, and a few that do not, at two bits a slot.

    Tens of thousands of SPIs are mostly different, and to look each up among all of them would go all over
    the memory: a few bits for each lie near enough.
    """

    def __init__(self, expected: int) -> None:
        """With room for about so many."""
        room = 64
        while room < 2 * expected:
            room *= 2
        self._mask = 8 * room - 1
        self._seed = int.from_bytes(os.urandom(8), "big")  # Nobody can prepare keys that collide.
        self._once = bytearray(room)
        self._again = bytearray(room)

    def add(self, first: int, second: int) -> None:
        """Take a pair."""
        slot = mixed2(self._seed, first, second) & self._mask
        at, bit = slot >> 3, 1 << (slot & 7)
        if self._once[at] & bit:
            self._again[at] |= bit
        else:
            self._once[at] |= bit

    def may_repeat(self, first: int, second: int) -> bool:
        """Whether the pair was perhaps taken more than once; False is certain."""
        slot = mixed2(self._seed, first, second) & self._mask
        return self._again[slot >> 3] & 1 << (slot & 7) != 0


class Tunnels:
    """Tunnels of which only ESP is seen, by time of their first packet: each is made when it is asked for."""

    def __init__(self, clients: Clients, owned: Owned, heard: bytearray, began: Mapping[str, int]) -> None:
        """`heard`: by number of an address, whether it is a server whose both directions were captured."""
        self._clients = clients
        self._groups = FlowGroups(clients.flows, owned.owners, owned.begin + owned.bare)
        self._owners = owned.owners
        self._begin = owned.begin
        self._first = owned.first
        self._began = began
        found = array("I", (0,)) * owned.bare
        self._numbers = found
        """By index, the number among the SAs without IKE."""
        self._is_one = bytearray(owned.bare)
        """By that number, whether it is a tunnel."""
        self._count = self._choose(owned.signs, heard)
        self._made: dict[int, IkeSa] = {}

    def carried_by(self, sas: Sequence[IkeSa]) -> None:
        """Hand the flows of SAs with IKE to them; the SAs are those that the owners are numbers of."""
        for number, sa in enumerate(sas):
            sa.carry(self._groups, number)

    def tunnel(self, index: int) -> IkeSa:
        """One of them."""
        made = self._made.get(index)
        if made is None:
            made = self._made[index] = self._make(index)
        return made

    def established(self, index: int) -> int:
        """When it was there at the latest, ns: when the capture of its server began."""
        row = self._first[self._numbers[index]]
        since = self._clients.flows.columns.first_ts[row]
        server = self._clients.flows.names.text(self._clients.server[row])
        return min(since, self._began.get(server, since))

    def client(self, index: int) -> int:
        """The client's address, by its number."""
        return self._clients.client[self._first[self._numbers[index]]]

    def numbers_of(self, client: int) -> list[int]:
        """The indexes of those of a client, an address by its number."""
        found: list[int] = []
        groups = self._clients.groups()
        for at in range(groups.begin(client), groups.begin(client + 1)):
            row = groups.row(at)
            owner = self._owners[row]
            if owner >= self._begin:
                number = owner - self._begin
                if self._first[number] == row and self._is_one[number]:
                    found.append(self._index(number))
        return found

    def count_of(self, client: int) -> int:
        """How many those are."""
        return len(self.numbers_of(client))

    def _index(self, number: int) -> int:
        """Where among the tunnels the SA without IKE stands that has this number."""
        low, high = 0, self._count
        while low < high:
            middle = (low + high) >> 1
            if self._numbers[middle] < number:
                low = middle + 1
            else:
                high = middle
        return low

    def _make(self, index: int) -> IkeSa:
        number = self._numbers[index]
        row, flows = self._first[number], self._clients.flows
        names = flows.names
        client, server = names.text(self._clients.client[row]), names.text(self._clients.server[row])
        sa = IkeSa(0, 0, client, server, flows.files[row], flows.columns.first_ts[row])
        sa.carry(self._groups, self._begin + number)
        sa.begin_older(self._clients.port[row], self.established(index))
        return sa

    def _choose(self, signs: bytearray, heard: bytearray) -> int:
        """Find which are tunnels and give how many; a one-way capture shows less of each."""
        found = 0
        for number in range(len(self._is_one)):
            seen = signs[number]
            if seen & (_SERVERS | _CLIENTS) == _SERVERS | _CLIENTS or (
                seen & _STEADY_ONE and not heard[self._clients.server[self._first[number]]]
            ):
                self._is_one[number] = 1
                self._numbers[found] = number
                found += 1
        return found

    def __len__(self) -> int:
        return self._count


def attach_esp(
    clients: Clients, sas: Sequence[IkeSa], both_ways: frozenset[str], began: Mapping[str, int]
) -> Tunnels:
    """Give every flow to its SA; gives the tunnels without any IKE message.

    `both_ways` are the servers of which both directions were captured, `began` tells when the capture of
    each server began: such a tunnel was there before.
    """
    names = clients.flows.names
    heard = bytearray(len(names))
    for server in both_ways:
        number = names.number(server)
        if number >= 0:
            heard[number] = 1
    tunnels = Tunnels(clients, Owned(clients, sas), heard, began)
    if len(clients.flows):
        tunnels.carried_by(sas)
    return tunnels


class _Keys:
    """Which SA with IKE made keys last for a client and its port."""

    def __init__(self, names: Texts, sas: Sequence[IkeSa], wanted: bytearray) -> None:
        """Only of clients whose byte in `wanted`, by address, is not 0."""
        self._sole = array("I", (0,)) * len(names)
        """By address, 1 more than the number of its only SA, which has one port; 0 = it has no SA."""
        self._port = array("H", (0,)) * len(names)
        """By address, that port."""
        self._made: dict[tuple[int, int], list[Moment]] = {}
        """Of the other clients, by address and port: when which SA made keys or moved there, by time."""
        self._part(names, sas, wanted)

    def sa(self, client: int, port: int, first_ts: int) -> int:
        """The number of the SA of a client's flow that begins at this time (ns); -1 = there is none."""
        sole = self._sole[client]
        if sole == 0:
            return -1
        if sole != _SEVERAL:
            return sole - 1 if port == 0 or port == self._port[client] else -1
        events = self._made.get((client, port))
        return -1 if events is None else _latest(events, first_ts)

    def _part(self, names: Texts, sas: Sequence[IkeSa], wanted: bytearray) -> None:
        """Find the clients with only one SA, and note the moments of all others."""
        home = array("I", (_NOWHERE,)) * len(sas)  # a wanted client of each; of several, each has several SAs
        for number, sa in enumerate(sas):
            peers = sa.peers
            for _, address, port in peers:
                client = names.number(address)
                if not wanted[client]:
                    continue
                home[number] = client
                if len(peers) == 1 and self._sole[client] == 0:
                    self._sole[client], self._port[client] = number + 1, port
                else:
                    self._sole[client] = _SEVERAL
        for number, sa in enumerate(sas):
            if home[number] != _NOWHERE and self._sole[home[number]] == _SEVERAL:
                self._note(names, number, sa)
        for events in self._made.values():
            events.sort(key=_BY_TIME)

    def _note(self, names: Texts, number: int, sa: IkeSa) -> None:
        moves = sa.peers
        moments = list(moves)
        for exchange in sa.exchanges.values():
            if exchange.kind in (_AUTH, _CHILD):
                ts = exchange.last_ts
                at = moves[0] if len(moves) == 1 else max([p for p in moves if p[0] <= ts], default=moves[0])
                moments.append((ts, *at[1:]))
        for ts, address, port in moments:
            client = names.number(address)
            for peer in ((client, port), (client, 0)):
                self._made.setdefault(peer, []).append((ts, number))


def _latest(events: list[Moment], first_ts: int) -> int:
    """The SA that last made keys before a flow began, else the first that did after."""
    at = bisect_right(events, first_ts + _SLACK, key=_BY_TIME)
    return events[max(0, at - 1)][1]
