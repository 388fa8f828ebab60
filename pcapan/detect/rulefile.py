"""Rule files on disk become a checked set of rules.

Knows where rules are found, how a later folder overrides an earlier one, what `--set` may change
and how the set is fingerprinted. Must not know what the keys of a rule mean (`ruleparse`) nor how a
rule is evaluated (`engine`). Rule files may come from strangers: sizes are bounded (`tomltext`) and
every fault ends in one error that lists all of them with file and line.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from pcapan.detect.fixes import read_catalogue
from pcapan.detect.issues import RuleIssue, RulesInvalidError, did_you_mean
from pcapan.detect.rule import Param, Rule
from pcapan.detect.ruleparse import parse_rule
from pcapan.detect.ruleset import FOLDER, NO_FIXES, Catalogue, RuleSet, SharedFix
from pcapan.detect.schema import ColumnType, RuleSchema
from pcapan.detect.tomlplace import Places
from pcapan.detect.tomltext import parse_toml, read_text, toml_files
from pcapan.errors import RuleError, UsageError


def load_rules(
    paths: Sequence[Path | str], schema: RuleSchema, *, overrides: Mapping[str, str] | None = None
) -> RuleSet:
    """Read rule files and folders of rule files; a later path overrides an earlier one by id.

    `overrides` maps "RULE.PARAM" to the text of a value. Raises `RulesInvalidError` with every fault
    in the files, and `UsageError` for an override that names nothing or has the wrong type.
    """
    checked = check_rules(paths, schema)
    if checked.issues:
        raise RulesInvalidError(checked.issues)
    chosen = checked.chosen
    if not chosen:
        raise RuleError(
            "No rule was found.",
            where=", ".join(str(path) for path in paths),
            hint="Name a folder that holds .toml rule files.",
        )
    applied = _apply({rule_id: rule for rule_id, (rule, _) in chosen.items()}, overrides or {})
    texts = {rule_id: text for rule_id, (_, text) in chosen.items()}
    used = {name for rule in applied.values() for name in rule.use_fixes}
    texts |= {f"{FOLDER}/{name}": checked.catalogue[name].text for name in used}
    hashed = {name: _hashed(name, text) for name, text in texts.items()}
    return RuleSet(
        tuple(applied[rule_id] for rule_id in sorted(applied)),
        _fingerprint(hashed, overrides or {}),
        MappingProxyType(checked.catalogue),
        {rule.id: _rule_fingerprint(rule, hashed, overrides or {}) for rule in applied.values()},
    )


def _rule_fingerprint(rule: Rule, hashed: Mapping[str, bytes], overrides: Mapping[str, str]) -> str:
    """The fingerprint of all that decides what one rule says."""
    names = [rule.id, *(f"{FOLDER}/{name}" for name in rule.use_fixes)]
    mine = {key: text for key, text in overrides.items() if key.partition(".")[0] == rule.id}
    return _fingerprint({name: hashed[name] for name in names}, mine)


class Checked(Struct, frozen=True):
    """What was read, and every fault met on the way."""

    chosen: dict[str, tuple[Rule, str]]
    """The rules without a fault by id, each with its text."""
    catalogue: dict[str, SharedFix]
    issues: list[RuleIssue]


def check_rules(
    paths: Sequence[Path | str], schema: RuleSchema, *, fixes_from: Sequence[Path | str] = ()
) -> Checked:
    """Read rule files and folders to their ends, whatever is wrong with some of them.

    The catalogue of fixes is read first, from `fixes_from` and then from `paths`, so that a later
    folder also overrides the advice of the rules before it.
    """
    issues: list[RuleIssue] = []
    files = [(Path(path), _files(Path(path))) for path in paths]
    catalogue = read_catalogue([*map(Path, fixes_from), *(path for path, _ in files)], issues)
    chosen: dict[str, tuple[Rule, str]] = {}
    for _, layer_files in files:
        layer: dict[str, tuple[Rule, str]] = {}
        for file in layer_files:
            parsed = read_rule(file, schema, issues, catalogue)
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
    return Checked(chosen, catalogue, issues)


def _files(path: Path) -> list[Path]:
    try:
        if path.is_dir():
            return toml_files(path)
        if path.is_file():
            return [path]
    except (OSError, ValueError):
        pass
    raise RuleError(
        "There are no rules at this place.", where=str(path), hint="Name a .toml file or a folder of them."
    )


def read_rule(
    path: Path, schema: RuleSchema, issues: list[RuleIssue], fixes: Catalogue = NO_FIXES
) -> tuple[Rule, str] | None:
    """Read one file; faults go to `issues`. Gives the rule and its normalised text, or None."""
    text = read_text(path, issues)
    if text is None:
        return None
    rule = rule_from_text(text, str(path), schema, issues, expected_id=path.stem, fixes=fixes)
    return None if rule is None else (rule, text)


def rule_from_text(
    text: str,
    path: str,
    schema: RuleSchema,
    issues: list[RuleIssue],
    *,
    expected_id: str | None = None,
    fixes: Catalogue = NO_FIXES,
) -> Rule | None:
    """Read a rule from text; `path` is only used to say where a fault is."""
    document = parse_toml(text, path, issues)
    if document is None:
        return None
    return parse_rule(document, Places(text), path, schema, issues, expected_id=expected_id, fixes=fixes)


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


def _hashed(name: str, text: str) -> bytes:
    """What of a file goes into fingerprints: line ends and trailing blanks do not count."""
    lines = [line.rstrip() for line in text.splitlines()]
    return json.dumps([name, "\n".join(lines).strip()]).encode()


def _fingerprint(hashed: Mapping[str, bytes], overrides: Mapping[str, str]) -> str:
    """SHA-256 over ids and texts, as `_hashed` gives them by id, and overrides."""
    digest = hashlib.sha256()
    for name in sorted(hashed):
        digest.update(hashed[name])
    for key in sorted(overrides):
        digest.update(json.dumps([key, overrides[key].strip()]).encode())
    return digest.hexdigest()
