"""Lines of text for a terminal, a pipe or a file: wrapped, coloured where that is wanted, never cut.

Knows the width of a terminal and how words fill it. Must not know what is printed. Everything passes
`clean`, because file names, vendor ids and comments are strangers' text. Colours are rich's work, which is
loaded for them alone: it takes as long as analysing a small capture.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, TextIO

from pcapan.report import words
from pcapan.report.safe import clean

if TYPE_CHECKING:
    from rich.console import Console

#: Lines are wrapped at the width of the terminal, but between these; commands and filters never are.
WIDEST, NARROWEST = 120, 60

#: Width where nothing tells one.
_USUAL = 80

Run = tuple[str, str]
"""Some text and its style, in rich's words; "" is plain."""

_WORD = re.compile(r"\s*\S+\s*")


class Paper(Protocol):
    """What lines are printed on."""

    width: int
    """Characters (of a single cell) that fit into a line."""

    def line(self, runs: Sequence[Run]) -> None:
        """Print one line, however long."""
        ...


class _PlainPaper:
    def __init__(self, file: TextIO, width: int) -> None:
        self._file = file
        self.width = width

    def line(self, runs: Sequence[Run]) -> None:
        self._file.write("".join(text for text, _ in runs) + "\n")


class _ColorPaper:
    def __init__(self, console: Console) -> None:
        self._console = console
        self.width = console.width

    def line(self, runs: Sequence[Run]) -> None:
        from rich.text import Text

        self._console.print(Text.assemble(*runs), soft_wrap=True)


def make_paper(file: TextIO, *, color: bool = True, width: int | None = None) -> Paper:
    """Paper for plain text unless `file` is a terminal that may have colours."""
    usable = min(WIDEST, max(NARROWEST, _width(file) if width is None else width))
    if not color or not file.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return _PlainPaper(file, usable)
    from rich.console import Console

    class LeavingConsole(Console):
        def on_broken_pipe(self) -> None:
            """Leave it to the caller how a reader that went away ends the run."""
            raise BrokenPipeError

    return _ColorPaper(LeavingConsole(file=file, width=usable, highlight=False, markup=False, emoji=False))


def _width(file: TextIO) -> int:
    """Characters in a line of the terminal that any of the standard streams is."""
    if file.isatty() and os.environ.get("TERM", "").lower() in ("dumb", "unknown"):
        return _USUAL
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal():
        return int(told)
    for stream in (sys.__stdin__, sys.__stdout__, sys.__stderr__):
        try:
            if stream is not None and (columns := os.get_terminal_size(stream.fileno()).columns):
                return columns
        except (OSError, ValueError):
            continue
    return _USUAL


def _cells(text: str) -> int:
    """How wide a terminal shows it; some signs take two cells, some none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def breaks(text: str, room: int) -> Iterator[int]:
    """Where lines of at most `room` cells begin in `text`, after the first; a longer word is cut."""
    used = 0
    for found in _WORD.finditer(text):
        word, start = found.group(), found.start()
        needed = _cells(word.rstrip())
        if used + needed <= room:
            used += _cells(word)
            continue
        if needed <= room:
            pieces = [word]
        elif word.isascii():
            pieces = [word[at : at + room] for at in range(0, len(word), room)]
        else:
            from rich.cells import chop_cells

            pieces = chop_cells(word, room)
        for piece in pieces:
            if start:
                yield start
            start += len(piece)
        used = _cells(pieces[-1])


def _part(runs: Sequence[Run], begin: int, end: int) -> list[Run]:
    """The runs of the text from `begin` to `end`, without the spaces it ends with."""
    text = "".join(run for run, _ in runs)[begin:end].rstrip()
    end = begin + len(text)
    found: list[Run] = []
    at = 0
    for run, style in runs:
        piece = run[max(0, begin - at) : max(0, end - at)]
        if piece:
            found.append((piece, style))
        at += len(run)
    return found


class Lines:
    """Paper, and how text gets onto it."""

    def __init__(self, paper: Paper) -> None:
        self.paper = paper

    def blank(self) -> None:
        """An empty line."""
        self.paper.line([])

    def heading(self, text: str) -> None:
        """A line that begins a part."""
        self.put([(clean(text), "bold")])

    def label(self, text: str) -> None:
        """A few words that say what follows."""
        self.put([(f"{text}:", "bold")], 3)

    def line(self, text: str, indent: int = 0) -> None:
        """A paragraph."""
        self.put([(clean(text), "")], indent)

    def whole(self, text: str, indent: int) -> None:
        """A line that somebody copies: never wrapped here, however long."""
        self.paper.line([(" " * indent + clean(text), "")])

    def item(self, text: str, *, mark: str = "-", indent: int = 5) -> None:
        """A list item; commands in it stand on lines of their own."""
        start = mark + " "
        for is_command, part in words.commands_apart(text):
            if is_command:
                self.whole(part, indent + len(start) + 2)
            else:
                self.put([(clean(part), "")], indent, start)
            start = " " * len(start)

    def put(self, runs: Sequence[Run], indent: int = 0, mark: str = "") -> None:
        """Wrap text; further lines stand under the first, and nothing is ever cut away."""
        room = max(20, self.paper.width - indent - len(mark))
        text = "".join(run for run, _ in runs)
        begin, start = 0, mark
        for end in (*breaks(text, room), len(text)):
            self.paper.line([(" " * indent + start, ""), *_part(runs, begin, end)])
            begin, start = end, " " * len(mark)
