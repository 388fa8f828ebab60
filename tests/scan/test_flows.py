"""Flows and their rows in memory, as they are compiled and as the source says."""

from __future__ import annotations

import random
import time
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.scan import flows
from tests.kit.sources import source_of

#: Without a compiler both are the source.
MODULES = (flows, source_of(flows))

_HALF = st.sampled_from([0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 1])
_OLD = st.sampled_from([0, 1, 2**31, 2**32 - 1])
_NOTHING = st.just(0)
_KEY = st.one_of(
    st.tuples(st.just(4), _NOTHING, _OLD, _NOTHING, _OLD, _HALF),
    st.tuples(st.just(6), _HALF, _HALF, _HALF, _HALF, _HALF),
)
_PACKET = st.tuples(
    _KEY,
    st.one_of(st.integers(0, 200), st.integers(0, 2**32 - 1)),
    st.integers(0, 65535),
    st.integers(-(2**63) + 1, 2**63 - 1),
)
_Packet = tuple[flows.FlowKey, int, int, int]


@given(st.lists(_PACKET, max_size=60))
def test_both_add_up_the_same(packets: list[_Packet]) -> None:
    found = []
    for module in MODULES:
        table, counted = module.FlowTable(), module.FlowTable()
        news = [table.add(*key, sequence, octets, ts, 7) for key, sequence, octets, ts in packets]
        for key, _, octets, ts in packets:
            counted.count(*key, octets, ts, 7)
        found.append((news, list(table.rows()), list(counted.rows())))
    assert found[0] == found[1]
    keys = [key for key, *_ in packets]
    assert [key for key, _ in found[0][1]] == list(dict.fromkeys(keys))
    assert sum(totals[0] for _, totals in found[0][2]) == len(packets)


@pytest.mark.parametrize("module", MODULES)
def test_totals_of_more_than_32_bits(module: ModuleType) -> None:
    table = module.FlowTable()
    key = (4, 0, 1, 0, 2, 3)
    for frame in (2**33, 2**33 + 1, 2**32 * 5 - 1, 2**32 * 5):
        table.add(*key, frame & 0xFFFF, 2**32 - 1, frame, frame)
    [(_, totals)] = table.rows()
    assert totals[:6] == (4, 4 * (2**32 - 1), 2**33, 2**32 * 5, 2**33, 2**32 * 5)


def test_more_packets_than_32_bits_count() -> None:
    module = source_of(flows)
    table = module.FlowTable()
    key = (6, 1, 2, 3, 4, 5)
    table.add(*key, 9, 1, 1, 1)
    table._near[module._NUMBERS] = 9 << 32 | 0xFFFFFFFE
    for sequence in (10, 11, 12):
        table.add(*key, sequence, 1, 1, 1)
    [(_, totals)] = table.rows()
    assert (totals[0], totals[7]) == (2**32 + 1, 12)


@pytest.mark.parametrize("module", MODULES)
def test_what_a_row_adds_up(module: ModuleType) -> None:
    table = module.FlowTable()
    key = (4, 0, 1, 0, 2, 3)
    for frame, (sequence, ts) in enumerate([(70, -5), (71, 10), (69, 12), (71, 13), (5, 40), (200, 30)], 1):
        assert table.add(*key, sequence, 10, ts, frame) == (frame != 4)
    assert list(table.rows()) == [(key, (5, 50, -5, 40, 1, 5, 5, 200, 28, 12, 1))]


@pytest.mark.parametrize("module", MODULES)
def test_rows_stay_what_they_are_while_a_table_grows(module: ModuleType) -> None:
    choice = random.Random(4)
    keys = [(6, choice.getrandbits(64), row, 0, choice.getrandbits(64), row % 3) for row in range(9000)]
    table = module.FlowTable(8900)
    for sequence in (1, 2):
        for row, key in enumerate(keys):
            assert table.add(*key, sequence, row, sequence * 1000 + row, row)
    rows = list(table.rows())
    assert [key for key, _ in rows] == keys[:8900]
    assert [totals[:9] for _, totals in rows] == [
        (2, 2 * row, 1000 + row, 2000 + row, row, row, 1, 2, 1000) for row in range(8900)
    ]


@pytest.mark.parametrize("module", MODULES)
def test_addresses_with_one_half_of_zeros_do_not_collide(module: ModuleType) -> None:
    table = module.FlowTable()
    began = time.process_time()
    for row in range(30_000):
        table.count(6, 0, row << 32 | 1, 0, 1, 0, 1, 1, 1)
        table.count(6, 0, 1, 0, row << 32 | 2, 0, 1, 1, 1)
    assert len(table) == 60_000
    assert time.process_time() - began < 20
