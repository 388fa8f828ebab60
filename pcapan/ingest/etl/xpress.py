"""Plain LZ77 of the Xpress family, the compression of event trace buffers.

Knows the stream described in [MS-XCA] section 2.4 (Plain LZ77) and nothing about traces. The output
never grows beyond what was announced, whatever the input says.
"""

from __future__ import annotations

import struct
from struct import Struct

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
            while left:
                run = left - flags.bit_length()
                if run:
                    out += data[position : position + run]
                    position += run
                    left -= run
                    if not left:
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
