"""Compresses as Windows compresses event buffers: plain LZ77, greedy, to make fixtures real."""

from __future__ import annotations

import struct

_WINDOW = 8192


def deflate(data: bytes) -> bytes:
    """The stream of [MS-XCA] 2.4 for `data`."""
    out = bytearray()
    table: dict[bytes, int] = {}
    flags = 0
    bits = 0
    flags_at = 0
    nibble_at = -1
    position = 0
    end = len(data)
    out += bytes(4)
    while position < end:
        key = data[position : position + 4]
        before = table.get(key, -1)
        table[key] = position
        length = 0
        if before >= 0 and position - before <= _WINDOW and len(key) == 4:
            length = _match(data, before, position, end)
        if length:
            for inside in range(position + 7, position + length - 4, 31):
                table[data[inside : inside + 4]] = inside
            nibble_at = _write_match(out, position - before, length, nibble_at)
            position += length
        else:
            out.append(data[position])
            position += 1
        flags = flags << 1 | bool(length)
        bits += 1
        if bits == 32:
            struct.pack_into("<I", out, flags_at, flags)
            flags = bits = 0
            flags_at = len(out)
            out += bytes(4)
    flags = (flags << (32 - bits)) | ((1 << (32 - bits)) - 1)
    struct.pack_into("<I", out, flags_at, flags)
    return bytes(out)


def _match(data: bytes, before: int, position: int, end: int) -> int:
    length = 4
    step = 64
    while step:
        one = data[position + length : position + length + step]
        if len(one) == step and data[before + length : before + length + step] == one:
            length += step
            step = min(step * 2, 4096)
        else:
            step //= 2
    return min(length, end - position)


def _write_match(out: bytearray, distance: int, length: int, nibble_at: int) -> int:
    length -= 3
    out += struct.pack("<H", (distance - 1) << 3 | min(length, 7))
    if length < 7:
        return nibble_at
    length -= 7
    half = min(length, 15)
    if nibble_at < 0:
        nibble_at = len(out)
        out.append(half)
    else:
        out[nibble_at] |= half << 4
        nibble_at = -1
    if half < 15:
        return nibble_at
    length -= 15
    if length < 255:
        out.append(length)
        return nibble_at
    out.append(255)
    length += 15 + 7
    if length <= 0xFFFF:
        out += struct.pack("<H", length)
    else:
        out += struct.pack("<HI", 0, length)
    return nibble_at
