"""A TOML file that may come from a stranger becomes a dictionary, or a fault with its line.

Knows how large and how deeply nested such a file may be, and how a TOML fault is put into words.
Must not know what its keys mean. Everything is bounded before the parser sees it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import tomli

from pcapan.detect.issues import RuleIssue
from pcapan.errors import RuleError

MAX_FILE = 128 * 1024
MAX_FILES = 1000
MAX_BRACKETS = 64
_DOTS = 24

_DOTTED = rf"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{_DOTS}}}"""
_AT_LINE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)")


def toml_files(folder: Path) -> list[Path]:
    """The TOML files of a folder by name, none of its subfolders'; raises RuleError for too many."""
    files = sorted(entry for entry in folder.glob("*.toml") if entry.is_file())
    if len(files) > MAX_FILES:
        raise RuleError(f"More than {MAX_FILES} rules.", where=str(folder), hint="Split the folder.")
    return files


def read_text(path: Path, issues: list[RuleIssue]) -> str | None:
    """The text of a file; None after a fault, which goes to `issues`."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        message = f"The file cannot be read: {error.strerror or 'unknown reason'}."
        issues.append(RuleIssue(str(path), 1, message, "Check its permissions."))
        return None
    if len(data) > MAX_FILE:
        message = f"The file is larger than {MAX_FILE} bytes."
        issues.append(RuleIssue(str(path), 1, message, "A rule is one short file."))
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        issues.append(RuleIssue(str(path), line, "The file is not UTF-8 text.", "Save it as UTF-8."))
        return None


def parse_toml(text: str, path: str, issues: list[RuleIssue]) -> dict[str, Any] | None:
    """The document in `text`; None after a fault. `path` only says where the fault is."""
    # The parser recurses into nested brackets; a rule never needs more than three.
    deep = re.search(r"[\[{](?:[\s,]*[\[{]){" + str(MAX_BRACKETS) + "}", text)
    if deep:
        line = text.count("\n", 0, deep.start()) + 1
        issues.append(RuleIssue(path, line, "The brackets are nested too deeply.", "Write a flat list."))
        return None
    # Its time grows with the square of a dotted key; a rule has no key of more than three parts.
    many_dots = any(line.count(".") >= _DOTS for line in text.split("\n"))
    if many_dots and (dotted := re.search(_DOTTED, text)):
        line = text.count("\n", 0, dotted.start()) + 1
        issues.append(RuleIssue(path, line, "Too many parts are joined by dots.", "Write [table] headers."))
        return None
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        message = str(error)
        match = _AT_LINE.search(message)
        line = int(match.group(1)) if match and match.group(1) else text.count("\n") + 1
        said = _AT_LINE.sub("", message).strip()
        hint = "Write each key once." if "overwrite" in said else "Correct the TOML at this line."
        issues.append(RuleIssue(path, line, f"This is not valid TOML: {said}.", hint))
    except (ValueError, RecursionError, MemoryError):
        issues.append(RuleIssue(path, 1, "This is not valid TOML: a value is too large.", "Shorten it."))
    return None
