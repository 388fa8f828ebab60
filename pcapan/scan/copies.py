"""Recognises the same packet captured more than once.

Knows what stays the same when a packet is seen at two points of one path (a mirror port, both
sides of a router, every layer of a Windows network stack), and what tells a copy from a
retransmission: the copy follows within milliseconds and keeps its IP identification, while a
sender gives every new datagram a new one (Windows counts it up by one for each). Where there is
no identification to compare (IPv6; atomic IPv4 datagrams with 0, RFC 6864), only a much shorter
time tells a copy.
"""

from __future__ import annotations

#: Copies with the same IP identification lie this close together, ns. Mirror ports add
#: microseconds, Windows' stack about 0.1 ms; a retransmission comes after at least 0.5 s.
WINDOW_WITH_ID = 50_000_000
#: Without an identification, ns: nobody retransmits that soon.
WINDOW_WITHOUT_ID = 1_000_000
#: Packets remembered. At a million packets a second this still spans four milliseconds.
REMEMBERED = 4096

#: Packets of one ESP SPI whose sequence numbers are remembered, as in RFC 4303's replay window.
ESP_WINDOW = 64


class RecentPackets:
    """Remembers the identity of the last few thousand packets of one file."""

    __slots__ = ("_new", "_old")

    def __init__(self) -> None:
        self._new: dict[object, int] = {}
        self._old: dict[object, int] = {}

    def is_copy(self, identity: object, has_id: bool, ts: int) -> bool:
        """Whether a packet of this identity was seen within the window; remembers it otherwise."""
        seen = self._new.get(identity)
        if seen is None:
            seen = self._old.get(identity)
        if seen is not None and abs(ts - seen) <= (WINDOW_WITH_ID if has_id else WINDOW_WITHOUT_ID):
            return True
        if len(self._new) >= REMEMBERED:
            self._old = self._new
            self._new = {}
        self._new[identity] = ts
        return False
