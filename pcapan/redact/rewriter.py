"""Frames with pseudonyms: a first pass to learn what occurs, a second one to replace it.

Knows the order of the passes over one file. Must not know files or formats: blocks of frames come in, frames
go out.
"""

from __future__ import annotations

from collections.abc import Sequence

from pcapan.ingest.frames import FrameBlock, Interface
from pcapan.redact.fragments import FragmentPlan
from pcapan.redact.links import rewrite_frame
from pcapan.redact.names import Collector, Names


def collect_frames(block: FrameBlock, interfaces: Sequence[Interface], found: Collector) -> None:
    """Note everything in the frames of a block that will be replaced."""
    links = [interface.link_type for interface in interfaces]
    for offset, length, interface in zip(block.offsets, block.lengths, block.interfaces, strict=True):
        rewrite_frame(links[interface], bytes(block.data[offset : offset + length]), found)


class Rewriter:
    """Replaces what frames of one file say."""

    def __init__(self, names: Names, plan: FragmentPlan | None = None) -> None:
        """`plan` must have seen all frames of the file, where some are IP fragments."""
        self._names = names
        self._plan = plan

    def frame(self, number: int, link_type: int, data: bytes | bytearray | memoryview) -> bytes:
        """Captured bytes of frame `number` of the file with pseudonyms; the length stays."""
        instead = self._plan.instead(number) if self._plan is not None else None
        return rewrite_frame(link_type, bytes(data), self._names, instead)
