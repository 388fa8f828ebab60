"""Lines are wrapped as the library for terminals wraps them, without loading it for plain text."""

from __future__ import annotations

import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from pcapan.report.lines import Lines, make_paper
from pcapan.report.safe import clean

#: Narrow and wide signs, some without any width, and enough spaces to break at.
_SIGNS = st.text(alphabet="ab-.漢字é\u0301ß🙂  ", max_size=300)


_INDENTS, _MARKS = st.sampled_from([0, 3, 45]), st.sampled_from(["", "- ", "10. "])


@given(_SIGNS, st.sampled_from([60, 77, 120]), _INDENTS, _MARKS)
@example("x" * 200, 60, 0, "")
@example("word " + "漢" * 90 + " word", 60, 3, "- ")
@example("", 60, 5, "- ")
def test_lines_are_wrapped_as_rich_wraps_them(text: str, width: int, indent: int, mark: str) -> None:
    file = io.StringIO()
    Lines(make_paper(file, width=width)).put([(clean(text), "")], indent, mark)

    room = max(20, width - indent - len(mark))
    wrapped = Text(clean(text)).wrap(Console(file=io.StringIO(), width=width), room, overflow="fold")
    expected = [line.plain.rstrip() for line in wrapped]
    starts = [mark, *[" " * len(mark)] * (len(expected) - 1)]
    assert file.getvalue() == "".join(
        " " * indent + start + line + "\n" for start, line in zip(starts, expected, strict=True)
    )


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> _Terminal:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return _Terminal()


def test_a_style_goes_on_in_the_next_line(terminal: _Terminal) -> None:
    Lines(make_paper(terminal, width=60)).put([("Verdict: ", "bold"), ("long " * 14, "red"), ("end", "")])
    first, second = terminal.getvalue().splitlines()
    assert first.startswith("\x1b[1mVerdict: \x1b[0m\x1b[31mlong ")
    assert second.startswith("\x1b[31mlong ")
    assert second.endswith("\x1b[0mend")


@pytest.mark.parametrize("variable, value", [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colours_where_the_terminal_wants_none(
    terminal: _Terminal, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    Lines(make_paper(terminal, width=60)).heading("Part")
    assert terminal.getvalue() == "Part\n"


@pytest.mark.parametrize("columns, width", [("100", 100), ("500", 120), ("5", 60)])
def test_the_width_is_that_of_the_terminal_within_limits(
    monkeypatch: pytest.MonkeyPatch, columns: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert make_paper(io.StringIO()).width == width
