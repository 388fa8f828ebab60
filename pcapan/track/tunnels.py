# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""Which IKE SA an ESP flow belongs to, and the tunnels of which only ESP is seen.

Knows that the receiver chooses the SPI, that IKE_AUTH and CREATE_CHILD_SA make keys, and that NAT
hands ports on to other clients. Must not know states: `pcapan.track.sas` judges them. Cython compiles this
source where it can (see `pcapan.compiled`; C types are in the .pxd).
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from operator import itemgetter

from pcapan.decode.numbers import CREATE_CHILD_SA, IKE_AUTH
from pcapan.scan.keys import KeyTable
from pcapan.track.flows import SECOND, FlowGroups, Flows
from pcapan.track.sas import IkeSa

#: ESP may overtake the IKE message that created its SA by this much in a capture.
ESP_SLACK = SECOND // 5
#: One-way ESP counts as a tunnel from this many packets on, when their sequence has no large gaps:
#: a scanner's random bytes never look like that.
TUNNEL_PACKETS = 5

# The same numbers where compiled code finds them fastest.
_SLACK, _TUNNEL_PACKETS, _AUTH, _CHILD = ESP_SLACK, TUNNEL_PACKETS, IKE_AUTH, CREATE_CHILD_SA
_NOBODY = 0xFFFFFFFF

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
        self.outward = array("B", (0,)) * count
        is_server = bytearray(len(flows.names))
        for number in servers:
            is_server[number] = 1
        self._part(is_server, columns.src, columns.dst, columns.sport, columns.dport)

    def groups(self) -> FlowGroups:
        """The flows by the number of the client's address."""
        return FlowGroups(self.flows, self.held, len(self.flows.names))

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
                self.outward[row] = 1
                self.client[row], self.port[row], self.server[row] = dst[row], dport[row], src[row]
            else:
                self.client[row], self.port[row], self.server[row] = src[row], sport[row], dst[row]


def attach_esp(
    clients: Clients,
    numbers: Mapping[str, int],
    sas: Sequence[IkeSa],
    both_ways: frozenset[str],
    began: Mapping[str, int],
) -> list[IkeSa]:
    """Give every flow to its SA; gives the tunnels without any IKE message, as SAs of their own.

    `numbers` are those of the clients' addresses, `both_ways` the servers of which both directions were
    captured, `began` when the capture of each server began: such a tunnel was there before.
    """
    flows = clients.flows
    if not len(flows):
        return []
    owners, bare = _owners(clients, numbers, sas)
    groups = FlowGroups(flows, owners, len(sas) + len(bare))
    for number, sa in enumerate(sas):
        sa.carry(groups, number)
    return _tunnels(clients, groups, bare, len(sas), both_ways, began)


def _owners(
    clients: Clients, numbers: Mapping[str, int], sas: Sequence[IkeSa]
) -> tuple[array[int], array[int]]:
    """The number of each flow's SA; and of the SAs without IKE, whose numbers come last, the first flow."""
    flows, count = clients.flows, len(clients.flows)
    spi, first_ts = flows.columns.spi, flows.columns.first_ts
    owners = array("I", (0,)) * count
    owner = owners
    bare = array("I", (0,)) * count
    first_flow = bare
    wanted, has_keys = bytearray(len(flows.names)), bytearray(len(flows.names))
    for row in range(count):
        wanted[clients.client[row]] = 1
    made = _key_times(sas, numbers, wanted)
    for client, _ in made:
        has_keys[client] = 1
    spis, alone = KeyTable(count), KeyTable()
    of_spi = array("I", (_NOBODY,)) * count
    for row in range(count):
        # The same SPI is the same SA even from a new port; a port alone may have gone to another client.
        known = spis.row(clients.server[row], spi[row], clients.outward[row])
        number = of_spi[known]
        if number == _NOBODY:
            at, port = clients.client[row], clients.port[row]
            events = made.get((at, port)) if has_keys[at] else None
            if events is not None:
                number = _latest(events, first_ts[row])
            else:
                before = len(alone)
                number = alone.row(at, port, clients.server[row])
                if number == before:
                    first_flow[number] = row
                number += len(sas)
            of_spi[known] = number
        owner[row] = number
    return owners, bare[: len(alone)]


def _key_times(
    sas: Sequence[IkeSa], numbers: Mapping[str, int], wanted: bytearray
) -> dict[tuple[int, int], list[Moment]]:
    """Per client, by the number of its address, and port: when which SA made keys or moved there, by time.

    Only of clients whose byte in `wanted` is not 0.
    """
    made: dict[tuple[int, int], list[Moment]] = {}
    for number, sa in enumerate(sas):
        moves = sa.peers
        if not any(wanted[numbers[address]] for _, address, _ in moves):
            continue
        moments = list(moves)
        for exchange in sa.exchanges.values():
            if exchange.kind in (_AUTH, _CHILD):
                ts = exchange.last_ts
                at = moves[0] if len(moves) == 1 else max([p for p in moves if p[0] <= ts], default=moves[0])
                moments.append((ts, *at[1:]))
        for ts, address, port in moments:
            client = numbers[address]
            for peer in ((client, port), (client, 0)):
                made.setdefault(peer, []).append((ts, number))
    for events in made.values():
        events.sort(key=_BY_TIME)
    return made


def _latest(events: list[Moment], first_ts: int) -> int:
    """The SA that last made keys before a flow began, else the first that did after."""
    at = bisect_right(events, first_ts + _SLACK, key=_BY_TIME)
    return events[max(0, at - 1)][1]


def _tunnels(
    clients: Clients,
    groups: FlowGroups,
    bare: array[int],
    begin: int,
    both_ways: frozenset[str],
    began: Mapping[str, int],
) -> list[IkeSa]:
    """The SAs without IKE that are tunnels; their numbers among the groups begin at `begin`."""
    flows = clients.flows
    names, files, first_flow = flows.names, flows.files, bare
    first_ts = flows.columns.first_ts
    found: list[IkeSa] = []
    for number in range(len(first_flow)):
        row = first_flow[number]
        server = names[clients.server[row]]
        if not (
            groups.comes_from_both(begin + number, clients.server[row])
            or (server not in both_ways and groups.is_steady(begin + number, _TUNNEL_PACKETS))
        ):
            continue
        client, since = names[clients.client[row]], first_ts[row]
        sa = IkeSa(0, 0, client, server, files[row], since)
        sa.carry(groups, begin + number)
        sa.begin_older(clients.port[row], min(since, began.get(server, since)))
        found.append(sa)
    return found
