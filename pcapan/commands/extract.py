"""``pcapan extract``: captures as a pcapng that other programs read, whole or what was cut out of them.

Knows how frames, interfaces and what goes with them are copied. Must not know packets: they are chosen by
`pcapan.commands.cutting`. Without a cut, frame n of a single capture becomes packet n.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

import pcapan
from pcapan.commands.cuts import Cut
from pcapan.commands.cutting import choose, in_order
from pcapan.commands.files import check_new_file, new_file
from pcapan.commands.guard import say, tell
from pcapan.commands.options import check_captures
from pcapan.commands.output import to_terminal
from pcapan.commands.progress import progress_bar
from pcapan.commands.redaction import NOT_REDACTED, Redaction
from pcapan.errors import ExitCode, UsageError
from pcapan.ingest.capture import Capture
from pcapan.ingest.frames import DroppedPacket, Frame, FrameBlock
from pcapan.ingest.open import open_capture
from pcapan.ingest.pcapng_writer import PcapngWriter
from pcapan.record import changed
from pcapan.report.evidence import shown
from pcapan.report.safe import clean
from pcapan.report.words import file_names

if TYPE_CHECKING:
    from pcapan.reading import Progress
    from pcapan.redact.capture import RedactedCapture
    from pcapan.redact.incident import Redactor
    from pcapan.redact.rewriter import Rewriter

    Told = Capture | RedactedCapture
    """A capture as it may be shown."""


@dataclass(frozen=True, slots=True)
class ExtractRequest:
    """The command line of ``extract``."""

    captures: Sequence[str]
    output: str
    cut: Cut = field(default_factory=Cut)
    force: bool = False
    quiet: bool = False
    redaction: Redaction = NOT_REDACTED


def run(request: ExtractRequest) -> ExitCode:
    """Copy what was asked for to the output; raises PcapanError when it cannot be done."""
    captures, output = request.captures, request.output
    check_captures(captures)
    if len(set(captures)) < len(captures):
        twice = next(name for name in captures if captures.count(name) > 1)
        raise UsageError("a capture is named twice", where=twice, hint="name every file once")
    redactor = request.redaction.redactor(captures)
    if redactor is not None and "-" in captures:
        raise UsageError(
            "standard input can be read only once, and what occurs has to be known first",
            where="- --redact",
            hint="write the capture to a file and name it",
        )
    if output == "-" and to_terminal():
        raise UsageError(
            "pcapng is binary and cannot be shown on a terminal",
            where="-o -",
            hint="name a file with -o FILE, or send the output to a file or pipe",
        )
    if output != "-":
        check_new_file(output, captures, force=request.force)
    whole = len(captures) == 1 and request.cut.everything
    code = _copy(request, redactor) if whole else _cut(request, redactor)
    request.redaction.write_mapping(redactor, [*captures, output])
    return code


def _copy(request: ExtractRequest, redactor: Redactor | None) -> ExitCode:
    """The whole of one capture, in one pass."""
    source = request.captures[0]
    with progress_bar(quiet=request.quiet) as progress:
        opened = open_capture(source)
        reader: Told = opened if redactor is None else _redacted([opened], redactor, progress)[0][0]
        blocks = reader.blocks()
        first = next(blocks, None)  # what cannot be read says so before anything is written
        with _output(request) as file:
            count = 0
            writer = _begin(file, reader)
            known = 0
            while first is not None:
                known = _interfaces(writer, reader, known)
                _copy_block(
                    writer, first, _drops_of(reader, first.first_number, first.first_number + len(first))
                )
                count += len(first)
                if progress is not None:
                    progress(source, reader.bytes_read, reader.size)
                first = next(blocks, None)
            _interfaces(writer, reader, known)
            _statistics(writer, reader, 0)
    merged = reader.side.merged_copies
    _tell(
        request,
        f"{count} packets written to {request.output}"
        + (f"; {merged} further events of the same packets left out" if merged else ""),
    )
    return _ended(request, damaged=reader.damaged)


def _copy_block(writer: PcapngWriter, block: FrameBlock, drops: dict[int, list[DroppedPacket]]) -> None:
    view = memoryview(block.data)
    for number, (offset, length, wire, time, interface, direction) in enumerate(
        zip(
            block.offsets,
            block.lengths,
            block.wire_lengths,
            block.times,
            block.interfaces,
            block.directions,
            strict=True,
        ),
        block.first_number,
    ):
        writer.packet(
            interface,
            time,
            view[offset : offset + length],
            wire,
            direction=direction,
            comments=_comments(block.comments.get(number, ()), drops.get(number, ())),
            dropped=number in drops,
        )


def _redacted(
    readers: Sequence[Capture], redactor: Redactor, progress: Progress | None
) -> tuple[list[Told], list[Rewriter]]:
    """The captures with pseudonyms, after all were read once for what occurs in them."""
    from pcapan.redact.capture import RedactedCapture

    rewriters = redactor.rewriters([partial(open_capture, reader.path) for reader in readers], progress)
    told: list[Told] = [
        RedactedCapture(reader, rewriter, redactor)
        for reader, rewriter in zip(readers, rewriters, strict=True)
    ]
    return told, rewriters


def _cut(request: ExtractRequest, redactor: Redactor | None) -> ExitCode:
    """What was cut out, of one capture or of several, which are merged by time."""
    with contextlib.ExitStack() as kept, progress_bar(quiet=request.quiet) as progress:
        parts, unreadable = choose(request.captures, request.cut, progress)
        for part in parts:
            kept.callback(part.recall.forget)
        for error in unreadable:
            tell(error)
        chosen = sum(len(part.numbers) for part in parts)
        total = sum(part.packets for part in parts)
        told: list[Told] = [part.reader for part in parts]
        rewriters: list[Rewriter] = []
        if redactor is not None:
            told, rewriters = _redacted([part.reader for part in parts], redactor, progress)
        how = " ".join(request.cut.words().values()) or "everything" if redactor is None else "redacted"
        with _output(request) as file:
            writer = _begin_cut(file, told, f"{how}; {chosen} of {total} packets")
            offsets = _all_interfaces(writer, told)
            drops = [_drops_of(reader) for reader in told]
            for place, frame in in_order(parts):
                if rewriters:
                    link = parts[place].reader.interfaces[frame.interface].link_type
                    data = rewriters[place].frame(frame.number, link, frame.data)
                    frame = changed(frame, data=data, comments=())
                _packet(writer, offsets[place] + frame.interface, frame, drops[place].get(frame.number, ()))
            for reader, offset in zip(told, offsets, strict=True):
                _statistics(writer, reader, offset)
    _tell(request, f"{chosen} of {total} packets written to {request.output}")
    return _ended(request, damaged=bool(unreadable) or any(part.reader.damaged for part in parts))


def _tell(request: ExtractRequest, text: str) -> None:
    if not request.quiet:
        say(f"pcapan: {text}")


def _ended(request: ExtractRequest, *, damaged: bool) -> ExitCode:
    if not damaged:
        return ExitCode.OK
    _tell(request, "part of the input was cut, damaged or could not be read; the output holds the rest")
    return ExitCode.PARTIAL


@contextlib.contextmanager
def _output(request: ExtractRequest) -> Iterator[BinaryIO]:
    """A file that takes its name only when it is whole; standard output for ``-``."""
    if request.output == "-":
        import sys

        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with new_file(request.output, request.captures, force=request.force) as file:
        yield file


def _inert(text: str) -> str:
    """A comment with its lines, and nothing a terminal would obey."""
    return "\n".join(clean(line) for line in text.splitlines())


def _decimals(*readers: Told) -> int:
    """Event traces count 100 ns."""
    return 7 if all(reader.format.startswith("etl") for reader in readers) else 9


def _begin(file: BinaryIO, reader: Told, *more: str) -> PcapngWriter:
    writer = PcapngWriter(file, decimals=_decimals(reader))
    comments = [*more, *reader.own_comments, *(f"{label}: {said}" for label, said in reader.side.facts)]
    writer.section(
        operating_system=clean(reader.operating_system),
        hardware=clean(reader.hardware),
        application=f"pcapan {pcapan.__version__}",
        comments=[_inert(comment) for comment in comments],
    )
    return writer


def _begin_cut(file: BinaryIO, readers: Sequence[Told], how: str) -> PcapngWriter:
    about = f"Cut out by pcapan extract: {how}"
    if len(readers) == 1:
        return _begin(file, readers[0], about)
    writer = PcapngWriter(file, decimals=_decimals(*readers))
    names = file_names([reader.path for reader in readers])
    comments = [about, *(f"Input {name}" for name in list(names.values())[:100])]
    writer.section(application=f"pcapan {pcapan.__version__}", comments=[_inert(said) for said in comments])
    return writer


def _interfaces(writer: PcapngWriter, reader: Told, known: int) -> int:
    """Write the interfaces that came to light since; returns how many there are."""
    for interface in reader.interfaces[known:]:
        writer.interface(shown(interface, ""))
    return len(reader.interfaces)


def _all_interfaces(writer: PcapngWriter, readers: Sequence[Told]) -> list[int]:
    """Write the interfaces of all inputs, with the input in the name of each where there are several.

    Returns:
        The number of the first interface of each input.
    """
    names = file_names([reader.path for reader in readers])
    offsets, count = [], 0
    for reader in readers:
        offsets.append(count)
        name = clean(names[reader.path]) if len(readers) > 1 else ""
        for interface in reader.interfaces:
            writer.interface(shown(interface, name))
        count += len(reader.interfaces)
    return offsets


def _statistics(writer: PcapngWriter, reader: Told, offset: int) -> None:
    for number, interface in enumerate(reader.interfaces):
        if interface.dropped is not None:
            writer.statistics(offset + number, interface.dropped)


def _drops_of(reader: Told, begin: int = 1, end: int = 2**63) -> dict[int, list[DroppedPacket]]:
    """The dropped packets that the frames from `begin` up to `end` show."""
    found: dict[int, list[DroppedPacket]] = {}
    for drop in reader.side.drops:
        if begin <= drop.frame < end:
            found.setdefault(drop.frame, []).append(drop)
    return found


def _packet(writer: PcapngWriter, interface: int, frame: Frame, drops: Sequence[DroppedPacket]) -> None:
    writer.packet(
        interface,
        frame.time,
        frame.data,
        frame.wire_length,
        direction=frame.direction,
        comments=_comments(frame.comments, drops),
        dropped=bool(drops),
    )


def _comments(own: Sequence[str], drops: Sequence[DroppedPacket]) -> Sequence[str]:
    """What the capture says about a frame, and what the system that dropped its packet says."""
    return [_inert(comment) for comment in (*own, *map(_words, drops))] if own or drops else ()


def _words(drop: DroppedPacket) -> str:
    said = f"dropped by Windows at {drop.component}: reason {drop.reason}"
    if drop.reason_text:
        said += f", {drop.reason_text}"
    return f"{said}; location 0x{drop.location:08X}"
