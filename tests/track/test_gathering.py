"""Sources that are made late are those that would be found one by one, on all samples and some more."""

from __future__ import annotations

import pytest

from pcapan.pipeline import read_facts
from pcapan.tables.facts import Facts
from pcapan.track.flows import Flows
from tests.kit.dsl import Case, parse
from tests.kit.expect import play
from tests.samples_kit import Sample, incidents

#: Clients with IKE, tunnels older than the capture, flows that are none, keepalives, and a server that dials.
MANY = """
host S 198.51.100.1
host T 198.51.100.2
host A 203.0.113.1
host B 203.0.113.2
host C 203.0.113.3
host D 203.0.113.4
host E 203.0.113.5
host F 203.0.113.7
host G 203.0.113.6
server S T
0 D:4001 > S ESP spi=d1 seq=1
*6 1+1 B:4001 > S ESP spi=b1 seq=#
*6 1+1 S > B:4001 ESP spi=b2 seq=#
*6 1+1 B:4002 > T ESP spi=b3 seq=#
*6 1+1 T > B:4002 ESP spi=b4 seq=#
2 E:4500 > S KEEPALIVE
*6 2+1 C:4001 > S ESP spi=c1 seq=#
*6 2+1 S > C:4001 ESP spi=c2 seq=#
*6 2+1 A:4001 > S ESP spi=a1 seq=#
*6 2+1 S > A:4001 ESP spi=a2 seq=#
*6 2+1 T:4500 > S ESP spi=e1 seq=#
*6 2+1 S > T:4500 ESP spi=e2 seq=#
3 A > S INIT i=a1
3.1 S > A INIT-R i=a1 r=b1
3.2 A:4500 > S AUTH i=a1 r=b1
3.3 S > A:4500 AUTH-R i=a1 r=b1
4 G > T INIT i=a2
{file}
9 C:4009 > S ESP spi=c1 seq=9
*4 10+1 F > S NATIVE spi=f1 seq=#
*4 10+1 S > F NATIVE spi=f2 seq=#
10 D:4001 > T KEEPALIVE
"""
CASES = [parse(MANY.format(file=line)) for line in ("", "file")]


@pytest.fixture(params=[*incidents(), *CASES], ids=lambda it: it.name if isinstance(it, Sample) else "many")
def facts(request: pytest.FixtureRequest) -> Facts:
    if isinstance(request.param, Sample):
        return read_facts([str(path) for path in request.param.captures])[0]
    return play(request.param)


@pytest.mark.parametrize("case", CASES)
def test_what_stays_a_number(case: Case) -> None:
    facts = play(case)
    assert [source.address for source in facts.sources.busy] == ["203.0.113.1", "203.0.113.6"]
    assert facts.sources.in_order.others == 7
    assert facts.track.sas.others == 5
    assert facts.older_sas == 5
    assert facts.sources.with_tunnels == 3


def expected(facts: Facts) -> dict[str, set[str]]:
    """Servers by source, in order of appearance: attempts, probes, SAs, flows."""
    track, servers = facts.track, facts.track.roles.servers
    found: dict[str, set[str]] = {}
    for attempt in track.attempts:
        if attempt.src not in servers:
            found.setdefault(attempt.src, set()).add(attempt.server)
    for series in facts.probes:
        found.setdefault(series.src, set())
    for sa in track.sas:
        half_open_probe = sa.attempt is not None and sa.attempt.is_probe and not sa.exchanges
        if sa.src not in servers and not half_open_probe:
            found.setdefault(sa.src, set()).add(sa.server)
    for flows in (track.esp, track.keepalives):
        for client, server in ends(flows, servers):
            found.setdefault(client, set()).add(server)
    return found


def ends(flows: Flows, servers: list[str]) -> list[tuple[str, str]]:
    """Client and server of each flow."""
    return [(one.dst, one.src) if one.src in servers else (one.src, one.dst) for one in flows]


def test_sources_in_order_of_appearance(facts: Facts) -> None:
    wanted = expected(facts)
    sources = facts.sources
    assert list(sources) == list(wanted)
    assert len(sources) == len(sources.in_order) == len(wanted)
    assert bool(sources) is bool(wanted)
    assert [source.address for source in sources.in_order] == list(wanted)
    assert {source.address: set(source.servers) for source in sources.values()} == wanted
    assert sources.busy == sources.in_order[: len(sources.busy)]


def test_how_many_use_a_server(facts: Facts) -> None:
    wanted = expected(facts).values()
    for server in (*facts.track.roles.servers, *facts.sources, "192.0.2.254"):
        assert facts.sources.count_with(server) == sum(server in servers for servers in wanted)


def test_whoever_asks_gets_the_same_source(facts: Facts) -> None:
    sources = facts.sources
    for at, address in reversed(list(enumerate(sources))):
        source = sources[address]
        assert source is sources.in_order[at] is sources.find(address) is sources.get(address)
        assert address in sources
    assert all(one is other for one, other in zip(sources.values(), sources.in_order, strict=True))


@pytest.mark.parametrize("address", ["192.0.2.254", "::2", ""])
def test_nobody(facts: Facts, address: str) -> None:
    assert address not in facts.sources
    assert facts.sources.find(address) is facts.sources.get(address) is None
    with pytest.raises(KeyError):
        facts.sources[address]


def test_a_server_is_found_where_flows_name_it_alone(facts: Facts) -> None:
    servers = facts.track.roles.servers
    both = (facts.track.esp, facts.track.keepalives)
    clients = {client for flows in both for client, _ in ends(flows, servers)}
    assert [server in facts.sources for server in servers] == [server in clients for server in servers]


def test_sas_of_sources(facts: Facts) -> None:
    servers = facts.track.roles.servers
    for source in facts.sources.in_order:
        own = [sa for sa in facts.track.sas if sa.src == source.address and source.address not in servers]
        own = [sa for sa in own if sa.exchanges or sa.attempt is None or not sa.attempt.is_probe]
        assert len(source.sas) == len(own)
        assert all(one is other for one, other in zip(source.sas, own, strict=True))
        assert source.older == sum(sa.basis == "older-than-capture" and sa.predecessor is None for sa in own)
    counts = list(facts.sources.counts_of_sas())
    assert counts == [len(source.sas) for source in facts.sources.in_order]


def test_the_late_sas_are_those_without_ike(facts: Facts) -> None:
    sas = facts.track.sas
    assert len(sas) == len(sas.ready) + sas.others == len(list(sas))
    assert not any(sa.exchanges or sa.attempt is not None for sa in sas[len(sas.ready) :])
    assert all(one is other for one, other in zip(sas, sas, strict=True))
