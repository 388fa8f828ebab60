"""Words on paper: headings, paragraphs and lists, wrapped for whoever reads them.

Knows the width of a line. Must not know what is printed. Every text is made harmless first, because
rule files may come from strangers; a command that somebody copies is never wrapped.
"""

from __future__ import annotations

import shutil
import sys
import textwrap

from pcapan.report.safe import clean
from pcapan.report.words import commands_apart

_WIDEST, _NARROWEST, _USUAL = 120, 60, 100


class Page:
    """Lines that are printed all at once."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.width = min(_WIDEST, max(_NARROWEST, shutil.get_terminal_size((_USUAL, 24)).columns))

    def heading(self, text: str) -> None:
        """A title, with an empty line before it."""
        if self.lines:
            self.lines.append("")
        self.lines.append(clean(text))

    def paragraph(self, text: str, indent: int = 2) -> None:
        """Wrapped prose."""
        self._wrap(" ".join(text.split()), " " * indent, " " * indent)

    def item(self, text: str, *, mark: str = "-", indent: int = 2) -> None:
        """An item of a list; commands in it stand on lines of their own."""
        start = " " * indent + mark + " "
        for is_command, part in commands_apart(" ".join(text.split())):
            if is_command:
                self.lines.append(" " * (len(start) + 2) + clean(part))
            else:
                self._wrap(part, start, " " * len(start))
            start = " " * len(start)

    def _wrap(self, text: str, first: str, rest: str) -> None:
        self.lines += textwrap.wrap(
            clean(text),
            self.width,
            initial_indent=first,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        )

    def print(self) -> None:
        """Print on standard output, whatever it can show."""
        text = "\n".join(self.lines) + "\n"
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
