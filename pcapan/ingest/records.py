# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""The walk over the record headers of a pcap file: where each frame lies, how long it is, when it came.

Knows record headers and nothing else of the file; must not look inside a frame. Cython compiles this
source where it can (see `pcapan.compiled`; C types are in the .pxd): every access is checked, indices are
unsigned, and a length is compared with the bytes that are left, never added to a position before.
"""

from __future__ import annotations

from array import array
from struct import Struct
from typing import TYPE_CHECKING

from pcapan.ingest.frames import FrameBlock

if TYPE_CHECKING:
    from pcapan import shadow as cython
    from pcapan.octets import Octets
else:
    try:
        import cython
    except ImportError:
        from pcapan import shadow as cython

#: Frames of one block at most: the columns of a block stay in the cache.
CAPACITY = 16384

#: How the two lengths of a record header are ordered.
AS_WRITTEN, SWAPPED, MAYBE_SWAPPED = 0, 1, 2

_HEADER = {False: Struct("<IIII").unpack_from, True: Struct(">IIII").unpack_from}


def _word(data: Octets, at: int, big: bool) -> int:
    """The unsigned 32-bit number at `at`."""
    if big:
        return data[at] << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]
    return data[at + 3] << 24 | data[at + 2] << 16 | data[at + 1] << 8 | data[at]


class Rows:
    """The columns of a frame block while it is filled; used again for the next block."""

    def __init__(self) -> None:
        self.count = 0
        self.offsets = array("Q", bytes(8 * CAPACITY))
        self.lengths = array("I", bytes(4 * CAPACITY))
        self.wires = array("I", bytes(4 * CAPACITY))
        self.times = array("q", bytes(8 * CAPACITY))
        self.interfaces = array("I", bytes(4 * CAPACITY))
        self.directions = array("B", bytes(CAPACITY))

    def fill(self, block: FrameBlock) -> None:
        """Hand the rows over and begin anew."""
        count, self.count = self.count, 0
        block.offsets = self.offsets[:count]
        block.lengths = self.lengths[:count]
        block.wire_lengths = self.wires[:count]
        block.times = self.times[:count]
        block.interfaces = self.interfaces[:count]
        block.directions = self.directions[:count]


class RecordWalk:
    """How the records of one file are written, and what was odd about those of the last block."""

    def __init__(self, big_endian: bool, record_size: int, scale: int, limit: int, order: int) -> None:
        """`record_size` in bytes; `scale`: nanoseconds in one unit of the fraction; `limit`: longest
        captured length believed, bytes; `order`: one of `AS_WRITTEN`, `SWAPPED`, `MAYBE_SWAPPED`."""
        self.big_endian = big_endian
        self.record_size = record_size
        self.scale = scale
        self.limit = limit
        self.order = order
        self.lie = -1
        """Captured length of the record at which the walk stopped because nobody can believe it."""
        self.longer = 0
        """Frames whose captured length exceeds the length on the wire."""
        self.first_longer = 0
        """Row of the first of them."""


def walk(how: RecordWalk, rows: Rows, data: Octets, position: int, end: int) -> int:
    """Put the whole records of `data[position:end]` into `rows`, at most `CAPACITY`.

    Returns:
        Where the first record lies that is not whole, not believed (`RecordWalk.lie`) or has no room.
    """
    offsets, lengths, wires, times = rows.offsets, rows.lengths, rows.wires, rows.times
    record_size, scale, limit, big = how.record_size, how.scale, how.limit, how.big_endian
    always, maybe, room = how.order == SWAPPED, how.order == MAYBE_SWAPPED, CAPACITY
    unpack = _HEADER[big]
    count = first_longer = longer = 0
    lie = -1
    with cython.nogil:
        while count < room and end - position >= record_size:
            if cython.compiled:
                seconds = _word(data, position, big)
                fraction = _word(data, position + 4, big)
                captured = _word(data, position + 8, big)
                wire = _word(data, position + 12, big)
            else:
                seconds, fraction, captured, wire = unpack(data, position)
            if always or (maybe and captured > wire):
                captured, wire = wire, captured
            if captured > limit:
                lie = captured
                break
            if captured > end - position - record_size:
                break
            if wire < captured:
                if not longer:
                    first_longer = count
                longer += 1
                wire = captured
            position += record_size
            offsets[count] = position
            lengths[count] = captured
            wires[count] = wire
            times[count] = seconds * 1_000_000_000 + fraction * scale
            position += captured
            count += 1
    rows.count = count
    how.lie = lie
    how.longer = longer
    how.first_longer = first_longer
    return position
