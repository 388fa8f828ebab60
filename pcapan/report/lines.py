"""Lines of text for a terminal, a pipe or a file: wrapped, coloured where that is wanted, never cut.

Knows rich and the width of a terminal. Must not know what is printed. Everything passes `clean`, because
file names, vendor ids and comments are strangers' text.
"""

from __future__ import annotations

import os
from typing import TextIO

from rich.console import Console
from rich.text import Text

from pcapan.report import words
from pcapan.report.safe import clean

#: Lines are wrapped at the width of the terminal, but between these; commands and filters never are.
WIDEST, NARROWEST = 120, 60


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the caller how a reader that went away ends the run."""
        raise BrokenPipeError


def make_console(file: TextIO, *, color: bool = True, width: int | None = None) -> Console:
    """A console that prints plain text unless `file` is a terminal that may have colours."""
    colorful = color and file.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    plain = Console(file=file, color_system=None, width=width)
    usable = min(WIDEST, max(NARROWEST, plain.width))
    return _Console(
        file=file,
        color_system="auto" if colorful else None,
        width=usable,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=None if colorful else False,
    )


class Lines:
    """A console, and how text gets onto it."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def blank(self) -> None:
        """An empty line."""
        self.console.print()

    def heading(self, text: str) -> None:
        """A line that begins a part."""
        self.put(Text(clean(text), style="bold"))

    def label(self, text: str) -> None:
        """A few words that say what follows."""
        self.put(Text(f"{text}:", style="bold"), 3)

    def line(self, text: str, indent: int = 0) -> None:
        """A paragraph."""
        self.put(Text(clean(text)), indent)

    def whole(self, text: str, indent: int) -> None:
        """A line that somebody copies: never wrapped here, however long."""
        self.console.print(Text(" " * indent + clean(text)), soft_wrap=True)

    def item(self, text: str, *, mark: str = "-", indent: int = 5) -> None:
        """A list item; commands in it stand on lines of their own."""
        start = mark + " "
        for is_command, part in words.commands_apart(text):
            if is_command:
                self.whole(part, indent + len(start) + 2)
            else:
                self.put(Text(clean(part)), indent, start)
            start = " " * len(start)

    def put(self, text: Text, indent: int = 0, mark: str = "") -> None:
        """Wrap `text`; further lines stand under the first, and nothing is ever cut away."""
        room = max(20, self.console.width - indent - len(mark))
        for number, line in enumerate(text.wrap(self.console, room, overflow="fold")):
            line.rstrip()
            start = mark if number == 0 else " " * len(mark)
            self.console.print(Text(" " * indent + start).append_text(line), soft_wrap=True)
