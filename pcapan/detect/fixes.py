"""The catalogue of fixes: advice that several rules share, each text written once.

Knows the files `fixes/NAME.toml` beside the rules, how a later folder overrides an earlier one, and
how a rule's `use_fixes` is looked up. Must not know rules. A name is only ever looked up among the
files that were found; it never becomes part of a path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pcapan.detect.issues import RuleIssue
from pcapan.detect.ruleset import FOLDER, SharedFix
from pcapan.detect.section import Section
from pcapan.detect.tomlplace import Places
from pcapan.detect.tomltext import parse_toml, read_text, toml_files
from pcapan.model import Fix

FIX_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def read_fix(part: Section, *, sourced: bool = False) -> Fix:
    """One [[fix]]; in the catalogue it must say where it comes from."""
    steps = list(part.texts("steps"))
    if not steps:
        part.issue("steps", "A [[fix]] without steps helps nobody.", 'Write steps = ["..."].')
    source = part.text("source") if sourced else part.text("source", "unverified")
    fix = Fix(part.text("vendor"), part.text("title"), steps, source)
    part.finish()
    return fix


def read_catalogue(paths: Iterable[Path], issues: list[RuleIssue]) -> dict[str, SharedFix]:
    """The catalogues beside these rule files and folders; a later one overrides by name."""
    found: dict[str, SharedFix] = {}
    seen: set[Path] = set()
    for path in paths:
        folder = (path if path.is_dir() else path.parent) / FOLDER
        if folder in seen or not folder.is_dir():
            continue
        seen.add(folder)
        for file in toml_files(folder):
            shared = _read(file, issues)
            if shared is not None:
                found[shared.name] = shared
    return found


def _read(path: Path, issues: list[RuleIssue]) -> SharedFix | None:
    text = read_text(path, issues)
    document = None if text is None else parse_toml(text, str(path), issues)
    if text is None or document is None:
        return None
    before = len(issues)
    top = Section(document, (), Places(text), str(path), issues)
    if not FIX_NAME.fullmatch(path.stem):
        top.issue("fix", f"The file name {path.stem!r} is not allowed.", "Use a-z, 0-9 and hyphens.")
    parts = top.tables("fix")
    if not parts:
        top.issue("fix", "The file has no [[fix]].", "Add [[fix]] with vendor, title, steps and source.")
    fixes = tuple(read_fix(part, sourced=True) for part in parts)
    top.finish()
    return SharedFix(path.stem, fixes, str(path), text) if len(issues) == before else None
