"""IP headers: what they say, and how far the payload really reaches."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.decode.ip import MAX_EXTENSION_HEADERS, IpPacket, parse_ip, skip_extension_headers

from .builders import extension, fragment6, ipv4, ipv6, udp


def parsed(data: bytes, offset: int = 0, end: int | None = None) -> IpPacket:
    packet = parse_ip(data, offset, len(data) if end is None else end)
    assert isinstance(packet, IpPacket), packet
    return packet


def test_ipv4_with_options_and_trailer() -> None:
    body = udp(b"payload")
    data = b"link" + ipv4(body, ttl=113, ip_id=0xBEEF, options=b"\x94\x04\0\0", dont_fragment=True)
    packet = parsed(data + b"\0" * 11, 4)
    assert packet.src == ip_address("192.0.2.1").packed
    assert packet.dst == ip_address("198.51.100.2").packed
    assert (packet.version, packet.protocol, packet.ttl, packet.ip_id) == (4, 17, 113, 0xBEEF)
    assert packet.dont_fragment
    assert not packet.is_fragment
    assert (data + b"\0" * 11)[packet.payload_start : packet.payload_end] == body
    assert packet.captured_whole
    assert packet.note == ""


def test_snap_length_cuts_the_payload() -> None:
    data = ipv4(udp(bytes(100)))
    packet = parsed(data, end=60)
    assert packet.payload_end == 60
    assert packet.wire_payload_length == 108
    assert not packet.captured_whole


def test_snap_length_within_the_options() -> None:
    packet = parsed(ipv4(udp(b"x"), options=bytes(8)), end=24)
    assert packet.src == ip_address("192.0.2.1").packed
    assert packet.payload_start == packet.payload_end == 24
    assert packet.wire_payload_length == 9
    assert not packet.captured_whole


def test_fragment_fields() -> None:
    packet = parsed(ipv4(bytes(16), offset=1480, more=True, ip_id=5))
    assert (packet.fragment_offset, packet.more_fragments, packet.is_fragment) == (1480, True, True)
    last = parsed(ipv4(bytes(16), offset=1480))
    assert (last.more_fragments, last.is_fragment) == (False, True)


def test_length_zero_means_the_rest_of_the_frame() -> None:
    packet = parsed(ipv4(udp(bytes(3000)), total=0))
    assert packet.payload_end - packet.payload_start == 3008
    assert packet.captured_whole
    assert packet.note == "ip-length-zero"
    packet = parsed(ipv6(udp(bytes(3000)), length=0))
    assert packet.payload_end - packet.payload_start == 3008
    assert packet.note == "ip-length-zero"
    nothing = parsed(ipv6(b"\0" * 6, next_header=59, length=0))
    assert nothing.payload_end == nothing.payload_start, "no next header: those six bytes are padding"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "short-ip-header"),
        (ipv4()[:19], "short-ip-header"),
        (ipv6()[:39], "short-ip-header"),
        (b"\x44" + ipv4()[1:], "bad-ip-header-length"),
        (ipv4(total=19), "bad-ip-total-length"),
        (b"\x55" + ipv4()[1:], "bad-ip-version"),
    ],
)
def test_unusable_headers_give_a_code(data: bytes, code: str) -> None:
    assert parse_ip(data, 0, len(data)) == code


def test_ipv6_extension_headers() -> None:
    body = udp(b"x")
    authentication = bytes([17, 4]) + bytes(22) + body  # (4 + 2) * 4 bytes
    chain = extension(43, extension(60, extension(51, authentication, 2), 1), 0)
    data = ipv6(chain, next_header=0)
    packet = parsed(data)
    assert packet.protocol == 17
    assert data[packet.payload_start : packet.payload_end] == body
    assert packet.wire_payload_length == len(body)


def test_ipv6_fragment_stops_the_walk() -> None:
    inner = extension(17, udp(b"x"))
    data = ipv6(extension(44, fragment6(60, inner, more=True, ident=0xCAFE)), next_header=0)
    packet = parsed(data)
    assert (packet.protocol, packet.ip_id, packet.more_fragments) == (60, 0xCAFE, True)
    assert data[packet.payload_start : packet.payload_end] == inner
    protocol, start = skip_extension_headers(packet.protocol, inner)
    assert (protocol, inner[start:]) == (17, udp(b"x"))


def test_ipv6_atomic_fragment_is_a_whole_packet() -> None:
    data = ipv6(fragment6(60, extension(17, udp(b"x")), ident=9), next_header=44)
    packet = parsed(data)
    assert (packet.protocol, packet.ip_id, packet.is_fragment) == (17, 9, False)
    assert data[packet.payload_start :] == udp(b"x")


def test_ipv6_chain_is_bounded() -> None:
    whole = b"".join(extension(60, b"") for _ in range(MAX_EXTENSION_HEADERS - 1)) + extension(17, udp(b"x"))
    assert parsed(ipv6(whole, next_header=60)).protocol == 17
    packet = parsed(ipv6(extension(60, b"") * 40, next_header=60))
    assert packet.note == "too-many-extension-headers"


def test_ipv6_chain_cut_off() -> None:
    packet = parsed(ipv6(bytes([17, 9]) + bytes(20), next_header=60))
    assert packet.note == "short-extension-header"
    assert packet.protocol == 60


@pytest.mark.parametrize("protocol", [4, 41, 47])
def test_tunnels_are_named(protocol: int) -> None:
    assert parsed(ipv4(bytes(40), protocol=protocol)).note == "tunnel"
    assert parsed(ipv6(bytes(40), next_header=protocol)).note == "tunnel"


@given(st.binary(max_size=200), st.integers(-3, 210), st.integers(-3, 210))
def test_any_bytes_and_any_bounds(data: bytes, offset: int, end: int) -> None:
    check(parse_ip(data, offset, end), data)


@given(
    st.binary(max_size=160),
    st.sampled_from([0, 43, 44, 51, 60, 135, 139, 140, 17, 59]),
    st.integers(0, 65535),
)
def test_any_ipv6_chain(payload: bytes, next_header: int, length: int) -> None:
    data = ipv6(payload, next_header=next_header, length=length)
    check(parse_ip(data, 0, len(data)), data)
    protocol, start = skip_extension_headers(next_header, payload)
    assert 0 <= start <= len(payload)
    assert 0 <= protocol <= 255


@given(st.binary(max_size=60), st.binary(min_size=19, max_size=19))
def test_any_ipv4_header(payload: bytes, header: bytes) -> None:
    data = b"\x46" + header + payload
    check(parse_ip(data, 0, len(data)), data)


def check(packet: IpPacket | str, data: bytes) -> None:
    if isinstance(packet, str):
        assert packet
        return
    assert 0 <= packet.payload_start <= packet.payload_end <= len(data)
    captured = packet.payload_end - packet.payload_start
    assert captured <= packet.wire_payload_length
    assert not packet.captured_whole or captured == packet.wire_payload_length
    assert packet.captured_whole or captured < packet.wire_payload_length or captured == 0
    assert len(packet.src) == len(packet.dst) == (4 if packet.version == 4 else 16)
    assert packet.fragment_offset % 8 == 0


def test_header_layout_is_not_shared_with_the_builder() -> None:
    """One packet written out by hand, so that builder and parser cannot be wrong together."""
    data = bytes.fromhex(
        "4500001c 1b1d4000 8011 0000 c0a8000a 90 4c9a72 01f4 1194 0008 0000".replace(" ", "")
    )
    packet = parsed(data)
    assert str(ip_address(packet.src)) == "192.168.0.10"
    assert str(ip_address(packet.dst)) == "144.76.154.114"
    assert (packet.ip_id, packet.ttl, packet.protocol) == (0x1B1D, 128, 17)
    assert struct.unpack("!HH", data[packet.payload_start : packet.payload_start + 4]) == (500, 4500)
