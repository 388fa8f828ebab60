# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""Hands the rows of a flow table to the later rooms: as columns with their addresses numbered, or counts.

Knows how a row lies in `pcapan.scan.flows`. Must not know what a flow means. Cython compiles this source
where it can (see `pcapan.compiled`; C types are in the .pxd).
"""

from __future__ import annotations

from pcapan.scan.columns import FlowColumns

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    from pcapan import shadow as cython
    from pcapan.scan.flows import FlowTable
    from pcapan.scan.rows import MessageRows
else:
    try:
        import cython
    except ImportError:
        from pcapan import shadow as cython
if not cython.compiled:
    from pcapan.octets import in_network_order
    from pcapan.scan.flows import (
        _DST_HI,
        _DST_LO,
        _ENDS,
        _FIRST,
        _FIRST_FRAME,
        _GAP,
        _GAP_FROM,
        _KIND,
        _LAST,
        _LAST_FRAME,
        _OCTETS,
        _PACKETS,
        _SPAN,
        _SRC_HI,
        _SRC_LO,
    )
    from pcapan.scan.lines import low, row_of, time_of


def flow_columns(table: FlowTable, rows: MessageRows) -> FlowColumns:
    """The rows of a flow table whose keys end in ports and SPI (16, 16 and 32 bits).

    `rows` numbers the addresses, in order of first appearance.
    """
    count = len(table)
    made = FlowColumns(count)
    words = table._words
    src, dst, sport, dport, spi = made.src, made.dst, made.sport, made.dport, made.spi
    packets, octets, first_ts, last_ts = made.packets, made.octets, made.first_ts, made.last_ts
    first_frame, last_frame = made.first_frame, made.last_frame
    lowest, highest, gap = made.lowest_sequence, made.highest_sequence, made.longest_gap
    gap_from, copies = made.gap_from, made.copies
    for row in range(count):
        held = row_of(words, row)
        kind, ends, span = held[_KIND], held[_ENDS], held[_SPAN]
        src[row] = rows.address(kind & 255, held[_SRC_HI], held[_SRC_LO])
        dst[row] = rows.address(kind & 255, held[_DST_HI], held[_DST_LO])
        sport[row] = ends >> 48
        dport[row] = ends >> 32 & 0xFFFF
        spi[row] = low(ends)
        packets[row] = held[_PACKETS]
        octets[row] = held[_OCTETS]
        first_ts[row] = time_of(held[_FIRST])
        last_ts[row] = time_of(held[_LAST])
        first_frame[row] = held[_FIRST_FRAME]
        last_frame[row] = held[_LAST_FRAME]
        lowest[row] = span >> 32
        highest[row] = low(span)
        gap[row] = held[_GAP]
        gap_from[row] = time_of(held[_GAP_FROM])
        copies[row] = kind >> 8
    return made


def add_talkers(table: FlowTable, talkers: dict[bytes, int], most: int) -> None:
    """Add the packets of every sender in a flow table to its count; there are at most so many senders."""
    words = table._words
    for row in range(len(table)):
        held = row_of(words, row)
        sender = in_network_order(held[_KIND] & 255, held[_SRC_HI], held[_SRC_LO])
        known = talkers.get(sender)
        if known is not None:
            talkers[sender] = known + held[_PACKETS]
        elif len(talkers) < most:
            talkers[sender] = held[_PACKETS]
