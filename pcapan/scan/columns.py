"""What one file holds once it has been scanned: columns, flows and counts instead of objects.

Knows the shape of the data between the hot path and the tracker; must not know how it is found or
what it means. IKE messages are columns (one array a field); what many messages share (payload
types, proposals, vendor ids) is interned as a `Shape`, so that a flood of a million alike messages
stays small. Times are UTC nanoseconds, addresses are indexes into `FileScan.addresses`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping

from pcapan.record import Record, field
from pcapan.scan.hashes import NatdHashes

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    from pcapan.decode.fragments import IncompleteDatagram

#: Bits of ``MessageColumns.marks``.
MARK_COPY = 0x01
"""The same packet was captured before: a mirror port or a second capture point."""
MARK_CUT = 0x02
"""The snap length cut the packet."""
MARK_NON_ESP = 0x04
"""The four-byte non-ESP marker of RFC 3948 stood before the header."""
MARK_FRAGMENTED = 0x08
"""The datagram came in IP fragments; `FileScan.fragment_frames` names their frames."""
MARK_NO_TIME = 0x10
"""The container carried no time stamp; the time of the frame before it stands in."""


class Shape(Record, frozen=True):
    """What the clear payloads of a message say, apart from values that differ in every message."""

    payloads: bytes
    """Payload types in order, one octet each."""
    notifies: tuple[int, ...]
    vendor_ids: tuple[bytes, ...]
    sa_body: bytes
    ke_group: int
    invalid_ke_group: int
    nonce_length: int
    complete: bool
    problem: str


class MessageColumns:
    """IKE messages in file order, one array a field; -1 stands for "cut away"."""

    def __init__(self) -> None:
        self.frame = array("Q")
        self.ts = array("q")
        self.src = array("I")
        self.dst = array("I")
        self.sport = array("H")
        self.dport = array("H")
        self.ttl = array("B")
        self.ip_id = array("I")
        self.macs = array("I")
        """Index into `FileScan.mac_pairs`."""
        self.marks = array("B")
        self.spi_i = array("Q")
        self.spi_r = array("Q")
        self.version = array("h")
        self.exchange = array("h")
        self.flags = array("h")
        self.message_id = array("q")
        self.length = array("q")
        self.encrypted = array("I")
        self.fragment_number = array("H")
        self.fragment_total = array("H")
        self.digest = array("Q")
        """A remainder of the IKE bytes taken as one number: equal for a retransmission."""
        self.shape = array("I")
        """Index into `FileScan.shapes`."""

    def __len__(self) -> int:
        return len(self.frame)


class Flow(Record):
    """ESP of one SPI in one direction, or the keepalives of one 4-tuple (`spi` 0)."""

    src: int
    dst: int
    sport: int
    """UDP source port; 0 for native ESP (IP protocol 50)."""
    dport: int
    spi: int
    packets: int
    octets: int
    """Octets of ESP, without the UDP header."""
    first_ts: int
    last_ts: int
    first_frame: int
    last_frame: int
    lowest_sequence: int = 0
    highest_sequence: int = 0
    longest_gap: int = 0
    """Longest silence between two packets of the flow, ns."""
    gap_from: int = 0
    """When that silence began, ns."""
    copies: int = 0


#: Columns of `FlowColumns`, in the order of the fields of `Flow`, with their types as `array` names them.
FLOW_COLUMNS = {
    "src": "I",
    "dst": "I",
    "sport": "H",
    "dport": "H",
    "spi": "I",
    "packets": "Q",
    "octets": "Q",
    "first_ts": "q",
    "last_ts": "q",
    "first_frame": "Q",
    "last_frame": "Q",
    "lowest_sequence": "I",
    "highest_sequence": "I",
    "longest_gap": "Q",
    "gap_from": "q",
    "copies": "Q",
}


class FlowColumns:
    """Flows in order of their first packet, one array for each field of `Flow`.

    A `Flow` is made when it is asked for: an incident may have a hundred thousand of which nobody asks.
    """

    src: array[int]
    dst: array[int]
    sport: array[int]
    dport: array[int]
    spi: array[int]
    packets: array[int]
    octets: array[int]
    first_ts: array[int]
    last_ts: array[int]
    first_frame: array[int]
    last_frame: array[int]
    lowest_sequence: array[int]
    highest_sequence: array[int]
    longest_gap: array[int]
    gap_from: array[int]
    copies: array[int]

    def __init__(self) -> None:
        """Without rows, for somebody to fill."""
        for name, kind in FLOW_COLUMNS.items():
            setattr(self, name, array(kind))

    def __len__(self) -> int:
        return len(self.src)

    def __getitem__(self, row: int) -> Flow:
        return Flow(*[column[row] for column in self.columns()])

    def __iter__(self) -> Iterator[Flow]:
        return map(Flow, *self.columns())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FlowColumns) and self.columns() == other.columns()

    def __repr__(self) -> str:
        return f"FlowColumns({list(self)!r})"

    __hash__ = None  # type: ignore[assignment]  # it changes

    def columns(self) -> list[array[int]]:
        """Its columns, in the order of the fields of `Flow`."""
        return [getattr(self, name) for name in FLOW_COLUMNS]


class IcmpObservation(Record, frozen=True):
    """An ICMP or ICMPv6 error that quotes a packet of ours: an observation, never a message."""

    frame: int
    ts: int
    src: int
    dst: int
    icmp_type: int
    code: int
    name: str
    quoted_src: int
    quoted_dst: int
    quoted_sport: int
    quoted_dport: int
    quoted_spi_i: int | None
    """Initiator SPI of the quoted IKE message, None when the quote ends before it or is not IKE."""


class OddDatagram(Record, frozen=True):
    """A datagram to or from port 500 or 4500 that is neither IKE, ESP nor a keepalive."""

    frame: int
    ts: int
    src: int
    dst: int
    sport: int
    dport: int
    length: int
    ttl: int


class ScanProblem(Record):
    """Something odd in the packets; `code` is a stable kebab-case word."""

    code: str
    frame: int
    example: str
    count: int = 1


class FileScan(Record):
    """Everything that the later rooms learn about one file."""

    addresses: list[bytes] = field(default_factory=list)
    """IPv4 (4 octets) and IPv6 (16 octets) addresses, network order; others index into it."""
    mac_pairs: list[tuple[bytes, bytes]] = field(default_factory=list)
    """(source, destination) of Ethernet frames with IKE; two empty values where there is none."""
    shapes: list[Shape] = field(default_factory=list)
    messages: MessageColumns = field(default_factory=MessageColumns)
    natd: NatdHashes = field(default_factory=NatdHashes)
    """By row of `messages`."""
    fragment_frames: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """Row of `messages` -> frames of all IP fragments of its datagram."""
    esp: FlowColumns = field(default_factory=FlowColumns)
    keepalives: FlowColumns = field(default_factory=FlowColumns)
    icmp: list[IcmpObservation] = field(default_factory=list)
    odd: list[OddDatagram] = field(default_factory=list)
    incomplete: list[IncompleteDatagram] = field(default_factory=list)
    """IP datagrams of which fragments are missing; bounded."""
    talkers: Mapping[bytes, int] = field(default_factory=dict)
    """Source address -> packets of other protocols it sent; bounded."""
    source_macs: set[bytes] = field(default_factory=set)
    """Source MAC addresses of all frames; bounded."""
    link_neighbours: dict[bytes, bytes] = field(default_factory=dict)
    """IP address -> MAC address, as ARP or neighbour discovery told on this link; bounded."""

    packets: int = 0
    ike: int = 0
    esp_packets: int = 0
    keepalive_packets: int = 0
    other: int = 0
    undecoded: dict[str, int] = field(default_factory=dict)
    copies: int = 0
    cut_frames: int = 0
    """Frames that the snap length cut."""
    fragments: int = 0
    """IP fragments of any protocol seen."""
    tail_fragments: int = 0
    """IP fragments without the start of their datagram's payload (a port filter loses them)."""
    out_of_order: int = 0
    """Frames whose time is earlier than that of a frame before them."""
    untimed: int = 0
    """Frames without a time stamp."""
    first_ts: int | None = None
    last_ts: int | None = None
    ports: dict[int, int] = field(default_factory=lambda: {500: 0, 4500: 0})
    """UDP packets seen with this port on either side."""
    problems: list[ScanProblem] = field(default_factory=list)
    longest_pause: int = 0
    """Longest time without any frame, ns."""
    pause_from: int = 0
