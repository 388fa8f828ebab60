"""Where in a TOML text each key stands.

Knows just enough TOML to skip over values; the text must have been accepted by the TOML parser before.
Must not know what the keys mean. It exists because that keeps no line numbers and a fault in a
rule must be reported with its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property

from msgspec import Struct

Key = tuple[str | int, ...]

_KEY_PART = r"""[ \t]*(?:([A-Za-z0-9_-]+)|"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)')[ \t]*"""
_STRING = r'"""(?:[^\\]|\\.)*?"{3,5}' r"|'''.*?'{3,5}" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'"
_BLANK = r"(?:[ \t\r\n]+|#[^\n]*)*"


class Place(Struct, frozen=True):
    """The line a key stands on, and the line its text begins on (later for multi-line text)."""

    line: int
    text_line: int


class Places(Mapping[Key, Place]):
    """The place of every table and key; arrays of tables have their index in the path.

    The text is walked through when a place is first asked for: a rule without a fault never asks.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _found(self) -> dict[Key, Place]:
        return _Walker(self._text.replace("\r\n", "\n")).walk()

    def __getitem__(self, key: Key) -> Place:
        return self._found[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


class _Walker:
    def __init__(self, text: str) -> None:
        self.text = text
        self.key_part = re.compile(_KEY_PART)
        self.string = re.compile(_STRING, re.DOTALL)
        self.blanks = re.compile(_BLANK)
        self.at = 0
        self.line = 1
        self.counted = 0
        self.arrays: dict[Key, int] = {}
        self.found: dict[Key, Place] = {}

    def walk(self) -> dict[Key, Place]:
        table: Key = ()
        while True:
            self.blank()
            if self.at >= len(self.text):
                return self.found
            line = self.line_now()
            double = self.text.startswith("[[", self.at)
            header = double or self.text.startswith("[", self.at)
            if header:
                self.at += 2 if double else 1
                path = self.resolve(self.key(), double)
                table = path
                self.at += 2 if double else 1
                self.found.setdefault(path, Place(line, line))
                continue
            start = self.at
            path = table + self.key()
            if self.at == start or not self.text.startswith("=", self.at):
                return self.found
            self.at += 1
            self.value(path, line)

    def line_now(self) -> int:
        self.line += self.text.count("\n", self.counted, self.at)
        self.counted = self.at
        return self.line

    def blank(self) -> None:
        match = self.blanks.match(self.text, self.at)
        assert match is not None
        self.at = match.end()

    def key(self) -> tuple[str, ...]:
        parts: list[str] = []
        while match := self.key_part.match(self.text, self.at):
            parts.append(next(group for group in match.groups() if group is not None))
            self.at = match.end()
            if not self.text.startswith(".", self.at):
                break
            self.at += 1
        return tuple(parts)

    def resolve(self, key: tuple[str, ...], double: bool) -> Key:
        path: Key = ()
        for index, part in enumerate(key):
            path = (*path, part)
            last = index == len(key) - 1
            if last and double:
                self.arrays[path] = self.arrays.get(path, -1) + 1
            if path in self.arrays:
                path = (*path, self.arrays[path])
        return path

    def value(self, path: Key, line: int) -> None:
        while self.text.startswith((" ", "\t"), self.at):
            self.at += 1
        text_line = line
        if self.text.startswith(('"""\n', "'''\n"), self.at):
            text_line += 1
        self.found.setdefault(path, Place(line, text_line))
        depth = 0
        items = 0
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in "\"'":
                if depth == 1:
                    here = self.line_now()
                    self.found.setdefault((*path, items), Place(here, here))
                match = self.string.match(self.text, self.at)
                self.at = match.end() if match else len(self.text)
                continue
            if char == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
                continue
            if char == "\n" and depth == 0:
                return
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(char, 0)
            items += char == "," and depth == 1
            self.at += 1
