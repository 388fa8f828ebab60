"""Writes pcapng: one section, its interfaces, packets with direction, comments and verdict.

Knows the blocks of https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html (sections 4.1 to 4.3
and 4.6) as far as they are written here; must not know where frames come from.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import BinaryIO

from pcapan.ingest.frames import NO_TIME, Interface

_SECTION, _INTERFACE, _STATISTICS, _PACKET = 0x0A0D0D0A, 1, 5, 6
_MAGIC = 0x1A2B3C4D

_COMMENT = 1
_SHB_HARDWARE, _SHB_OS, _SHB_APPLICATION = 2, 3, 4
_IF_NAME, _IF_DESCRIPTION, _IF_TSRESOL, _IF_FILTER, _IF_OS = 2, 3, 9, 11, 12
_EPB_FLAGS, _EPB_VERDICT = 2, 7
_ISB_IFDROP = 5

#: A verdict as the program etl2pcapng of Microsoft writes drops: type 2, value 1.
DROPPED = b"\x02" + struct.pack("<Q", 1)

_PACKET_HEAD = struct.Struct("<7I").pack
_WORD = struct.Struct("<I").pack

#: An option is at most this long, bytes.
_MAX_OPTION = 65_000


class PcapngWriter:
    """Writes one section to `file`. `decimals` are the decimal places of a second in times: 7 = 100 ns."""

    def __init__(self, file: BinaryIO, *, decimals: int = 9) -> None:
        self._file = file
        self._decimals = decimals
        self._unit = 10 ** (9 - decimals)

    def section(
        self,
        *,
        operating_system: str = "",
        hardware: str = "",
        application: str,
        comments: Sequence[str] = (),
    ) -> None:
        """Write the section header; the first thing in a file."""
        body = struct.pack("<IHHq", _MAGIC, 1, 0, -1)
        options = [_text(_COMMENT, comment) for comment in comments]
        for code, said in (
            (_SHB_HARDWARE, hardware),
            (_SHB_OS, operating_system),
            (_SHB_APPLICATION, application),
        ):
            if said:
                options.append(_text(code, said))
        self._block(_SECTION, body, options)

    def interface(self, found: Interface) -> None:
        """Write one interface; packets name it by its number in the order of these calls."""
        options = [
            _text(code, said)
            for code, said in (
                (_IF_NAME, found.name),
                (_IF_DESCRIPTION, found.description),
                (_IF_OS, found.operating_system),
            )
            if said
        ]
        options.append(_option(_IF_TSRESOL, bytes((self._decimals,))))
        if found.capture_filter:
            options.append(_option(_IF_FILTER, b"\0" + found.capture_filter.encode("utf-8", "replace")))
        self._block(_INTERFACE, struct.pack("<HHI", found.link_type & 0xFFFF, 0, found.snaplen), options)

    def packet(
        self,
        interface: int,
        time: int,
        data: bytes | bytearray | memoryview,
        wire_length: int,
        *,
        direction: int = 0,
        comments: Sequence[str] = (),
        dropped: bool = False,
    ) -> None:
        """Write one packet; `time` is UTC nanoseconds since 1970, one that is not known is written as 0."""
        ticks = 0 if time == NO_TIME or time < 0 else time // self._unit
        captured = len(data)
        options = [_text(_COMMENT, comment) for comment in comments]
        if direction:
            options.append(_option(_EPB_FLAGS, _WORD(direction)))
        if dropped:
            options.append(_option(_EPB_VERDICT, DROPPED))
        if options:
            options.append(bytes(4))
        size = 32 + captured + (-captured & 3) + sum(map(len, options))
        head = _PACKET_HEAD(_PACKET, size, interface, ticks >> 32, ticks & 0xFFFFFFFF, captured, wire_length)
        self._file.write(b"".join((head, data, bytes(-captured & 3), *options, _WORD(size))))

    def statistics(self, interface: int, dropped: int) -> None:
        """Write how many packets an interface lost."""
        body = struct.pack("<III", interface, 0, 0)
        self._block(_STATISTICS, body, [_option(_ISB_IFDROP, struct.pack("<Q", dropped))])

    def _block(self, kind: int, body: bytes, options: Sequence[bytes]) -> None:
        if options:
            body += b"".join(options) + bytes(4)
        size = len(body) + 12
        self._file.write(struct.pack("<II", kind, size) + body + struct.pack("<I", size))


def _option(code: int, value: bytes) -> bytes:
    value = value[:_MAX_OPTION]
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def _text(code: int, said: str) -> bytes:
    return _option(code, said.encode("utf-8", "replace"))
