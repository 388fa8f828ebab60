"""Rule files on disk become a checked set of rules.

Knows where rules are found, how a later folder overrides an earlier one, what `--set` may change
and how the set is fingerprinted. Must not know what the keys of a rule mean (`ruleparse`) nor how a
rule is evaluated (`engine`). Rule files may come from strangers: sizes are bounded and every fault
ends in one error that lists all of them with file and line.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pcapan.detect.issues import RuleIssue, RulesInvalidError, did_you_mean
from pcapan.detect.rule import Param, Rule
from pcapan.detect.ruleparse import parse_rule
from pcapan.detect.schema import ColumnType, RuleSchema
from pcapan.detect.tomlplace import places
from pcapan.errors import RuleError, UsageError

MAX_FILE = 128 * 1024
MAX_FILES = 1000
MAX_BRACKETS = 64

_DOTTED = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){24}""")
_AT_LINE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)")


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules in the order of their ids, and the fingerprint that goes into the result."""

    rules: tuple[Rule, ...]
    rules_hash: str

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


def load_rules(
    paths: Sequence[Path | str], schema: RuleSchema, *, overrides: Mapping[str, str] | None = None
) -> RuleSet:
    """Read rule files and folders of rule files; a later path overrides an earlier one by id.

    `overrides` maps "RULE.PARAM" to the text of a value. Raises `RulesInvalidError` with every fault
    in the files, and `UsageError` for an override that names nothing or has the wrong type.
    """
    issues: list[RuleIssue] = []
    chosen: dict[str, tuple[Rule, str]] = {}
    for path in paths:
        layer: dict[str, tuple[Rule, str]] = {}
        for file in _files(Path(path)):
            parsed = read_rule(file, schema, issues)
            if parsed is None:
                continue
            rule, text = parsed
            if rule.id in layer:
                issues.append(
                    RuleIssue(
                        rule.path,
                        rule.line("id"),
                        f"The id {rule.id!r} is used twice; also in {layer[rule.id][0].path}.",
                        "Give each rule its own id, equal to its file name.",
                    )
                )
            layer[rule.id] = (rule, text)
        chosen.update(layer)
    if issues:
        raise RulesInvalidError(issues)
    if not chosen:
        raise RuleError(
            "No rule was found.",
            where=", ".join(str(path) for path in paths),
            hint="Name a folder that holds .toml rule files.",
        )
    applied = _apply({rule_id: rule for rule_id, (rule, _) in chosen.items()}, overrides or {})
    texts = {rule_id: text for rule_id, (_, text) in chosen.items()}
    return RuleSet(
        tuple(applied[rule_id] for rule_id in sorted(applied)), _fingerprint(texts, overrides or {})
    )


def _files(path: Path) -> list[Path]:
    try:
        if path.is_dir():
            files = sorted(entry for entry in path.glob("*.toml") if entry.is_file())
            if len(files) > MAX_FILES:
                raise RuleError(f"More than {MAX_FILES} rules.", where=str(path), hint="Split the folder.")
            return files
        if path.is_file():
            return [path]
    except (OSError, ValueError):
        pass
    raise RuleError(
        "There are no rules at this place.", where=str(path), hint="Name a .toml file or a folder of them."
    )


def read_rule(path: Path, schema: RuleSchema, issues: list[RuleIssue]) -> tuple[Rule, str] | None:
    """Read one file; faults go to `issues`. Gives the rule and its normalised text, or None."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        message = f"The file cannot be read: {error.strerror or 'unknown reason'}."
        issues.append(RuleIssue(str(path), 1, message, "Check its permissions."))
        return None
    if len(data) > MAX_FILE:
        issues.append(
            RuleIssue(str(path), 1, f"The file is larger than {MAX_FILE} bytes.", "A rule is one short file.")
        )
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        issues.append(RuleIssue(str(path), line, "The file is not UTF-8 text.", "Save it as UTF-8."))
        return None
    rule = rule_from_text(text, str(path), schema, issues, expected_id=path.stem)
    return None if rule is None else (rule, text)


def rule_from_text(
    text: str, path: str, schema: RuleSchema, issues: list[RuleIssue], *, expected_id: str | None = None
) -> Rule | None:
    """Read a rule from text; `path` is only used to say where a fault is."""
    document = _toml(text, path, issues)
    if document is None:
        return None
    return parse_rule(document, places(text), path, schema, issues, expected_id=expected_id)


def _toml(text: str, path: str, issues: list[RuleIssue]) -> dict[str, Any] | None:
    # tomllib recurses into nested brackets; a rule never needs more than three.
    deep = re.search(r"[\[{](?:[\s,]*[\[{]){" + str(MAX_BRACKETS) + "}", text)
    if deep:
        line = text.count("\n", 0, deep.start()) + 1
        issues.append(RuleIssue(path, line, "The brackets are nested too deeply.", "Write a flat list."))
        return None
    # Its time grows with the square of a dotted key; a rule has no key of more than three parts.
    dotted = _DOTTED.search(text)
    if dotted:
        line = text.count("\n", 0, dotted.start()) + 1
        issues.append(RuleIssue(path, line, "Too many parts are joined by dots.", "Write [table] headers."))
        return None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        match = _AT_LINE.search(message)
        line = int(match.group(1)) if match and match.group(1) else text.count("\n") + 1
        said = _AT_LINE.sub("", message).strip()
        hint = "Write each key once." if "overwrite" in said else "Correct the TOML at this line."
        issues.append(RuleIssue(path, line, f"This is not valid TOML: {said}.", hint))
    except (ValueError, RecursionError, MemoryError):
        issues.append(RuleIssue(path, 1, "This is not valid TOML: a value is too large.", "Shorten it."))
    return None


def _apply(rules: dict[str, Rule], overrides: Mapping[str, str]) -> dict[str, Rule]:
    for key, text in overrides.items():
        rule_id, dot, name = key.partition(".")
        if not dot or not name:
            raise UsageError(
                f"{key!r} does not name a parameter.", where="--set", hint="Write --set RULE.PARAM=VALUE."
            )
        rule = rules.get(rule_id)
        if rule is None:
            raise UsageError(
                f"There is no rule {rule_id!r}.",
                where=f"--set {key}={text}",
                hint=did_you_mean(rule_id, rules, what="rules"),
            )
        param = rule.params.get(name)
        if param is None:
            raise UsageError(
                f"The rule {rule_id!r} has no parameter {name!r}.",
                where=f"--set {key}={text}",
                hint=did_you_mean(name, rule.params, what="parameters"),
            )
        changed = replace(param, value=_override(param, key, text))
        rules[rule_id] = replace(rule, params=MappingProxyType({**rule.params, name: changed}))
    return rules


def _override(param: Param, key: str, text: str) -> bool | int | float | str:
    word = text.strip()
    if param.type is ColumnType.STR:
        return text
    try:
        if param.type is ColumnType.BOOL:
            return {"true": True, "yes": True, "false": False, "no": False}[word.lower()]
        if len(word) <= 30 and word.isascii():
            if param.type is ColumnType.INT and abs(int(word)) < 2**63:
                return int(word)
            if param.type is ColumnType.FLOAT and math.isfinite(float(word)):
                return float(word)
    except (ValueError, KeyError):
        pass
    wanted = "true or false" if param.type is ColumnType.BOOL else param.type.spoken
    raise UsageError(
        f"{text!r} is not {wanted}.",
        where=f"--set {key}={text}",
        hint=f"The value in the rule is {param.value} {param.unit}".rstrip() + ".",
    )


def _fingerprint(texts: Mapping[str, str], overrides: Mapping[str, str]) -> str:
    """SHA-256 over ids, texts (line ends and trailing blanks do not count) and overrides."""
    digest = hashlib.sha256()
    for rule_id in sorted(texts):
        lines = [line.rstrip() for line in texts[rule_id].splitlines()]
        digest.update(json.dumps([rule_id, "\n".join(lines).strip()]).encode())
    for key in sorted(overrides):
        digest.update(json.dumps([key, overrides[key].strip()]).encode())
    return digest.hexdigest()
