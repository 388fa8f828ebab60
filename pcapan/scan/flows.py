# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""Adds up ESP and keepalives by flow: one row a flow, whatever the number of packets.

Knows sequence numbers and gaps; must not know SAs or sources. Rows lie in two arrays of numbers, found
by open addressing, so that a packet costs no Python object and memory grows with flows alone.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pcapan.scan.copies import ESP_WINDOW

if TYPE_CHECKING:
    from pcapan import shadow as cython
else:
    try:
        import cython
    except ImportError:
        from pcapan import shadow as cython
if not cython.compiled:
    from pcapan.octets import mixed, mixed2

#: A flow: IP version, addresses as two halves of 64 bits (IPv4: 0 and the address), and what the table's
#: user tells apart beyond them in 64 bits: ports and SPI.
FlowKey = tuple[int, int, int, int, int, int]

# Columns of a row: those that hold no time, in room for a power of two, and those that do (ns). Compiled,
# they are constants of the .pxd.
if not cython.compiled:
    _VERSION, _SRC_HI, _SRC_LO, _DST_HI, _DST_LO, _ENDS, _PACKETS, _OCTETS = range(8)
    _FIRST_FRAME, _LAST_FRAME = range(8, 10)
    _LOWEST, _HIGHEST, _WINDOW, _GAP, _COPIES = range(10, 15)
    _WIDTH = 16
    _FIRST, _LAST, _GAP_FROM, _TIMES = range(4)

_BEGIN = 256
#: Slots a row: the more of them are free, the fewer searches meet a row that is not theirs, which costs more
#: than all else a search does.
_SPREAD = 8
_WINDOW_MASK = (1 << ESP_WINDOW) - 1
_ONE = 1


class FlowTable:
    """Flows by key, in order of their first packet. At most `limit` rows; what comes then is not added."""

    def __init__(self, limit: int = (1 << 32) - 1) -> None:
        self._seed = int.from_bytes(os.urandom(8), "big")  # Nobody can prepare keys that collide.
        self._limit = limit
        self._count = 0
        self._room = _BEGIN
        self._held_words = array("Q", bytes(8 * _WIDTH * _BEGIN))
        self._held_times = array("q", bytes(8 * _TIMES * _BEGIN))
        self._words, self._times = self._held_words, self._held_times
        """The same, as compiled code looks into them."""
        self._slots = array("I", bytes(4 * _SPREAD * _BEGIN))
        """Row + 1 by hash, 0 = free."""

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
        """Count one ESP packet; False when its sequence number was seen already (a copy).

        The same ESP sequence number never comes twice from the sender (RFC 4303 section 3.3.3),
        so a repeat within the last 64 numbers is the capture's doing or the network's.
        """
        row = self._find(version, src_hi, src_lo, dst_hi, dst_lo, ends)
        if row < 0:
            return True
        at = row * _WIDTH
        if self._words[at + _PACKETS] == 0:
            self._words[at + _LOWEST] = self._words[at + _HIGHEST] = sequence
            self._words[at + _WINDOW] = 1
        elif sequence > self._words[at + _HIGHEST]:
            ahead = sequence - self._words[at + _HIGHEST]
            window = self._words[at + _WINDOW]
            self._words[at + _WINDOW] = ((window << ahead) | 1) & _WINDOW_MASK if ahead < 64 else 1
            self._words[at + _HIGHEST] = sequence
        else:
            behind = self._words[at + _HIGHEST] - sequence
            if behind < 64:
                window = self._words[at + _WINDOW]
                if (window >> behind) & 1:
                    self._words[at + _COPIES] += 1
                    return False
                self._words[at + _WINDOW] = window | _ONE << behind
            if sequence < self._words[at + _LOWEST]:
                self._words[at + _LOWEST] = sequence
        self._touch(row, octets, ts, frame)
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
        row = self._find(version, src_hi, src_lo, dst_hi, dst_lo, ends)
        if row >= 0:
            self._touch(row, octets, ts, frame)

    def rows(self) -> Iterator[tuple[FlowKey, tuple[int, ...]]]:
        """Key and totals of every flow: packets, octets, first and last time, first and last frame, lowest
        and highest sequence, longest gap, when it began, copies."""
        for row in range(self._count):
            word, time = row * _WIDTH, row * _TIMES
            words, times = self._words, self._times
            yield (
                (
                    words[word + _VERSION],
                    words[word + _SRC_HI],
                    words[word + _SRC_LO],
                    words[word + _DST_HI],
                    words[word + _DST_LO],
                    words[word + _ENDS],
                ),
                (
                    words[word + _PACKETS],
                    words[word + _OCTETS],
                    times[time + _FIRST],
                    times[time + _LAST],
                    words[word + _FIRST_FRAME],
                    words[word + _LAST_FRAME],
                    words[word + _LOWEST],
                    words[word + _HIGHEST],
                    words[word + _GAP],
                    times[time + _GAP_FROM],
                    words[word + _COPIES],
                ),
            )

    def _touch(self, row: int, octets: int, ts: int, frame: int) -> None:
        at, time = row * _WIDTH, row * _TIMES
        if self._words[at + _PACKETS] == 0:
            self._times[time + _FIRST] = self._times[time + _LAST] = self._times[time + _GAP_FROM] = ts
            self._words[at + _FIRST_FRAME] = self._words[at + _LAST_FRAME] = frame
        elif ts > self._times[time + _LAST]:
            gap = _apart(ts, self._times[time + _LAST])
            if gap > self._words[at + _GAP]:
                self._words[at + _GAP] = gap
                self._times[time + _GAP_FROM] = self._times[time + _LAST]
            self._times[time + _LAST] = ts
            self._words[at + _LAST_FRAME] = frame
        elif ts < self._times[time + _FIRST]:
            self._times[time + _FIRST] = ts
            self._words[at + _FIRST_FRAME] = frame
        self._words[at + _PACKETS] += 1
        self._words[at + _OCTETS] += octets

    def _find(self, version: int, src_hi: int, src_lo: int, dst_hi: int, dst_lo: int, ends: int) -> int:
        """Row of a key, new when there was none; -1 when there is no room."""
        mask = _SPREAD * self._room - 1
        slot = _hash(self._seed, src_hi, src_lo, dst_hi, dst_lo, ends) & mask
        while self._slots[slot] != 0:
            at = (self._slots[slot] - 1) * _WIDTH
            if (
                self._words[at + _ENDS] == ends
                and self._words[at + _SRC_LO] == src_lo
                and self._words[at + _DST_LO] == dst_lo
                and self._words[at + _SRC_HI] == src_hi
                and self._words[at + _DST_HI] == dst_hi
                and self._words[at + _VERSION] == version
            ):
                return self._slots[slot] - 1
            slot = (slot + 1) & mask
        if self._count >= self._limit:
            return -1
        row = self._count
        at = row * _WIDTH
        self._words[at + _VERSION] = version
        self._words[at + _SRC_HI] = src_hi
        self._words[at + _SRC_LO] = src_lo
        self._words[at + _DST_HI] = dst_hi
        self._words[at + _DST_LO] = dst_lo
        self._words[at + _ENDS] = ends
        self._slots[slot] = row + 1
        self._count += 1
        if self._count == self._room:
            with cython.gil:
                self._grow()
        return row

    def _grow(self) -> None:
        """Make room for twice as many rows, and spread them anew."""
        room = 2 * self._room
        # An array that is looked into cannot grow, and a new one would be a copy of all there is.
        self._words, self._times = array("Q"), array("q")
        self._held_words.frombytes(bytes(8 * _WIDTH * self._room))
        self._held_times.frombytes(bytes(8 * _TIMES * self._room))
        self._words, self._times = self._held_words, self._held_times
        self._slots = array("I", bytes(4 * _SPREAD * room))
        self._room = room
        words, slots = self._words, self._slots
        mask = _SPREAD * room - 1
        for row in range(self._count):
            at = row * _WIDTH
            slot = mask & _hash(
                self._seed,
                words[at + _SRC_HI],
                words[at + _SRC_LO],
                words[at + _DST_HI],
                words[at + _DST_LO],
                words[at + _ENDS],
            )
            while slots[slot] != 0:
                slot = (slot + 1) & mask
            slots[slot] = row + 1


def _hash(seed: int, src_hi: int, src_lo: int, dst_hi: int, dst_lo: int, ends: int) -> int:
    """64 bits for a key. One multiplication takes longer than all else here: of IPv4 there are two."""
    if src_hi == 0 and dst_hi == 0:
        return mixed2(seed, src_lo << 32 ^ dst_lo, ends)
    return mixed(seed, src_hi, src_lo, dst_hi, dst_lo, ends, 0)


def _apart(later: int, earlier: int) -> int:
    """Nanoseconds from one time to a later one; 64 bits hold it without a sign."""
    return later - earlier
