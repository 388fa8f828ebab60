"""A result in the format that was asked for, as bytes.

Knows the renderers. Must not know where a result comes from: a fresh one and a loaded one look alike.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, TextIO

from msgspec import Struct, field

from pcapan.model import Result
from pcapan.report.clock import Clock
from pcapan.report.jsontext import json_bytes, json_text
from pcapan.report.safe import clean
from pcapan.report.story import Wanted
from pcapan.report.words import verdict_line

if TYPE_CHECKING:
    from pcapan.report.terminal import Detail


class Look(Struct, frozen=True):
    """How it is shown."""

    format: str = "text"
    quiet: bool = False
    verbose: bool = False
    wanted: Wanted = field(default_factory=Wanted)


def make_wanted(vendor: str | None, zone: str | None) -> Wanted:
    """The reader's wishes; raises UsageError for an unknown time zone."""
    return Wanted(Clock.of(zone), vendor.strip() if vendor else None)


def check_format(form: str) -> None:
    """Raise UsageError when a library for this format is missing."""
    if form == "html":
        from pcapan.report.pages import check_libraries

        check_libraries()


def rendered(result: Result, look: Look, *, ascii_only: bool = False) -> bytes:
    """The whole text; `ascii_only` for JSON on a terminal."""
    if look.format == "json":
        return json_bytes(json_text(result.to_dict(), ascii_only=ascii_only) + "\n")
    if look.format == "markdown":
        from pcapan.report.markdown import markdown

        text = markdown(result, look.wanted)
    elif look.format == "html":
        from pcapan.report.html import html

        text = html(result, look.wanted)
    else:
        stream = io.StringIO()
        print_text(result, look, stream)
        text = stream.getvalue()
    return text.encode("utf-8", "backslashreplace")


def print_text(result: Result, look: Look, file: TextIO, *, color: bool = True) -> None:
    """Print for people. The verdict line alone, in a log or a pipe, needs nothing of a terminal's library."""
    if look.quiet and not file.isatty():
        reconfigure = getattr(file, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
        file.write(clean(verdict_line(result)) + "\n")
        return
    from pcapan.report.terminal import print_result

    print_result(result, file, detail=detail(look), color=color, wanted=look.wanted)


def detail(look: Look) -> Detail:
    """How much of the text."""
    from pcapan.report.terminal import Detail

    return Detail.LINE if look.quiet else Detail.ALL if look.verbose else Detail.NORMAL
