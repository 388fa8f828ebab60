# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""Strings of octets that come again and again get a number each, in the order in which they first come.

Knows how to find one among those it has. Must not know what they say. They lie one behind the other in one
array, found by open addressing, so that one that is known costs no Python object. Cython compiles this
source where it can (see `pcapan.compiled`).
"""

from __future__ import annotations

import os
from array import array

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
    from pcapan.octets import put, same, stirred

_ROWS, _OCTETS = 64, 4096


class Interned:
    """What has come so far."""

    def __init__(self) -> None:
        self._seed = int.from_bytes(os.urandom(8), "big")  # Nobody can prepare strings that collide.
        self._count = 0
        self._used = 0
        self._rows = _ROWS
        self._size = _OCTETS
        self._octets = bytearray(_OCTETS)
        self._begins = array("Q", bytes(8 * _ROWS))
        self._ends = array("Q", bytes(8 * _ROWS))
        self._hashes = array("Q", bytes(8 * _ROWS))
        self._slots = array("I", bytes(4 * 4 * _ROWS))
        """Row + 1 by hash, 0 = free; at most a quarter of them are taken."""

    def row(self, data: Octets, begin: int, end: int) -> int:
        """The number of the octets in `data[begin:end]`; that of all that came before when they are new."""
        mask = 4 * self._rows - 1
        value = stirred(self._seed, data, begin, end)
        slot = value & mask
        while self._slots[slot] != 0:
            row = self._slots[slot] - 1
            if (
                self._hashes[row] == value
                and self._ends[row] - self._begins[row] == end - begin
                and same(self._octets, self._begins[row], data, begin, end)
            ):
                return row
            slot = (slot + 1) & mask
        row = self._count
        if row + 1 == self._rows or self._size - self._used < end - begin:
            with cython.gil:
                self._grow(end - begin)
            return self.row(data, begin, end)
        put(self._octets, self._used, data, begin, end)
        self._begins[row] = self._used
        self._used += end - begin
        self._ends[row] = self._used
        self._hashes[row] = value
        self._slots[slot] = row + 1
        self._count = row + 1
        return row

    def _grow(self, more: int) -> None:
        """Make room for twice as many strings, and `more` octets beside twice as many."""
        self._size = 2 * self._size + more
        self._octets = bytearray(bytes(self._octets) + bytes(self._size - len(self._octets)))
        empty = bytes(8 * self._rows)
        self._begins = array("Q", bytes(self._begins) + empty)
        self._ends = array("Q", bytes(self._ends) + empty)
        self._hashes = array("Q", bytes(self._hashes) + empty)
        self._rows *= 2
        slots = array("I", bytes(4 * 4 * self._rows))
        mask = 4 * self._rows - 1
        for row in range(self._count):
            slot = self._hashes[row] & mask
            while slots[slot] != 0:
                slot = (slot + 1) & mask
            slots[slot] = row + 1
        self._slots = slots
