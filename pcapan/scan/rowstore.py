# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""Rows of numbers that become more, in one array that grows where it lies.

Knows where the rows are and how they move; `pcapan.scan.lines` finds a single one. Must not know what stands
in them. Cython compiles this source where it can (see `pcapan.compiled`; C types are in the .pxd).
"""

from __future__ import annotations

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
    from pcapan.scan.lines import begin, grown, move

#: How often as much room there is when it is full: what nobody writes to is no memory yet, and to move rows
#: costs more.
_MORE = 8


class RowStore:
    """Rows of `pcapan.scan.lines.WIDTH` numbers each, which the user counts."""

    def __init__(self, room: int) -> None:
        """With room for so many rows."""
        self._held = array("Q")
        self._first = 0
        self.words = self._held
        """The rows; compiled code looks into it, and has to let go of it before `more`."""
        self.room = 0
        self._grow(0, room)

    def more(self, rows: int) -> None:
        """Have more room; so many rows are in use, and keep what stands in them."""
        self._grow(rows, _MORE * self.room)

    def _grow(self, rows: int, room: int) -> None:
        self.words = array("Q")  # an array that is looked into cannot grow
        grown(self._held, room)
        self.words = self._held
        first = begin(self.words)
        move(self.words, rows, self._first, first)
        self._first = first
        if cython.compiled:
            self.words = self.words[first:]
        self.room = room
