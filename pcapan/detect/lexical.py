"""The text of a condition, looked at character by character before any parser sees it.

Knows which characters and words may appear. Must not know names, types or meaning. Only what
passes here reaches Python's parser, so nesting and length are bounded first, and letters that only
look like ASCII, escapes, brackets and control characters never arrive there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NoReturn

from pcapan.detect.issues import TextError

MAX_LENGTH = 2000
MAX_PARENTHESES = 20

_TOKEN = re.compile(
    r"""(?P<space>[ \t\n]+) | (?P<comment>\#[^\n]*) | (?P<string>"[^"\n]*"|'[^'\n]*')
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*) | (?P<number>[0-9][0-9A-Za-z_.]*|\.[0-9][0-9A-Za-z_]*)
    | (?P<wrong>&&|\|\||<>|:=|\*\*|//|<<|>>) | (?P<two>==|!=|<=|>=) | (?P<one>[-+*/<>(),]) | (?P<bad>.)""",
    re.VERBOSE | re.DOTALL,
)
INSTEAD: Mapping[str, str] = {
    "&&": "Write 'and'.",
    "||": "Write 'or'.",
    "<>": "Write '!='.",
    "!": "Write 'not', or '!=' to compare.",
    "=": "Write '==' to compare.",
    ":=": "Give the value a name in [let].",
    "**": "There is no power; multiply.",
    "//": "There is no whole-number division; use '/'.",
    ".": "A name stands alone; there is nothing inside it to reach for.",
    "[": "There are no lists or subscripts; write choices as ('a', 'b').",
    "{": "There are no braces in a condition.",
    "%": "There is no remainder and no text formatting.",
    ":": "There are no functions and no slices.",
}
ALLOWED = "A condition is made of names, numbers, text, comparisons, and/or/not and + - * / only."


_PRINTABLE = re.compile(r"[\n\t -~]*")


class ExpressionError(TextError):
    """A condition that is not allowed, with its place inside the text."""


def place(source: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, both from 1."""
    before = source[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def scan(source: str) -> str:
    """Refuse every character that has no business here; give back one line of the same length."""
    if len(source) > MAX_LENGTH:
        raise ExpressionError(
            f"The expression has {len(source)} characters; {MAX_LENGTH} are allowed.",
            hint="Name its parts in [let].",
        )
    parts: list[str] = []
    previous: str | None = None
    opened: list[tuple[int, int]] = []
    for match in _TOKEN.finditer(source):
        kind, token = match.lastgroup, match.group()
        line, column = place(source, match.start())

        def refuse(message: str, hint: str = ALLOWED, line: int = line, column: int = column) -> NoReturn:
            raise ExpressionError(message, line=line, column=column, hint=hint)

        if kind != "comment" and not _PRINTABLE.fullmatch(token):
            refuse("Only plain ASCII characters are allowed in an expression.")
        if kind == "bad" and token in "\"'":
            refuse("This text has no closing quote.", "Close it on the same line.")
        if kind in ("bad", "wrong"):
            refuse(f"{token!r} is not allowed in an expression.", INSTEAD.get(token, ALLOWED))
        if kind == "string" and "\\" in token:
            refuse("Backslashes are not allowed in the text of an expression.")
        if kind == "string" and previous == "word" and parts[-1].strip():
            refuse("Letters stand against the quote.", "Text has no prefix; put a space after a word.")
        if kind == "string" and previous == "string":
            refuse("Two texts stand side by side.", "Write one text in single or double quotes.")
        if token == "(":
            opened.append((line, column))
        elif token == ")" and not opened:
            refuse("This parenthesis closes nothing.", "Remove it, or open it before.")
        elif token == ")":
            opened.pop()
        if len(opened) > MAX_PARENTHESES:
            refuse(f"More than {MAX_PARENTHESES} nested parentheses.", "Name the inner parts in [let].")
        previous = previous if kind in ("space", "comment") else kind
        parts.append(" " * len(token) if kind in ("space", "comment") else token)
    if opened:
        line, column = opened[-1]
        raise ExpressionError("This parenthesis is not closed.", line=line, column=column, hint="Add ')'.")
    return "".join(parts)
