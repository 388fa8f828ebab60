"""The record that describes the file (TRACE_LOGFILE_HEADER), and time stamps as UTC.

Knows that record in its 32- and 64-bit form
(https://learn.microsoft.com/windows/win32/api/evntrace/ns-evntrace-trace_logfile_header) and the three
clocks a session can have. All arithmetic is in integers: a float loses ticks of 100 ns.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from pcapan.ingest.frames import NO_TIME

#: 1970-01-01 as a Windows file time (100 ns since 1601-01-01).
EPOCH = 116_444_736_000_000_000

CLOCK_QPC, CLOCK_SYSTEM, CLOCK_CYCLES = 1, 2, 3

MODE_CIRCULAR, MODE_COMPRESSED = 0x2, 0x04000000

TIME_MAX = 2**63 - 1

#: Up to the pointers: buffer size, version, build, processors, end time, resolution, file limit, mode,
#: buffers, start buffers, pointer size, events lost, CPU MHz.
_FRONT = Struct("<IIIIqIIIIIIII").unpack_from
#: After the time zone: boot time, counter frequency, start time, clock, buffers lost.
_BACK = Struct("<qqqII").unpack_from


@dataclass(slots=True)
class LogfileHeader:
    """What the file says about the session that wrote it."""

    buffer_size: int
    os_version: str
    build: int
    processors: int
    mode: int
    events_lost: int
    buffers_lost: int
    mhz: int
    frequency: int
    """Ticks a second of the performance counter."""
    start: int
    """File time of the first record."""
    end: int
    """File time of the end; 0 when the session was never closed."""
    clock: int
    first_stamp: int
    """Raw time stamp of the record itself."""

    @property
    def circular(self) -> bool:
        """The oldest events were overwritten when the file was full."""
        return bool(self.mode & MODE_CIRCULAR)

    def file_time(self, stamp: int) -> int:
        """A raw time stamp as 100 ns since 1601-01-01 UTC."""
        if self.clock == CLOCK_SYSTEM:
            return stamp
        if self.clock == CLOCK_CYCLES and self.mhz:
            return self.start + (stamp - self.first_stamp) * 10 // self.mhz
        return self.start + (stamp - self.first_stamp) * 10_000_000 // (self.frequency or 10_000_000)

    def nanoseconds(self, stamp: int) -> int:
        """A raw time stamp as UTC nanoseconds since 1970-01-01; NO_TIME beyond 64 bits."""
        time = (self.file_time(stamp) - EPOCH) * 100
        return time if -TIME_MAX <= time <= TIME_MAX else NO_TIME

    @property
    def base(self) -> int | None:
        """What is to be added to a raw time stamp that counts 100 ns; None where it counts something else."""
        if self.clock in (CLOCK_SYSTEM, CLOCK_CYCLES) or self.frequency not in (0, 10_000_000):
            return None
        return self.start - self.first_stamp - EPOCH


def parse_header(data: bytes | bytearray, position: int, end: int) -> LogfileHeader | None:
    """Read the record at `position`, which must be a system record of hook 0; None when it is cut."""
    wide = data[position + 2] == 2
    payload = position + 0x20
    back = payload + (0xF8 if wide else 0xF0)
    if end < back + 32:
        return None
    (first_stamp,) = Struct("<q").unpack_from(data, position + 0x10)
    front = _FRONT(data, payload)
    _boot, frequency, start, clock, buffers_lost = _BACK(data, back)
    version = front[1]
    return LogfileHeader(
        buffer_size=front[0],
        os_version=f"{version & 0xFF}.{version >> 8 & 0xFF}",
        build=front[2],
        processors=front[3],
        mode=front[7],
        events_lost=front[11],
        buffers_lost=buffers_lost,
        mhz=front[12],
        frequency=frequency if frequency > 0 else 0,
        start=start,
        end=front[4],
        clock=clock,
        first_stamp=first_stamp,
    )
