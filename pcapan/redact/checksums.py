"""Checksums of rewritten packets: one that was right is right again, one that was wrong stays wrong.

Knows the Internet checksum (RFC 1071). Must not know which packet it guards. Of a wrong checksum nothing is
kept: network cards leave a sum of the original addresses in it.
"""

from __future__ import annotations

_MODULUS = 0xFFFF


def total(*parts: bytes | bytearray) -> int:
    """The sum of 16-bit words modulo 65535; every part but the last has an even length."""
    found = 0
    for part in parts:
        words = part if len(part) % 2 == 0 else bytes(part) + b"\0"
        found += int.from_bytes(words, "big")
    return found % _MODULUS


def is_right(*parts: bytes | bytearray) -> bool:
    """Whether the parts, their checksum among them, add up."""
    return total(*parts) == 0


def renewed(was: int, was_right: bool, rest: int, *, zero_means_none: bool = False) -> int:
    """The checksum for new bytes, whose sum without it is `rest`.

    A zero that was not right means that nobody computed one: it stays. Where `zero_means_none` (UDP), a sum
    of zero is written as 65535.
    """
    if was == 0 and (zero_means_none or not was_right):
        return 0
    right = (_MODULUS - rest) % _MODULUS
    if zero_means_none and right == 0:
        right = _MODULUS
    if was_right:
        return right
    return right ^ 1 or 2
