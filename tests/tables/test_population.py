"""What is asked of the sources that matter is the same as asked of all of them, on all samples."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.pipeline import read_facts
from pcapan.tables.facts import Facts
from pcapan.tables.ladders import worst_source
from pcapan.tables.network import Way
from pcapan.tables.population import class_of
from pcapan.tables.registry import TABLES, lazy_rows_of, subjects_of
from pcapan.track.sas import Basis
from tests.samples_kit import Sample, incidents


@pytest.fixture(scope="module", params=incidents(), ids=lambda sample: sample.name)
def facts(request: pytest.FixtureRequest) -> Facts:
    sample: Sample = request.param
    return read_facts([str(path) for path in sample.captures])[0]


def test_census(facts: Facts) -> None:
    sources = list(facts.sources.values())
    population = facts.population
    assert population.clients == sum(source.clients_at_once() for source in sources)
    assert population.with_ike == sum(bool(source.attempts or source.sas) for source in sources)
    assert facts.probes == [series for source in sources for series in source.probes]
    assert population.asking == [source for source in sources if source.attempts]
    assert sum(map(len, population.pools.values())) == sum(s.clients_at_once() > 1 for s in sources)


def test_sas(facts: Facts) -> None:
    sas = facts.track.sas
    assert facts.ike_sas == [sa for sa in sas if sa.exchanges or sa.attempt is not None]
    assert facts.older_sas == sum(sa.basis is Basis.OLDER and sa.predecessor is None for sa in sas)


def test_worst_source(facts: Facts) -> None:
    sources = facts.sources.values()
    if sources:
        assert worst_source(facts) is max(sources, key=lambda s: (s.unanswered(), s.peak_live()))


def test_the_way(facts: Facts) -> None:
    every = [d for s in facts.sources.values() for d in (*s.calls.delays, *s.calls.other_delays)]
    assert Way(facts).ordered_delays == sorted(every)


def test_what_is_known_before_rows_are_looked_at(facts: Facts) -> None:
    for name in ("sources", "sas"):
        subjects = subjects_of(name, facts)
        fresh = [lazy_rows_of(name, facts, subjects) for _ in range(2)]
        assert len(subjects) == len(fresh[0])
        for column in TABLES[name].columns:
            wanted = [column.value(subject) for subject in subjects]
            told = fresh[0].told_of_few(column.name)
            if told is not None:
                idle, busy, others = told
                found = [idle] * len(subjects)
                for index, cell in zip(busy, others, strict=True):
                    found[index] = cell
                assert found == wanted, column.name
            assert fresh[1].column(column.name) == wanted, column.name


_CLASSES = {
    "10.0.0.0/8": "private",
    "172.16.0.0/12": "private",
    "192.168.0.0/16": "private",
    "fc00::/7": "private",
    "100.64.0.0/10": "carrier",
    "169.254.0.0/16": "link-local",
    "fe80::/10": "link-local",
}


@given(
    st.one_of(
        st.ip_addresses(),
        st.sampled_from([ip_network(net)[0] + off for net in _CLASSES for off in (-1, 0)]),
        st.sampled_from([ip_network(net)[-1] + off for net in _CLASSES for off in (0, 1)]),
    )
)
def test_classes(address: object) -> None:
    found = [name for net, name in _CLASSES.items() if ip_address(str(address)) in ip_network(net)]
    assert class_of(str(address)) == (found[0] if found else "public")
