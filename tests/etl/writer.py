"""Writes .etl files as Windows does: header, buffers of several processors, records of all shapes.

The layouts are written down here a second time on purpose, apart from the reader.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from tests.etl.xpress_writer import deflate

EPOCH = 116_444_736_000_000_000
NDIS = UUID("2ed6006e-4729-4609-b423-3ee7bcd678ef")
PKTMON = UUID("4d4f80d9-c8bd-4d73-bb5b-19c90402c5ac")
WFP = UUID("0c478c5b-0351-41b1-8c58-4a6737da32e3")
TCPIP = UUID("2f07e2ee-15db-40f1-90ef-9d7ba282188a")
INNER = UUID("d84521f7-2235-4237-a7c0-14e3a9676286")
SYSCONFIG = UUID("9b79ee91-b5fd-41c0-a243-4248e266e9d0")
METADATA = UUID("bbccf6c1-6cd1-48c4-80ff-839482e37671")

_FIRST_STAMP = 5_000_000_000_000


@dataclass(slots=True)
class Trace:
    """One trace file in the making. Times are UTC nanoseconds since 1970."""

    start: int
    compressed: bool = False
    buffer_size: int = 0x80000
    processors: int = 2
    frequency: int = 10_000_000
    clock: int = 1
    mhz: int = 2400
    build: int = 20348
    events_lost: int = 0
    buffers_lost: int = 0
    wide: bool = True
    records: list[tuple[int, bytes]] = field(default_factory=list)
    """(processor, record) in the order they are logged."""
    _next: int = 0

    def stamp(self, time: int) -> int:
        """A time as the session's clock counts it."""
        ticks = (time - self.start) // 100
        if self.clock == 2:
            return time // 100 + EPOCH
        if self.clock == 3:
            return _FIRST_STAMP + -(-ticks * self.mhz // 10)
        return _FIRST_STAMP + -(-ticks * self.frequency // 10_000_000)

    def add(self, record: bytes, processor: int | None = None) -> None:
        """Log a record, on the next processor in turn unless one is named."""
        if processor is None:
            processor = self._next = (self._next + 1) % self.processors
        self.records.append((processor, record))

    def event(
        self,
        provider: UUID,
        kind: int,
        time: int,
        payload: bytes,
        *,
        keyword: int = 0,
        processor: int | None = None,
        items: Sequence[tuple[int, bytes]] = (),
        marker: int = 0xC013,
        thread: int = 0,
        process: int = 0,
    ) -> None:
        """Log an event with an EVENT_HEADER; `items` are extended data (type, data)."""
        extended = bytearray()
        for number, (sort, data) in enumerate(items):
            size = (8 + len(data) + 7) & ~7
            more = number + 1 < len(items)
            extended += struct.pack("<HHHH", size, sort, more, len(data)) + data.ljust(size - 8, b"\0")
        size = 0x50 + len(extended) + len(payload)
        assert size <= 0xFFFF
        head = struct.pack("<HHHHIIq", size, marker, bool(items), 0, thread, process, self.stamp(time))
        head += provider.bytes_le + struct.pack("<HBBBBHQ", kind, 0, 16, 4, 0, 0, keyword)
        head += struct.pack("<II", 0, 0) + bytes(16)
        self.add(head + extended + payload, processor)

    def classic(self, provider: UUID, opcode: int, payload: bytes) -> None:
        """Log a record with the header of Windows 2000."""
        size = 0x30 + len(payload)
        head = struct.pack("<HHBBHIIq", size, 0xC014, opcode, 0, 0, 0, 0, _FIRST_STAMP)
        self.add(head + provider.bytes_le + bytes(8) + payload, 0)

    def bookkeeping(self) -> None:
        """System configuration and the map of drop reasons, as Windows adds them."""
        names = wide("20348.2461.amd64fre.fe_release.210507-1500") + wide("Windows Server 2022 Standard")
        self.classic(SYSCONFIG, 32, bytes(8) + names)
        entries = {0: "Unknown", 1207: "INET_RECEIVE_INSPECTION", 1409: "IPSEC_DOSP_THROTTLE"}
        texts = bytearray(wide("DropReason"))
        base = 16 + 8 * len(entries)
        table = bytearray()
        for value, said in entries.items():
            table += struct.pack("<II", base + len(texts), value)
            texts += wide(said + " ")
        self.classic(
            METADATA, 33, PKTMON.bytes_le + struct.pack("<IIII", base, 1, len(entries), 0) + table + texts
        )

    def noise(self, time: int, count: int = 1) -> None:
        """Events of other providers, a WPP message and a kernel record."""
        for number in range(count):
            self.event(TCPIP, 1300 + number % 7, time, bytes(40 + number % 90), items=((1, bytes(16)),))
        self.add(struct.pack("<HHHH", 24, 0x9000, 10, 0) + bytes(16))
        self.add(struct.pack("<HHHHq", 0, 0xC011, 32, 0x0F24, self.stamp(time)) + bytes(16))

    def build_file(self) -> bytes:
        """The bytes of the file."""
        buffers = self._buffers()
        return self._header(1 + len(buffers)) + b"".join(buffers)

    def _buffers(self) -> list[bytes]:
        room = self.buffer_size - 0x48
        filling: dict[int, bytearray] = {number: bytearray() for number in range(self.processors)}
        made: list[tuple[int, bytes]] = []
        for processor, record in self.records:
            body = filling[processor]
            padded = record + bytes(-len(record) % 8)
            if len(body) + len(padded) > room:
                made.append((processor, bytes(body)))
                body = filling[processor] = bytearray()
            body += padded
        made += [(processor, bytes(body)) for processor, body in filling.items() if body]
        return [
            self._buffer(processor, body, number + 1, last=number + 1 == len(made))
            for number, (processor, body) in enumerate(made)
        ]

    def _buffer(self, processor: int, body: bytes, sequence: int, *, last: bool) -> bytes:
        flags = 0x20 | last
        filled = 0x48 + len(body)
        if self.compressed:
            packed = deflate(body)
            return buffer_header(0x48 + len(packed), filled, flags | 0x40, 0, processor, sequence) + packed
        head = buffer_header(self.buffer_size, filled, flags, 0, processor, sequence)
        return (head + body).ljust(self.buffer_size, b"\xff")

    def _header(self, buffers: int) -> bytes:
        mode = 0x4010001 if self.compressed else 0x10001
        names = wide("Relogger") + wide("C:\\trace.etl")
        junk = bytes(16 if self.wide else 8)
        table = struct.pack(
            "<IBBBBIIqIIIIIIII",
            *(self.buffer_size, 10, 0, 0, 2, self.build, self.processors, EPOCH + self.start // 100 + 10**12),
            *(156250, 512, mode, buffers, 1, 8 if self.wide else 4, self.events_lost, self.mhz),
        )
        table += junk + bytes(172 + 4)
        table += struct.pack(
            "<qqqII", 0, self.frequency, EPOCH + self.start // 100, self.clock, self.buffers_lost
        )
        size = 0x20 + len(table) + len(names)
        stamp = self.stamp(self.start)
        head = struct.pack("<HBBHHIIqII", 2, 2 if self.wide else 1, 0xC0, size, 0, 1, 2, stamp, 0, 0)
        record = head + table + names
        record += bytes(-len(record) % 8)
        total = 0x400 if self.compressed else min(self.buffer_size, 0x20000)
        if not self.compressed:
            total = self.buffer_size
        return (buffer_header(total, 0x48 + len(record), 1, 4, 0, 0) + record).ljust(total, b"\xff")


def buffer_header(size: int, filled: int, flags: int, kind: int, processor: int, sequence: int) -> bytes:
    """The 72 bytes before the records of a buffer."""
    head = struct.pack("<IIIiqqQ", size, filled, 0x1000000 + filled, 0, 0, sequence, 0)
    return head + struct.pack("<HHIIHH", processor, 1, 3, filled, flags, kind) + bytes(16)


def wide(said: str) -> bytes:
    """UTF-16 with its end mark."""
    return said.encode("utf-16-le") + b"\0\0"
