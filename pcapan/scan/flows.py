# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""Adds up ESP and keepalives by flow: one row a flow, whatever the number of packets.

Knows sequence numbers and gaps; must not know SAs or sources. Rows lie in one array of numbers, found by
open addressing, so that a packet costs no Python object and memory grows with flows alone. With many flows
what a packet costs is the lines of memory that it touches: a slot, and the two lines of its row.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator

from pcapan.scan.copies import ESP_WINDOW

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    from pcapan import shadow as cython
else:
    try:
        import cython
    except ImportError:
        from pcapan import shadow as cython
if not cython.compiled:
    from pcapan.octets import mixed5
    from pcapan.scan.lines import begin, counted, grown, left, low, move, row_of, time_of

#: A flow: IP version, addresses as two halves of 64 bits (IPv4: 0 and the address), and what the table's
#: user tells apart beyond them in 64 bits: ports and SPI.
FlowKey = tuple[int, int, int, int, int, int]

# Columns of a row: what a search looks at lies in one line, what most packets change at the end of it and in
# the other. `_KIND`: copies, and in its last eight bits the IP version; `_SPAN`: lowest and highest sequence
# number, 32 bits each; times as `lines.counted` gives them. Compiled, they are constants of the .pxd.
if not cython.compiled:
    _KIND, _SRC_HI, _SRC_LO, _DST_HI, _DST_LO, _ENDS, _PACKETS, _OCTETS = range(8)
    _SPAN, _WINDOW, _LAST, _LAST_FRAME, _GAP, _GAP_FROM, _FIRST, _FIRST_FRAME = range(8, 16)
    _COPY = 256
    _NO_NUMBER = -1
    assert ESP_WINDOW == 64, "the bits of a number"

_BEGIN = 256
#: Slots a row, at least three quarters of which stay free: few searches go past the first one.
_SPREAD = 4
#: What a slot has 32 bits for.
_MOST = (1 << 31) - 1


class FlowTable:
    """Flows by key, in order of their first packet. At most `limit` rows; what comes then is not added."""

    def __init__(self, limit: int = _MOST) -> None:
        self._seed = int.from_bytes(os.urandom(8), "big")  # Nobody can prepare keys that collide.
        self._limit = min(limit, _MOST)
        self._count = 0
        self._room = 0
        self._held = array("Q")
        self._first = 0
        self._words = self._held
        """The rows in it, as compiled code looks into them."""
        self._slots = array("Q", bytes(8 * _SPREAD * _BEGIN))
        """By hash: its upper half, by which a search passes other rows without a look at them, and in the
        lower half the row + 1. 0 = free."""
        self._mask = _SPREAD * _BEGIN - 1
        self._make_room(_BEGIN)

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
        tag = mixed5(self._seed, src_hi, src_lo, dst_hi, dst_lo, ends) >> 32
        slot = tag & self._mask
        while True:
            held = self._slots[slot]
            if held == 0:
                if not self._new(slot, tag, version, src_hi, src_lo, dst_hi, dst_lo, ends):
                    return True
                row = row_of(self._words, self._count - 1)
                break
            if held >> 32 == tag:
                row = row_of(self._words, low(held) - 1)
                if (
                    row[_ENDS] == ends
                    and row[_SRC_LO] == src_lo
                    and row[_DST_LO] == dst_lo
                    and row[_SRC_HI] == src_hi
                    and row[_DST_HI] == dst_hi
                    and row[_KIND] & 255 == version
                ):
                    break
            slot = (slot + 1) & self._mask
        highest = low(row[_SPAN])
        if sequence == _NO_NUMBER:
            pass
        elif row[_PACKETS] == 0:
            row[_SPAN] = left(sequence, 32) | sequence
            row[_WINDOW] = 1
        elif sequence > highest:
            ahead = sequence - highest
            row[_WINDOW] = left(row[_WINDOW], ahead) | 1 if ahead < 64 else 1
            row[_SPAN] += ahead
        else:
            behind = highest - sequence
            if behind < 64:
                if (row[_WINDOW] >> behind) & 1:
                    row[_KIND] += _COPY
                    return False
                row[_WINDOW] |= left(1, behind)
            if sequence < row[_SPAN] >> 32:
                row[_SPAN] = left(sequence, 32) | highest
        _touch(row, octets, counted(ts), frame)
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
        words = self._words
        for at in range(0, 16 * self._count, 16):
            kind, span = words[at + _KIND], words[at + _SPAN]
            yield (
                (
                    kind & 255,
                    words[at + _SRC_HI],
                    words[at + _SRC_LO],
                    words[at + _DST_HI],
                    words[at + _DST_LO],
                    words[at + _ENDS],
                ),
                (
                    words[at + _PACKETS],
                    words[at + _OCTETS],
                    time_of(words[at + _FIRST]),
                    time_of(words[at + _LAST]),
                    words[at + _FIRST_FRAME],
                    words[at + _LAST_FRAME],
                    span >> 32,
                    low(span),
                    words[at + _GAP],
                    time_of(words[at + _GAP_FROM]),
                    kind >> 8,
                ),
            )

    def _new(
        self, slot: int, tag: int, version: int, src_hi: int, src_lo: int, dst_hi: int, dst_lo: int, ends: int
    ) -> bool:
        """Have a row, the last one, for a key that there was not, whose search ended at this slot.

        False when there is no room.
        """
        if self._count >= self._limit:
            return False
        if self._count == self._room:
            with cython.gil:
                self._make_room(2 * self._room)
                self._spread()
            slot = tag & self._mask
            while self._slots[slot] != 0:
                slot = (slot + 1) & self._mask
        row = row_of(self._words, self._count)
        row[_KIND] = version
        row[_SRC_HI] = src_hi
        row[_SRC_LO] = src_lo
        row[_DST_HI] = dst_hi
        row[_DST_LO] = dst_lo
        row[_ENDS] = ends
        row[_PACKETS] = row[_OCTETS] = row[_SPAN] = row[_WINDOW] = row[_GAP] = 0
        row[_LAST] = row[_LAST_FRAME] = row[_GAP_FROM] = row[_FIRST] = row[_FIRST_FRAME] = 0
        self._count += 1
        self._slots[slot] = left(tag, 32) | self._count
        return True

    def _make_room(self, room: int) -> None:
        """Have room for so many rows: they stay where they are, or move as a whole."""
        self._words = array("Q")  # an array that is looked into cannot grow
        grown(self._held, room)
        self._words = self._held
        first = begin(self._words)
        move(self._words, self._count, self._first, first)
        self._first = first
        if cython.compiled:
            self._words = self._words[first:]
        self._room = room

    def _spread(self) -> None:
        """Double the slots."""
        size = self._mask + 1
        mask = 2 * size - 1
        before, slots = self._slots, array("Q", [0]) * (2 * size)
        for index in range(size):
            held = before[index]
            if held != 0:
                slot = (held >> 32) & mask
                while slots[slot] != 0:
                    slot = (slot + 1) & mask
                slots[slot] = held
        self._slots, self._mask = slots, mask


def _touch(row: memoryview, octets: int, ts: int, frame: int) -> None:
    """Count a packet in its row; `ts` as `counted` gives it."""
    if row[_PACKETS] == 0:
        row[_FIRST] = row[_LAST] = row[_GAP_FROM] = ts
        row[_FIRST_FRAME] = row[_LAST_FRAME] = frame
    elif ts > row[_LAST]:
        gap = ts - row[_LAST]
        if gap > row[_GAP]:
            row[_GAP] = gap
            row[_GAP_FROM] = row[_LAST]
        row[_LAST] = ts
        row[_LAST_FRAME] = frame
    elif ts < row[_FIRST]:
        row[_FIRST] = ts
        row[_FIRST_FRAME] = frame
    row[_PACKETS] += 1
    row[_OCTETS] += octets
