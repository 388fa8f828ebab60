"""ICMP errors: their names, and what is left of the packet they quote."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.decode.icmp import IcmpError, parse_icmp

from .builders import extension, icmp, ipv4, ipv6, udp

SPI = bytes.fromhex("238671c80375a0fb")
QUOTED4 = ipv4(udp(SPI + bytes(40), 500, 4500), src="10.0.0.1", dst="10.0.0.2", ip_id=77)
QUOTED6 = ipv6(udp(SPI + bytes(40), 4500, 33333))


def parsed(version: int, payload: bytes) -> IcmpError:
    error = parse_icmp(version, payload)
    assert error is not None
    return error


def test_port_unreachable_quoting_ike() -> None:
    error = parsed(4, icmp(3, 3, bytes(4), QUOTED4))
    assert error.name == "port unreachable"
    assert error.src == ip_address("10.0.0.1").packed
    assert error.dst == ip_address("10.0.0.2").packed
    assert (error.protocol, error.sport, error.dport, error.ip_id) == (17, 500, 4500, 77)
    assert error.payload[:8] == SPI
    assert len(error.payload) == 48
    assert error.quotes_ike_port
    assert error.mtu is None


def test_only_eight_bytes_quoted() -> None:
    """RFC 792 asks for no more than that; the lengths in the quotation are those of the whole packet."""
    error = parsed(4, icmp(3, 3, bytes(4), QUOTED4[:28]))
    assert (error.sport, error.dport, error.payload) == (500, 4500, b"")
    assert error.quotes_ike_port


@pytest.mark.parametrize(
    ("kind", "code", "rest", "name", "mtu"),
    [
        (3, 1, bytes(4), "host unreachable", None),
        (3, 4, struct.pack("!HH", 0, 1400), "fragmentation needed, MTU 1400", 1400),
        (3, 4, bytes(4), "fragmentation needed", 0),
        (3, 13, bytes(4), "administratively prohibited", None),
        (3, 99, bytes(4), "destination unreachable, code 99", None),
        (4, 0, bytes(4), "source quench", None),
        (5, 1, bytes(4), "redirect for the host", None),
        (11, 0, bytes(4), "time to live exceeded in transit", None),
        (11, 1, bytes(4), "fragment reassembly time exceeded", None),
        (12, 0, bytes(4), "parameter problem", None),
    ],
)
def test_names_of_version_4(kind: int, code: int, rest: bytes, name: str, mtu: int | None) -> None:
    error = parsed(4, icmp(kind, code, rest, QUOTED4))
    assert (error.name, error.mtu, error.sport) == (name, mtu, 500)


@pytest.mark.parametrize(
    ("kind", "code", "rest", "name", "mtu"),
    [
        (1, 1, bytes(4), "administratively prohibited", None),
        (1, 4, bytes(4), "port unreachable", None),
        (2, 0, struct.pack("!I", 1280), "packet too big, MTU 1280", 1280),
        (3, 1, bytes(4), "fragment reassembly time exceeded", None),
        (4, 7, bytes(4), "parameter problem, code 7", None),
    ],
)
def test_names_of_version_6(kind: int, code: int, rest: bytes, name: str, mtu: int | None) -> None:
    error = parsed(6, icmp(kind, code, rest, QUOTED6))
    assert (error.name, error.mtu, error.sport, error.dport) == (name, mtu, 4500, 33333)
    assert error.payload[:8] == SPI
    assert error.quotes_ike_port


def test_extension_headers_in_the_quotation() -> None:
    quoted = ipv6(extension(17, udp(SPI, 500, 500)), next_header=60)
    assert parsed(6, icmp(1, 4, bytes(4), quoted)).payload == SPI


def test_quoted_esp_gives_its_spi() -> None:
    quoted = ipv4(bytes.fromhex("c0ffee01") + bytes(20), protocol=50)
    error = parsed(4, icmp(3, 2, bytes(4), quoted))
    assert (error.protocol, error.sport) == (50, None)
    assert error.payload[:4] == bytes.fromhex("c0ffee01")
    assert not error.quotes_ike_port


def test_tcp_to_the_port_is_not_ike() -> None:
    quoted = ipv4(struct.pack("!HH", 500, 500) + bytes(16), protocol=6)
    error = parsed(4, icmp(3, 3, bytes(4), quoted))
    assert error.sport == 500
    assert not error.quotes_ike_port


def test_quoted_later_fragment_has_no_ports() -> None:
    quoted = ipv4(bytes.fromhex("01f401f4") + bytes(20), offset=1480)
    error = parsed(4, icmp(11, 1, bytes(4), quoted))
    assert (error.sport, error.fragment_offset) == (None, 1480)
    assert not error.quotes_ike_port


def test_extensions_behind_the_quotation_are_not_payload() -> None:
    """RFC 4884: 32 words of quotation, then an extension structure."""
    quoted = ipv4(udp(SPI + bytes(400)))[:128]
    rest = bytes([0, 32, 0, 0])
    error = parsed(4, icmp(11, 0, rest, quoted + b"\x20\0\0\0" + b"E" * 8))
    assert len(error.payload) == 128 - 28
    error = parsed(6, icmp(3, 0, bytes([16, 0, 0, 0]), ipv6(udp(bytes(400)))[:128] + b"E" * 12))
    assert len(error.payload) == 128 - 48


def test_unbelievable_udp_length_is_ignored() -> None:
    quoted = bytearray(QUOTED4)
    quoted[24:26] = b"\0\x03"
    assert parsed(4, icmp(3, 3, bytes(4), bytes(quoted))).payload[:8] == SPI


@pytest.mark.parametrize(
    ("version", "payload"),
    [
        (4, icmp(8, 0, bytes(4), bytes(40))),
        (4, icmp(0, 0, bytes(4), bytes(40))),
        (4, icmp(99, 0, bytes(4), bytes(40))),
        (6, icmp(128, 0, bytes(4), bytes(40))),
        (6, icmp(135, 0, bytes(4), bytes(40))),
        (5, icmp(3, 3, bytes(4), QUOTED4)),
        (4, icmp(3, 3, b"", b"")),
        (4, b""),
    ],
)
def test_what_is_no_error_gives_none(version: int, payload: bytes) -> None:
    assert parse_icmp(version, payload) is None


@pytest.mark.parametrize("quoted", [b"", QUOTED4[:19], b"\xff" * 40])
def test_damaged_quotation_leaves_the_error(quoted: bytes) -> None:
    error = parsed(4, icmp(3, 3, bytes(4), quoted))
    assert error.name == "port unreachable"
    assert (error.src, error.dst, error.protocol, error.sport) == (None, None, None, None)
    assert error.payload == b""
    assert not error.quotes_ike_port


@given(st.sampled_from([0, 4, 6]), st.binary(max_size=160))
def test_any_bytes(version: int, payload: bytes) -> None:
    parse_icmp(version, payload)


@given(
    st.sampled_from([(4, 3), (4, 11), (4, 12), (6, 1), (6, 2), (6, 3)]),
    st.binary(min_size=6, max_size=6),
    st.one_of(st.binary(max_size=100), st.integers(0, 76).map(lambda cut: QUOTED4[:cut])),
)
def test_any_quotation(kind: tuple[int, int], header: bytes, quoted: bytes) -> None:
    version, number = kind
    error = parsed(version, bytes([number]) + header[:1] + b"\0" + header[1:] + quoted)
    assert error.name
    assert len(error.payload) <= len(quoted)
    assert (error.sport is None) == (error.dport is None)
    assert (error.src is None) == (error.dst is None) == (error.protocol is None)
