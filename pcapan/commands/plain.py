"""The command line that is typed most, understood without the library for command lines.

Knows ``analyze CAPTURE...`` with the few options below, each a word of its own. Must not know what is wrong
with any other line, nor the other options: whatever is not this plain is left to `pcapan.cli`, which takes
as long to load as a small capture takes to analyse.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pcapan.commands.request import AnalyzeRequest

#: How these options are written, here and in `pcapan.cli`.
QUIET = ("-q", "--quiet")
VERBOSE = ("-v", "--verbose")
NO_COLOR = ("--no-color",)
FORMAT = ("--format", "-f")

#: In these a shell's variable, home or pattern may be meant, which the library puts in on Windows.
_MEANT_FOR_A_SHELL = frozenset("*?[~$%")

#: Set by a shell that asks for completions.
_COMPLETING = "_PCAPAN_COMPLETE"


class Report(StrEnum):
    """How a result is printed."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


def plain_command(words: Sequence[str]) -> Callable[[], int] | None:
    """What does as the words after ``analyze`` say and gives the exit status; None if they are not plain."""
    if os.environ.get(_COMPLETING):
        return None
    request = plain_request(words)
    if request is None:
        return None
    from pcapan.commands.guard import finish
    from pcapan.commands.request import perform

    return lambda: finish(lambda: perform(request))


def plain_request(words: Sequence[str]) -> AnalyzeRequest | None:
    """What the words after ``analyze`` ask for; None when they are not plain."""
    captures: list[str] = []
    form = Report.TEXT
    quiet = verbose = no_color = False
    rest = iter(words)
    for word in rest:
        if word in QUIET:
            quiet = True
        elif word in VERBOSE:
            verbose = True
        elif word in NO_COLOR:
            no_color = True
        elif word in FORMAT and (named := next(rest, "")) in list(Report):
            form = Report(named)
        elif word and (word == "-" or word[0] != "-") and _MEANT_FOR_A_SHELL.isdisjoint(word):
            captures.append(word)
        else:
            return None
    if not captures or (quiet and verbose):
        return None
    from pcapan.commands.request import AnalyzeRequest

    return AnalyzeRequest(captures, form.value, quiet=quiet, verbose=verbose, no_color=no_color)
