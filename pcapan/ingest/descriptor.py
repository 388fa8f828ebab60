"""Bytes of an open file into memory, by the number that the system knows it by.

Knows nothing of what the bytes are. Compiled modules take the function of the same name from
``descriptor.pxd``, which needs no interpreter; this one stands in for it where the source is interpreted.
"""

from __future__ import annotations

import os


def read_into(descriptor: int, to: bytearray, at: int, most: int) -> int:
    """Read at most `most` bytes into `to` from `at` on; how many, 0 at the end of the file or when it fails.

    Whoever has to know why asks again through the file itself.
    """
    if not 0 <= at <= len(to) - most:
        raise IndexError("octets outside their data")
    try:
        piece = os.read(descriptor, most)
    except OSError:
        return 0
    to[at : at + len(piece)] = piece
    return len(piece)
