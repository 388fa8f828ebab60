"""NAT detection hashes: RFC 7296 section 2.23, worked out by hand."""

from __future__ import annotations

from hashlib import sha1
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.decode.natd import natd_hash, natd_matches

SPI_I, SPI_R = 0x0102030405060708, 0x1112131415161718


def packed(text: str) -> bytes:
    return ip_address(text).packed


#: Input in hex (both SPIs, address, port), its SHA-1 (by xxd and sha1sum), and what the input says.
VECTORS = [
    (
        "0102030405060708" "0000000000000000" "c0a80107" "01f4",
        "11ec225ec11f0ec54e6595df7a1511a4b0e602fe",
        (SPI_I, 0, "192.168.1.7", 500),
    ),
    (
        "0102030405060708" "1112131415161718" "0a0a0a02" "1194",
        "f2e82f83bdcc72f4e4002e0abfefb5bde87fe457",
        (SPI_I, SPI_R, "10.10.10.2", 4500),
    ),
    (
        "ffffffffffffffff" "0000000000000000" "20010db8000000000000000000000001" "01f4",
        "21bc18d792670af4166d0ee715770c98aba1049f",
        (2**64 - 1, 0, "2001:db8::1", 500),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("octets", "expected", "said"), VECTORS)
def test_by_hand(octets: str, expected: str, said: tuple[int, int, str, int]) -> None:
    spi_i, spi_r, address, port = said
    assert sha1(bytes.fromhex(octets)).hexdigest() == expected
    assert natd_hash(spi_i, spi_r, packed(address), port).hex() == expected
    assert natd_matches((bytes.fromhex(expected),), spi_i, spi_r, packed(address), port) is True


def test_no_hash_tells_nothing() -> None:
    assert natd_matches((), SPI_I, 0, packed("192.0.2.1"), 500) is None


def test_another_hash_refutes() -> None:
    assert natd_matches((bytes(20),), SPI_I, 0, packed("192.0.2.1"), 500) is False
    assert natd_matches((b"",), SPI_I, 0, packed("192.0.2.1"), 500) is False


def test_one_of_several_is_enough() -> None:
    hashes = tuple(natd_hash(SPI_I, 0, packed(f"192.0.2.{n}"), 500) for n in range(1, 4))
    for n in range(1, 4):
        assert natd_matches(hashes, SPI_I, 0, packed(f"192.0.2.{n}"), 500) is True
    assert natd_matches(hashes, SPI_I, 0, packed("192.0.2.4"), 500) is False


def test_the_start_of_a_hash_is_no_hash() -> None:
    short = natd_hash(SPI_I, 0, packed("192.0.2.1"), 500)[:19]
    assert natd_matches((short,), SPI_I, 0, packed("192.0.2.1"), 500) is False


@given(
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 1),
    st.one_of(st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16)),
    st.integers(0, 65535),
)
def test_every_input_matters(spi_i: int, spi_r: int, address: bytes, port: int) -> None:
    hashes = (natd_hash(spi_i, spi_r, address, port),)
    assert natd_matches(hashes, spi_i, spi_r, address, port) is True
    assert natd_matches(hashes, spi_i ^ 1, spi_r, address, port) is False
    assert natd_matches(hashes, spi_i, spi_r ^ 1, address, port) is False
    assert natd_matches(hashes, spi_i, spi_r, address[:-1] + bytes([address[-1] ^ 1]), port) is False
    assert natd_matches(hashes, spi_i, spi_r, address, port ^ 1) is False
