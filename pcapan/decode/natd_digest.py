# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""One NAT_DETECTION hash, as compiled code computes it: most of the time of `hashlib` goes into objects.

Knows SHA-1 (FIPS 180-4 section 6.1.2) of the one block that RFC 7296 section 2.23 hashes: two SPIs,
an address and a port. Must not know what a hash means (`pcapan.decode.natd`). Cython compiles this source
where it can (see `pcapan.compiled`; C types are in the .pxd); uncompiled it is slower than `hashlib`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableSequence

    from pcapan import shadow as cython

    Numbers = MutableSequence[int]
else:
    try:
        import cython
    except ImportError:
        from pcapan import shadow as cython
if not cython.compiled:
    from pcapan.octets import turned

#: Whether this module is worth using.
COMPILED: bool = cython.compiled


def digest(spi_i: int, spi_r: int, address: bytes, port: int) -> bytes:
    """SHA-1 over both SPIs, the address (4 or 16 bytes, network order) and the port: 20 bytes.

    Raises:
        ValueError: when the address has another length.
    """
    whole = [0] * 20
    _hash(whole, spi_i, spi_r, address, port)
    return bytes(whole[:20])


def matches(hashes: tuple[bytes, ...], spi_i: int, spi_r: int, address: bytes, port: int) -> bool | None:
    """What `pcapan.decode.natd.natd_matches` says, for compiled code."""
    if not hashes:
        return None
    whole = [0] * 20
    _hash(whole, spi_i, spi_r, address, port)
    found = False
    for held in hashes:
        found = found or (len(held) == 20 and _same(whole, held))
    return found


def _same(whole: Numbers, held: bytes) -> bool:
    differing = 0
    for at in range(20):
        differing |= whole[at] ^ held[at]
    return differing == 0


def _unsigned(number: int) -> int:
    """The last 32 bits; what is compiled keeps no others."""
    if cython.compiled:
        return number
    return number & 0xFFFFFFFF


def _hash(whole: Numbers, spi_i: int, spi_r: int, address: bytes, port: int) -> None:
    """Write the 20 octets of the hash."""
    words = [0] * 80
    size = len(address)
    if size not in (4, 16):
        raise ValueError(f"an IP address has 4 or 16 bytes, not {size}")
    words[0], words[1], words[2], words[3] = spi_i >> 32, _unsigned(spi_i), spi_r >> 32, _unsigned(spi_r)
    at = 4
    for octet in range(0, size, 4):
        words[at] = (
            address[octet] << 24 | address[octet + 1] << 16 | address[octet + 2] << 8 | address[octet + 3]
        )
        at += 1
    words[at], words[15] = port << 16 | 0x8000, 8 * (18 + size)
    for at in range(16, 80):
        words[at] = turned(words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16], 1)
    h0, h1, h2, h3, h4 = 0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0
    k0, k1, k2, k3 = 0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6
    a, b, c, d, e = h0, h1, h2, h3, h4
    # After five rounds every variable has its own part again, so that none has to be moved.
    for at in range(0, 20, 5):
        e = _unsigned(e + turned(a, 5) + (d ^ (b & (c ^ d))) + words[at] + k0)
        b = turned(b, 30)
        d = _unsigned(d + turned(e, 5) + (c ^ (a & (b ^ c))) + words[at + 1] + k0)
        a = turned(a, 30)
        c = _unsigned(c + turned(d, 5) + (b ^ (e & (a ^ b))) + words[at + 2] + k0)
        e = turned(e, 30)
        b = _unsigned(b + turned(c, 5) + (a ^ (d & (e ^ a))) + words[at + 3] + k0)
        d = turned(d, 30)
        a = _unsigned(a + turned(b, 5) + (e ^ (c & (d ^ e))) + words[at + 4] + k0)
        c = turned(c, 30)
    for at in range(20, 40, 5):
        e = _unsigned(e + turned(a, 5) + (b ^ c ^ d) + words[at] + k1)
        b = turned(b, 30)
        d = _unsigned(d + turned(e, 5) + (a ^ b ^ c) + words[at + 1] + k1)
        a = turned(a, 30)
        c = _unsigned(c + turned(d, 5) + (e ^ a ^ b) + words[at + 2] + k1)
        e = turned(e, 30)
        b = _unsigned(b + turned(c, 5) + (d ^ e ^ a) + words[at + 3] + k1)
        d = turned(d, 30)
        a = _unsigned(a + turned(b, 5) + (c ^ d ^ e) + words[at + 4] + k1)
        c = turned(c, 30)
    for at in range(40, 60, 5):
        e = _unsigned(e + turned(a, 5) + ((b & c) | (d & (b | c))) + words[at] + k2)
        b = turned(b, 30)
        d = _unsigned(d + turned(e, 5) + ((a & b) | (c & (a | b))) + words[at + 1] + k2)
        a = turned(a, 30)
        c = _unsigned(c + turned(d, 5) + ((e & a) | (b & (e | a))) + words[at + 2] + k2)
        e = turned(e, 30)
        b = _unsigned(b + turned(c, 5) + ((d & e) | (a & (d | e))) + words[at + 3] + k2)
        d = turned(d, 30)
        a = _unsigned(a + turned(b, 5) + ((c & d) | (e & (c | d))) + words[at + 4] + k2)
        c = turned(c, 30)
    for at in range(60, 80, 5):
        e = _unsigned(e + turned(a, 5) + (b ^ c ^ d) + words[at] + k3)
        b = turned(b, 30)
        d = _unsigned(d + turned(e, 5) + (a ^ b ^ c) + words[at + 1] + k3)
        a = turned(a, 30)
        c = _unsigned(c + turned(d, 5) + (e ^ a ^ b) + words[at + 2] + k3)
        e = turned(e, 30)
        b = _unsigned(b + turned(c, 5) + (d ^ e ^ a) + words[at + 3] + k3)
        d = turned(d, 30)
        a = _unsigned(a + turned(b, 5) + (c ^ d ^ e) + words[at + 4] + k3)
        c = turned(c, 30)
    _store(whole, 0, a + h0)
    _store(whole, 4, b + h1)
    _store(whole, 8, c + h2)
    _store(whole, 12, d + h3)
    _store(whole, 16, e + h4)


def _store(octets: Numbers, at: int, word: int) -> None:
    octets[at] = (word >> 24) & 0xFF
    octets[at + 1] = (word >> 16) & 0xFF
    octets[at + 2] = (word >> 8) & 0xFF
    octets[at + 3] = word & 0xFF
