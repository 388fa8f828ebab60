"""The index of packets found in a trace, and where their bytes can be read again.

Knows a numbered list of frames (columns, some 30 bytes a frame) and two places bytes can lie in: the trace
itself, or a temporary file for what was inflated or put together. Must not know providers.
"""

from __future__ import annotations

import tempfile
from array import array
from typing import BinaryIO, cast

from pcapan.ingest.etl.gather import pieces
from pcapan.ingest.stream import no_room

#: Bit of a place that says: in the temporary file, not in the trace.
SPOOLED = 1 << 62

#: Where something lies that is not in the trace as it is stored.
NOWHERE = -(1 << 62)

#: Kept in memory before the temporary file is put on disk, bytes.
_IN_MEMORY = 8 * 1024 * 1024
#: Spooled pieces are written together, bytes.
_WRITE_AT = 1024 * 1024
#: Frames this close together in a file are read at once, bytes.
_GAP = 8 * 1024


class FrameIndex:
    """Frames in the order they were found. All columns have the same length."""

    __slots__ = ("directions", "lengths", "places", "sources", "stamps", "wires")

    def __init__(self) -> None:
        self.stamps = array("q")
        """Raw time stamps."""
        self.places = array("Q")
        self.lengths = array("I")
        self.wires = array("I")
        """Length on the wire, 0 = as captured or to be inferred."""
        self.sources = array("I")
        """Which source, in the numbering of the provider."""
        self.directions = array("B")

    def __len__(self) -> int:
        return len(self.stamps)

    def add(self, stamp: int, place: int, length: int, wire: int, source: int, direction: int) -> None:
        """Append one frame."""
        self.stamps.append(stamp)
        self.places.append(place)
        self.lengths.append(length)
        self.wires.append(wire)
        self.sources.append(source)
        self.directions.append(direction)


class Store:
    """Reads frames back. `trace` is the plain file, when the trace lies in one."""

    def __init__(self, trace: BinaryIO | None) -> None:
        self._trace = trace
        self._spool: BinaryIO | None = None
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._memory = bytearray()
        self.end = 0
        """Bytes in the temporary file."""

    def add(self, piece: bytes) -> int:
        """Put bytes into the temporary file; returns their place."""
        place = self.end
        self._pending.append(piece)
        self._pending_bytes += len(piece)
        self.end += len(piece)
        if self._pending_bytes >= _WRITE_AT:
            self._flush()
        return place | SPOOLED

    def clear(self) -> None:
        """Forget everything that was added."""
        self._pending, self._pending_bytes, self.end = [], 0, 0
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def _flush(self) -> None:
        try:
            if self._spool is None:
                self._spool = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115
            self._spool.seek(0, 2)
            self._spool.write(b"".join(self._pending))
        except OSError as error:
            raise no_room("the trace", error) from None
        self._pending, self._pending_bytes = [], 0

    def read(self, places: array[int], lengths: array[int]) -> tuple[bytearray, array[int]]:
        """Bring frames into one buffer.

        Returns:
            The buffer, valid until the next call, and the offset of every frame in it, in the order asked
            for. A frame that the file no longer holds reads as zeros.
        """
        if self._pending:
            self._flush()
        offsets, found = pieces(places, lengths, _GAP)
        size = sum(wanted for _, wanted in found)
        if size > len(self._memory):
            self._memory = bytearray(size)
        view = memoryview(self._memory)
        at = 0
        for begin, wanted in found:
            self._load(view[at : at + wanted], begin)
            at += wanted
        return self._memory, offsets

    def _load(self, view: memoryview, begin: int) -> None:
        file = self._spool if begin & SPOOLED else self._trace
        got = 0
        if file is not None:
            try:
                file.seek(begin & ~SPOOLED)
                got = file.readinto(view)  # type: ignore[attr-defined]
            except OSError:
                got = 0
        if got < len(view):
            view[got:] = bytes(len(view) - got)

    def close(self) -> None:
        """Let go of both files."""
        self.clear()
        if self._trace is not None:
            self._trace.close()
            self._trace = None
