"""What every reader hands on: blocks of frames, and the interfaces they were captured on.

Knows no file format and no protocol. A block is columnar: one buffer with the bytes of many
frames and parallel arrays that say where each frame lies, so that reading a frame costs no Python
object. Frame numbers are 1-based and are those Wireshark shows for the same file.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from pcapan.octets import Octets
from pcapan.record import Record, field

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object

#: ``FrameBlock.times`` of a frame whose container carries no time stamp (pcapng Simple Packet Block).
NO_TIME = -(2**63)

#: Values of ``FrameBlock.directions``; as in the two lowest bits of pcapng ``epb_flags``.
DIRECTION_UNKNOWN, DIRECTION_INBOUND, DIRECTION_OUTBOUND = 0, 1, 2


class Interface(Record):
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


class InputProblem(Record):
    """Something odd in the container. `code` is a stable kebab-case word; `frame` 0 = not at a frame."""

    code: str
    frame: int
    example: str
    count: int = 1


class FrameBlock(Record):
    """Some consecutive frames. All arrays have the same length, the number of frames."""

    data: Octets
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
    comments: dict[int, list[str]] = field(default_factory=dict)
    """Frame number -> the comments the container has on it; most frames have none."""

    def __len__(self) -> int:
        return len(self.offsets)


class Frame(Record, frozen=True):
    """One frame by itself, for the few that are copied; whoever reads many of them reads blocks."""

    number: int
    interface: int
    """Index into CaptureReader.interfaces."""
    time: int
    """UTC nanoseconds since 1970-01-01, or NO_TIME."""
    data: bytes
    wire_length: int
    direction: int = DIRECTION_UNKNOWN
    comments: tuple[str, ...] = ()


class Mark(Record, frozen=True):
    """A place where reading of a capture can begin again, see `Capture.mark`."""

    number: int
    """The frame that comes next there."""
    offset: int
    """Where the record of that frame, or something before it that has no number, begins in the capture as
    it is read (inflated, converted), bytes."""
    interfaces: int
    """How many interfaces were described before it."""
    state: object = None
    """What the format's reader must know there; its own business."""


class DroppedPacket(Record):
    """A packet that the capturing system says it dropped itself (Windows pktmon)."""

    time: int
    """UTC nanoseconds since 1970-01-01."""
    reason: int
    """Number of the reason; its meaning depends on the system."""
    reason_text: str
    """The reason in words, from the file where it tells, else from a table; may be empty."""
    location: int
    component: str
    """Part of the network stack that dropped it."""
    direction: int
    """DIRECTION_ constant."""
    data: bytes
    """The packet from its IP header on, at most 256 bytes."""
    wire_length: int
    """Bytes it had from its IP header on."""
    frame: int = 0
    """Frame that shows the same packet at the network card; 0 = none does."""


class ServiceMessage(Record):
    """An IKE message that the IKE service of the capturing system says it received or sent."""

    time: int
    """UTC nanoseconds since 1970-01-01."""
    sent: bool
    spi_i: int
    spi_r: int
    exchange: str
    message_id: int
    flags: int
    length: int
    local: str
    local_port: int
    remote: str
    remote_port: int


class SideEvidence(Record):
    """What a container tells besides frames; empty for most. Complete when the first block is there."""

    merged_copies: int = 0
    """Events that show a packet once more at another place of the stack; not delivered as frames."""
    drop_events: int = 0
    """Dropped packets of any kind that the file tells of."""
    drops: list[DroppedPacket] = field(default_factory=list)
    """Those that are IKE or ESP, by time; `frame` is set as blocks are drawn."""
    messages: list[ServiceMessage] = field(default_factory=list)
    """By time."""
    failures: dict[str, int] = field(default_factory=dict)
    """Failures that the IKE service reported, in words -> count."""
    facts: list[tuple[str, str]] = field(default_factory=list)
    """Label and text of whatever else the container says about itself."""


class CaptureReader(Protocol):
    """One opened capture. Iterate `blocks()` once; the other attributes are complete afterwards."""

    path: str
    """As the user named it; ``-`` is standard input."""
    format: str
    """Container: pcap, pcap-ns, pcap-modified, pcapng, etl, wireshark:<name>; plus +gzip or +zstd."""
    interfaces: list[Interface]
    comments: list[str]
    """Section and packet comments, first 100."""
    problems: list[InputProblem]
    damaged: bool
    """True when the file is cut or corrupt part-way: everything before the damage was delivered."""
    side: SideEvidence
    """What the container tells besides frames."""

    def blocks(self) -> Iterator[FrameBlock]:
        """Yield the frames in file order. Raises UnreadableError only before the first block."""

    @property
    def bytes_read(self) -> int:
        """Bytes of the file (as stored, before inflation) consumed so far; for progress bars."""

    @property
    def sha256(self) -> str:
        """SHA-256 of the stored file, hex; complete after `blocks()` is exhausted."""

    @property
    def size(self) -> int:
        """Stored size in bytes; for standard input what was read."""
