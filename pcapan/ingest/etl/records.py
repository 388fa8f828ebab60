"""Event records: how long each is, which provider wrote it, where its data begins.

Knows the record headers that Windows writes to disk (system, perfinfo, classic, EVENT_HEADER, WPP) and
extended data items. Must not know providers.
"""

from __future__ import annotations

from struct import Struct

#: Both forms of EVENT_HEADER: written by a 32-bit and by a 64-bit process. Same layout.
EVENT_32, EVENT_64 = 0xC012, 0xC013
EVENT_HEADER = 0x50
CLASSIC_HEADER = 0x30
FLAG_EXTENDED = 0x0001

#: Size, marker, provider: what the walk needs of an EVENT_HEADER.
SIZE_MARKER_PROVIDER = Struct("<HH20x16s").unpack_from
#: Flags, thread, process, time stamp, id, version, opcode, keyword.
EVENT_FIELDS = Struct("<4xHxxIIq16xHBxxBxxQ").unpack_from
STAMP = Struct("<16xq").unpack_from

_ITEM = Struct("<HHHH").unpack_from

#: Types (third byte) of records whose size is in the first word, and of those with it in the third.
_SIZE_FIRST = frozenset((0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x12, 0x13, 0x14, 0x15))
_SIZE_THIRD = frozenset((0x01, 0x02, 0x03, 0x04, 0x10, 0x11))
_CLASSIC = frozenset((0x0A, 0x14, 0x0B, 0x15))

#: What `kind_and_size` calls a record.
SYSTEM, CLASSIC, EVENT, WPP, OTHER, END, BROKEN = range(7)

_WORDS = Struct("<HHH").unpack_from


def kind_and_size(data: bytes | bytearray, position: int, end: int) -> tuple[int, int]:
    """What the record at `position` is, and its size in bytes; END and BROKEN have none."""
    if position + 8 > end:
        return END, 0
    size, marker, third = _WORDS(data, position)
    flags, kind = marker >> 8, marker & 0xFF
    if size == 0xFFFF and marker == 0xFFFF:
        return END, 0
    if flags == 0xC0:
        if kind in _SIZE_THIRD:
            size = third
            shape = SYSTEM
        elif kind in _SIZE_FIRST:
            shape = CLASSIC if kind in _CLASSIC else EVENT if kind in (0x12, 0x13) else OTHER
        else:
            return BROKEN, 0
    elif flags >> 4 == 9:
        shape = WPP
    else:
        return BROKEN, 0
    if size < 8 or position + size > end:
        return BROKEN, 0
    if (shape == EVENT and size < EVENT_HEADER) or (shape == CLASSIC and size < CLASSIC_HEADER):
        return BROKEN, 0
    return shape, size


def user_data(data: bytes | bytearray, position: int, size: int, flags: int) -> int:
    """Where the user data of the event at `position` begins; the end of the event when items lie.

    Extended items stand between header and user data, chained by a bit of each.
    """
    start = position + EVENT_HEADER
    if not flags & FLAG_EXTENDED:
        return start
    end = position + size
    length: int
    while start + 8 <= end:
        length, _kind, linkage, _used = _ITEM(data, start)
        if length < 8:
            return end
        start += length
        if not linkage & 1:
            return start if start < end else end
    return end
