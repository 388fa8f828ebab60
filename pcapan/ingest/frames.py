"""What every reader hands on: blocks of frames, and the interfaces they were captured on.

Knows no file format and no protocol. A block is columnar: one buffer with the bytes of many
frames and parallel arrays that say where each frame lies, so that reading a frame costs no Python
object. Frame numbers are 1-based and are those Wireshark shows for the same file.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

#: ``FrameBlock.times`` of a frame whose container carries no time stamp (pcapng Simple Packet Block).
NO_TIME = -(2**63)

#: Values of ``FrameBlock.directions``; as in the two lowest bits of pcapng ``epb_flags``.
DIRECTION_UNKNOWN, DIRECTION_INBOUND, DIRECTION_OUTBOUND = 0, 1, 2


@dataclass(slots=True)
class Interface:
    """One capture interface of a file (one pcapng Interface Description Block, or the pcap header)."""

    link_type: int
    """LINKTYPE_ value, https://www.tcpdump.org/linktypes.html"""
    snaplen: int = 0
    """Bytes kept of each frame; 0 = no limit."""
    name: str = ""
    description: str = ""
    capture_filter: str = ""
    operating_system: str = ""
    hardware: str = ""
    received: int | None = None
    """Packets the interface saw, from the Interface Statistics Block (isb_ifrecv)."""
    dropped: int | None = None
    """Packets lost for lack of resources (isb_ifdrop + isb_osdrop)."""


@dataclass(slots=True)
class InputProblem:
    """Something odd in the container. `code` is a stable kebab-case word; `frame` 0 = not at a frame."""

    code: str
    frame: int
    example: str
    count: int = 1


@dataclass(slots=True)
class FrameBlock:
    """Some consecutive frames. All arrays have the same length, the number of frames."""

    data: bytes | bytearray
    """The bytes in which the frames lie; valid until the next block is asked for."""
    first_number: int
    """Frame number of the first frame of this block."""
    offsets: array[int] = field(default_factory=lambda: array("Q"))
    """Where in `data` each frame begins."""
    lengths: array[int] = field(default_factory=lambda: array("I"))
    """Captured bytes of each frame; offset + length never exceeds len(data)."""
    wire_lengths: array[int] = field(default_factory=lambda: array("I"))
    """Bytes the frame had on the wire, as the container says (never less than captured)."""
    times: array[int] = field(default_factory=lambda: array("q"))
    """UTC nanoseconds since 1970-01-01, or NO_TIME."""
    interfaces: array[int] = field(default_factory=lambda: array("I"))
    """Index into CaptureReader.interfaces (numbered through all sections of the file)."""
    directions: array[int] = field(default_factory=lambda: array("B"))
    """DIRECTION_ constant of each frame."""

    def __len__(self) -> int:
        return len(self.offsets)


class CaptureReader(Protocol):
    """One opened capture. Iterate `blocks()` once; the other attributes are complete afterwards."""

    path: str
    """As the user named it; ``-`` is standard input."""
    format: str
    """Container: pcap, pcap-ns, pcap-modified, pcapng, wireshark:<name>; plus +gzip or +zstd."""
    interfaces: list[Interface]
    comments: list[str]
    """Section and packet comments, first 100."""
    problems: list[InputProblem]
    damaged: bool
    """True when the file is cut or corrupt part-way: everything before the damage was delivered."""

    def blocks(self) -> Iterator[FrameBlock]:
        """Yield the frames in file order. Raises UnreadableError only before the first block."""
        ...

    @property
    def bytes_read(self) -> int:
        """Bytes of the file (as stored, before inflation) consumed so far; for progress bars."""
        ...

    @property
    def sha256(self) -> str:
        """SHA-256 of the stored file, hex; complete after `blocks()` is exhausted."""
        ...

    @property
    def size(self) -> int:
        """Stored size in bytes; for standard input what was read."""
        ...
