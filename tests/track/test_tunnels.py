"""Tunnels of which only ESP is seen, as compiled and as the source says, and the same in plain words."""

from __future__ import annotations

from array import array
from collections import defaultdict
from itertools import groupby
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.scan.columns import Flow
from pcapan.track import tunnels
from pcapan.track.addresses import Addresses
from pcapan.track.flows import NO_PORT, SECOND, SEVERAL_PORTS, EspFlow, Flows, gather_flows
from pcapan.track.sas import Basis, SaState
from tests.kit.sources import source_of
from tests.track.test_flows import A_FILE, ADDRESSES, NAMES, columns_of

#: Without a compiler both are the source.
MODULES = (tunnels, source_of(tunnels))

SERVERS = st.sets(st.sampled_from(NAMES))


def attached(module: ModuleType, rows: list[Flow], servers: set[str], heard: set[str]) -> tuple[Flows, Any]:
    flows = gather_flows([columns_of(rows)], Addresses([ADDRESSES]))
    clients = module.Clients(flows, [NAMES.index(server) for server in servers])
    began = dict.fromkeys(servers, SECOND)
    return flows, module.attach_esp(clients, [], frozenset(heard), began)


def ends(flow: Flow, servers: set[str]) -> tuple[int, int, int]:
    """Client, port and server of a flow."""
    if NAMES[flow.src] in servers:
        return flow.dst, flow.dport, flow.src
    return flow.src, flow.sport, flow.dst


def owners(flows: Flows, servers: set[str]) -> list[list[EspFlow]]:
    """The flows of each SA: of one SPI to or from a server, else of one client, port and server."""
    whose: dict[tuple[int, ...], tuple[int, ...]] = {}
    found: dict[tuple[int, ...], list[EspFlow]] = {}
    for one in flows:
        own = ends(one.flow, servers)
        key = (own[2], one.flow.spi, NAMES[one.flow.src] in servers)
        found.setdefault(whose.setdefault(key, own), []).append(one)
    return list(found.values())


def is_tunnel(own: list[EspFlow], servers: set[str], heard: set[str]) -> bool:
    server = ends(own[0].flow, servers)[2]
    if {one.flow.src == server for one in own} == {True, False}:
        return True
    spans = [(one.flow.packets, one.flow.highest_sequence - one.flow.lowest_sequence) for one in own]
    steady = any(packets >= tunnels.TUNNEL_PACKETS and span < 2 * packets for packets, span in spans)
    return steady and NAMES[server] not in heard


@given(A_FILE, SERVERS, SERVERS)
def test_tunnels(rows: list[Flow], servers: set[str], heard: set[str]) -> None:
    for module in MODULES:
        flows, found = attached(module, rows, servers, heard)
        wanted = [own for own in owners(flows, servers) if is_tunnel(own, servers, heard)]
        made = [found.tunnel(index) for index in range(len(found))]
        assert [sa.esp for sa in made] == wanted
        for index, (sa, own) in enumerate(zip(made, wanted, strict=True)):
            client, port, server = ends(own[0].flow, servers)
            first = own[0].flow.first_ts
            assert (sa.src, sa.server) == (NAMES[client], NAMES[server])
            assert sa.peers == [(first, NAMES[client], port)]
            assert (sa.spi_i, sa.spi_r, sa.file, sa.first_ts) == (0, 0, own[0].file, first)
            assert sa.last_ts == max(one.flow.last_ts for one in own)
            assert (sa.state, sa.basis) == (SaState.ESTABLISHED, Basis.OLDER)
            since = min(first, SECOND) if NAMES[server] in servers else first
            assert sa.established_ts == found.established(index) == since
            assert found.client(index) == client
            assert found.tunnel(index) is sa, "who is asked for twice is the same"


@given(A_FILE, SERVERS)
def test_tunnels_of_a_client(rows: list[Flow], servers: set[str]) -> None:
    for module in MODULES:
        _, found = attached(module, rows, servers, set())
        clients = [found.client(index) for index in range(len(found))]
        for client in range(len(NAMES)):
            wanted = [index for index, whose in enumerate(clients) if whose == client]
            assert found.numbers_of(client) == wanted
            assert found.count_of(client) == len(wanted)


@given(A_FILE, SERVERS)
def test_servers_of_a_client(rows: list[Flow], servers: set[str]) -> None:
    for module in MODULES:
        flows = gather_flows([columns_of(rows)], Addresses([ADDRESSES]))
        clients = module.Clients(flows, [NAMES.index(server) for server in servers])
        both = sorted((client, NAMES[server]) for client, _, server in (ends(r.flow, servers) for r in flows))
        wanted = {client: {name for _, name in own} for client, own in groupby(both, lambda one: one[0])}
        assert {n: clients.servers_of(n) for n in range(len(NAMES)) if clients.servers_of(n)} == wanted


@given(A_FILE, SERVERS, st.sampled_from([NO_PORT, SEVERAL_PORTS, 4500]))
def test_the_only_port_of_a_client(rows: list[Flow], servers: set[str], known: int) -> None:
    for module in MODULES:
        flows = gather_flows([columns_of(rows)], Addresses([ADDRESSES]))
        clients = module.Clients(flows, [NAMES.index(server) for server in servers])
        found = array("i", [known]) * len(NAMES)
        clients.note_ports(4500, found)
        ports: dict[int, set[int]] = defaultdict(set)
        for row in rows:
            client, _, _ = ends(row, servers)
            mine, theirs = (row.sport, row.dport) if row.src == client else (row.dport, row.sport)
            if theirs == 4500:
                ports[client].add(mine)
        for client, one in enumerate(found):
            both = list(ports[client] | {known} - {NO_PORT})
            assert one == (both[0] if len(both) == 1 else SEVERAL_PORTS if both else NO_PORT)


@pytest.mark.parametrize("module", MODULES)
def test_what_repeats(module: ModuleType) -> None:
    repeats = module.Repeats(1000)
    pairs = [(number % 3, number) for number in range(1000)]
    for pair in (*pairs, *pairs[::5]):
        repeats.add(*pair)
    told = [repeats.may_repeat(*pair) for pair in pairs]
    assert all(told[::5])
    assert sum(told) < 400, "hardly any other is taken for one"


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(("other_spis", "count"), [(0, 1), (5000, 1001)])
def test_a_thousand_of_each(module: ModuleType, other_spis: int, count: int) -> None:
    rows = [Flow(0, 1, 4500, 9, spi, 5, 5, spi, spi, spi, spi, 1, 5) for spi in range(1000)]
    for number in range(1000):
        spi = other_spis + number
        rows.append(Flow(2 + number % 2, 1, number, 4500, spi, 5, 5, 2000, 2000, 5000 + number, 1, 1, 5))
    _, found = attached(module, rows, {NAMES[1]}, set())
    assert len(found) == count
