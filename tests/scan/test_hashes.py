"""NAT detection hashes, packed and read back in any order."""

from __future__ import annotations

import pickle
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.scan import natd_reader
from pcapan.scan.hashes import Hashes, NatdHashes
from tests.kit.sources import source_of

#: Without a compiler both are the source.
READERS = (natd_reader, source_of(natd_reader))

_SIDE = st.lists(st.binary(max_size=300), max_size=3).map(tuple)
_HASHES = st.dictionaries(st.integers(0, 50), st.tuples(_SIDE, _SIDE).filter(any), max_size=8)


@given(_HASHES, st.lists(st.integers(0, 50), max_size=20))
def test_what_was_packed_comes_back(known: dict[int, Hashes], asked: list[int]) -> None:
    natd = NatdHashes(known)
    assert natd == known and list(natd) == sorted(known) and len(natd) == len(known)
    for module in READERS:
        reader = module.NatdReader(*natd.parts)
        assert [reader.of(row) for row in asked] == [known.get(row, ((), ())) for row in asked]
    assert pickle.loads(pickle.dumps(natd)) == natd


def test_a_row_without_hashes_is_no_key() -> None:
    natd = NatdHashes({3: ((b"s" * 20,), (b"d" * 20, b"e" * 20))})
    assert 3 in natd and 2 not in natd and 4 not in natd
    with pytest.raises(KeyError):
        natd[4]


@pytest.mark.parametrize("module", READERS)
def test_damaged_octets_raise_nothing_but_index_errors(module: ModuleType) -> None:
    """Stored facts may come from a stranger."""
    with pytest.raises(IndexError):
        module.unpacked(b"\0\xff\xffabc", 0, 6)
    with pytest.raises(IndexError):
        module.unpacked(b"\0\0", 0, 2)
