"""Frames, the files and blocks they come in, and scanning them."""

from __future__ import annotations

import gzip
import struct
from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from pcapan.ingest.frames import FrameBlock, Interface
from pcapan.ingest.open import open_capture
from pcapan.scan.columns import FileScan
from pcapan.scan.scanner import Scanner
from tests.decode.builders import IPV4, IPV6, ether, pppoe, vlan
from tests.ingest.builders import block, option, pcap_header

#: 2023-11-14 22:13:20 UTC: where the second 0 of every test lies.
EPOCH = 1_700_000_000 * 10**9
ETHERNET, RAW = 1, 101


class Frame(NamedTuple):
    """One captured frame; `wire` is its length before the snap length cut it, 0 = not cut."""

    ts: int
    data: bytes
    wire: int = 0


def blocks(frames: Sequence[Frame], cuts: Iterable[int] = ()) -> list[FrameBlock]:
    """The frames in blocks that end before each index of `cuts`; junk lies between the frames."""
    made = []
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(frames)}), len(frames)]
    for begin, end in pairwise(edges):
        part = frames[begin:end]
        data = bytearray(b"\xee" * 16)
        offsets = []
        for frame in part:
            offsets.append(len(data))
            data += frame.data + b"\xee" * 16
        made.append(
            FrameBlock(
                bytes(data),
                begin + 1,
                array("Q", offsets),
                array("I", [len(frame.data) for frame in part]),
                array("I", [frame.wire or len(frame.data) for frame in part]),
                array("q", [frame.ts for frame in part]),
                array("I", bytes(4 * len(part))),
                array("B", bytes(len(part))),
            )
        )
    return made


def scan(frames: Sequence[Frame], link: int = ETHERNET, cuts: Iterable[int] = ()) -> FileScan:
    scanner = Scanner()
    for part in blocks(frames, cuts) if frames else ():
        scanner.feed(part, [Interface(link)])
    return scanner.finish()


def scan_packets(*packets: bytes, link: int = ETHERNET, step: int = 10**9) -> FileScan:
    """Packets one second (or `step` ns) apart."""
    return scan([Frame(EPOCH + index * step, packet) for index, packet in enumerate(packets)], link)


def pcap(frames: Iterable[Frame], link: int = ETHERNET, *, order: str = "<", nano: bool = True) -> bytes:
    scale = 1 if nano else 1000
    parts = [pcap_header(0xA1B23C4D if nano else 0xA1B2C3D4, order, link)]
    for frame in frames:
        seconds, rest = divmod(frame.ts, 10**9)
        lengths = (len(frame.data), frame.wire or len(frame.data))
        parts.append(struct.pack(order + "IIII", seconds, rest // scale, *lengths) + frame.data)
    return b"".join(parts)


def pcapng(frames: Iterable[Frame], link: int = ETHERNET, *, order: str = "<") -> bytes:
    parts = [
        block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order),
        block(1, struct.pack(order + "HHI", link, 0, 0) + option(9, b"\x09", order), order),
    ]
    for frame in frames:
        lengths = (len(frame.data), frame.wire or len(frame.data))
        head = struct.pack(order + "IIIII", 0, frame.ts >> 32, frame.ts & 0xFFFFFFFF, *lengths)
        parts.append(block(6, head + frame.data, order))
    return b"".join(parts)


def read(path: Path) -> tuple[int, list[Frame]]:
    """Link type and frames of a capture with one interface."""
    capture = open_capture(str(path))
    frames = []
    for part in capture.blocks():
        for at, size, wire, ts in zip(part.offsets, part.lengths, part.wire_lengths, part.times, strict=True):
            frames.append(Frame(ts, bytes(part.data[at : at + size]), wire if wire > size else 0))
    links = {interface.link_type for interface in capture.interfaces}
    assert len(links) == 1
    return links.pop(), frames


def split(path: Path, folder: Path, cuts: Iterable[int]) -> list[Path]:
    """The capture in several files, each cut standing for "before this frame"; named in order."""
    link, frames = read(path)
    edges = [0, *sorted(cuts), len(frames)]
    parts = []
    for number, (begin, end) in enumerate(pairwise(edges)):
        part = folder / f"part-{number:02}.pcap"
        part.write_bytes(pcap(frames[begin:end], link))
        parts.append(part)
    return parts


#: Container -> its bytes for link type and frames with microseconds.
CONTAINERS: dict[str, Callable[[Sequence[Frame], int], bytes]] = {
    "pcap, little endian, us": lambda frames, link: pcap(frames, link, nano=False),
    "pcap, big endian, us": lambda frames, link: pcap(frames, link, order=">", nano=False),
    "pcap, little endian, ns": lambda frames, link: pcap(frames, link),
    "pcap, big endian, ns": lambda frames, link: pcap(frames, link, order=">"),
    "pcapng, little endian": lambda frames, link: pcapng(frames, link),
    "pcapng, big endian": lambda frames, link: pcapng(frames, link, order=">"),
    "pcap, gzip": lambda frames, link: gzip.compress(pcap(frames, link), mtime=0),
    "pcapng, gzip": lambda frames, link: gzip.compress(pcapng(frames, link), mtime=0),
}


def _ethertype(packet: bytes) -> int:
    return IPV4 if packet[0] >> 4 == 4 else IPV6


def _sll(packet: bytes) -> bytes:
    return struct.pack("!HHH8sH", 0, 1, 6, b"\x02" * 8, _ethertype(packet)) + packet


#: Name -> link type and what stands before an IP packet on it.
LINKS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "ethernet": (1, lambda packet: ether(_ethertype(packet), packet)),
    "vlan": (1, lambda packet: ether(0x8100, vlan(7, _ethertype(packet), packet))),
    "qinq": (1, lambda packet: ether(0x88A8, vlan(7, 0x8100, vlan(9, _ethertype(packet), packet)))),
    "pppoe": (1, lambda packet: ether(0x8864, pppoe(packet, 0x21 if packet[0] >> 4 == 4 else 0x57))),
    "sll": (113, _sll),
    "sll2": (
        276,
        lambda packet: struct.pack("!HHIHBB8s", _ethertype(packet), 0, 2, 1, 0, 6, b"\x02" * 8) + packet,
    ),
    "raw": (RAW, lambda packet: packet),
    "null": (0, lambda packet: struct.pack("<I", 2 if packet[0] >> 4 == 4 else 24) + packet),
}


def relink(frames: Iterable[Frame], name: str) -> list[Frame]:
    """Ethernet frames with IP on another link; frames of other protocols are left out."""
    _, wrap = LINKS[name]
    moved = []
    for frame in frames:
        if frame.data[12:14] not in (b"\x08\x00", b"\x86\xdd"):
            continue
        data = wrap(frame.data[14:])
        moved.append(Frame(frame.ts, data, frame.wire - len(frame.data) + len(data) if frame.wire else 0))
    return moved
