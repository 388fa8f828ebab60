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
        assert list(module.Texts([address])) == [str(ip_address(address))]


@pytest.mark.parametrize("module", MODULES)
def test_files_share_their_addresses(module: ModuleType) -> None:
    shared = bytes((198, 18, 0, 1))
    second = [bytes(15) + b"\1", shared]
    found = module.Addresses([[bytes((198, 18, 0, 0)), shared], second])
    assert [list(texts) for texts in found.of_files] == [["198.18.0.0", "198.18.0.1"], ["::1", "198.18.0.1"]]
    assert found.of_files[0][1] is found.of_files[1][1]
    assert list(found.names) == ["198.18.0.0", "198.18.0.1", "::1"]
    assert [found.number(name) for name in found.names] == [0, 1, 2]
    assert list(found.of_file(1, [0, 1, 0])) == [2, 1, 2]
    assert list(module.Addresses([second]).of_file(0, [1, 0])) == [1, 0]


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    ("text", "number"), [("198.18.0.7", 0), ("::1", 1), ("198.18.0.8", -1), ("0:0::1", -1), ("", -1)]
)
def test_a_number_is_found_whether_or_not_the_text_was_made(
    module: ModuleType, text: str, number: int
) -> None:
    addresses = [bytes((198, 18, 0, 7)), bytes(15) + b"\1"]
    fresh, used = module.Texts(addresses), module.Texts(addresses)
    assert len(fresh) == len(list(used)) == 2
    assert fresh.number(text) == used.number(text) == number


@pytest.mark.parametrize("module", MODULES)
def test_a_text_is_made_once(module: ModuleType) -> None:
    made = module.Texts([bytes((198, 18, 0, 7))])
    assert made[0] is made.text(0) is next(iter(made))
    with pytest.raises(IndexError):
        made[1]
