# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""Unpacks the NAT detection hashes of messages, one after the other.

Knows how they are packed, see `pcapan.scan.hashes`. Must not know what they are hashes of. Cython compiles
this source where it can (see `pcapan.compiled`).
"""

from __future__ import annotations

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    from array import array

    from pcapan import shadow as cython
    from pcapan.octets import Octets
    from pcapan.scan.hashes import Hashes
else:
    try:
        import cython
    except ImportError:
        from pcapan import shadow as cython
if not cython.compiled:
    from pcapan.octets import cut

#: Octets before each hash: which of the two notifies it is from, and its length (two octets, big-endian).
HEAD = 3

_HEAD = HEAD  # the same number where compiled code finds it fastest
_NONE: Hashes = ((), ())


class NatdReader:
    """Finds hashes by row, fastest for rows that rise. No more messages may be added meanwhile."""

    def __init__(self, rows: array[int], begins: array[int], octets: Octets) -> None:
        """The parts of `NatdHashes`."""
        self._rows = rows
        self._begins = begins
        self._octets = octets
        self._count = len(rows)
        self._next = 0

    def of(self, row: int) -> Hashes:
        """Those of a row of the messages; two empty tuples where it has none."""
        at = self._next
        if at == self._count or self._rows[at] != row:
            at = self._place(row)
        if at == self._count or self._rows[at] != row:
            return _NONE
        self._next = at + 1
        end = self._begins[at + 1] if at + 1 < self._count else len(self._octets)
        return unpacked(self._octets, self._begins[at], end)

    def _place(self, row: int) -> int:
        """Where the row stands, or the first one behind it."""
        low, high = 0, self._count
        while low < high:
            middle = (low + high) >> 1
            if self._rows[middle] < row:
                low = middle + 1
            else:
                high = middle
        return low


def unpacked(octets: Octets, at: int, end: int) -> Hashes:
    """The hashes of one message, which lie at `octets[at:end]`."""
    sources: tuple[bytes, ...] = ()
    destinations: tuple[bytes, ...] = ()
    while at < end:
        begin = at + _HEAD
        stop = begin + (octets[at + 1] << 8 | octets[at + 2])
        if octets[at] == 0:
            sources += (cut(octets, begin, stop),)
        else:
            destinations += (cut(octets, begin, stop),)
        at = stop
    return sources, destinations
