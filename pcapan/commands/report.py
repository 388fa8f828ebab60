"""``pcapan report``: a result that was written as JSON, rendered again without the capture.

Knows files and renderers. Must not know captures or rules.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from pcapan.commands.files import check_new_file, write_file
from pcapan.commands.output import to_terminal, write_out
from pcapan.commands.redaction import Redaction, redacted_results
from pcapan.commands.render import Look, check_format, make_wanted, print_text, rendered
from pcapan.errors import ExitCode, UnreadableError, UsageError
from pcapan.report.document import load_result

#: No result is longer; whatever is, was named by mistake.
_LARGEST = 2_000_000_000


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """The command line of ``report``, as texts."""

    result: str
    format: str
    output: str | None
    force: bool
    vendor: str | None
    zone: str | None
    quiet: bool
    verbose: bool
    no_color: bool
    redaction: Redaction = field(default_factory=Redaction)


def run(request: ReportRequest) -> ExitCode:
    """Load and render; raises PcapanError when nothing can be shown."""
    look = Look(request.format, request.quiet, request.verbose, make_wanted(request.vendor, request.zone))
    check_format(look.format)
    to_file = request.output is not None and request.output != "-"
    if to_file:
        check_new_file(str(request.output), [request.result], force=request.force)
    redactor = request.redaction.redactor([request.result])
    result = load_result(read_result(request.result), request.result)
    if redactor is not None:
        (result,) = redacted_results([result], redactor)
        request.redaction.write_mapping(redactor, [request.result])
    if to_file:
        write_file(str(request.output), rendered(result, look), [request.result], force=request.force)
    elif look.format == "text":
        print_text(result, look, sys.stdout, color=not request.no_color)
    else:
        write_out(rendered(result, look, ascii_only=to_terminal()))
    return ExitCode.OK


def read_result(path: str) -> bytes:
    """The bytes of a result file, of a folder's result.json, or of standard input."""
    if path == "-":
        if sys.stdin.isatty():
            raise UsageError(
                "standard input is a terminal, not a result",
                where="-",
                hint="pipe a result into pcapan, or name a file",
            )
        return sys.stdin.buffer.read()
    try:
        file = Path(path)
        if file.is_dir():
            file = file / "result.json"
        if file.stat().st_size > _LARGEST:
            raise UnreadableError(
                "the file is too large for a result",
                where=path,
                hint="captures are analysed with pcapan analyze",
            )
        return file.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableError(
            f"the result cannot be opened: {reason}",
            where=path,
            hint="name a file that pcapan analyze --format json wrote, or a folder of analyze -o",
        ) from None
