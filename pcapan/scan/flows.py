# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""Adds up ESP and keepalives by flow: one row a flow, whatever the number of packets.

Knows sequence numbers and gaps; must not know SAs or sources. Rows lie in arrays of numbers, found by open
addressing, so that a packet costs no Python object and memory grows with flows alone. With many flows what a
packet costs is the memory that it touches, so that is little: a slot, and of the row one line of the cache,
in which stands what most packets ask for or change. See `pcapan.scan.waiting` too.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator

from pcapan.scan.copies import ESP_WINDOW
from pcapan.scan.rowstore import RowStore

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    from pcapan import shadow as cython
else:
    try:
        import cython
    except ImportError:
        from pcapan import shadow as cython
if not cython.compiled:
    from pcapan.octets import flow_tag
    from pcapan.scan.lines import WIDTH, counted, left, low, row_of, time_of

#: A flow: IP version, addresses as two halves of 64 bits (IPv4: 0 and the address), and what the table's
#: user tells apart beyond them in 64 bits: ports and SPI.
FlowKey = tuple[int, int, int, int, int, int]

# A row has a near part, which most packets need, and a far one, each a row of its store. Near: `_ADDRESSES`:
# source and destination of IPv4, 32 bits each, else the number of the row that has their halves; `_NUMBERS`:
# the highest sequence number, and of the packets the lower 32 bits; `_SIZES`: those of the octets, and of the
# last frame; times as `lines.counted` gives them. Far: `_KIND`: copies, and in its last eight bits the IP
# version; `_MORE_...`: the upper halves. Compiled, they are constants of the .pxd.
if not cython.compiled:
    _ADDRESSES, _ENDS, _NUMBERS, _SIZES, _WINDOW, _LAST, _GAP, _GAP_FROM = range(8)
    _KIND, _FIRST, _FIRST_FRAME, _LOWEST, _MORE_PACKETS, _MORE_OCTETS, _MORE_FRAMES = range(7)
    _SRC_HI, _SRC_LO, _DST_HI, _DST_LO = range(4)
    _COPY = 256
    _NO_NUMBER = (1 << 64) - 1
    assert ESP_WINDOW == 64, "the bits of a number"

#: Room for rows to begin with, and slots. At least half of those stay free, so that few searches go past the
#: first one.
_BEGIN, _SLOTS = 256, 1024
#: A slot has 32 bits for the number of a row, and there are twice as many.
_MOST = (1 << 30) - 1


class FlowTable:
    """Flows by key, in order of their first packet. At most `limit` rows; what comes then is not added."""

    def __init__(self, limit: int = _MOST) -> None:
        self._seed = int.from_bytes(os.urandom(8), "big")  # Nobody can prepare keys that collide.
        self._limit = min(limit, _MOST)
        self._count = 0
        self._wide_count = 0
        self._near_store, self._far_store, self._wide_store = RowStore(_BEGIN), RowStore(_BEGIN), RowStore(1)
        self._near, self._far = self._near_store.words, self._far_store.words
        """The two parts of the rows."""
        self._wide = self._wide_store.words
        """Halves of addresses of which a row has the number alone."""
        self._slots = array("Q", bytes(8 * _SLOTS))
        """By hash: its upper half, by which a search passes other rows without a look at them, and in the
        lower half the row + 1. 0 = free."""
        self._mask = _SLOTS - 1

    def __len__(self) -> int:
        return self._count

    def add(
        self,
        version: int,
        src_hi: int,
        src_lo: int,
        dst_hi: int,
        dst_lo: int,
        ends: int,
        sequence: int,
        octets: int,
        ts: int,
        frame: int,
    ) -> bool:
        """Count one ESP packet; False when its sequence number, of 32 bits, was seen already (a copy).

        The same ESP sequence number never comes twice from the sender (RFC 4303 section 3.3.3),
        so a repeat within the last 64 numbers is the capture's doing or the network's.
        """
        return self.take(
            0, version, src_hi, src_lo, dst_hi, dst_lo, ends, sequence, octets, counted(ts), frame
        )

    def take(
        self,
        tag: int,
        version: int,
        src_hi: int,
        src_lo: int,
        dst_hi: int,
        dst_lo: int,
        ends: int,
        sequence: int,
        octets: int,
        ts: int,
        frame: int,
    ) -> bool:
        """As `add`, with `ts` as `counted` gives it, and the key's `flow_tag` where it is known, else 0."""
        if tag == 0:
            tag = flow_tag(self._seed, version, src_hi, src_lo, dst_hi, dst_lo, ends)
        slot = tag & self._mask
        while True:
            held = self._slots[slot]
            if held == 0:
                return self._begin(
                    slot,
                    tag,
                    version,
                    src_hi,
                    src_lo,
                    dst_hi,
                    dst_lo,
                    ends,
                    sequence,
                    octets,
                    ts,
                    frame,
                )
            if held >> 32 == tag:
                row = row_of(self._near, low(held) - 1)
                if row[_ENDS] == ends:
                    if version == 4:
                        if row[_ADDRESSES] == left(src_lo, 32) | dst_lo:
                            break
                    elif self._is_wide(row[_ADDRESSES], src_hi, src_lo, dst_hi, dst_lo):
                        break
            slot = (slot + 1) & self._mask
        numbers = row[_NUMBERS]
        highest = numbers >> 32
        if sequence == _NO_NUMBER:
            pass
        elif sequence > highest:
            ahead = sequence - highest
            row[_WINDOW] = left(row[_WINDOW], ahead) | 1 if ahead < 64 else 1
            numbers += left(ahead, 32)
        else:
            behind = highest - sequence
            if behind < 64:
                if (row[_WINDOW] >> behind) & 1:
                    row_of(self._far, low(held) - 1)[_KIND] += _COPY
                    return False
                row[_WINDOW] |= left(1, behind)
            far = row_of(self._far, low(held) - 1)
            if sequence < far[_LOWEST]:
                far[_LOWEST] = sequence
        sizes = (row[_SIZES] >> 32) + octets
        last_frame = low(row[_SIZES])
        if ts > row[_LAST]:
            gap = ts - row[_LAST]
            if gap > row[_GAP]:
                row[_GAP] = gap
                row[_GAP_FROM] = row[_LAST]
            row[_LAST] = ts
            last_frame = low(frame)
            if frame >> 32:
                row_of(self._far, low(held) - 1)[_MORE_FRAMES] = frame >> 32
        else:
            far = row_of(self._far, low(held) - 1)
            if ts < far[_FIRST]:
                far[_FIRST] = ts
                far[_FIRST_FRAME] = frame
        if sizes >> 32:
            row_of(self._far, low(held) - 1)[_MORE_OCTETS] += sizes >> 32
        row[_SIZES] = left(sizes, 32) | last_frame
        if low(numbers + 1) == 0:
            row_of(self._far, low(held) - 1)[_MORE_PACKETS] += 1
            row[_NUMBERS] = left(numbers >> 32, 32)
        else:
            row[_NUMBERS] = numbers + 1
        return True

    def count(
        self,
        version: int,
        src_hi: int,
        src_lo: int,
        dst_hi: int,
        dst_lo: int,
        ends: int,
        octets: int,
        ts: int,
        frame: int,
    ) -> None:
        """Count one packet without a sequence number."""
        self.add(version, src_hi, src_lo, dst_hi, dst_lo, ends, _NO_NUMBER, octets, ts, frame)

    def rows(self) -> Iterator[tuple[FlowKey, tuple[int, ...]]]:
        """Key and totals of every flow: packets, octets, first and last time, first and last frame, lowest
        and highest sequence, longest gap, when it began, copies."""
        for number in range(self._count):
            at = WIDTH * number
            near, far = list(self._near[at : at + WIDTH]), list(self._far[at : at + WIDTH])
            version, addresses = far[_KIND] & 255, near[_ADDRESSES]
            halves = [0, addresses >> 32, 0, low(addresses)]
            if version != 4:
                at = WIDTH * addresses
                halves = list(self._wide[at : at + 4])
            yield (
                (version, halves[0], halves[1], halves[2], halves[3], near[_ENDS]),
                (
                    far[_MORE_PACKETS] << 32 | low(near[_NUMBERS]),
                    far[_MORE_OCTETS] << 32 | near[_SIZES] >> 32,
                    time_of(far[_FIRST]),
                    time_of(near[_LAST]),
                    far[_FIRST_FRAME],
                    far[_MORE_FRAMES] << 32 | low(near[_SIZES]),
                    far[_LOWEST],
                    near[_NUMBERS] >> 32,
                    near[_GAP],
                    time_of(near[_GAP_FROM]),
                    far[_KIND] >> 8,
                ),
            )

    def _is_wide(self, number: int, src_hi: int, src_lo: int, dst_hi: int, dst_lo: int) -> bool:
        """Whether these halves of addresses are those with this number."""
        wide = row_of(self._wide, number)
        return bool(
            wide[_SRC_LO] == src_lo
            and wide[_DST_LO] == dst_lo
            and wide[_SRC_HI] == src_hi
            and wide[_DST_HI] == dst_hi
        )

    def _begin(
        self,
        slot: int,
        tag: int,
        version: int,
        src_hi: int,
        src_lo: int,
        dst_hi: int,
        dst_lo: int,
        ends: int,
        sequence: int,
        octets: int,
        ts: int,
        frame: int,
    ) -> bool:
        """Have a row for the first packet of a key, whose search ended at this slot; there may be no room."""
        number = self._count
        if number >= self._limit:
            return True
        if 2 * number > self._mask:
            with cython.gil:
                self._spread()
            slot = tag & self._mask
            while self._slots[slot] != 0:
                slot = (slot + 1) & self._mask
        if number == self._near_store.room:
            with cython.gil:
                self._near = self._far = self._wide
                self._near_store.more(number)
                self._far_store.more(number)
                self._near, self._far = self._near_store.words, self._far_store.words
        near, far = row_of(self._near, number), row_of(self._far, number)
        if version == 4:
            near[_ADDRESSES] = left(src_lo, 32) | dst_lo
        else:
            near[_ADDRESSES] = self._widen(src_hi, src_lo, dst_hi, dst_lo)
        if sequence == _NO_NUMBER:
            sequence = near[_WINDOW] = 0
        else:
            near[_WINDOW] = 1
        near[_ENDS] = ends
        near[_NUMBERS] = left(sequence, 32) | 1
        near[_SIZES] = left(octets, 32) | low(frame)
        near[_LAST] = near[_GAP_FROM] = far[_FIRST] = ts
        near[_GAP] = 0
        far[_KIND] = version
        far[_FIRST_FRAME] = frame
        far[_LOWEST] = sequence
        far[_MORE_PACKETS] = 0
        far[_MORE_OCTETS] = octets >> 32
        far[_MORE_FRAMES] = frame >> 32
        self._count = number + 1
        self._slots[slot] = left(tag, 32) | self._count
        return True

    def _widen(self, src_hi: int, src_lo: int, dst_hi: int, dst_lo: int) -> int:
        """Keep these halves of addresses; gives their number."""
        number = self._wide_count
        if number == self._wide_store.room:
            with cython.gil:
                self._wide = self._slots
                self._wide_store.more(number)
                self._wide = self._wide_store.words
        wide = row_of(self._wide, number)
        wide[_SRC_HI] = src_hi
        wide[_SRC_LO] = src_lo
        wide[_DST_HI] = dst_hi
        wide[_DST_LO] = dst_lo
        self._wide_count = number + 1
        return number

    def _spread(self) -> None:
        """Double the slots."""
        size = self._mask + 1
        mask = 2 * size - 1
        before, slots = self._slots, array("Q", (0,)) * (2 * size)
        for index in range(size):
            held = before[index]
            if held != 0:
                slot = (held >> 32) & mask
                while slots[slot] != 0:
                    slot = (slot + 1) & mask
                slots[slot] = held
        self._slots, self._mask = slots, mask
