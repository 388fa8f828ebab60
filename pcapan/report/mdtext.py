"""Text made inert for Markdown, as GitHub, Jira and ServiceNow read it.

Knows what those readers take for markup, links or mentions. Must not know what a report says.

Words that could be taken for anything but text stand in code spans, where nothing is markup; so
nothing depends on backslash escapes, which the three treat differently.
"""

from __future__ import annotations

import re

from pcapan.report.safe import clean

#: Longest text of one cell or sentence; the rest is cut, and it is told.
LONGEST = 700

#: Anything in a word that some reader gives a meaning. An underscore inside a word has none, nor has a
#: single quote; "://" and "www." become links, "@" a mention, "$" mathematics, ":word:" an emoji.
_MARKUP = re.compile(
    r"[`*\[\]<|~#@$^{}]|://|www\.|(?:^|\W)_|_(?:\W|$)|&[#\w]|\\[\W_]|:[a-z][\w+-]*:|mailto:|--|\+\+|\?\?",
    re.I,
)
#: What makes the beginning of a line a heading, list, quotation or rule.
_LINE_START = re.compile(r"[-+=#>:]|\d+[.)]|h\d\.|bq\.", re.I)
#: Signs around a word that need not go into its code span.
_AROUND = re.compile(r"([(“\"']*)(.*?)([)”\"',.;:]*)", re.S)


def code(text: str, most: int = LONGEST) -> str:
    """The text as a code span; a backtick, and a pipe that would end a cell, are spelled."""
    inside = _cut(clean(text), most).replace("`", r"\x60").replace("|", r"\x7c").strip()
    return f"`{inside}`" if inside else "-"


def prose(text: str, most: int = LONGEST) -> str:
    """The text as it may stand anywhere on a line; what could be markup is in code spans."""
    pieces: list[str] = []
    run: list[str] = []
    for number, word in enumerate(_cut(clean(text), most).split(" ")):
        if _MARKUP.search(word) or (number == 0 and _LINE_START.match(word)):
            run.append(word)
            continue
        pieces += _span(run)
        run = []
        pieces.append(word)
    pieces += _span(run)
    return " ".join(pieces).strip()


def _span(run: list[str]) -> list[str]:
    if not run:
        return []
    match = _AROUND.fullmatch(" ".join(run))
    before, inside, after = match.groups() if match else ("", " ".join(run), "")
    if not inside or not _MARKUP.search(inside):
        before, inside, after = "", before + inside + after, ""
    return [f"{before}{code(inside)}{after}"]


def row(*cells: str) -> str:
    """A row of a table, of cells that are inert already."""
    return f"| {' | '.join(cell or ' ' for cell in cells)} |"


def head(*cells: str) -> list[str]:
    """The heading of a table and the line below it."""
    return [row(*cells), row(*("---" for _ in cells))]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]} ... ({len(text) - most} more characters)"
