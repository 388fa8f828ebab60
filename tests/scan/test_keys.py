"""Tables of keys and of strings of octets, as they are compiled and as the source says."""

from __future__ import annotations

import random
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.scan import interned, keys
from tests.kit.sources import source_of

#: Without a compiler both are the source.
KEYS = (keys, source_of(keys))
STRINGS = (interned, source_of(interned))

_NUMBER = st.sampled_from([0, 1, 2**32, 2**63, 2**64 - 1])
_KEY = st.tuples(_NUMBER, _NUMBER, _NUMBER)


@given(st.lists(_KEY, max_size=60))
def test_the_first_of_each_key_gets_the_next_number(asked: list[tuple[int, int, int]]) -> None:
    order = list(dict.fromkeys(asked))
    for module in KEYS:
        table = module.KeyTable()
        assert [table.row(*key) for key in asked] == [order.index(key) for key in asked]
        assert len(table) == len(order)
        assert [table.key(row) for row in range(len(table))] == order


@pytest.mark.parametrize("module", KEYS)
def test_a_table_of_keys_grows(module: ModuleType) -> None:
    many = [(random.Random(row).getrandbits(64), row % 7, row) for row in range(3000)]
    table = module.KeyTable()
    for _ in range(2):
        assert [table.row(*key) for key in many] == list(range(3000))
    assert [table.key(row) for row in range(3000)] == many


@given(st.lists(st.binary(max_size=70), max_size=60))
def test_the_first_of_each_string_gets_the_next_number(asked: list[bytes]) -> None:
    order = list(dict.fromkeys(asked))
    for module in STRINGS:
        table = module.Interned()
        found = [table.row(b"<" + octets + b">", 1, 1 + len(octets)) for octets in asked]
        assert found == [order.index(octets) for octets in asked]


@pytest.mark.parametrize("module", STRINGS)
def test_strings_may_be_many_and_long(module: ModuleType) -> None:
    many = [row.to_bytes(2, "big") * (row % 5) + bytes((row % 200,)) * 3 for row in range(500)]
    many.append(bytes(100_000))
    order = list(dict.fromkeys(many))
    table = module.Interned()
    for _ in range(2):
        assert [table.row(octets, 0, len(octets)) for octets in many] == [order.index(one) for one in many]


@pytest.mark.parametrize("module", STRINGS)
@pytest.mark.parametrize(("begin", "end"), [(0, 5), (3, 2), (5, 6)])
def test_octets_outside_their_data_are_refused(module: ModuleType, begin: int, end: int) -> None:
    with pytest.raises(IndexError):
        module.Interned().row(b"1234", begin, end)
