# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""Plain LZ77 of the Xpress family, the compression of event trace buffers.

Knows the stream described in [MS-XCA] section 2.4 (Plain LZ77) and nothing about traces. The output
never grows beyond what was announced, whatever the input says. Cython compiles this source where it can
(see `pcapan.compiled`; C types are in the .pxd): every access is checked.
"""

from __future__ import annotations

import struct
from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pcapan import shadow as cython
    from pcapan.octets import Octets
else:
    try:
        import cython
    except ImportError:
        from pcapan import shadow as cython
if not cython.compiled:
    from pcapan.octets import le16, le32

_WORD = Struct("<I").unpack_from
_HALF = Struct("<H").unpack_from

#: Copies of the lowest `n` bits, so that the item loop need not shift.
_LOW = [(1 << n) - 1 for n in range(33)]


def inflate(data: bytes, size: int) -> tuple[bytearray, bool]:
    """Expand `data` to at most `size` bytes.

    Returns:
        What came out, and whether it is all that was announced: False when the input ends early,
        points before the beginning or wants to write more than `size` bytes.
    """
    return expand(data, size) if cython.compiled else _by_slices(data, size)


def expand(data: Octets, size: int) -> tuple[bytearray, bool]:
    """`inflate` byte by byte, which is the way of a compiled run."""
    out = bytearray(size)
    made = _expand(data, out)
    del out[made:]
    return out, made == size


def _expand(data: Octets, out: bytearray) -> int:
    """Fill `out`; returns how many bytes there are of it."""
    at = made = nibble = 0
    have_nibble = False
    have, room = len(data), len(out)
    with cython.nogil:
        while made < room and have - at >= 4:
            flags = le32(data, at)
            at += 4
            for item in range(31, -1, -1):
                if made == room:
                    break
                if not flags >> item & 1:
                    if at == have:
                        return made
                    out[made] = data[at]
                    made += 1
                    at += 1
                    continue
                if have - at < 2:
                    return made
                match = le16(data, at)
                at += 2
                length = match & 7
                if length == 7:
                    if have_nibble:
                        length = data[nibble] >> 4
                        have_nibble = False
                    else:
                        if at == have:
                            return made
                        nibble = at
                        have_nibble = True
                        length = data[at] & 15
                        at += 1
                    if length == 15:
                        if at == have:
                            return made
                        length = data[at]
                        at += 1
                        if length == 255:
                            if have - at < 2:
                                return made
                            length = le16(data, at)
                            at += 2
                            if not length:
                                if have - at < 4:
                                    return made
                                length = le32(data, at)
                                at += 4
                            if length < 22:
                                return made
                            length -= 22
                        length += 15
                    length += 7
                    if length + 3 > room - made:
                        return made
                length += 3
                distance = (match >> 3) + 1
                if distance > made:
                    return made
                if length > room - made:
                    length = room - made
                for _ in range(length):
                    out[made] = out[made - distance]
                    made += 1
    return made


def _by_slices(data: bytes, size: int) -> tuple[bytearray, bool]:
    """`inflate` by runs of bytes, which is the way of a run without a compiler."""
    out = bytearray()
    position = 0
    nibble = -1
    try:
        while len(out) < size:
            (flags,) = _WORD(data, position)
            position += 4
            if not flags:
                out += data[position : position + 32]
                position += 32
                continue
            left = 32
            while left and len(out) < size:
                run = left - flags.bit_length()
                if run:
                    out += data[position : position + run]
                    position += run
                    left -= run
                    if not left or len(out) >= size:
                        break
                left -= 1
                flags &= _LOW[left]
                (match,) = _HALF(data, position)
                position += 2
                length = match & 7
                if length == 7:
                    if nibble < 0:
                        nibble = position
                        length = data[position] & 15
                        position += 1
                    else:
                        length = data[nibble] >> 4
                        nibble = -1
                    if length == 15:
                        length = data[position]
                        position += 1
                        if length == 255:
                            (length,) = _HALF(data, position)
                            position += 2
                            if not length:
                                (length,) = _WORD(data, position)
                                position += 4
                            length -= 22
                            if length < 0:
                                return out[:size], False
                        length += 15
                    length += 7
                    if length + 3 > size - len(out):
                        return out[:size], False
                length += 3
                distance = (match >> 3) + 1
                start = len(out) - distance
                if start < 0:
                    return out[:size], False
                if length <= distance:
                    out += out[start : start + length]
                else:
                    out += (out[start:] * (length // distance + 1))[:length]
    except (IndexError, struct.error):
        pass
    whole = len(out) >= size
    del out[size:]
    return out, whole
