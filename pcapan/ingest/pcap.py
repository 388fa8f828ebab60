"""The pcap container: file header, record headers, link type.

Knows https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html and where Wireshark departs from
it; must not look inside a frame. Both byte orders, microseconds, nanoseconds and the "modified" form
of Alexey Kuznetzov's libpcap patch, versions before 2.4 with their swapped lengths.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pcapan.errors import UnreadableError
from pcapan.ingest.capture import Capture, Format
from pcapan.ingest.feeder import Feeder
from pcapan.ingest.frames import FrameBlock, Interface, Mark
from pcapan.ingest.records import AS_WRITTEN, CAPACITY, MAYBE_SWAPPED, SWAPPED, RecordWalk, Rows, walk

#: Longest frame believed, bytes: Wireshark's WTAP_MAX_PACKET_SIZE_STANDARD.
MAX_FRAME = 262144

#: Link types whose frames may be longer. Wireshark allows D-Bus and USBPcap 128 MiB and EBHSCR 32 MiB;
#: none of them carries IP, so no more is believed here than fits the memory limit.
MAX_FRAME_OF = {231: 16 * 1024 * 1024, 249: 16 * 1024 * 1024, 279: 16 * 1024 * 1024}

#: DLT_ numbers that some systems wrote where a LINKTYPE_ belongs: DLT_RAW of Linux (12), OpenBSD (14).
_MISWRITTEN = {12: 101, 14: 101}

#: First four bytes -> (byte order, record header size in bytes, nanoseconds per fraction, name).
_MAGIC = {
    b"\xd4\xc3\xb2\xa1": ("<", 16, 1000, "pcap"),
    b"\xa1\xb2\xc3\xd4": (">", 16, 1000, "pcap"),
    b"\x4d\x3c\xb2\xa1": ("<", 16, 1, "pcap-ns"),
    b"\xa1\xb2\x3c\x4d": (">", 16, 1, "pcap-ns"),
    b"\x34\xcd\xb2\xa1": ("<", 24, 1000, "pcap-modified"),
    b"\xa1\xb2\xcd\x34": (">", 24, 1000, "pcap-modified"),
}

_FILE_HEADER = 24


def link_type(value: int) -> int:
    """LINKTYPE_ value for the number a file gives, which may be a DLT_ number of the writing system."""
    return _MISWRITTEN.get(value, value)


def max_frame(linktype: int) -> int:
    """Longest captured frame believed for a LINKTYPE_, bytes."""
    return MAX_FRAME_OF.get(linktype, MAX_FRAME)


def recognise(head: bytes) -> str | None:
    """Name of the pcap variant the first bytes belong to, or None."""
    known = _MAGIC.get(head[:4])
    return None if known is None else known[3]


def read(feeder: Feeder, capture: Capture) -> Iterator[FrameBlock]:
    """Read the file header, then yield the records.

    Raises:
        UnreadableError: the file header is cut or of a version nobody wrote.
    """
    if not feeder.need(_FILE_HEADER):
        raise UnreadableError(
            "the capture is cut inside its file header and holds no packets",
            where=f"{capture.path}: {feeder.available} of {_FILE_HEADER} bytes",
            hint="copy the file again from where it was captured",
        )
    data, at = feeder.data, feeder.position
    order, record_size, scale, _name = _MAGIC[bytes(data[at : at + 4])]
    major, minor, snaplen, network = struct.unpack_from(order + "HH8xII", data, at + 4)
    if major < 2:
        raise UnreadableError(
            f"pcap version {major}.{minor} is unknown",
            where=f"{capture.path}: byte 4",
            hint="the file header is probably corrupt; open it in Wireshark to compare",
        )
    # Bits 0-15 are the link type, the rest tells of frame check sequences and is reserved.
    linktype = link_type(network & 0xFFFF)
    capture.interfaces.append(Interface(link_type=linktype, snaplen=snaplen))
    if (major == 2 and minor < 3) or major == 543:
        swapped = SWAPPED
    elif major == 2 and minor == 3:
        swapped = MAYBE_SWAPPED
    else:
        swapped = AS_WRITTEN
    feeder.position += _FILE_HEADER
    how = RecordWalk(order == ">", record_size, scale, max_frame(linktype), swapped)
    return _records(feeder, capture, how, 1)


def resume(feeder: Feeder, capture: Capture, mark: Mark) -> Iterator[FrameBlock]:
    """Yield the records from a mark on."""
    assert isinstance(mark.state, RecordWalk)
    return _records(feeder, capture, mark.state, mark.number)


def _records(feeder: Feeder, capture: Capture, how: RecordWalk, number: int) -> Iterator[FrameBlock]:
    rows = Rows()
    stretch = capture.stretch(feeder, how)
    while True:
        block = FrameBlock(feeder.data, number)
        capture.mark(number, feeder.offset, 1, how)
        start = feeder.offset - feeder.position
        feeder.position = walk(how, rows, feeder.data, feeder.position, feeder.end)
        full = rows.count == CAPACITY
        rows.fill(block)
        if how.longer:
            capture.note(
                "captured-longer-than-wire",
                number + how.first_longer,
                "the captured length exceeds the length on the wire",
                how.longer,
            )
        number += len(block)
        if len(block):
            yield block
        if how.lie >= 0:
            capture.damage(
                "bad-record-length",
                number,
                f"record at byte {start + feeder.position} claims {how.lie} bytes, more than {how.limit}",
            )
            return
        if full:
            continue
        reached = feeder.reached
        for next_number in capture.stretched(stretch, feeder, number):
            number = next_number
            yield FrameBlock(b"", number)
        if feeder.reached == reached and not feeder.more():
            break
    left = feeder.available
    if left:
        part = "header" if left < how.record_size else "data"
        capture.damage(
            "truncated-file", number, f"the file ends inside the {part} of the record at byte {feeder.offset}"
        )


FORMAT = Format(recognise, read, resume)
