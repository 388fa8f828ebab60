# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""Keys of three numbers get a number each, in the order in which they first come.

Knows how to find one among a million. Must not know what they stand for: addresses, SPIs, pairs of either.
They lie in one array, found by open addressing, so that a key costs 40 bytes and no Python object. Cython
compiles this source where it can (see `pcapan.compiled`; C types are in the .pxd).
"""

from __future__ import annotations

import os
from array import array

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    from pcapan import shadow as cython
else:
    try:
        import cython
    except ImportError:
        from pcapan import shadow as cython
if not cython.compiled:
    from pcapan.octets import mixed2
    from pcapan.scan.lines import bring, longer

_BEGIN = 64
#: Slots a key, three of which stay free.
_SPREAD = 4


class KeyTable:
    """Keys by what they are; the first one has number 0."""

    def __init__(self, expected: int = 0) -> None:
        """With room for so many keys; it grows where more come."""
        room = _BEGIN
        while room <= expected:
            room *= 2
        self._seed = int.from_bytes(os.urandom(8), "big")  # Nobody can prepare keys that collide.
        self._count = 0
        self._room = room
        self._held = array("Q", (0,)) * (3 * room)
        self._keys = self._held
        """The same, as compiled code looks into it."""
        self._slots = array("I", (0,)) * (_SPREAD * room)
        """Number + 1 by hash, 0 = free."""

    def __len__(self) -> int:
        return self._count

    def row(self, first: int, second: int, third: int) -> int:
        """The number of a key of three numbers of 64 bits; how many there were before when it is new."""
        mask = _SPREAD * self._room - 1
        slot = self._hash(first, second, third) & mask
        while self._slots[slot] != 0:
            row = self._slots[slot] - 1
            at = 3 * row
            if self._keys[at] == first and self._keys[at + 1] == second and self._keys[at + 2] == third:
                return row
            slot = (slot + 1) & mask
        row = self._count
        at = 3 * row
        self._keys[at] = first
        self._keys[at + 1] = second
        self._keys[at + 2] = third
        self._slots[slot] = row + 1
        self._count = row + 1
        if self._count == self._room:
            with cython.gil:
                self._grow()
        return row

    def bring_slot(self, first: int, second: int, third: int) -> None:
        """Have that brought near which `bring_key` will look at first."""
        bring(self._slots, self._hash(first, second, third) & (_SPREAD * self._room - 1))

    def bring_key(self, first: int, second: int, third: int) -> None:
        """Have that brought near which `row` will look at then."""
        row = self._slots[self._hash(first, second, third) & (_SPREAD * self._room - 1)]
        if row:
            bring(self._keys, 3 * row - 3)

    def key(self, row: int) -> tuple[int, int, int]:
        """The key with this number."""
        at = 3 * row
        return self._keys[at], self._keys[at + 1], self._keys[at + 2]

    def _hash(self, first: int, second: int, third: int) -> int:
        return mixed2(mixed2(self._seed, first, second), third, 0)

    def _grow(self) -> None:
        """Make room for four times as many keys, and spread them anew."""
        room = 4 * self._room
        # An array that is looked into cannot grow, and a new one would be a copy of all there is.
        self._keys = array("Q")
        longer(self._held, 3 * room)
        self._keys = self._held
        self._slots = array("I", (0,)) * (_SPREAD * room)
        self._room = room
        mask = _SPREAD * room - 1
        for row in range(self._count):
            at = 3 * row
            slot = self._hash(self._keys[at], self._keys[at + 1], self._keys[at + 2]) & mask
            while self._slots[slot] != 0:
                slot = (slot + 1) & mask
            self._slots[slot] = row + 1
