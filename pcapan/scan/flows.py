"""Adds up ESP and keepalives by flow: one row a flow, whatever the number of packets.

Knows sequence numbers and gaps; must not know SAs or sources. Keys are opaque to the table: the
caller turns them into addresses when the file ends.
"""

from __future__ import annotations

from pcapan.scan.copies import ESP_WINDOW

_WINDOW_MASK = (1 << ESP_WINDOW) - 1

#: (source, destination, source port, destination port, SPI); IPv4 addresses as integers, IPv6 as octets.
FlowKey = tuple[int | bytes, int | bytes, int, int, int]


class FlowRow:
    """Running totals of one flow."""

    __slots__ = (
        "copies",
        "first_frame",
        "first_ts",
        "gap_from",
        "highest",
        "last_frame",
        "last_ts",
        "longest_gap",
        "lowest",
        "octets",
        "packets",
        "window",
    )

    def __init__(self, sequence: int, octets: int, ts: int, frame: int) -> None:
        self.packets = 1
        self.octets = octets
        self.first_ts = self.last_ts = ts
        self.first_frame = self.last_frame = frame
        self.lowest = self.highest = sequence
        self.window = 1
        """Bit n set = sequence number ``highest - n`` was seen, as in RFC 4303's replay window."""
        self.longest_gap = 0
        self.gap_from = ts
        self.copies = 0


class FlowTable:
    """Flows by key; `add` tells whether the packet is new or a copy of one seen before."""

    __slots__ = ("rows",)

    def __init__(self) -> None:
        self.rows: dict[FlowKey, FlowRow] = {}

    def add(self, key: FlowKey, sequence: int, octets: int, ts: int, frame: int) -> bool:
        """Count one ESP packet; False when its sequence number was seen already (a copy).

        The same ESP sequence number never comes twice from the sender (RFC 4303 section 3.3.3),
        so a repeat within the last 64 numbers is the capture's doing or the network's.
        """
        row = self.rows.get(key)
        if row is None:
            self.rows[key] = FlowRow(sequence, octets, ts, frame)
            return True
        ahead = sequence - row.highest
        if ahead > 0:
            row.window = ((row.window << ahead) | 1) & _WINDOW_MASK if ahead < ESP_WINDOW else 1
            row.highest = sequence
        elif ahead > -ESP_WINDOW:
            bit = 1 << -ahead
            if row.window & bit:
                row.copies += 1
                return False
            row.window |= bit
        if sequence < row.lowest:
            row.lowest = sequence
        self._touch(row, octets, ts, frame)
        return True

    def add_keepalive(self, key: FlowKey, ts: int, frame: int) -> None:
        """Count one NAT keepalive (RFC 3948 section 2.3)."""
        row = self.rows.get(key)
        if row is None:
            self.rows[key] = FlowRow(0, 1, ts, frame)
        else:
            self._touch(row, 1, ts, frame)

    @staticmethod
    def _touch(row: FlowRow, octets: int, ts: int, frame: int) -> None:
        row.packets += 1
        row.octets += octets
        gap = ts - row.last_ts
        if gap > 0:
            if gap > row.longest_gap:
                row.longest_gap = gap
                row.gap_from = row.last_ts
            row.last_ts = ts
            row.last_frame = frame
        elif ts < row.first_ts:
            row.first_ts = ts
            row.first_frame = frame
