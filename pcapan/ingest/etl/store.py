"""The index of packets found in a trace, and where their bytes can be read again.

Knows a numbered list of frames (columns, some 30 bytes a frame) and two places bytes can lie in: the trace
itself, or a temporary file for what was inflated or put together. Must not know providers.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Sequence
from itertools import pairwise
from typing import BinaryIO, cast

from pcapan.ingest.stream import no_room

#: Bit of a place that says: in the temporary file, not in the trace.
SPOOLED = 1 << 62

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
        self._end = 0

    def add(self, piece: bytes) -> int:
        """Put bytes into the temporary file; returns their place."""
        place = self._end
        self._pending.append(piece)
        self._pending_bytes += len(piece)
        self._end += len(piece)
        if self._pending_bytes >= _WRITE_AT:
            self._flush()
        return place | SPOOLED

    def clear(self) -> None:
        """Forget everything that was added."""
        self._pending, self._pending_bytes, self._end = [], 0, 0
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

    def read(self, places: Sequence[int], lengths: Sequence[int]) -> tuple[bytearray, array[int]]:
        """Bring frames into one buffer.

        Returns:
            The buffer, and the offset of every frame in it, in the order asked for. A frame that the
            file no longer holds reads as zeros.
        """
        if self._pending:
            self._flush()
        data = bytearray()
        offsets = array("Q", bytes(8 * len(places)))
        order: Sequence[int] = range(len(places))
        if any(a > b for a, b in pairwise(places)):
            order = sorted(order, key=places.__getitem__)
        group: list[int] = []
        begin = end = 0
        for index in order:
            place = places[index]
            if group and place - end > _GAP:
                self._load(data, begin, end)
                group = []
            if not group:
                begin = place
                end = place
            group.append(index)
            offsets[index] = len(data) + place - begin
            end = max(end, place + lengths[index])
        if group:
            self._load(data, begin, end)
        return data, offsets

    def _load(self, data: bytearray, begin: int, end: int) -> None:
        file = self._spool if begin & SPOOLED else self._trace
        wanted = end - begin
        got = b""
        if file is not None:
            try:
                file.seek(begin & ~SPOOLED)
                got = file.read(wanted)
            except OSError:
                got = b""
        data += got
        if len(got) < wanted:
            data += bytes(wanted - len(got))

    def close(self) -> None:
        """Let go of both files."""
        self.clear()
        if self._trace is not None:
            self._trace.close()
            self._trace = None
