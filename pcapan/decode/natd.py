"""NAT_DETECTION hashes: which address and port did the sender believe in?

Knows the arithmetic of RFC 7296 section 2.23 and nothing about captures. A source hash that does
not match proves only that *some* device translated the source (every home router does), and some
implementations falsify it to force UDP encapsulation; a hash that matches is decisive.
"""

from __future__ import annotations

from hashlib import sha1
from struct import Struct

from pcapan.decode import natd_digest

#: Both SPIs, an address and a port, as they are hashed.
_IPV4 = Struct(">QQ4sH").pack
_IPV6 = Struct(">QQ16sH").pack


def natd_hash(spi_i: int, spi_r: int, address: bytes, port: int) -> bytes:
    """SHA-1 over both SPIs, the address (4 or 16 bytes, network order) and the port: 20 bytes."""
    if natd_digest.COMPILED:
        return natd_digest.digest(spi_i, spi_r, address, port)
    hashed = (_IPV4 if len(address) == 4 else _IPV6)(spi_i, spi_r, address, port)
    return sha1(hashed, usedforsecurity=False).digest()


def natd_matches(hashes: tuple[bytes, ...], spi_i: int, spi_r: int, address: bytes, port: int) -> bool | None:
    """Whether any of the message's hashes fits this address and port; None when it carries none.

    Several NAT_DETECTION_SOURCE_IP payloads are legal (a multi-homed sender lists all of its
    addresses), so one match is enough.
    """
    if not hashes:
        return None
    return natd_hash(spi_i, spi_r, address, port) in hashes
