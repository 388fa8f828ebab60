"""Frames of a capture that has been read, once more, by their numbers.

Knows how to get to a frame without reading what lies before it: from the marks that the first reading left
(one every few hundred kilobytes), by seeking where the bytes lie in a file, by inflating or converting anew
where they do not, or through the index of a format that has one. Must not know any format.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from pcapan.errors import UnreadableError
from pcapan.ingest.capture import Capture
from pcapan.ingest.frames import Frame, FrameBlock, Interface, Mark
from pcapan.ingest.open import open_again
from pcapan.record import changed

#: Read at once, bytes: what follows a wanted frame is read for nothing.
_PIECE = 256 * 1024


class Recall(Struct):
    """What it takes to read frames of a capture again: plain data, and no open file unless `kept` is set."""

    path: str
    format: str
    size: int
    interfaces: list[Interface]
    marks: list[Mark]
    identity: tuple[int, int] | None
    kept: Capture | None
    """The capture itself where it holds what cannot be got anew: bytes of a pipe, the index of a trace."""

    @classmethod
    def of(cls, capture: Capture) -> Recall:
        """The recall of a capture that was opened with `keep`, its `blocks()` exhausted."""
        stored = capture.stored
        holds = capture.refetch is not None or stored.kept
        return cls(
            path=capture.path,
            format=capture.format,
            size=capture.size,
            interfaces=capture.interfaces,
            marks=capture.marks,
            identity=stored.identity,
            kept=capture if holds else None,
        )

    def frames(self, numbers: Iterable[int]) -> Iterator[Frame]:
        """Yield the frames of these numbers (1-based, as in `FrameBlock`) in rising order, each once.

        Raises:
            UnreadableError: the file is gone, is another one by now, or does not hold such a frame.
        """
        wanted = sorted(set(numbers))
        found = 0
        for block in self.blocks(wanted):
            last = block.first_number + len(block)
            while found < len(wanted) and block.first_number <= wanted[found] < last:
                yield frame_of(block, wanted[found] - block.first_number)
                found += 1
        if found < len(wanted):
            raise UnreadableError(
                f"frame {wanted[found]} cannot be read again: the file has changed since it was read",
                where=self.path,
                hint="leave the file in its place until pcapan has ended",
            )

    def forget(self) -> None:
        """Let go of everything that was kept. May be called twice."""
        kept, self.kept = self.kept, None
        if kept is not None:
            kept.forget()

    def blocks(self, wanted: Sequence[int]) -> Iterator[FrameBlock]:
        """Yield blocks that hold these frames (in rising order), and such as lie beside them."""
        if self.kept is not None and self.kept.refetch is not None:
            return self.kept.refetch(wanted)
        return self._walked(wanted)

    def _walked(self, wanted: Sequence[int]) -> Iterator[FrameBlock]:
        if not wanted:
            return
        marks = self.marks
        starts = [mark.number for mark in marks]
        bytes_kept = self.kept.stored.again() if self.kept is not None else None
        reader = open_again(self.path, bytes_kept, self.identity, self.size, _PIECE)
        try:
            place = 0
            while place < len(wanted):
                index = bisect_right(starts, wanted[place]) - 1
                blocks = self._from(reader, marks[index]) if index >= 0 else None
                if blocks is None:
                    return
                for block in blocks:
                    after = block.first_number + len(block)
                    if block.first_number <= wanted[place] < after:
                        yield block
                    while place < len(wanted) and wanted[place] < after:
                        place += 1
                    if place == len(wanted) or starts[bisect_right(starts, wanted[place]) - 1] > after:
                        break
                else:
                    return
        finally:
            reader.close()

    def _from(self, reader: Capture, mark: Mark) -> Iterator[FrameBlock] | None:
        """Begin at a mark with the interfaces that were known there."""
        known = len(reader.interfaces)
        if known < mark.interfaces:
            # Copies: blocks that are read again change them.
            reader.interfaces += [changed(one) for one in self.interfaces[known : mark.interfaces]]
        return reader.blocks_from(mark)


def frame_of(block: FrameBlock, index: int) -> Frame:
    """A frame of a block by itself."""
    offset = block.offsets[index]
    number = block.first_number + index
    return Frame(
        number,
        block.interfaces[index],
        block.times[index],
        bytes(memoryview(block.data)[offset : offset + block.lengths[index]]),
        block.wire_lengths[index],
        block.directions[index],
        tuple(block.comments.get(number, ())),
    )
