"""Writes pcap and pcapng, also wrong ones, byte by byte; reads captures into plain rows."""

from __future__ import annotations

import io
import struct
from typing import NamedTuple

from pcapan.ingest.capture import Capture
from pcapan.ingest.open import open_capture
from pcapan.ingest.stream import CHUNK_SIZE

#: 2024-03-09 16:00:00.123456789 UTC
SECOND, NANO = 1_710_000_000, 123_456_789
TIME = SECOND * 10**9 + NANO


class Row(NamedTuple):
    """One frame as a test sees it."""

    number: int
    data: bytes
    wire: int
    time: int
    interface: int = 0
    direction: int = 0


class Read(NamedTuple):
    """One capture, read to its end."""

    rows: list[Row]
    capture: Capture

    @property
    def codes(self) -> list[str]:
        return [problem.code for problem in self.capture.problems]


def read_all(capture: Capture) -> Read:
    """Read a capture to its end and check what holds for every block."""
    rows: list[Row] = []
    following = 1
    for block in capture.blocks():
        count = len(block)
        assert count > 0
        assert block.first_number >= following
        following = block.first_number + count
        columns = (block.lengths, block.wire_lengths, block.times, block.interfaces, block.directions)
        assert all(len(column) == count for column in columns)
        for i in range(count):
            begin, length = block.offsets[i], block.lengths[i]
            assert begin + length <= len(block.data)
            assert block.wire_lengths[i] >= length
            assert block.interfaces[i] < len(capture.interfaces)
            assert block.directions[i] <= 2
            rows.append(
                Row(
                    block.first_number + i,
                    bytes(block.data[begin : begin + length]),
                    block.wire_lengths[i],
                    block.times[i],
                    block.interfaces[i],
                    block.directions[i],
                )
            )
    if capture.damaged:
        assert capture.problems
    return Read(rows, capture)


def read_bytes(data: bytes, chunk_size: int = CHUNK_SIZE) -> Read:
    """Read a capture from standard input."""
    return read_all(open_capture("-", stdin=io.BytesIO(data), chunk_size=chunk_size))


def frame(index: int, size: int = 60) -> bytes:
    """Bytes that tell which frame they are."""
    return bytes((index * 7 + i) & 0xFF for i in range(size))


def pcap_header(
    magic: int = 0xA1B2C3D4,
    order: str = "<",
    network: int = 1,
    version: tuple[int, int] = (2, 4),
    snaplen: int = 262144,
) -> bytes:
    return struct.pack(order + "IHHiIII", magic, *version, 0, 0, snaplen, network)


def pcap_record(
    data: bytes,
    *,
    order: str = "<",
    fraction: int = 123_456,
    captured: int | None = None,
    wire: int | None = None,
    extra: bytes = b"",
) -> bytes:
    captured = len(data) if captured is None else captured
    wire = captured if wire is None else wire
    return struct.pack(order + "IIII", SECOND, fraction, captured, wire) + extra + data


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    total = len(body) + 12
    return struct.pack(order + "II", kind, total) + body + struct.pack(order + "I", total)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def shb(order: str = "<", options: bytes = b"") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1) + options, order)


def idb(order: str = "<", *, link: int = 1, snaplen: int = 0, options: bytes = b"") -> bytes:
    return block(1, struct.pack(order + "HHI", link, 0, snaplen) + options, order)


def epb(
    data: bytes,
    order: str = "<",
    *,
    interface: int = 0,
    ticks: int = SECOND * 10**6 + 123_456,
    captured: int | None = None,
    wire: int | None = None,
    options: bytes = b"",
) -> bytes:
    captured = len(data) if captured is None else captured
    head = struct.pack(
        order + "IIIII",
        interface,
        ticks >> 32,
        ticks & 0xFFFFFFFF,
        captured,
        captured if wire is None else wire,
    )
    return block(6, head + data + bytes(-len(data) % 4) + options, order)


def spb(data: bytes, order: str = "<", *, wire: int | None = None) -> bytes:
    return block(3, struct.pack(order + "I", len(data) if wire is None else wire) + data, order)


def isb(options: bytes, order: str = "<", *, interface: int = 0) -> bytes:
    return block(5, struct.pack(order + "III", interface, 0, 0) + options, order)


def sample_pcap(count: int = 5) -> bytes:
    """A good pcap with frames of different sizes."""
    return pcap_header() + b"".join(pcap_record(frame(i, 14 + 9 * i)) for i in range(count))


def sample_pcapng() -> bytes:
    """Two sections of different byte order, interfaces, a comment, a simple packet, unknown blocks."""
    parts = [shb("<", option(4, b"writer")), idb("<", options=option(9, b"\x09")), idb("<", link=101)]
    parts += [epb(frame(i, 21 + i), "<", interface=i % 2, options=option(2, b"\1\0\0\0")) for i in range(4)]
    parts += [block(0x77, b"unknown"), block(0xBAD, b"\0\0\0\0own"), epb(frame(9), options=option(1, b"hi"))]
    parts += [shb(">"), idb(">", link=113), spb(frame(5, 33), ">"), epb(frame(6), ">"), isb(b"", ">")]
    return b"".join(parts)
