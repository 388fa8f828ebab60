"""Addresses as numbers and as text, as compiled and as the source says."""

from __future__ import annotations

from ipaddress import ip_address
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.track import addresses
from tests.kit.sources import source_of

#: Without a compiler both are the source.
MODULES = (addresses, source_of(addresses))

_WORD = st.one_of(st.just(bytes(2)), st.binary(min_size=2, max_size=2))


@given(st.one_of(st.binary(min_size=4, max_size=4), st.lists(_WORD, min_size=8, max_size=8).map(b"".join)))
def test_text_of_addresses(address: bytes) -> None:
    for module in MODULES:
        assert module.texts([address]) == [str(ip_address(address))]


@pytest.mark.parametrize("module", MODULES)
def test_files_share_their_addresses(module: ModuleType) -> None:
    shared = bytes((198, 18, 0, 1))
    second = [bytes(15) + b"\1", shared]
    found = module.Addresses([[bytes((198, 18, 0, 0)), shared], second])
    assert found.of_files == [["198.18.0.0", "198.18.0.1"], ["::1", "198.18.0.1"]]
    assert found.names == ["198.18.0.0", "198.18.0.1", "::1"]
    assert found.numbers == {name: number for number, name in enumerate(found.names)}
    assert list(found.of_file(1, [0, 1, 0])) == [2, 1, 2]
    assert list(module.Addresses([second]).of_file(0, [1, 0])) == [1, 0]
