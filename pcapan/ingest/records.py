# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""The walks over record headers and packet blocks: where each frame lies, how long it is, when it came.

Knows the records of pcap and the Enhanced Packet Block of pcapng, and nothing else of the files; must not
look inside a frame. Cython compiles this source where it can (see `pcapan.compiled`; C types are in the
.pxd): every access is checked, indices are unsigned, and a length is compared with the bytes that are left,
never added to a position before.
"""

from __future__ import annotations

from array import array
from struct import Struct

from pcapan.ingest.frames import FrameBlock

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    from pcapan import shadow as cython
    from pcapan.octets import Octets
else:
    try:
        import cython
    except ImportError:
        from pcapan import shadow as cython

if not cython.compiled:
    from pcapan.octets import be32_of, held, le32, le32_of, span, u32

#: Frames of one block at most: the columns of a block stay in the cache.
CAPACITY = 16384
_CAPACITY = CAPACITY  # the same number where compiled code finds it fastest

#: How the two lengths of a record header are ordered.
AS_WRITTEN, SWAPPED, MAYBE_SWAPPED = 0, 1, 2
_SWAPPED, _MAYBE_SWAPPED = SWAPPED, MAYBE_SWAPPED

_HEADER = {False: Struct("<IIII").unpack_from, True: Struct(">IIII").unpack_from}
_BLOCK = {False: Struct("<IIIIIII").unpack_from, True: Struct(">IIIIIII").unpack_from}

#: Enhanced Packet Block, and its option that holds the direction
#: (https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html, section 4.3).
_ENHANCED_PACKET = 6
_END, _FLAGS = 0, 2
_TIME_MAX = 2**63 - 1
_SECOND = 1_000_000_000


class Rows:
    """The columns of some frames while they are filled; used again for the next ones."""

    def __init__(self) -> None:
        self.count = 0
        self._columns = tuple(array(kind, bytes(array(kind).itemsize * CAPACITY)) for kind in "QIIqIB")
        self.offsets, self.lengths, self.wires, self.times, self.interfaces, self.directions = self._columns

    def add(self, offset: int, length: int, wire: int, time: int, interface: int, direction: int) -> None:
        """Add one frame; there must be room."""
        row = self.count
        self.offsets[row] = offset
        self.lengths[row] = length
        self.wires[row] = wire
        self.times[row] = time
        self.interfaces[row] = interface
        self.directions[row] = direction
        self.count = row + 1

    def fill(self, block: FrameBlock) -> None:
        """Hand the rows over and begin anew."""
        offsets, lengths, wires, times, interfaces, directions = self._columns
        count, self.count = self.count, 0
        block.offsets = offsets[:count]
        block.lengths = lengths[:count]
        block.wire_lengths = wires[:count]
        block.times = times[:count]
        block.interfaces = interfaces[:count]
        block.directions = directions[:count]


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


class BlockWalk:
    """How the packet blocks of one section are written, and what was odd about those of the last walk."""

    def __init__(self, big_endian: bool, longest: int) -> None:
        """`longest`: length of a block that is believed, bytes."""
        self.big_endian = big_endian
        self.longest = longest
        self.known = 0
        """Interfaces described so far; the columns below have room for more."""
        self.limits = array("Q")
        """By interface: longest captured frame believed, bytes."""
        self.factors = array("Q")
        """By interface: nanoseconds in a unit of its clock; 0 = its times are for somebody else."""
        self.most = array("Q")
        """By interface: ticks of its clock up to which 64 bits hold the nanoseconds."""
        self.shifts = array("q")
        """By interface: nanoseconds to add."""
        self.indexes = array("I")
        """By interface: its number through all sections of the file."""
        self.longer = 0
        """Frames whose captured length exceeds the length on the wire."""
        self.first_longer = 0
        """Row of the first of them."""

    def know(self, limit: int, factor: int, shift: int, index: int) -> None:
        """Add the next interface of the section."""
        at = self.known
        if at == len(self.limits):
            self._grow()
        plain = 0 < factor <= _TIME_MAX and abs(shift) < _TIME_MAX // 2
        self.limits[at] = limit
        self.factors[at] = factor if plain else 0
        self.most[at] = (_TIME_MAX - max(shift, 0)) // factor if plain else 0
        self.shifts[at] = shift if plain else 0
        self.indexes[at] = index
        self.known = at + 1

    def _grow(self) -> None:
        """Make room for as many interfaces again, and a few."""
        more = bytes(8 * (self.known + 4))
        self.limits = array("Q", bytes(self.limits) + more)
        self.factors = array("Q", bytes(self.factors) + more)
        self.most = array("Q", bytes(self.most) + more)
        self.shifts = array("q", bytes(self.shifts) + more)
        self.indexes = array("I", bytes(self.indexes) + more[: len(more) // 2])


def walk(how: RecordWalk, rows: Rows, data: Octets, position: int, end: int) -> int:
    """Put the whole records of `data[position:end]` into `rows`, at most `CAPACITY`.

    Returns:
        Where the first record lies that is not whole, not believed (`RecordWalk.lie`) or has no room.
    """
    with cython.nogil:
        return walk_records(how, rows, data, position, end)


def walk_records(how: RecordWalk, rows: Rows, data: Octets, position: int, end: int) -> int:
    """As `walk`, for those who need no Python object."""
    big, limit, room = how.big_endian, how.limit, _CAPACITY
    size, scale = how.record_size, how.scale
    first = position
    if cython.compiled:
        records = span(data, position, end)
    always, maybe = how.order == _SWAPPED, how.order == _MAYBE_SWAPPED
    count = first_longer = longer = 0
    how.lie = -1
    while count < room and end - position >= size:
        if cython.compiled:
            head = held(records, position - first, 16)
            if not head:
                break
            if big:
                seconds, fraction = be32_of(head, 0), be32_of(head, 4)
                captured, wire = be32_of(head, 8), be32_of(head, 12)
            else:
                seconds, fraction = le32_of(head, 0), le32_of(head, 4)
                captured, wire = le32_of(head, 8), le32_of(head, 12)
        else:
            seconds, fraction, captured, wire = _HEADER[big](data, position)
        if always or (maybe and captured > wire):
            captured, wire = wire, captured
        if captured > limit:
            how.lie = captured
            break
        if captured > end - position - size:
            break
        if wire < captured:
            if not longer:
                first_longer = count
            longer += 1
            wire = captured
        position += size
        rows.offsets[count] = position
        rows.lengths[count] = captured
        rows.wires[count] = wire
        rows.times[count] = seconds * _SECOND + fraction * scale
        position += captured
        count += 1
    rows.count = count
    how.longer = longer
    how.first_longer = first_longer
    return position


def walk_blocks(how: BlockWalk, rows: Rows, data: Octets, position: int, end: int) -> int:
    """Add the whole, plain Enhanced Packet Blocks of `data[position:end]` to `rows`, while there is room.

    Returns:
        Where the first block lies that is of another kind, not whole, not sound, or has a comment.
    """
    with cython.nogil:
        return walk_packets(how, rows, data, position, end)


def walk_packets(how: BlockWalk, rows: Rows, data: Octets, position: int, end: int) -> int:
    """As `walk_blocks`, for those who need no Python object."""
    big, longest, known, room = how.big_endian, how.longest, how.known, _CAPACITY
    count = rows.count
    first_longer = longer = 0
    while count < room and end - position >= 32:
        if cython.compiled:
            kind = u32(data, position) if big else le32(data, position)
            total = u32(data, position + 4) if big else le32(data, position + 4)
            source = u32(data, position + 8) if big else le32(data, position + 8)
            high = u32(data, position + 12) if big else le32(data, position + 12)
            low = u32(data, position + 16) if big else le32(data, position + 16)
            captured = u32(data, position + 20) if big else le32(data, position + 20)
            wire = u32(data, position + 24) if big else le32(data, position + 24)
        else:
            kind, total, source, high, low, captured, wire = _BLOCK[big](data, position)
        if kind != _ENHANCED_PACKET or source >= known or total < 32 or total > longest:
            break
        size = (total + 3) & ~3
        used = 28 + ((captured + 3) & ~3)
        ticks = high << 32 | low
        if (
            size > end - position
            or captured > how.limits[source]
            or used > size - 4
            or how.factors[source] == 0
            or ticks > how.most[source]
        ):
            break
        if (u32(data, position + size - 4) if big else le32(data, position + size - 4)) != total:
            break
        direction = 0
        if used < size - 4:
            direction = _direction(data, position + used, position + size - 4, big)
            if direction < 0:
                break
        if wire < captured:
            if not longer:
                first_longer = count
            longer += 1
            wire = captured
        rows.offsets[count] = position + 28
        rows.lengths[count] = captured
        rows.wires[count] = wire
        rows.times[count] = ticks * how.factors[source] + how.shifts[source]
        rows.interfaces[count] = how.indexes[source]
        rows.directions[count] = direction
        position += size
        count += 1
    rows.count = count
    how.longer = longer
    how.first_longer = first_longer
    return position


def _direction(data: Octets, position: int, end: int, big: bool) -> int:
    """What the options of a packet block say of its direction; -1 when they say more than that."""
    direction = 0
    while end - position >= 4:
        head = u32(data, position) if big else le32(data, position)
        code = head >> 16 if big else head & 0xFFFF
        length = head & 0xFFFF if big else head >> 16
        position += 4
        if code == _END or length > end - position:
            break
        if code == 1:
            return -1
        if code == _FLAGS and length == 4:
            direction = (u32(data, position) if big else le32(data, position)) & 3
            if direction == 3:
                direction = 0
        length = (length + 3) & ~3
        if length > end - position:
            break
        position += length
    return direction
