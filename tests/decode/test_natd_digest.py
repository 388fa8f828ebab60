"""One hash, as it is compiled and as the source says."""

from __future__ import annotations

from hashlib import sha1
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcapan.decode import natd_digest
from tests.kit.sources import source_of

#: Without a compiler both are the source.
KERNELS = (natd_digest, source_of(natd_digest))


@settings(max_examples=50)
@given(
    spis=st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)),
    port=st.integers(0, 65535),
    address=st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16),
)
def test_one_hash_is_that_of_hashlib(spis: tuple[int, int], port: int, address: bytes) -> None:
    octets = b"".join(spi.to_bytes(8, "big") for spi in spis) + address + port.to_bytes(2, "big")
    expected = sha1(octets).digest()
    for kernel in KERNELS:
        assert kernel.digest(*spis, address, port) == expected
        assert kernel.matches((bytes(20), expected), *spis, address, port) is True
        assert kernel.matches((expected[:19],), *spis, address, port) is False
        assert kernel.matches((), *spis, address, port) is None


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("size", [0, 3, 5, 15, 17])
def test_no_address(kernel: ModuleType, size: int) -> None:
    with pytest.raises(ValueError, match=f"4 or 16 bytes, not {size}"):
        kernel.digest(1, 2, bytes(size), 500)
