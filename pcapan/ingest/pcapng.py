"""The pcapng container: sections, packet blocks, and skipping what is neither.

Knows the block structure and the packet blocks of
https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html (sections 3.1, 4.1, 4.3, 4.4 and
appendix A); the describing blocks are `pcapan.ingest.pcapng_meta`. Must not look inside a frame.
Where a file breaks the rules the walk stops, as Wireshark does: after a wrong length nothing that
follows can be trusted to be a block.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pcapan.errors import UnreadableError
from pcapan.ingest import pcapng_meta as meta
from pcapan.ingest.capture import Capture, Format
from pcapan.ingest.feeder import Feeder
from pcapan.ingest.frames import NO_TIME, FrameBlock, Mark
from pcapan.ingest.records import CAPACITY, BlockWalk, Rows, walk_blocks
from pcapan.ingest.stretch import Stretch
from pcapan.octets import Octets

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    from typing import Any

SECTION_HEADER = 0x0A0D0D0A
INTERFACE_DESCRIPTION, PACKET, SIMPLE_PACKET, INTERFACE_STATISTICS, ENHANCED_PACKET = 1, 2, 3, 5, 6

#: Blocks without a network packet that Wireshark nevertheless gives a frame number: a systemd journal
#: entry, sysdig events and custom blocks (to be copied or not).
_NUMBERED = frozenset((0x9, 0x204, 0x208, 0x216, 0x217, 0x221, 0xBAD, 0x40000BAD))

#: Largest block kept in memory, bytes. Wireshark's limit (128 MiB) makes room for D-Bus messages; a
#: packet block with a frame of `pcap.MAX_FRAME` and every option used stays far below this one.
MAX_BLOCK = 16 * 1024 * 1024

#: Kinds that are looked into; any other may be longer than MAX_BLOCK and is skipped as it streams by.
_KEPT = frozenset(
    (
        SECTION_HEADER,
        INTERFACE_DESCRIPTION,
        PACKET,
        SIMPLE_PACKET,
        INTERFACE_STATISTICS,
        ENHANCED_PACKET,
    )
)

_MAGIC = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_EPB_FLAGS = 2

#: What ended a walk over the bytes at hand.
_MORE, _GAP, _SKIP, _DAMAGE, _WAIT, _FULL = 0, 1, 2, 3, 4, 5

_TIME_MAX = 2**63 - 1


def recognise(head: bytes) -> str | None:
    """`pcapng` when the first bytes are a Section Header Block with its byte-order magic, else None."""
    return "pcapng" if head[:4] == b"\x0a\x0d\x0d\x0a" and head[8:12] in _MAGIC else None


def read(feeder: Feeder, capture: Capture) -> Iterator[FrameBlock]:
    """Check the first section header, then yield the frames of all sections.

    Raises:
        UnreadableError: the file ends inside the first section header.
    """
    feeder.need(12)
    data, at = feeder.data, feeder.position
    order = _MAGIC[bytes(data[at + 8 : at + 12])]
    (length,) = struct.unpack_from(order + "I", data, at + 4)
    if 28 <= length <= MAX_BLOCK and not feeder.need(length):
        raise UnreadableError(
            "the capture is cut inside its section header and holds no packets",
            where=f"{capture.path}: {feeder.available} of {length} bytes",
            hint="copy the file again from where it was captured",
        )
    return _Walk(feeder, capture).blocks()


def resume(feeder: Feeder, capture: Capture, mark: Mark) -> Iterator[FrameBlock]:
    """Yield the frames from a mark on."""
    walk = _Walk(feeder, capture)
    walk.stand_at(mark)
    return walk.blocks()


class _Walk:
    """The state of one reading: byte order and interfaces of the section, frame number, what failed."""

    def __init__(self, feeder: Feeder, capture: Capture) -> None:
        self._feeder = feeder
        self._capture = capture
        self._number = 1
        self._set_order("<")
        self._clocks: list[meta.Clock] = []
        self._fault = ("", "")
        self._rows = Rows()
        self._comments: dict[int, list[str]] = {}
        """Of the frames of the block that is being read."""

    def _set_order(self, order: str) -> None:
        self._order = order
        self._head = struct.Struct(order + "II")
        self._packet = struct.Struct(order + "IIIIIII")
        self._word = struct.Struct(order + "I")
        self._how = BlockWalk(order == ">", MAX_BLOCK)
        self._reach: Stretch | None = None
        """What takes the section's packets past this reader, made when it is wanted."""

    def stand_at(self, mark: Mark) -> None:
        """Know what was known at a mark: byte order and interfaces of the section, the next number."""
        state: Any = mark.state  # as `blocks` gave it
        order, clocks, count = state
        self._set_order(order)
        self._clocks = clocks[:count]  # the list grew while the rest of the section was read
        self._number = mark.number

    def blocks(self) -> Iterator[FrameBlock]:
        feeder = self._feeder
        capture = self._capture
        while True:
            block = FrameBlock(feeder.data, self._number)
            base = feeder.offset - feeder.position
            capture.mark(
                self._number,
                feeder.offset,
                len(capture.interfaces),
                (self._order, self._clocks, len(self._clocks)),
            )
            feeder.position, state = self._walk(block, feeder.data, feeder.position, feeder.end)
            self._number += len(block)
            if len(block):
                yield block
            if state == _DAMAGE:
                code, why = self._fault
                capture.damage(code, self._number, f"{why} at byte {base + feeder.position}")
                return
            if state == _GAP:
                capture.note(
                    "not-a-packet", self._number, "a record without a network packet has a frame number"
                )
                self._number += 1
            elif state == _SKIP:
                if not self._skip():
                    return
            elif state != _FULL:
                reached = feeder.reached
                yield from self._stretch()
                if feeder.reached == reached and not feeder.more():
                    break
        if feeder.available:
            capture.damage(
                "truncated-file", self._number, f"the file ends inside the block at byte {feeder.offset}"
            )

    def _stretch(self) -> Iterator[FrameBlock]:
        """Let packets be taken past this reader as long as nothing else comes; see `Capture.stretched`."""
        if self._reach is None:
            self._reach = self._capture.stretch(self._feeder, self._how)
        for number in self._capture.stretched(self._reach, self._feeder, self._number):
            self._number = number
            yield FrameBlock(b"", number)

    def _skip(self) -> bool:
        """Stream past a block too large to keep; false when it is cut or its lengths disagree."""
        feeder = self._feeder
        offset = feeder.offset
        _kind, total = self._head.unpack_from(feeder.data, feeder.position)
        whole = feeder.skip(((total + 3) & ~3) - 4) and feeder.need(4)
        if not whole:
            self._capture.damage(
                "truncated-file", self._number, f"the file ends inside the block at byte {offset}"
            )
            return False
        if self._word.unpack_from(feeder.data, feeder.position)[0] != total:
            self._capture.damage(
                "bad-block-length", self._number, f"the two lengths of a block differ at byte {offset}"
            )
            return False
        feeder.position += 4
        return True

    def _fail(self, code: str, why: str) -> int:
        self._fault = (code, why)
        return _DAMAGE

    def _walk(self, block: FrameBlock, data: Octets, position: int, end: int) -> tuple[int, int]:
        """Put the frames of `data[position:end]` into `block`, up to the first block that is not whole.

        Returns:
            Where the walk stopped, and why.
        """
        rows = self._rows
        state = _MORE
        while state == _MORE:
            position = self._packets(rows, data, position, end)
            if rows.count == CAPACITY:
                state = _FULL
                break
            if end - position < 12:
                break
            position, state = self._other(rows, data, position, end)
            if state == _WAIT:
                state = _MORE
                break
        rows.fill(block)
        block.comments, self._comments = self._comments, {}
        return position, state

    def _packets(self, rows: Rows, data: Octets, position: int, end: int) -> int:
        """Take packet blocks (Enhanced, draft section 4.3; obsolete, appendix A) as long as they are sound.

        Returns:
            Where the first block lies that is of another kind, not whole or not sound.
        """
        how = self._how
        for clock in self._clocks[how.known :]:
            how.know(clock.limit, clock.factor, clock.offset, clock.index)
        while rows.count < CAPACITY:
            position = walk_blocks(how, rows, data, position, end)
            if how.longer:
                self._capture.note(
                    "captured-longer-than-wire",
                    self._number + how.first_longer,
                    "the captured length exceeds the length on the wire",
                    how.longer,
                )
            after = self._packet_with_care(rows, data, position, end) if rows.count < CAPACITY else position
            if after == position:
                break
            position = after
        return position

    def _packet_with_care(self, rows: Rows, data: Octets, position: int, end: int) -> int:
        """Take one packet block with a comment, or with times of an odd resolution or out of range.

        Returns:
            Where the next block lies; `position` when this one is of another kind, not whole or not sound.
        """
        if end - position < 32:
            return position
        kind, total, source, high, low, captured, wire = self._packet.unpack_from(data, position)
        if kind == PACKET:
            # The obsolete block keeps a drop counter in the second half of the first word.
            source = source & 0xFFFF if self._order == "<" else source >> 16
        elif kind != ENHANCED_PACKET:
            return position
        if source >= len(self._clocks) or total > MAX_BLOCK:
            return position
        clock = self._clocks[source]
        begin = position + 28
        options = begin + ((captured + 3) & ~3)
        tail = position + ((total + 3) & ~3) - 4
        if captured > clock.limit or options > tail or tail > end - 4:
            return position
        if self._word.unpack_from(data, tail)[0] != total:
            return position
        if wire < captured:
            self._note_longer(rows.count)
            wire = captured
        time = clock.time(high << 32 | low)
        if not -_TIME_MAX <= time <= _TIME_MAX:
            self._note_time(rows.count)
            time = NO_TIME
        direction = self._packet_options(rows.count, data, options, tail)
        rows.add(begin, captured, wire, time, clock.index, direction)
        return int(tail) + 4

    def _other(self, rows: Rows, data: Octets, position: int, end: int) -> tuple[int, int]:
        """Take the block at `position` (12 bytes of it at least are at hand), which `_packets` left.

        Returns:
            Where the next block lies, and `_MORE`; or `position` and why the walk cannot go on.
        """
        kind, total = self._head.unpack_from(data, position)
        order = self._order
        if kind == SECTION_HEADER:
            order = _MAGIC.get(bytes(data[position + 8 : position + 12]), "")
            if not order:
                return position, self._fail("bad-section-header", "a section without byte-order magic")
            (total,) = struct.unpack_from(order + "I", data, position + 4)
        size = (total + 3) & ~3  # some writers leave the padding out of the length; Wireshark allows it
        if total < 12:
            return position, self._fail("bad-block-length", f"a block of {total} bytes")
        if size > MAX_BLOCK:
            if kind in _KEPT:
                return position, self._fail(
                    "bad-block-length", f"a block of type {kind} claims {total} bytes"
                )
            if size > end - position:
                return position, _SKIP
        if kind in (ENHANCED_PACKET, PACKET):
            unsound = self._unsound(data, position, end, kind, total)
            if unsound:
                return position, unsound
        if size > end - position:
            return position, _WAIT
        if struct.unpack_from(order + "I", data, position + size - 4)[0] != total:
            return position, self._fail("bad-block-length", "the two lengths of a block differ")
        if kind == SIMPLE_PACKET:
            state = self._simple(rows, data, position, total)
            return (position + size, state) if state == _MORE else (position, state)
        if kind in _NUMBERED:
            return position + size, _GAP
        if kind in _KEPT:
            state = self._describe(kind, order, data, position, position + size - 4)
            return (position + size, state) if state == _MORE else (position, state)
        return position + size, _MORE

    def _unsound(self, data: Octets, position: int, end: int, kind: int, total: int) -> int:
        """Say what is wrong with a packet block: `_DAMAGE`, or 0 when it is only not whole yet."""
        if total < 32:
            return self._fail("bad-block-length", f"a packet block of {total} bytes")
        if end - position < 28:
            return 0
        _kind, _total, source, _high, _low, captured, _wire = self._packet.unpack_from(data, position)
        if kind == PACKET:
            source = source & 0xFFFF if self._order == "<" else source >> 16
        if source >= len(self._clocks):
            return self._fail(
                "undefined-interface", f"a packet of interface {source}, which is not described,"
            )
        if captured > self._clocks[source].limit or ((captured + 3) & ~3) + 32 > ((total + 3) & ~3):
            return self._fail(
                "bad-record-length", f"a packet block of {total} bytes claims {captured} captured bytes"
            )
        return 0

    def _simple(self, rows: Rows, data: Octets, position: int, total: int) -> int:
        """Take a Simple Packet Block (draft section 4.4): interface 0 of the section, no time."""
        if total < 16 or not self._clocks:
            return self._fail("undefined-interface", "a simple packet block without an interface")
        clock = self._clocks[0]
        (wire,) = self._word.unpack_from(data, position + 8)
        captured = min(wire, total - 16)
        if clock.snaplen:
            captured = min(captured, clock.snaplen)
        if captured > clock.limit:
            return self._fail("bad-record-length", f"a simple packet of {captured} bytes")
        rows.add(position + 12, captured, wire, NO_TIME, clock.index, 0)
        return _MORE

    def _note_time(self, index: int) -> None:
        self._capture.note(
            "time-out-of-range", self._number + index, "a time stamp outside the years 1677 to 2262"
        )

    def _note_longer(self, index: int) -> None:
        self._capture.note(
            "captured-longer-than-wire",
            self._number + index,
            "the captured length exceeds the length on the wire",
        )

    def _packet_options(self, row: int, data: Octets, position: int, end: int) -> int:
        """Take the comments of a packet block; return its direction (epb_flags, draft section 4.3.1)."""
        direction = 0
        for code, value in meta.options(data, position, end, self._order):
            if code == _EPB_FLAGS and len(value) == 4:
                direction = self._word.unpack(value)[0] & 3
                if direction == 3:
                    direction = 0
            elif code == meta.OPT_COMMENT:
                said = self._capture.comment(value, of_frame=True)
                self._comments.setdefault(self._number + row, []).append(said)
        return direction

    def _describe(self, kind: int, order: str, data: Octets, position: int, end: int) -> int:
        """Take a section, interface or statistics block whose trailing length is at `end`."""
        capture = self._capture
        if kind == SECTION_HEADER:
            if end - position < 24:
                return self._fail("bad-section-header", "a section header too short")
            (major,) = struct.unpack_from(order + "H", data, position + 12)
            if major != 1:
                return self._fail("bad-section-header", f"a section of unknown version {major}")
            self._set_order(order)
            self._clocks = []
            meta.section(capture, data, position + 24, end, order)
        elif kind == INTERFACE_DESCRIPTION:
            if end - position < 16:
                return self._fail("bad-block-length", "an interface description too short")
            if len(capture.interfaces) >= meta.MAX_INTERFACES:
                return self._fail("too-many-interfaces", f"more than {meta.MAX_INTERFACES} interfaces")
            try:
                self._clocks.append(meta.interface(capture, data, position + 8, end, order))
            except ValueError as error:
                return self._fail("bad-time-resolution", str(error))
        elif end - position >= 20:
            (source,) = self._word.unpack_from(data, position + 8)
            if source < len(self._clocks):
                found = capture.interfaces[self._clocks[source].index]
                meta.statistics(found, data, position + 20, end, order)
        return _MORE


FORMAT = Format(recognise, read, resume)
