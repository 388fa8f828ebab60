"""An opened capture with pseudonyms, for whoever copies captures.

Knows what a capture tells besides its frames and what of that may be shown. Must not know formats. It looks
like the reader it stands before (`pcapan.ingest.capture.Capture`).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from pcapan.ingest.capture import Capture
from pcapan.ingest.frames import FrameBlock, Interface, SideEvidence
from pcapan.record import changed
from pcapan.redact.incident import Redactor
from pcapan.redact.rewriter import Rewriter


class RedactedCapture:
    """Draws frames from a capture and hands them on rewritten; what names a machine or user is empty."""

    operating_system = ""
    hardware = ""
    application = ""

    def __init__(self, reader: Capture, rewriter: Rewriter, redactor: Redactor) -> None:
        """`rewriter` is that of the same capture (`Redactor.rewriters`)."""
        self._reader = reader
        self._rewriter = rewriter
        self._redactor = redactor
        self._interfaces: list[Interface] = []
        self.path = redactor.path(reader.path)
        self.format = reader.format
        self.own_comments: list[str] = []

    @property
    def interfaces(self) -> list[Interface]:
        """The interfaces that came to light so far."""
        known = len(self._interfaces)
        self._interfaces += map(self._redactor.interface, self._reader.interfaces[known:])
        for shown, told in zip(self._interfaces, self._reader.interfaces, strict=True):
            shown.received, shown.dropped = told.received, told.dropped
        return self._interfaces

    @property
    def side(self) -> SideEvidence:
        """What the container tells besides frames."""
        return self._redactor.side(self._reader.side)

    @property
    def damaged(self) -> bool:
        """Whether the file is cut or corrupt part-way."""
        return self._reader.damaged

    @property
    def bytes_read(self) -> int:
        """Stored bytes consumed so far."""
        return self._reader.bytes_read

    @property
    def size(self) -> int:
        """Stored size, bytes."""
        return self._reader.size

    def blocks(self) -> Iterator[FrameBlock]:
        """Yield the frames in file order, once; raises as the reader does."""
        for block in self._reader.blocks():
            links = [interface.link_type for interface in self._reader.interfaces]
            made, offsets = bytearray(), array("Q")
            for number, (offset, length, interface) in enumerate(
                zip(block.offsets, block.lengths, block.interfaces, strict=True), block.first_number
            ):
                offsets.append(len(made))
                frame = bytes(block.data[offset : offset + length])
                made += self._rewriter.frame(number, links[interface], frame)
            yield changed(block, data=made, offsets=offsets, comments={})
