"""Finds the frame that shows a dropped packet at the network card.

Knows that both lie within milliseconds of each other and carry the same bytes from the IP header on.
"""

from __future__ import annotations

from pcapan.ingest.etl.ipbytes import ip_start, ipsec_key
from pcapan.ingest.frames import DroppedPacket, FrameBlock

#: A packet is dropped this long after it was seen at the card (or before, when it was to be sent), ns.
_WINDOW = 100_000_000


class DropMatcher:
    """Sets `DroppedPacket.frame` while the frames pass by, in order of time."""

    def __init__(self, drops: list[DroppedPacket]) -> None:
        self._waiting: dict[bytes, list[DroppedPacket]] = {}
        for drop in drops:
            key = ipsec_key(drop.data, 0, len(drop.data))
            if key is not None:
                self._waiting.setdefault(key, []).append(drop)

    def match(self, block: FrameBlock, links: list[int]) -> None:
        """Take the frames of one block; `links` are their link types."""
        for number, (offset, length, time) in enumerate(
            zip(block.offsets, block.lengths, block.times, strict=True), block.first_number
        ):
            frame = bytes(block.data[offset : offset + min(length, 256)])
            at = ip_start(frame, links[number - block.first_number])
            key = ipsec_key(frame, at, len(frame)) if at >= 0 else None
            if key is None:
                continue
            for drop in self._waiting.get(key, ()):
                if not drop.frame and abs(drop.time - time) <= _WINDOW:
                    drop.frame = number
