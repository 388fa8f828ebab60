"""Writes what the paths find into the columns of a `FileScan`.

Knows which lists are bounded and how problems are counted by code; `pcapan.scan.rows` writes the messages.
Must not decide what a packet is: the paths do.
"""

from __future__ import annotations

from pcapan.scan.columns import FileScan, ScanProblem
from pcapan.scan.flows import FlowKey, FlowTable
from pcapan.scan.rows import MessageRows

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    from pcapan.scan.general import Packet

#: What a hostile capture may make us remember of each kind; all are counted, only rows are bounded.
MAX_TALKERS = 100_000
MAX_MACS = 10_000
MAX_ROWS = 100_000


class Recorder:
    """Appends rows to one `FileScan`."""

    def __init__(self, scan: FileScan, talkers: FlowTable) -> None:
        """`talkers` has a row for each sender of packets of other protocols."""
        self.scan = scan
        self._talkers = talkers
        self.rows = MessageRows(scan)
        self._problems: dict[str, ScanProblem] = {}

    def address(self, address: bytes) -> int:
        """Index of an address (4 or 16 octets) in `FileScan.addresses`."""
        return self.rows.address(6 if len(address) == 16 else 4, *halves(address))

    def message(self, packet: Packet, octets: bytes, wire_length: int) -> int:
        """Add one IKE message, of which `wire_length` bytes were sent; gives its row number."""
        src_mac, dst_mac = packet.macs
        row = self.rows.add(
            octets,
            0,
            len(octets),
            wire_length,
            packet.frame,
            packet.ts,
            self.address(packet.src),
            self.address(packet.dst),
            packet.sport,
            packet.dport,
            packet.ttl,
            packet.ip_id,
            int.from_bytes(src_mac, "big") if src_mac else -1,
            int.from_bytes(dst_mac, "big") if dst_mac else -1,
            packet.marks,
        )
        self.odd_messages()
        return row

    def odd_messages(self) -> None:
        """Count what is wrong with messages that were added."""
        for problem, frame, size in self.rows.odd:
            self.problem(problem, frame, f"IKE message of {size} bytes")
        self.rows.odd.clear()

    def problem(self, code: str, frame: int, example: str) -> None:
        """Count one oddity; the first frame and example of each code are kept."""
        known = self._problems.get(code)
        if known is None:
            known = self._problems[code] = ScanProblem(code, frame, example, 0)
            self.scan.problems.append(known)
        known.count += 1

    def undecoded(self, reason: str, frames: int = 1) -> None:
        """Count frames that could not be decoded."""
        self.scan.undecoded[reason] = self.scan.undecoded.get(reason, 0) + frames

    def talker(self, src: bytes) -> None:
        """Count a packet of another protocol for its sender."""
        self._talkers.count(6 if len(src) == 16 else 4, *halves(src), 0, 0, 0, 0, 0, 0)

    def source_mac(self, mac: bytes) -> None:
        """Remember that this MAC address sends."""
        if len(self.scan.source_macs) < MAX_MACS:
            self.scan.source_macs.add(mac)

    def neighbour(self, address: bytes, mac: bytes) -> None:
        """Remember which MAC address an IP address of this link has."""
        if len(self.scan.link_neighbours) < MAX_MACS:
            self.scan.link_neighbours[address] = mac


def halves(address: bytes) -> tuple[int, int]:
    """An address as flow tables have it: two halves of 64 bits, of IPv4 0 and the address."""
    return int.from_bytes(address[:-8], "big"), int.from_bytes(address[-8:], "big")


def flow_key(packet: Packet, spi: int) -> FlowKey:
    """The key of a packet's flow, as the hot path builds it."""
    ends = packet.sport << 48 | packet.dport << 32 | spi
    return (6 if len(packet.src) == 16 else 4, *halves(packet.src), *halves(packet.dst), ends)
