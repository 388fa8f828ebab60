"""``pcapan extract``: any capture as a pcapng that other programs read.

Knows how to copy frames, interfaces and what goes with them. Must not know packets: frame n of the capture
becomes packet n of the pcapng.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pcapan
from pcapan.commands.guard import say
from pcapan.commands.options import check_captures
from pcapan.commands.output import check_output, to_terminal
from pcapan.commands.progress import progress_bar
from pcapan.commands.redaction import NOT_REDACTED, Redaction
from pcapan.errors import ExitCode, UsageError
from pcapan.ingest.capture import Capture
from pcapan.ingest.frames import DroppedPacket, FrameBlock
from pcapan.ingest.open import open_capture
from pcapan.ingest.pcapng_writer import PcapngWriter
from pcapan.reading import Progress

if TYPE_CHECKING:
    from pcapan.redact.capture import RedactedCapture
    from pcapan.redact.incident import Redactor


def run(
    source: str, output: str, *, force: bool, quiet: bool, redaction: Redaction = NOT_REDACTED
) -> ExitCode:
    """Copy the capture to `output`; raises PcapanError when it cannot be done."""
    check_captures([source])
    redactor = redaction.redactor([source])
    if redactor is not None and source == "-":
        raise UsageError(
            "standard input can be read only once, and what occurs has to be known first",
            where="- --redact",
            hint="write the capture to a file and name it",
        )
    check_output(output, [source])
    if output == "-" and to_terminal():
        raise UsageError(
            "pcapng is binary and cannot be shown on a terminal",
            where="-o -",
            hint="name a file with -o FILE, or send the output to a file or pipe",
        )
    if output != "-" and not force and Path(output).exists():
        raise UsageError(
            "the output exists already", where=output, hint="name another file, or overwrite it with --force"
        )
    with progress_bar(quiet=quiet) as progress:
        reader = _open(source, redactor, progress)
        blocks = reader.blocks()
        first = next(blocks, None)  # what cannot be read says so before anything is written
        with _replacing(output) as file:
            count = 0
            writer = _begin(file, reader)
            known = 0
            while first is not None:
                known = _interfaces(writer, reader, known)
                _copy(writer, first, _drops_of(reader, first))
                count += len(first)
                if progress is not None:
                    progress(source, reader.bytes_read, reader.size)
                first = next(blocks, None)
            _interfaces(writer, reader, known)
            for number, interface in enumerate(reader.interfaces):
                if interface.dropped is not None:
                    writer.statistics(number, interface.dropped)
    redaction.write_mapping(redactor, [source, output])
    if not quiet:
        merged = reader.side.merged_copies
        say(
            f"pcapan: {count} packets written to {output}"
            + (f"; {merged} further events of the same packets left out" if merged else "")
        )
    if reader.damaged:
        if not quiet:
            say("pcapan: part of the input was cut or damaged; the output holds the rest")
        return ExitCode.PARTIAL
    return ExitCode.OK


def _open(source: str, redactor: Redactor | None, progress: Progress | None) -> Capture | RedactedCapture:
    if redactor is None:
        return open_capture(source)
    from pcapan.redact.capture import RedactedCapture

    rewriter = redactor.rewriter(lambda: open_capture(source), progress)
    return RedactedCapture(open_capture(source), rewriter, redactor)


def _begin(file: BinaryIO, reader: Capture | RedactedCapture) -> PcapngWriter:
    writer = PcapngWriter(file, decimals=7 if reader.format.startswith("etl") else 9)
    comments = [*reader.comments, *(f"{label}: {said}" for label, said in reader.side.facts)]
    writer.section(
        operating_system=reader.operating_system,
        hardware=reader.hardware,
        application=f"pcapan {pcapan.__version__}",
        comments=comments,
    )
    return writer


def _interfaces(writer: PcapngWriter, reader: Capture | RedactedCapture, known: int) -> int:
    """Write the interfaces that came to light since; returns how many there are."""
    for interface in reader.interfaces[known:]:
        writer.interface(interface)
    return len(reader.interfaces)


def _drops_of(reader: Capture | RedactedCapture, block: FrameBlock) -> dict[int, list[DroppedPacket]]:
    """The dropped packets that frames of the block show."""
    found: dict[int, list[DroppedPacket]] = {}
    last = block.first_number + len(block)
    for drop in reader.side.drops:
        if block.first_number <= drop.frame < last:
            found.setdefault(drop.frame, []).append(drop)
    return found


def _copy(writer: PcapngWriter, block: FrameBlock, drops: dict[int, list[DroppedPacket]]) -> None:
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
        dropped = drops.get(number, [])
        writer.packet(
            interface,
            time,
            view[offset : offset + length],
            wire,
            direction=direction,
            comments=[_words(drop) for drop in dropped],
            dropped=bool(dropped),
        )


def _words(drop: DroppedPacket) -> str:
    said = f"dropped by Windows at {drop.component}: reason {drop.reason}"
    if drop.reason_text:
        said += f", {drop.reason_text}"
    return f"{said}; location 0x{drop.location:08X}"


@contextlib.contextmanager
def _replacing(path: str) -> Iterator[BinaryIO]:
    """A file that takes its name only when it is whole; standard output for ``-``."""
    if path == "-":
        import sys

        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except (OSError, ValueError) as error:
        raise _not_writable(path, error) from None
    try:
        with os.fdopen(handle, "wb", buffering=1024 * 1024) as file:
            yield file
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(target)
    except OSError as error:
        raise _not_writable(path, error) from None
    finally:
        with contextlib.suppress(OSError):
            Path(name).unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _not_writable(path: str, error: Exception) -> UsageError:
    reason = getattr(error, "strerror", None) or str(error)
    return UsageError(f"the output cannot be written: {reason}", where=path, hint="name another file with -o")
