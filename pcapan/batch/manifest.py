"""The manifest: one line an item, which is what makes an item part of the dataset.

Knows how lines are added so that a process killed at any byte loses at most the line it was writing, and
how what was replaced is taken out. Must not know how items are made.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pcapan.batch.layout import write_whole

Line = dict[str, Any]


class Manifest:
    """The lines by the names of their inputs; the last line of an item counts."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self.lines: dict[tuple[str, ...], Line] = {}
        self._replaced = 0
        """Lines in the file that no longer count."""
        self._end = 0

    @staticmethod
    def read(place: Path) -> Manifest:
        """The manifest as it is; a torn last line, and any line that is none, is left out."""
        manifest = Manifest(place)
        try:
            data = place.read_bytes()
        except FileNotFoundError:
            return manifest
        for text in data.splitlines(keepends=True):
            if text.endswith(b"\n"):
                manifest._end += len(text)
                manifest._take(text)
        return manifest

    def _take(self, text: bytes) -> None:
        try:
            line = json.loads(text)
            names = tuple(line["inputs"])
        except (ValueError, KeyError, TypeError):
            self._replaced += 1
            return
        if names in self.lines:
            self._replaced += 1
        self.lines[names] = line

    def repair(self) -> None:
        """Cut off a line that a killed run left unfinished. Only the holder of the lock may do this."""
        if self._place.exists() and self._place.stat().st_size > self._end:
            with self._place.open("r+b") as file:
                file.truncate(self._end)
                os.fsync(file.fileno())

    def append(self, lines: Iterable[Line]) -> None:
        """Add lines durably, in one write; raises OSError and keeps the file whole lines."""
        lines = list(lines)
        if not lines:
            return
        data = b"".join(encoded(line) for line in lines)
        with self._place.open("ab", buffering=0) as file:
            before = os.fstat(file.fileno()).st_size
            try:
                if file.write(data) != len(data):
                    raise OSError(28, os.strerror(28))
                os.fsync(file.fileno())
            except OSError:
                file.truncate(before)
                raise
        self._end = before + len(data)
        for line in lines:
            names = tuple(line["inputs"])
            self._replaced += names in self.lines
            self.lines[names] = line

    def drop(self, names: tuple[str, ...]) -> None:
        """Forget an item whose captures became part of another; `compact` takes it out of the file."""
        if self.lines.pop(names, None) is not None:
            self._replaced += 1

    def compact(self) -> None:
        """Write the file anew with one line an item, if any line in it was replaced."""
        if self._replaced:
            write_whole(self._place, b"".join(encoded(line) for line in self.lines.values()))
            self._replaced = 0

    @property
    def keys(self) -> set[str]:
        """The keys of all items that were analysed."""
        return {line["key"] for line in self.lines.values() if line["status"] == "ok"}


def encoded(line: Line) -> bytes:
    """A line as it stands in the file: ASCII, so that names of any bytes survive."""
    return json.dumps(line, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
