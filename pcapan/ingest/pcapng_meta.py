"""The pcapng blocks that describe a capture: sections, interfaces, statistics, and their options.

Knows the fixed parts and options of Section Header, Interface Description and Interface Statistics
Blocks (https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html, sections 3.5, 4.1, 4.2 and
4.6); must not know packet blocks, nor how the file is read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pcapan.ingest.capture import Capture, text
from pcapan.ingest.frames import NO_TIME, Interface
from pcapan.ingest.pcap import link_type, max_frame
from pcapan.octets import Octets
from pcapan.record import Record

OPT_END, OPT_COMMENT = 0, 1
SHB_HARDWARE, SHB_OS, SHB_USERAPPL = 2, 3, 4
IF_NAME, IF_DESCRIPTION, IF_TSRESOL, IF_FILTER, IF_OS, IF_TSOFFSET, IF_HARDWARE = 2, 3, 9, 11, 12, 14, 15
ISB_IFRECV, ISB_IFDROP, ISB_OSDROP = 4, 5, 7

#: Interfaces believed of one file; a hostile file could describe one every 20 bytes.
MAX_INTERFACES = 65536

_NANO = 1_000_000_000
_TIME_MAX = 2**63 - 1


class Clock(Record):
    """How one interface of a section counts time, and where it stands in the file's list."""

    index: int
    """Index into `CaptureReader.interfaces`."""
    units: int
    """Time units in a second."""
    factor: int
    """Nanoseconds in a unit, or 0 when that is no whole number."""
    offset: int
    """Nanoseconds to add (if_tsoffset)."""
    snaplen: int
    """Bytes kept of a frame, 0 = no limit."""
    limit: int
    """Longest captured frame believed, bytes."""

    def time(self, ticks: int) -> int:
        """UTC nanoseconds of a time stamp, rounded down; NO_TIME when 64 bits do not hold them."""
        if self.factor:
            value = ticks * self.factor + self.offset
        else:
            value = ticks * _NANO // self.units + self.offset
        return value if -_TIME_MAX <= value <= _TIME_MAX else NO_TIME


def options(data: Octets, position: int, end: int, order: str) -> Iterator[tuple[int, bytes]]:
    """Yield (code, value) of the options in `data[position:end]`; stops at the first that does not fit."""
    head = struct.Struct(order + "HH")
    while position + 4 <= end:
        code, length = head.unpack_from(data, position)
        position += 4
        if code == OPT_END or position + length > end:
            return
        yield code, bytes(data[position : position + length])
        position += (length + 3) & ~3


def section(capture: Capture, data: Octets, position: int, end: int, order: str) -> None:
    """Take what a Section Header Block says, from its options at `data[position:end]`."""
    for code, value in options(data, position, end, order):
        if code == OPT_COMMENT:
            capture.comment(value)
        elif code == SHB_HARDWARE:
            capture.hardware = capture.hardware or text(value)
        elif code == SHB_OS:
            capture.operating_system = capture.operating_system or text(value)
        elif code == SHB_USERAPPL:
            capture.application = capture.application or text(value)


def interface(capture: Capture, data: Octets, position: int, end: int, order: str) -> Clock:
    """Add the interface of the Interface Description Block body at `data[position:end]` to the capture.

    Returns:
        Its clock. Without if_tsresol an interface counts microseconds.

    Raises:
        ValueError: the resolution needs more than 64 bits (Wireshark stops there as well).
    """
    linktype, snaplen = struct.unpack_from(order + "H2xI", data, position)
    found = Interface(link_type=link_type(linktype), snaplen=snaplen)
    units = 1_000_000
    offset = 0
    for code, value in options(data, position + 8, end, order):
        if code == IF_NAME:
            found.name = text(value)
        elif code == IF_DESCRIPTION:
            found.description = text(value)
        elif code == IF_OS:
            found.operating_system = text(value)
        elif code == IF_HARDWARE:
            found.hardware = text(value)
        elif code == IF_FILTER and value[:1] == b"\0":
            found.capture_filter = text(value[1:])
        elif code == IF_TSRESOL and len(value) == 1:
            exponent = value[0] & 0x7F
            if exponent > (63 if value[0] & 0x80 else 19):
                raise ValueError(f"time stamp resolution 0x{value[0]:02x} needs more than 64 bits")
            units = 2**exponent if value[0] & 0x80 else 10**exponent
        elif code == IF_TSOFFSET and len(value) == 8:
            (offset,) = struct.unpack(order + "q", value)
        elif code == OPT_COMMENT:
            capture.comment(value)
    capture.interfaces.append(found)
    factor = _NANO // units if _NANO % units == 0 else 0
    index = len(capture.interfaces) - 1
    return Clock(index, units, factor, offset * _NANO, snaplen, max_frame(found.link_type))


def statistics(found: Interface, data: Octets, position: int, end: int, order: str) -> None:
    """Take the counters of an Interface Statistics Block; the last block of an interface wins.

    `data[position:end]` are its options.
    """
    dropped: int | None = None
    for code, value in options(data, position, end, order):
        if len(value) != 8:
            continue
        if code == ISB_IFRECV:
            (found.received,) = struct.unpack(order + "Q", value)
        elif code in (ISB_IFDROP, ISB_OSDROP):
            (count,) = struct.unpack(order + "Q", value)
            dropped = count if dropped is None else dropped + count
    if dropped is not None:
        found.dropped = dropped
