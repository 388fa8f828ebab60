"""What a checked set of rules is, and where the program's own lie.

Knows rules and the catalogue of fixes they share as data. Must not know how either is read or checked: this
is loaded at every start, what reads and checks is not.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct, field

from pcapan.detect.issues import did_you_mean
from pcapan.detect.rule import Rule
from pcapan.errors import RuleError, UsageError
from pcapan.model import Fix

FOLDER = "fixes"
"""Where the catalogue lies, beside the rule files."""


class SharedFix(Struct, frozen=True):
    """One file of the catalogue."""

    name: str
    fixes: tuple[Fix, ...]
    path: str
    text: str
    """As written: part of the fingerprint of the rules that use it."""


Catalogue = Mapping[str, SharedFix]
NO_FIXES: Catalogue = MappingProxyType({})


class RuleSet(Struct, frozen=True):
    """Rules in the order of their ids, and the fingerprint that goes into the result."""

    rules: tuple[Rule, ...]
    rules_hash: str
    catalogue: Catalogue = field(default_factory=lambda: NO_FIXES)
    """The shared fixes that rules may name."""
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    """Rule id -> SHA-256 over its text, the fixes it names and what was set of it."""

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)

    def get(self, rule_id: str) -> Rule:
        """The rule of that id; raises `UsageError` with the nearest ids when there is none."""
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        raise UsageError(
            f"There is no rule {rule_id!r}.",
            hint=did_you_mean(rule_id, (rule.id for rule in self.rules), what="rules"),
        )


def default_rules_dir() -> Path:
    """The folder of the rules that come with the program.

    Inside the installed package it is `pcapan/rules`; in a checkout it is `rules/` beside `pcapan/`.
    """
    candidates: list[Path] = []
    try:
        spec = importlib.util.find_spec("pcapan.rules")
    except (ImportError, ValueError):
        spec = None
    if spec is not None and spec.submodule_search_locations is not None:
        candidates += [Path(place) for place in spec.submodule_search_locations]
    candidates.append(Path(__file__).resolve().parents[2] / "rules")
    for candidate in candidates:
        if candidate.is_dir() and any(candidate.glob("*.toml")):
            return candidate
    raise RuleError(
        "The rules that belong to the program were not found.",
        where=", ".join(str(candidate) for candidate in candidates),
        hint="Install the program again, or name a folder with --rules.",
    )
