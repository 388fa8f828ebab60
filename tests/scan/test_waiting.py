"""Packets that wait come to the same rows as those that do not."""

from __future__ import annotations

from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.compiled import how
from pcapan.scan import flows, waiting
from tests.kit.sources import source_of

#: Without a compiler both are the source.
MODULES = ((flows, waiting), (source_of(flows), source_of(waiting)))

_KEYS = st.sampled_from(
    [
        (version, high, low, high, 7, ends)
        for version, high in ((4, 0), (6, 0), (6, 5))
        for low in (1, 2**32 - 1)
        for ends in (3, 4500 << 48 | 3)
    ]
)
_PACKET = st.tuples(_KEYS, st.integers(0, 90), st.integers(0, 65535), st.integers(-9, 9))


@given(st.lists(_PACKET, max_size=40), st.integers(0, 300), st.sets(st.integers(0, 400)))
def test_packets_that_wait_add_up_the_same(
    packets: list[tuple[flows.FlowKey, int, int, int]], more: int, settled: set[int]
) -> None:
    packets += [((4, 0, 1, 0, 2 + number % 9, 3), number // 2, 5, number) for number in range(more)]
    for rows, module in MODULES:
        table, other = rows.FlowTable(), rows.FlowTable()
        late = module.Waiting(other)
        copies = {False: 0, True: 0}
        for frame, (key, sequence, octets, ts) in enumerate(packets):
            if not table.add(*key, sequence, octets, ts, frame):
                copies[key[5] >> 32 != 0] += 1
            late.add(*key, sequence, octets, ts, frame)
            if frame in settled:
                late.settle()
        late.settle()
        assert list(other.rows()) == list(table.rows())
        assert late.copies == copies[False] + copies[True]
        assert late.copies_with_ports == copies[True]


@pytest.mark.parametrize(("rows", "module"), MODULES)
def test_what_is_counted_while_it_waits(rows: ModuleType, module: ModuleType) -> None:
    table = rows.FlowTable()
    late = module.Waiting(table)
    for frame in range(1000):
        late.count(4, 0, frame % 3, 0, 0, 0, 0, frame, frame)
    late.settle()
    late.settle()
    assert [(key[2], totals[0]) for key, totals in table.rows()] == [(0, 334), (1, 333), (2, 333)]
    assert late.copies == 0


@pytest.mark.parametrize(("rows", "module"), MODULES)
def test_the_table_grows_while_packets_wait(rows: ModuleType, module: ModuleType) -> None:
    table = rows.FlowTable(8900)
    late = module.Waiting(table)
    keys = [(4 + row % 2 * 2, 0, row, 0, row * row % 97, row % 3) for row in range(9000)]
    for sequence in (1, 2):
        for row, key in enumerate(keys):
            late.add(*key, sequence, row, sequence * 1000 + row, row)
    late.settle()
    assert [(key, totals[0]) for key, totals in table.rows()] == [(key, 2) for key in keys[:8900]]


def test_waiting_pays_for_big_compiled_tables_alone() -> None:
    for (rows, module), compiled in zip(MODULES, (how(waiting.__name__) == "compiled", False), strict=True):
        table = rows.FlowTable()
        late = module.Waiting(table)
        found = [late.pays()]
        for row in range(5000):
            table.count(4, 0, row, 0, 0, 0, 0, 0, 0)
        assert [*found, late.pays()] == [False, compiled]
