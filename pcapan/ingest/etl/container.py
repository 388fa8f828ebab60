"""The file as a sequence of buffers: where each lies, how it is inflated, how a torn one is passed.

Knows WMI_BUFFER_HEADER as Windows 7 to 11 write it (72 bytes; published with the Windows Driver Kit)
and the header record of the file, which starts the first buffer. Must not know event records beyond
that one. A buffer that lies about its size costs itself; the walk goes on at the next place where a
buffer can begin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from struct import Struct

from pcapan.ingest.etl.store import NOWHERE
from pcapan.ingest.etl.xpress import inflate
from pcapan.ingest.feeder import Feeder

HEADER = 0x48

FLAG_EVENTS_LOST, FLAG_BUFFER_LOST, FLAG_PROCESSOR_INDEX, FLAG_COMPRESSED = 0x02, 0x04, 0x20, 0x40
TYPE_HEADER = 4
#: Highest buffer type that Windows defines, and what is believed.
_TYPE_MAX = 15

#: Longest buffer believed, bytes; Windows allows a session buffers of 16 MiB.
MAX_BUFFER = 32 * 1024 * 1024

#: What all buffers of a file may inflate to: as much as this many times its size, and this many bytes
#: besides. Real traces stay below 10 times.
_MAX_RATIO, _FREE_BYTES = 100, 64 * 1024 * 1024

#: Size, processor, logger, state, filled bytes, flags, type of the buffer header at an offset.
read_header = Struct("<I36xHHIIHH").unpack_from


@dataclass(slots=True)
class Buffer:
    """One buffer: its records lie in `data[start:end]`."""

    data: bytes | bytearray
    start: int
    end: int
    origin: int
    """Where `data[0]` lies in the file, bytes (before its beginning, it may be: what lies there is no part of
    the buffer); `NOWHERE` when the buffer was inflated."""
    processor: int
    flags: int


def recognise(head: bytes) -> str | None:
    """`etl` when the first bytes are a header buffer with the record that describes the file, else None."""
    if len(head) < HEADER + 8:
        return None
    if head[0x36:0x38] != b"\x04\x00" or head[HEADER + 3] != 0xC0 or head[HEADER + 2] not in (1, 2):
        return None
    return "etl" if head[HEADER + 6 : HEADER + 8] == b"\0\0" else None


class Container:
    """Walks the buffers of one file. Counts what it could not use; `note` is told about every kind once."""

    def __init__(self, feeder: Feeder, note: Callable[[str, str], None]) -> None:
        self._feeder = feeder
        self._note = note
        self.stride = 0
        """Size of the session's buffers as the file header says; set by whoever reads that record."""
        self.count = 0
        """Buffers read."""
        self.torn = 0
        """Places where no sound buffer was, and buffers that did not inflate to the end."""
        self.truncated = False
        """The file ends inside a buffer."""
        self.events_lost_marks = 0
        """Buffers marked: events were lost before this one."""
        self.buffers_lost_marks = 0
        self._inflated = 0

    def buffers(self) -> Iterator[Buffer]:
        """Yield every buffer; its `data` is valid until the next one is asked for."""
        feeder = self._feeder
        while feeder.need(HEADER):
            size, processor, _logger, _state, filled, flags, kind = read_header(feeder.data, feeder.position)
            offset = feeder.offset
            if not self._sound(size, filled, flags, kind):
                if not self._pass_torn(offset, size):
                    return
                continue
            whole = feeder.need(size)
            if not whole:
                self.truncated = True
                size = feeder.available
            start = feeder.position
            if not flags & FLAG_PROCESSOR_INDEX:
                processor &= 0xFF
            self.count += 1
            if flags & FLAG_EVENTS_LOST:
                self.events_lost_marks += 1
            if flags & FLAG_BUFFER_LOST:
                self.buffers_lost_marks += 1
            if flags & FLAG_COMPRESSED:
                inflated = self._inflate(
                    bytes(feeder.data[start + HEADER : start + size]), filled, offset, whole
                )
                if inflated is None:
                    return
                yield Buffer(inflated, 0, len(inflated), NOWHERE, processor, flags)
            else:
                end = start + min(filled, size)
                yield Buffer(feeder.data, start + HEADER, end, offset - start, processor, flags)
            feeder.position += size
        if feeder.available:
            self.truncated = True

    def _sound(self, size: int, filled: int, flags: int, kind: int) -> bool:
        if not HEADER <= size <= MAX_BUFFER or not HEADER <= filled <= MAX_BUFFER or kind > _TYPE_MAX:
            return False
        return bool(flags & FLAG_COMPRESSED) or filled <= size

    def _inflate(self, packed: bytes, filled: int, offset: int, whole: bool) -> bytearray | None:
        announced = filled - HEADER
        self._inflated += announced
        if self._inflated > _FREE_BYTES + _MAX_RATIO * (offset + len(packed)):
            self._note("absurd-inflation", f"the buffers up to byte {offset} claim {self._inflated} bytes")
            self.torn += 1
            return None
        data, sound = inflate(packed, announced)
        if not sound and whole:
            self.torn += 1
            self._note(
                "bad-compression", f"the buffer at byte {offset} gives {len(data)} of {announced} bytes"
            )
        return data

    def _pass_torn(self, offset: int, size: int) -> bool:
        """Move to where the next buffer may begin; False when there is none."""
        self.torn += 1
        self._note("torn-buffer", f"no sound buffer header at byte {offset} (it claims {size} bytes)")
        feeder = self._feeder
        if self.stride >= HEADER and self.stride <= MAX_BUFFER and offset % self.stride == 0:
            step = self.stride
            if size and not feeder.skip(step):
                feeder.position = feeder.end
                return False
            return bool(size) or self._skip_empty(step)
        return self._search()

    def _skip_empty(self, step: int) -> bool:
        """Pass buffers that were allocated in advance and never written (all zero)."""
        feeder = self._feeder
        if not feeder.skip(step):
            feeder.position = feeder.end
            return False
        return True

    def _search(self) -> bool:
        """Look byte by byte for something that can only be a buffer header."""
        feeder = self._feeder
        feeder.position += 1
        while feeder.need(HEADER):
            data, position, last = feeder.data, feeder.position, feeder.end - HEADER
            while True:
                # The state of a written buffer is 3; nearly no other place has this word there.
                found = data.find(b"\x03\0\0\0", position + 0x2C, last + 0x30)
                if found < 0:
                    break
                position = found - 0x2C
                size, processor, _logger, _state, filled, flags, kind = read_header(data, position)
                if (
                    self._sound(size, filled, flags, kind)
                    and size > HEADER
                    and kind in (0, 1, 2, 3, TYPE_HEADER)
                    and flags & ~0x7F == 0
                    and processor < 4096
                    and filled > HEADER
                ):
                    feeder.position = position
                    return True
                position += 1
            feeder.position = max(feeder.position, last + 1)
        feeder.position = feeder.end
        return False
