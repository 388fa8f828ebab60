"""Sources that are made late are those that would be found one by one, on all samples."""

from __future__ import annotations

import pytest

from pcapan.pipeline import read_facts
from pcapan.tables.facts import Facts
from pcapan.track.flows import Flows
from tests.samples_kit import Sample, incidents


@pytest.fixture(params=incidents(), ids=lambda sample: sample.name)
def facts(request: pytest.FixtureRequest) -> Facts:
    sample: Sample = request.param
    return read_facts([str(path) for path in sample.captures])[0]


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
