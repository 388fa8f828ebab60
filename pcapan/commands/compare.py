"""``pcapan compare``: two captures or results, and whether the change between them worked.

Knows how to come by two results and how the comparison is printed. Must not know how it is judged.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pcapan.commands.files import check_new_file, write_file
from pcapan.commands.guard import say, tell
from pcapan.commands.options import check_captures
from pcapan.commands.output import to_terminal, write_out
from pcapan.commands.progress import progress_bar
from pcapan.commands.redaction import Redaction, redacted_results
from pcapan.commands.render import check_format
from pcapan.commands.report import read_result
from pcapan.errors import ExitCode, UsageError
from pcapan.model import Result
from pcapan.pipeline import Options, analyze
from pcapan.report.clock import Clock
from pcapan.report.compare.judge import Comparison, State, compare, fails
from pcapan.report.compare.text import print_comparison
from pcapan.report.document import load_result
from pcapan.report.jsontext import json_bytes, json_text
from pcapan.report.terminal import Detail

#: What --fail-on may name.
_STATES = {"still": State.STILL, "new": State.NEW}
#: A text file with JSON in it begins with one of these, whatever its name.
_JSON_STARTS = (b"{", b"\xef\xbb\xbf{")


@dataclass(frozen=True, slots=True)
class CompareRequest:
    """The command line of ``compare``; the options for captures apply to both sides."""

    before: str
    after: str
    format: str
    output: str | None
    force: bool
    options: Options
    fail_on: Sequence[str]
    zone: str | None
    quiet: bool
    verbose: bool
    no_color: bool
    redaction: Redaction = field(default_factory=Redaction)


def run(request: CompareRequest) -> ExitCode:
    """Compare and print; raises PcapanError when a side cannot be read."""
    states = _wanted_states(request.fail_on)
    check_format(request.format)
    clock = Clock.of(request.zone)
    if request.before == request.after == "-":
        raise UsageError("both sides are standard input", where="- -", hint="name a file for one of them")
    to_file = request.output is not None and request.output != "-"
    sides = [side for side in (request.before, request.after) if side != "-"]
    if to_file:
        check_new_file(str(request.output), sides, force=request.force)
    redactor = request.redaction.redactor(sides)
    before, whole_before = _side(request.before, request)
    after, whole_after = _side(request.after, request)
    if redactor is not None:  # both at once, so that the same names become the same pseudonyms
        before, after = redacted_results([before, after], redactor)
        request.redaction.write_mapping(redactor, sides)
    comparison = compare(before, after)
    if to_file:
        write_file(str(request.output), _rendered(comparison, request, clock), sides, force=request.force)
    elif request.format == "text":
        print_comparison(
            comparison, sys.stdout, clock=clock, detail=_detail(request), color=not request.no_color
        )
    else:
        write_out(_rendered(comparison, request, clock))
    if fails(comparison, states):
        return ExitCode.FINDINGS
    if not (whole_before and whole_after):
        if not request.quiet:
            say("pcapan: part of the input was cut, damaged or could not be read; the result covers the rest")
        return ExitCode.PARTIAL
    return ExitCode.OK


def _wanted_states(texts: Sequence[str]) -> list[State]:
    words = [word.strip() for text in texts for word in text.replace("|", ",").split(",") if word.strip()]
    for word in words:
        if word not in _STATES:
            raise UsageError(
                f"{word!r} is no state of a finding",
                where=f"--fail-on {word}",
                hint="name still, new, or both: --fail-on still,new",
            )
    return [_STATES[word] for word in words]


def _side(path: str, request: CompareRequest) -> tuple[Result, bool]:
    """The result for one side, and whether all of its input could be read."""
    if _is_result(path):
        return load_result(read_result(path), path), True
    check_captures([path])
    with progress_bar(quiet=request.quiet) as progress:
        analysis = analyze([path], request.options, progress=progress)
    for error in analysis.unreadable:
        tell(error)
    return analysis.result, not analysis.partial


def _is_result(path: str) -> bool:
    """Whether a side is a result and no capture; what cannot be opened is told by who reads it."""
    if path == "-":
        return False
    try:
        file = Path(path)
        if file.is_dir():
            return True
        with file.open("rb") as opened:
            return opened.read(64).lstrip().startswith(_JSON_STARTS)
    except (OSError, ValueError):
        return path.endswith(".json")


def _detail(request: CompareRequest) -> Detail:
    return Detail.LINE if request.quiet else Detail.ALL if request.verbose else Detail.NORMAL


def _rendered(comparison: Comparison, request: CompareRequest, clock: Clock) -> bytes:
    if request.format == "json":
        return json_bytes(json_text(comparison.to_dict(), ascii_only=to_terminal()) + "\n")
    if request.format == "markdown":
        from pcapan.report.compare.markdown import markdown

        text = markdown(comparison, clock)
    elif request.format == "html":
        from pcapan.report.compare.page import html

        text = html(comparison, clock)
    else:
        stream = io.StringIO()
        print_comparison(comparison, stream, clock=clock, detail=_detail(request), color=False)
        text = stream.getvalue()
    return text.encode("utf-8", "backslashreplace")
