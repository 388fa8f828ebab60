# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""Hands the rows of a flow table to the later rooms: as columns with their addresses numbered, or as senders.

Knows how a row lies in `pcapan.scan.flows`. Must not know what a flow means. Cython compiles this source
where it can (see `pcapan.compiled`; C types are in the .pxd).
"""

from __future__ import annotations

from array import array

from pcapan.scan.columns import FlowColumns

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    from pcapan import shadow as cython
    from pcapan.scan.flows import FlowTable
    from pcapan.scan.keys import KeyTable
    from pcapan.scan.rows import MessageRows
else:
    try:
        import cython
    except ImportError:
        from pcapan import shadow as cython
if not cython.compiled:
    from pcapan.octets import in_network_order
    from pcapan.scan.flows import (
        _ADDRESSES,
        _DST_HI,
        _DST_LO,
        _ENDS,
        _FIRST,
        _FIRST_FRAME,
        _GAP,
        _GAP_FROM,
        _KIND,
        _LAST,
        _LOWEST,
        _MORE_FRAMES,
        _MORE_OCTETS,
        _MORE_PACKETS,
        _NUMBERS,
        _SIZES,
        _SRC_HI,
        _SRC_LO,
    )
    from pcapan.scan.lines import left, longer, low, row_of, time_of

#: Rows whose addresses are looked for together.
_TOGETHER = 32


def flow_columns(table: FlowTable, rows: MessageRows) -> FlowColumns:
    """The rows of a flow table whose keys end in ports and SPI (16, 16 and 32 bits).

    `rows` numbers the addresses, in order of first appearance.
    """
    count = len(table)
    made = FlowColumns()
    for column in made.columns():
        longer(column, count)
    src, dst, sport, dport, spi = made.src, made.dst, made.sport, made.dport, made.spi
    packets, octets, first_ts, last_ts = made.packets, made.octets, made.first_ts, made.last_ts
    first_frame, last_frame = made.first_frame, made.last_frame
    lowest, highest, gap = made.lowest_sequence, made.highest_sequence, made.longest_gap
    gap_from, copies = made.gap_from, made.copies
    _number_addresses(table, rows._addresses, src, dst)
    for row in range(count):
        near, far = row_of(table._near, row), row_of(table._far, row)
        kind, ends = far[_KIND], near[_ENDS]
        sport[row] = ends >> 48
        dport[row] = ends >> 32 & 0xFFFF
        spi[row] = low(ends)
        packets[row] = left(far[_MORE_PACKETS], 32) | low(near[_NUMBERS])
        octets[row] = left(far[_MORE_OCTETS], 32) | near[_SIZES] >> 32
        first_ts[row] = time_of(far[_FIRST])
        last_ts[row] = time_of(near[_LAST])
        first_frame[row] = far[_FIRST_FRAME]
        last_frame[row] = left(far[_MORE_FRAMES], 32) | low(near[_SIZES])
        lowest[row] = far[_LOWEST]
        highest[row] = near[_NUMBERS] >> 32
        gap[row] = near[_GAP]
        gap_from[row] = time_of(near[_GAP_FROM])
        copies[row] = kind >> 8
    return made


def _number_addresses(table: FlowTable, keys: KeyTable, src: array[int], dst: array[int]) -> None:
    """Write the numbers of the rows' addresses, of some rows at a time: what all of them need is brought near
    before it is asked for."""
    ends = array("Q", bytes(8 * 6 * _TOGETHER))
    for begin in range(0, len(table), _TOGETHER):
        count = min(len(table) - begin, _TOGETHER)
        for index in range(count):
            addresses = row_of(table._near, begin + index)[_ADDRESSES]
            version = row_of(table._far, begin + index)[_KIND] & 255
            at = 6 * index
            ends[at] = ends[at + 3] = version
            if version == 4:
                ends[at + 1] = ends[at + 4] = 0
                ends[at + 2], ends[at + 5] = addresses >> 32, low(addresses)
            else:
                wide = row_of(table._wide, addresses)
                ends[at + 1], ends[at + 2] = wide[_SRC_HI], wide[_SRC_LO]
                ends[at + 4], ends[at + 5] = wide[_DST_HI], wide[_DST_LO]
        for at in range(0, 6 * count, 3):
            keys.bring_slot(ends[at], ends[at + 1], ends[at + 2])
        for at in range(0, 6 * count, 3):
            keys.bring_key(ends[at], ends[at + 1], ends[at + 2])
        for index in range(count):
            at = 6 * index
            src[begin + index] = keys.row(ends[at], ends[at + 1], ends[at + 2])
            dst[begin + index] = keys.row(ends[at + 3], ends[at + 4], ends[at + 5])


def packets_of_senders(table: FlowTable) -> dict[bytes, int]:
    """The packets of every source address in a flow table of which each row has another one."""
    found: dict[bytes, int] = {}
    for row in range(len(table)):
        near, far = row_of(table._near, row), row_of(table._far, row)
        version, addresses = far[_KIND] & 255, near[_ADDRESSES]
        if version == 4:
            sender = in_network_order(4, 0, addresses >> 32)
        else:
            wide = row_of(table._wide, addresses)
            sender = in_network_order(version, wide[_SRC_HI], wide[_SRC_LO])
        found[sender] = left(far[_MORE_PACKETS], 32) | low(near[_NUMBERS])
    return found


def has_sender(table: FlowTable, version: int, src_hi: int, src_lo: int) -> bool:
    """Whether any row of a flow table has this source address, given as its two halves of 64 bits."""
    for row in range(len(table)):
        addresses = row_of(table._near, row)[_ADDRESSES]
        if row_of(table._far, row)[_KIND] & 255 != version:
            continue
        if version == 4:
            if addresses >> 32 == src_lo:
                return True
        else:
            wide = row_of(table._wide, addresses)
            if wide[_SRC_LO] == src_lo and wide[_SRC_HI] == src_hi:
                return True
    return False
