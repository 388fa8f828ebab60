"""IKE messages by hand, written from RFC 7296 alone: nothing here comes from the package under test."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import sha1
from ipaddress import ip_address

SA, KE, NONCE, NOTIFY, VENDOR, SK, SKF = 33, 34, 40, 41, 43, 46, 53
INIT, AUTH, CHILD, INFO = 34, 35, 36, 37
INITIATOR, RESPONSE = 0x08, 0x20
NATD_SOURCE, NATD_DESTINATION = 16388, 16389
COOKIE, INVALID_KE, NO_PROPOSAL = 16390, 17, 14

#: The vendor id of Windows (an MD5 sum), version 9.
MS9 = bytes.fromhex("1e2b516905991c7d7c96fcbfb587e461") + b"\0\0\0\x09"

#: One proposal: AES-CBC-256, SHA-256 (PRF and integrity), MODP-2048.
SA_BODY = bytes.fromhex(
    "0000002c01010004"  # last proposal, 44 bytes, number 1, IKE, no SPI, 4 transforms
    "0300000c0100000c800e0100"
    "0300000802000005"
    "030000080300000c"
    "000000080400000e"
)

Payload = tuple[int, bytes]


def spi(digits: str) -> int:
    """``a1`` stands for a1a1a1a1a1a1a1a1."""
    return int((digits * 16)[:16], 16)


def notify(kind: int, data: bytes = b"", *, protocol: int = 0, spi: bytes = b"") -> Payload:
    return NOTIFY, struct.pack("!BBH", protocol, len(spi), kind) + spi + data


def ke(group: int = 14, length: int = 256) -> Payload:
    return KE, struct.pack("!HH", group, 0) + b"\x5a" * length


def chain(payloads: Sequence[Payload], *, inner: int = 0) -> bytes:
    """The payloads one behind the other; `inner` is the next-payload field of the last one."""
    body = b""
    for index, (_, content) in enumerate(payloads):
        following = payloads[index + 1][0] if index + 1 < len(payloads) else inner
        body += struct.pack("!BBH", following, 0, 4 + len(content)) + content
    return body


def message(
    payloads: Sequence[Payload] = (),
    *,
    spi_i: int = 0xA1A1A1A1A1A1A1A1,
    spi_r: int = 0,
    exchange: int = INIT,
    flags: int = INITIATOR,
    message_id: int = 0,
    version: int = 0x20,
    length: int | None = None,
    inner: int = 0,
    tail: bytes = b"",
) -> bytes:
    body = chain(payloads, inner=inner) + tail
    size = 28 + len(body) if length is None else length
    first = payloads[0][0] if payloads else 0
    return struct.pack("!QQBBBBII", spi_i, spi_r, first, version, exchange, flags, message_id, size) + body


def natd(spi_i: int, spi_r: int, address: str, port: int) -> bytes:
    """RFC 7296 section 2.23."""
    return sha1(
        struct.pack("!QQ", spi_i, spi_r) + ip_address(address).packed + struct.pack("!H", port)
    ).digest()


def fragment(number: int, total: int, content: bytes) -> Payload:
    return SKF, struct.pack("!HH", number, total) + content
