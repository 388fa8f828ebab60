# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""Hands the rows of a flow table to the later rooms, as columns with their addresses numbered.

Knows how a row lies in `pcapan.scan.flows`. Must not know what a flow means. Cython compiles this source
where it can (see `pcapan.compiled`; C types are in the .pxd).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pcapan.scan.columns import FlowColumns

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
    from pcapan.scan.flows import (
        _COPIES,
        _DST_HI,
        _DST_LO,
        _ENDS,
        _FIRST,
        _FIRST_FRAME,
        _GAP,
        _GAP_FROM,
        _HIGHEST,
        _LAST,
        _LAST_FRAME,
        _LOWEST,
        _OCTETS,
        _PACKETS,
        _SRC_HI,
        _SRC_LO,
        _TIMES,
        _VERSION,
        _WIDTH,
    )


def flow_columns(table: FlowTable, rows: MessageRows) -> FlowColumns:
    """The rows of a flow table whose keys end in ports and SPI (16, 16 and 32 bits).

    `rows` numbers the addresses, in order of first appearance.
    """
    count = len(table)
    made = FlowColumns(count)
    words, times = table._words, table._times
    src, dst, sport, dport, spi = made.src, made.dst, made.sport, made.dport, made.spi
    packets, octets, first_ts, last_ts = made.packets, made.octets, made.first_ts, made.last_ts
    first_frame, last_frame = made.first_frame, made.last_frame
    lowest, highest, gap = made.lowest_sequence, made.highest_sequence, made.longest_gap
    gap_from, copies = made.gap_from, made.copies
    for row in range(count):
        at, time = row * _WIDTH, row * _TIMES
        version, ends = words[at + _VERSION], words[at + _ENDS]
        src[row] = rows.address(version, words[at + _SRC_HI], words[at + _SRC_LO])
        dst[row] = rows.address(version, words[at + _DST_HI], words[at + _DST_LO])
        sport[row] = ends >> 48
        dport[row] = ends >> 32 & 0xFFFF
        spi[row] = ends & 0xFFFFFFFF
        packets[row] = words[at + _PACKETS]
        octets[row] = words[at + _OCTETS]
        first_ts[row] = times[time + _FIRST]
        last_ts[row] = times[time + _LAST]
        first_frame[row] = words[at + _FIRST_FRAME]
        last_frame[row] = words[at + _LAST_FRAME]
        lowest[row] = words[at + _LOWEST]
        highest[row] = words[at + _HIGHEST]
        gap[row] = words[at + _GAP]
        gap_from[row] = times[time + _GAP_FROM]
        copies[row] = words[at + _COPIES]
    return made
