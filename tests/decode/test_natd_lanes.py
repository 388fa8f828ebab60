"""Sixteen hashes side by side, as they are compiled and as the source says."""

from __future__ import annotations

from array import array
from ipaddress import IPv4Address
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcapan.decode import natd_lanes
from pcapan.decode.natd import natd_hash
from tests.kit.sources import source_of

#: Without a compiler both are the source.
KERNELS = (natd_lanes, source_of(natd_lanes))


def test_the_source_is_not_compiled() -> None:
    assert not KERNELS[1].COMPILED


@settings(max_examples=25)
@given(
    spi_i=st.integers(0, 2**64 - 1),
    spi_r=st.integers(0, 2**64 - 1),
    port=st.integers(0, 65535),
    address=st.integers(0, 2**32 - 1),
    before=st.integers(0, 40),
    after=st.integers(0, 40),
)
def test_kernels_find_what_hashlib_made(
    spi_i: int, spi_r: int, port: int, address: int, before: int, after: int
) -> None:
    digest = natd_hash(spi_i, spi_r, address.to_bytes(4, "big"), port)
    first, last = max(0, address - before), min(2**32 - 1, address + after)
    for kernel in KERNELS:
        wanted = array("I", [kernel.last_word(digest)])
        assert kernel.candidate(spi_i, spi_r, port, first, last, wanted) == address
        assert kernel.candidate(spi_i, spi_r, port ^ 1, first, last, wanted) == -1
        if before and address:
            assert kernel.candidate(spi_i, spi_r, port, first, address - 1, wanted) == -1
        if after and address < 2**32 - 1:
            assert kernel.candidate(spi_i, spi_r, port, address + 1, last, wanted) == -1


@pytest.mark.parametrize("kernel", KERNELS)
def test_first_address_of_several_hashes(kernel: ModuleType) -> None:
    base = int(IPv4Address("10.1.2.0"))
    hashes = [natd_hash(7, 8, (base + place).to_bytes(4, "big"), 500) for place in (200, 77, 79)]
    wanted = array("I", [0] * 13 + [kernel.last_word(digest) for digest in hashes])
    assert kernel.candidate(7, 8, 500, base, base + 255, wanted) == base + 77
    assert kernel.candidate(7, 8, 500, base + 78, base + 255, wanted) == base + 79
    assert kernel.candidate(7, 8, 500, base + 80, base + 511, wanted) == base + 200
    assert kernel.candidate(7, 8, 500, base, base + 255, array("I")) == -1
    assert kernel.candidate(7, 8, 500, base + 1, base, wanted) == -1


@pytest.mark.parametrize("kernel", KERNELS)
def test_limits(kernel: ModuleType) -> None:
    with pytest.raises(IndexError, match="16"):
        kernel.candidate(1, 0, 500, 0, 1, array("I", [0] * (kernel.MOST_WANTED + 1)))
    with pytest.raises(ValueError, match="20 bytes"):
        kernel.last_word(b"\0" * 19)
