"""Numbers out of bytes, and hashes, for the modules that Cython may compile.

Knows nothing of what the bytes mean. Compiled modules take the functions of the same names from
``octets.pxd``, which are one machine instruction and one comparison each; these stand in for them where
the source is interpreted. A number outside the data raises IndexError in both, as anything that reads a
stranger's bytes has to.
"""

from __future__ import annotations

Octets = bytes | bytearray
"""What frames lie in."""

_MASK = (1 << 64) - 1
_MERSENNE = (1 << 61) - 1


def u16(data: Octets, at: int) -> int:
    """Big-endian number of two octets."""
    return data[at] << 8 | data[at + 1]


def u32(data: Octets, at: int) -> int:
    """Big-endian number of four octets."""
    return data[at] << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]


def u64(data: Octets, at: int) -> int:
    """Big-endian number of eight octets."""
    found = data[at : at + 8]
    if len(found) < 8:
        raise IndexError("a number outside its data")
    return int.from_bytes(found, "big")


def le16(data: Octets, at: int) -> int:
    """Little-endian number of two octets."""
    return data[at + 1] << 8 | data[at]


def le32(data: Octets, at: int) -> int:
    """Little-endian number of four octets."""
    return data[at + 3] << 24 | data[at + 2] << 16 | data[at + 1] << 8 | data[at]


def le64(data: Octets, at: int) -> int:
    """Little-endian number of eight octets."""
    found = data[at : at + 8]
    if len(found) < 8:
        raise IndexError("a number outside its data")
    return int.from_bytes(found, "little")


def span(data: Octets, begin: int, end: int) -> Octets:
    """The octets from `begin` to `end`, of which `held` gives some; none where they are not all there.

    Compiled, they are not copied.
    """
    return data[begin:end] if 0 <= begin <= end <= len(data) else b""


def held(octets: Octets, at: int, count: int) -> Octets | None:
    """So many octets of a span, from `at` on, for the functions below; None where they are not all there.

    Compiled, this is the only comparison: whoever reads of them says with constants that it is among them.
    """
    return octets[at : at + count] if 0 <= at <= len(octets) - count else None


def be16_of(octets: Octets, at: int) -> int:
    """As `u16`, of octets that are held."""
    return octets[at] << 8 | octets[at + 1]


def be32_of(octets: Octets, at: int) -> int:
    """As `u32`, of octets that are held."""
    return u32(octets, at)


def be64_of(octets: Octets, at: int) -> int:
    """As `u64`, of octets that are held."""
    return u64(octets, at)


def le32_of(octets: Octets, at: int) -> int:
    """As `le32`, of octets that are held."""
    return le32(octets, at)


def mixed(seed: int, a: int, b: int, c: int, d: int, e: int, f: int) -> int:
    """64 bits in which six numbers are stirred, for one run of one process."""
    return hash((seed, a, b, c, d, e, f)) & _MASK


def mixed2(seed: int, a: int, b: int) -> int:
    """64 bits in which two numbers are stirred, for one run of one process."""
    return hash((seed, a, b)) & _MASK


def flow_tag(
    seed: int, version: int, src_hi: int, src_lo: int, dst_hi: int, dst_lo: int, ends: int
) -> int:
    """32 bits for a flow, told by IP version, addresses as halves of 64 bits (IPv4: 0 and the address) and
    ports and SPI; the first bit is not set for IPv4 alone."""
    hashed = hash((seed, src_hi, src_lo, dst_hi, dst_lo, ends)) & 0x7FFFFFFF
    return hashed if version == 4 else hashed | 0x80000000


def stirred(seed: int, data: Octets, begin: int, end: int) -> int:
    """64 bits in which the octets from `begin` to `end` are stirred, for one run of one process."""
    if not 0 <= begin <= end <= len(data):
        raise IndexError("octets outside their data")
    return hash((seed, bytes(data[begin:end]))) & _MASK


def remainder(data: Octets, begin: int, end: int) -> int:
    """The octets from `begin` to `end` as one number, modulo 2**61 - 1: the same in every process."""
    if not 0 <= begin <= end <= len(data):
        raise IndexError("octets outside their data")
    return int.from_bytes(data[begin:end], "big") % _MERSENNE


def put(to: bytearray, at: int, data: Octets, begin: int, end: int) -> None:
    """Copy the octets from `begin` to `end` to another place, also of the same data."""
    if not 0 <= begin <= end <= len(data) or not 0 <= at <= len(to) - (end - begin):
        raise IndexError("octets outside their data")
    to[at : at + end - begin] = data[begin:end]


def address(data: bytearray) -> int:
    """Where the octets lie in the memory of the process."""
    from ctypes import addressof, c_char

    return addressof(c_char.from_buffer(data))


def in_network_order(version: int, hi: int, lo: int) -> bytes:
    """The octets of an address that is given as two halves of 64 bits (of IPv4: 0 and the address)."""
    return lo.to_bytes(4, "big") if version == 4 else (hi << 64 | lo).to_bytes(16, "big")


def turned(word: int, by: int) -> int:
    """An unsigned number of 32 bits with its bits turned left."""
    return (word << by | word >> (32 - by)) & 0xFFFFFFFF


def same(one: Octets, at: int, other: Octets, begin: int, end: int) -> bool:
    """Whether the octets from `at` on are those of `other` from `begin` to `end`."""
    size = end - begin
    if not 0 <= begin <= end <= len(other) or not 0 <= at <= len(one) - size:
        raise IndexError("octets outside their data")
    return one[at : at + size] == other[begin:end]


def cut(data: Octets, begin: int, end: int) -> bytes:
    """The octets from `begin` to `end`."""
    if not 0 <= begin <= end <= len(data):
        raise IndexError("octets outside their data")
    return bytes(data[begin:end])
