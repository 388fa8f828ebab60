# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""Packets wait here by the dozen before they are added to a table of many flows.

Knows how a search goes through `pcapan.scan.flows.FlowTable`: what a packet will touch is asked for when it
comes, and lies near the processor when it is added. Must not know what is added up. Cython compiles this
source where it can (see `pcapan.compiled`; C types are in the .pxd).
"""

from __future__ import annotations

from pcapan.scan.flows import FlowTable
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
    from pcapan.scan.lines import WIDTH, bring, counted, low, row_of

    # A packet has two rows, its key and the rest; compiled, these are constants of the .pxd.
    _SRC_HI, _SRC_LO, _DST_HI, _DST_LO, _ENDS, _VERSION, _TAG = range(7)
    _SEQUENCE, _OCTETS, _TIME, _FRAME = range(4)
    # As `pcapan.scan.flows` has them.
    _ADDRESSES = 0
    _NO_NUMBER = (1 << 64) - 1

#: Flows of a table that, slots and all, is more than a core's own caches hold.
_MANY = 4096
#: Packets that wait together, and how many lie between a row being brought near and being added to.
_ROOM, _APART = 128, 12


class Waiting:
    """Packets for one table. Nobody else may add to it, or look at it, before `settle`."""

    def __init__(self, table: FlowTable) -> None:
        self._table = table
        self._packets = RowStore(2 * _ROOM).words
        self._count = 0
        self.copies = 0
        """Packets that were found to be copies, for somebody to take away."""
        self.copies_with_ports = 0
        """Those of them whose key has ports."""

    def pays(self) -> bool:
        """Whether the table is so big that packets had better wait; interpreted, nothing is brought near."""
        return cython.compiled and self._table._count > _MANY

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
    ) -> None:
        """Let a packet wait, for which `FlowTable.add` will be called."""
        if self._count == _ROOM:
            self.settle()
        tag = flow_tag(self._table._seed, version, src_hi, src_lo, dst_hi, dst_lo, ends)
        bring(self._table._slots, tag & self._table._mask)
        key, rest = row_of(self._packets, 2 * self._count), row_of(self._packets, 2 * self._count + 1)
        key[_SRC_HI] = src_hi
        key[_SRC_LO] = src_lo
        key[_DST_HI] = dst_hi
        key[_DST_LO] = dst_lo
        key[_ENDS] = ends
        key[_VERSION] = version
        key[_TAG] = tag
        rest[_SEQUENCE] = sequence
        rest[_OCTETS] = octets
        rest[_TIME] = counted(ts)
        rest[_FRAME] = frame
        self._count += 1

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
        """Let a packet wait, for which `FlowTable.count` will be called."""
        self.add(version, src_hi, src_lo, dst_hi, dst_lo, ends, _NO_NUMBER, octets, ts, frame)

    def settle(self) -> None:
        """Add the packets to the table."""
        count, self._count = self._count, 0
        for index in range(min(count, _APART)):
            self._bring_row(index)
        for index in range(count):
            if index + _APART < count:
                self._bring_row(index + _APART)
            if index + _APART // 2 < count:
                self._bring_halves(index + _APART // 2)
            key, rest = row_of(self._packets, 2 * index), row_of(self._packets, 2 * index + 1)
            if not self._table.take(
                key[_TAG],
                key[_VERSION],
                key[_SRC_HI],
                key[_SRC_LO],
                key[_DST_HI],
                key[_DST_LO],
                key[_ENDS],
                rest[_SEQUENCE],
                rest[_OCTETS],
                rest[_TIME],
                rest[_FRAME],
            ):
                self.copies += 1
                if key[_ENDS] >> 32:
                    self.copies_with_ports += 1

    def _bring_row(self, index: int) -> None:
        """Have the row brought near that a packet will be added to, if there is one."""
        row = self._row(row_of(self._packets, 2 * index)[_TAG])
        if row:
            bring(self._table._near, WIDTH * (row - 1))

    def _bring_halves(self, index: int) -> None:
        """Have the addresses brought near that a packet will be compared with, if they are not in its row."""
        key = row_of(self._packets, 2 * index)
        if key[_VERSION] != 4:
            row = self._row(key[_TAG])
            if row:
                bring(self._table._wide, WIDTH * row_of(self._table._near, row - 1)[_ADDRESSES])

    def _row(self, tag: int) -> int:
        """The number, counted from 1, of the first row with this hash; 0 when there is none."""
        slot = tag & self._table._mask
        while self._table._slots[slot] != 0 and self._table._slots[slot] >> 32 != tag:
            slot = (slot + 1) & self._table._mask
        return low(self._table._slots[slot])
