"""One table of a rule file, read key by key.

Knows how to take a typed value out of parsed TOML and how to report a fault with its line. Must not
know which keys a rule has. A key that was never asked for is unknown, and `finish` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Any, TypeVar

from pcapan.detect.expression import MAX_LITERAL, Expression, compile_expression
from pcapan.detect.issues import RuleIssue, TextError, did_you_mean
from pcapan.detect.schema import ColumnType
from pcapan.detect.tomlplace import Key, Place
from pcapan.detect.wording import Template, invisible, parse_template

E = TypeVar("E", bound=StrEnum)

MAX_SHOWN = 400
"""Characters of a fault that are kept: a key can be as long as the file."""

MAX_UNKNOWN = 20
"""Unknown keys of one table that are reported: the rest would only hide them."""

NOWHERE = Place(1, 1)
_NEVER = Expression("false", "false", ColumnType.BOOL, {})
"""Stands in for a condition that was refused, so that reading can go on."""


class Section:
    """A table of the file, with the faults of the whole file collected in one list."""

    def __init__(
        self, data: dict[str, Any], key: Key, found: Mapping[Key, Place], path: str, issues: list[RuleIssue]
    ) -> None:
        self.data = data
        self.key = key
        self.found = found
        self.path = path
        self.issues = issues
        self.asked: dict[str, None] = {}

    def place(self, *inner: str | int) -> Place:
        """Where a key of this table stands, or the nearest thing around it."""
        key = (*self.key, *inner)
        while key and key not in self.found:
            key = (*key, 0) if (*key, 0) in self.found else key[:-1]
        return self.found.get(key, NOWHERE)

    def issue(self, key: str, message: str, recommendation: str, *inner: int) -> None:
        """Report a fault at a key of this table."""
        line = self.place(key, *inner).line
        self.issues.append(RuleIssue(self.path, line, message[:MAX_SHOWN], recommendation[:MAX_SHOWN]))

    def _name(self, key: str) -> str:
        return ".".join(str(part) for part in (*self.key, key) if not isinstance(part, int))

    def _wrong(self, key: str, wanted: str, example: str) -> None:
        self.issue(key, f"{self._name(key)!r} must be {wanted}.", f"Write {example}.")

    def _visible(self, key: str, value: str) -> bool:
        # This takes no look at single characters in Python, and holds for nearly every text.
        if value.replace("\n", "").isprintable():
            return True
        hidden = next((char for char in value if invisible(char)), None)
        if hidden is not None:
            message = f"{self._name(key)!r} holds the invisible character U+{ord(hidden):04X}."
            self.issue(key, message, "Remove it: every reader must see the same text.")
        return hidden is None

    def _take(self, key: str) -> Any:
        self.asked[key] = None
        return self.data.get(key)

    def text(self, key: str, default: str | None = None) -> str:
        """A text; without a default it must be there and not be empty."""
        value = self._take(key)
        if value is None and default is not None:
            return default
        if value is None:
            self.issue(key, f"The key {self._name(key)!r} is missing.", f'Write {key} = "...".')
        elif not isinstance(value, str):
            self._wrong(key, "text", f'{key} = "..."')
        elif not value.strip() and default is None:
            self.issue(key, f"{self._name(key)!r} is empty.", "Say it in one sentence.")
        elif self._visible(key, value):
            return value.strip() if "\n" not in value else " ".join(value.split())
        return ""

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; empty when it is not there."""
        value = self._take(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._wrong(key, "a list of texts", f'{key} = ["...", "..."]')
            return ()
        return tuple(item.strip() for item in value if self._visible(key, item))

    def whole(self, key: str, default: int, low: int, high: int) -> int:
        """A whole number within bounds."""
        value = self._take(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self._wrong(key, f"a whole number from {low} to {high}", f"{key} = {default}")
            return default
        return value

    def constant(self, key: str) -> bool | int | float | str | None:
        """A yes/no, number or text; None when it is missing or of another kind."""
        value = self._take(key)
        if value is None:
            self.issue(key, f"The key {self._name(key)!r} is missing.", f"Write {key} = 3.")
            return None
        if isinstance(value, bool | str):
            return value
        if isinstance(value, int | float) and abs(value) <= MAX_LITERAL:
            return value
        self._wrong(key, "true, false, a number or text", f"{key} = 3")
        return None

    def choice(self, key: str, words: type[E], fallback: E, *, default: E | None = None) -> E:
        """One of the words of an enumeration; `fallback` stands in after a fault."""
        value = self._take(key)
        if value is None and default is not None:
            return default
        if isinstance(value, str):
            with suppress(ValueError):
                return words(value)
        known = [word.value for word in words]
        if value is None:
            self.issue(key, f"The key {self._name(key)!r} is missing.", f"Write one of {', '.join(known)}.")
        else:
            shown = str(value)[:60]
            hint = did_you_mean(shown, known, what="words")
            self.issue(key, f"{shown!r} is not a {self._name(key)}.", hint)
        return fallback

    def table(self, key: str, *, required: bool = False) -> Section:
        """A table inside this one; an empty one when it is not there."""
        value = self._take(key)
        inner = (*self.key, key)
        if not isinstance(value, dict):
            if value is not None:
                self._wrong(key, "a table", f"[{self._name(key)}] with its keys below it")
            elif required:
                self.issue(key, f"[{self._name(key)}] is missing.", f"Add [{self._name(key)}].")
            # One fault is enough: the keys that are missing inside it are not worth a line each.
            return Section({}, inner, self.found, self.path, [])
        return Section(value, inner, self.found, self.path, self.issues)

    def tables(self, key: str) -> list[Section]:
        """The tables of a [[key]] list, in order."""
        value = self._take(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self._wrong(key, "a list of tables", f"[[{self._name(key)}]] with double brackets")
            return []
        return [
            Section(item, (*self.key, key, index), self.found, self.path, self.issues)
            for index, item in enumerate(value)
        ]

    def _fault(self, key: str, error: TextError, *inner: int) -> None:
        line = self.place(key, *inner).text_line + error.line - 1
        where = f"In {self._name(key)!r}, column {error.column}: {error.message}"
        self.issues.append(RuleIssue(self.path, line, where, error.hint))

    def expression(self, key: str, types: Mapping[str, ColumnType]) -> Expression | None:
        """An expression of any type; None after a fault."""
        value = self._take(key)
        if value is None:
            self.issue(key, f"The key {self._name(key)!r} is missing.", f'Write {key} = "a condition".')
            return None
        if isinstance(value, bool):
            value = str(value).lower()
        if not isinstance(value, str):
            self._wrong(key, "an expression in quotes", f'{key} = "attempts > 0"')
            return None
        try:
            return compile_expression(value, types)
        except TextError as error:
            self._fault(key, error)
            return None

    def condition(
        self, key: str, types: Mapping[str, ColumnType], ambiguous: frozenset[str] = frozenset()
    ) -> Expression:
        """A yes/no expression; one that is never true after a fault."""
        expression = self.expression(key, types)
        if expression is None:
            return _NEVER
        if expression.type is not ColumnType.BOOL:
            self._wrong(key, f"a condition; this is {expression.type.spoken}", f'{key} = "... > 0"')
            return _NEVER
        for name in ambiguous.intersection(expression.names):
            message = f"{name!r} is a column of this table and of the capture."
            self.issue(key, message, "Use another column: the two cannot be told apart.")
        return expression

    def _template(
        self, key: str, value: object, types: Mapping[str, ColumnType], is_filter: bool, *inner: int
    ) -> Template | None:
        if not isinstance(value, str) or not value.strip():
            self._wrong(key, "text that is not empty", f'{key} = "..."')
            return None
        if not self._visible(key, value):
            return None
        try:
            return parse_template(value, types, is_filter=is_filter)
        except TextError as error:
            self._fault(key, error, *inner)
            return None

    def template(
        self, key: str, types: Mapping[str, ColumnType], *, is_filter: bool = False
    ) -> Template | None:
        """A text with holes; None when it is not there or after a fault."""
        value = self._take(key)
        return None if value is None else self._template(key, value, types, is_filter)

    def templates(self, key: str, types: Mapping[str, ColumnType]) -> tuple[Template, ...]:
        """A list of texts with holes."""
        value = self._take(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            self._wrong(key, "a list of texts", f'{key} = ["...", "..."]')
            return ()
        made = [self._template(key, item, types, False, index) for index, item in enumerate(value)]
        return tuple(template for template in made if template is not None)

    def missing_template(self, key: str) -> Template:
        """Report a text that must be there and is not; a fault in it was reported already."""
        if key not in self.data:
            self.issue(key, f"The key {self._name(key)!r} is missing.", f'Write {key} = "a sentence".')
        return Template("", (), ())

    def finish(self, *, what: str = "keys") -> None:
        """Report every key that nobody asked for."""
        unknown = [key for key in self.data if key not in self.asked]
        for key in unknown[:MAX_UNKNOWN]:
            hint = did_you_mean(key, self.asked, what=what)
            self.issue(key, f"Unknown key {self._name(key)!r}.", hint)
