"""Packets by hand: small functions that give the bytes of one layer around the bytes of the next.

Lengths are right unless told otherwise; checksums are zero, because nothing here looks at them.
"""

from __future__ import annotations

import struct
from ipaddress import ip_address

MAC = bytes.fromhex("020000000002020000000001")
IPV4, IPV6 = 0x0800, 0x86DD


def udp(payload: bytes = b"", sport: int = 500, dport: int = 500) -> bytes:
    return struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload


def ipv4(
    payload: bytes = b"",
    *,
    src: str = "192.0.2.1",
    dst: str = "198.51.100.2",
    protocol: int = 17,
    ttl: int = 64,
    ip_id: int = 1,
    offset: int = 0,
    more: bool = False,
    dont_fragment: bool = False,
    options: bytes = b"",
    total: int | None = None,
) -> bytes:
    header = 20 + len(options)
    flags = (offset // 8) | (0x2000 if more else 0) | (0x4000 if dont_fragment else 0)
    length = header + len(payload) if total is None else total
    return (
        struct.pack("!BBHHHBBH", 0x40 | (header // 4), 0, length, ip_id, flags, ttl, protocol, 0)
        + ip_address(src).packed
        + ip_address(dst).packed
        + options
        + payload
    )


def ipv6(
    payload: bytes = b"",
    *,
    src: str = "2001:db8::1",
    dst: str = "2001:db8::2",
    next_header: int = 17,
    hop_limit: int = 64,
    length: int | None = None,
) -> bytes:
    size = len(payload) if length is None else length
    return (
        struct.pack("!IHBB", 0x60000000, size, next_header, hop_limit)
        + ip_address(src).packed
        + ip_address(dst).packed
        + payload
    )


def extension(next_header: int, payload: bytes, units: int = 0) -> bytes:
    """Hop-by-hop, routing, destination options and their like: 8 bytes and `units` times 8 more."""
    return bytes([next_header, units]) + bytes(6 + units * 8) + payload


def fragment6(
    next_header: int, payload: bytes, *, offset: int = 0, more: bool = False, ident: int = 7
) -> bytes:
    return struct.pack("!BBHI", next_header, 0, offset | more, ident) + payload


def ether(ether_type: int, payload: bytes) -> bytes:
    return MAC + struct.pack("!H", ether_type) + payload


def vlan(tag_id: int, ether_type: int, payload: bytes, priority: int = 0) -> bytes:
    """What follows the tag's own EtherType."""
    return struct.pack("!HH", (priority << 13) | tag_id, ether_type) + payload


def pppoe(payload: bytes, protocol: int = 0x0021, code: int = 0, length: int | None = None) -> bytes:
    size = len(payload) + 2 if length is None else length
    return struct.pack("!BBHHH", 0x11, code, 1, size, protocol) + payload


def snap(ether_type: int, payload: bytes, oui: bytes = b"\0\0\0") -> bytes:
    return b"\xaa\xaa\x03" + oui + struct.pack("!H", ether_type) + payload


def icmp(kind: int, code: int, rest: bytes, quoted: bytes) -> bytes:
    """`rest` is the second word of the header."""
    return bytes([kind, code, 0, 0]) + rest + quoted


def transform(kind: int, ident: int, key_length: int | None = None, last: bool = False) -> bytes:
    attributes = b"" if key_length is None else struct.pack("!HH", 0x800E, key_length)
    return struct.pack("!BBHBBH", 0 if last else 3, 0, 8 + len(attributes), kind, 0, ident) + attributes


def proposal(
    transforms: list[tuple[int, int, int | None]],
    *,
    number: int = 1,
    protocol: int = 1,
    spi: bytes = b"",
    last: bool = True,
) -> bytes:
    body = spi + b"".join(
        transform(kind, ident, key_length, last=index == len(transforms) - 1)
        for index, (kind, ident, key_length) in enumerate(transforms)
    )
    return (
        struct.pack(
            "!BBHBBBB", 0 if last else 2, 0, 8 + len(body), number, protocol, len(spi), len(transforms)
        )
        + body
    )
