"""Frames of a capture that has been read, once more, by their numbers.

Knows how to get to a frame without reading what lies before it: from the marks that the first reading left
(one every few hundred kilobytes), by seeking where the bytes lie in a file, by inflating or converting anew
where they do not, or through the index of a format that has one. Must not know any format.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace

from pcapan.errors import UnreadableError
from pcapan.ingest.capture import Capture
from pcapan.ingest.frames import Frame, FrameBlock, Mark
from pcapan.ingest.open import open_again

#: Read at once, bytes: what follows a wanted frame is read for nothing.
_PIECE = 256 * 1024


def frames_again(capture: Capture, numbers: Iterable[int]) -> Iterator[Frame]:
    """Yield the frames of these numbers in rising order, each once.

    Args:
        capture: opened with `keep`, its `blocks()` exhausted, `forget()` not called yet.
        numbers: 1-based frame numbers as `FrameBlock` counts them.

    Raises:
        UnreadableError: the file is gone, is another one by now, or does not hold such a frame.
    """
    wanted = sorted(set(numbers))
    if not wanted:
        return
    found = 0
    for block in _fetched(capture, wanted) if capture.refetch is not None else _walked(capture, wanted):
        last = block.first_number + len(block)
        while found < len(wanted) and wanted[found] < last:
            if wanted[found] < block.first_number:
                raise _gone(capture, wanted[found])
            yield frame_of(block, wanted[found] - block.first_number)
            found += 1
    if found < len(wanted):
        raise _gone(capture, wanted[found])


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


def _fetched(capture: Capture, wanted: list[int]) -> Iterator[FrameBlock]:
    assert capture.refetch is not None
    return capture.refetch(wanted)


def _walked(capture: Capture, wanted: list[int]) -> Iterator[FrameBlock]:
    """Yield the blocks that hold the wanted frames, and few others."""
    marks = capture.marks
    starts = [mark.number for mark in marks]
    reader = open_again(capture, _PIECE)
    try:
        place = 0
        while place < len(wanted):
            index = bisect_right(starts, wanted[place]) - 1
            blocks = _from(reader, capture, marks[index]) if index >= 0 else None
            if blocks is None:
                return
            for block in blocks:
                after = block.first_number + len(block)
                if block.first_number <= wanted[place] < after:
                    yield block
                while place < len(wanted) and wanted[place] < after:
                    place += 1
                if place == len(wanted):
                    break
                if index + 1 < len(marks) and after < starts[bisect_right(starts, wanted[place]) - 1]:
                    break
            else:
                return
    finally:
        reader.close()


def _from(reader: Capture, first: Capture, mark: Mark) -> Iterator[FrameBlock] | None:
    """Begin at a mark with the interfaces that were known there."""
    known = len(reader.interfaces)
    if known < mark.interfaces:
        # Copies: blocks that are read again change them.
        reader.interfaces += [replace(one) for one in first.interfaces[known : mark.interfaces]]
    return reader.blocks_from(mark)


def _gone(capture: Capture, number: int) -> UnreadableError:
    return UnreadableError(
        f"frame {number} cannot be read again: the file has changed since it was read",
        where=capture.path,
        hint="leave the file in its place until pcapan has ended",
    )
