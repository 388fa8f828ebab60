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

#: Conditions that were kept are not looked at again, and have no need of it.
_TOKEN = r"""
    (?P<space>[ \t\n]+) | (?P<comment>\#[^\n]*) | (?P<string>"[^"\n]*"|'[^'\n]*')
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*) | (?P<number>[0-9][0-9A-Za-z_.]*|\.[0-9][0-9A-Za-z_]*)
    | (?P<wrong>&&|\|\||<>|:=|\*\*|//|<<|>>) | (?P<two>==|!=|<=|>=) | (?P<one>[-+*/<>(),]) | (?P<bad>.)
"""
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
    opened: list[int] = []

    def refuse(at: int, message: str, hint: str = ALLOWED) -> NoReturn:
        line, column = place(source, at)
        raise ExpressionError(message, line=line, column=column, hint=hint)

    for match in re.finditer(_TOKEN, source, re.VERBOSE | re.DOTALL):
        kind, token, at = match.lastgroup, match.group(), match.start()
        if kind in ("space", "comment"):
            parts.append(" " * len(token))
            continue
        if not _PRINTABLE.fullmatch(token):
            refuse(at, "Only plain ASCII characters are allowed in an expression.")
        if kind == "bad" and token in "\"'":
            refuse(at, "This text has no closing quote.", "Close it on the same line.")
        if kind in ("bad", "wrong"):
            refuse(at, f"{token!r} is not allowed in an expression.", INSTEAD.get(token, ALLOWED))
        if kind == "string":
            if "\\" in token:
                refuse(at, "Backslashes are not allowed in the text of an expression.")
            if previous == "word" and parts[-1].strip():
                hint = "Text has no prefix; put a space after a word."
                refuse(at, "Letters stand against the quote.", hint)
            if previous == "string":
                refuse(at, "Two texts stand side by side.", "Write one text in single or double quotes.")
        elif token == "(":
            opened.append(at)
            if len(opened) > MAX_PARENTHESES:
                message = f"More than {MAX_PARENTHESES} nested parentheses."
                refuse(at, message, "Name the inner parts in [let].")
        elif token == ")":
            if not opened:
                refuse(at, "This parenthesis closes nothing.", "Remove it, or open it before.")
            opened.pop()
        previous = kind
        parts.append(token)
    if opened:
        refuse(opened[-1], "This parenthesis is not closed.", "Add ')'.")
    return "".join(parts)
