"""What a result says apart from names: the part that redaction must not change.

Knows the result document. Names, and texts with names in them, become marks: the same name the same mark, in
the order in which they come up, so that two results are equal when they differ in nothing but names.
"""

from __future__ import annotations

import re
from typing import Any

from pcapan.model import Result

_ADDRESS = r"\d{1,3}(?:\.\d{1,3}){3}|(?=[0-9a-f]*:[0-9a-f]*:)[0-9a-f:]+"
_SPI = r"(?:[0-9a-f]{2}:){7}[0-9a-f]{2}|esp\.spi == 0x[0-9a-f]{8}|(?<!\w)[0-9a-f]{16}(?!\w)"
_NAME = re.compile(rf"(?<![\w.:])(?:{_SPI}|{_ADDRESS})(?![\w])")

#: What tells of the run or the file, not of what is in it.
_OTHER = ("run", "tool")
_OF_FILE = ("path", "sha256", "bytes", "format", "interfaces", "comments")


class _Marks:
    def __init__(self, files: list[str]) -> None:
        self._known: dict[str, str] = {}
        self._files = {name: f"file {number}" for number, name in enumerate(files)}

    def of(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self.of(key): self.of(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.of(inner) for inner in value]
        if isinstance(value, str):
            value = self._files.get(value, value)
            return _NAME.sub(self._mark, value)
        return value

    def _mark(self, match: re.Match[str]) -> str:
        text = match.group()
        if re.fullmatch(r"\d\d:\d\d:\d\d", text):
            return text
        return self._known.setdefault(text, f"<{len(self._known)}>")


def without_names(result: Result) -> dict[str, Any]:
    """The document with marks in place of names."""
    document = result.to_dict()
    files = [entry["path"] for entry in document["inputs"]]
    shown = {key: value for key, value in document.items() if key not in _OTHER}
    shown["inputs"] = [
        {key: value for key, value in entry.items() if key not in _OF_FILE} for entry in document["inputs"]
    ]
    marked = _Marks(files).of(shown)
    assert isinstance(marked, dict)
    return marked
