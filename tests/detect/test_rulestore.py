"""Rules checked when the program was built: the same rules, and only while their files are the same."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pcapan.detect import rulefile, rulestore
from pcapan.detect.expression import Expression
from pcapan.detect.rulefile import load_rules
from pcapan.detect.ruleset import RuleSet, default_rules_dir
from pcapan.detect.rulestore import KEPT, keep_rules, kept_rules, load_built_in
from pcapan.detect.run import find, rule_schema
from pcapan.detect.tomlplace import Places
from pcapan.errors import RuleError
from pcapan.pipeline import read_facts
from tests.samples_kit import sample

SCHEMA = rule_schema()
RULE = "full-nat.toml"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built-in rules and what is kept of them."""
    folder = tmp_path_factory.mktemp("built") / "rules"
    shutil.copytree(default_rules_dir(), folder)
    keep_rules(folder, SCHEMA)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """The same, for a test to change."""
    return shutil.copytree(whole, tmp_path / "rules")


@pytest.fixture
def built_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, as the rules of the program."""
    monkeypatch.setattr(rulestore, "default_rules_dir", lambda: folder)
    return folder


def _plain(value: object) -> Any:
    """All that is in a rule, to be compared."""
    if isinstance(value, Places):
        return dict(value)
    if isinstance(value, Expression):
        step = value.step
        return value.source, value.type, dict(value.reads), value.names, value.has_unknown_test, type(step)
    if isinstance(value, msgspec.Struct):
        return type(value), {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return [(key, _plain(item)) for key, item in value.items()]
    if isinstance(value, tuple | list):
        return type(value), [_plain(item) for item in value]
    return type(value), value


def test_kept_rules_are_the_rules_that_were_read(whole: Path) -> None:
    kept = kept_rules(whole)
    assert kept is not None
    read = load_rules([whole], SCHEMA)
    assert (kept.rules_hash, kept.fingerprints) == (read.rules_hash, read.fingerprints)
    assert _plain(kept.catalogue) == sorted(_plain(read.catalogue), key=lambda pair: pair[0])
    for one, other in zip(kept, read, strict=True):
        assert _plain(one) == _plain(other)
        assert one.line("outcome", 0, "when") == other.line("outcome", 0, "when") > 1


@pytest.mark.parametrize("name", ["sa-limit-8", "full-nat-3-clients", "healthy-dnat"])
def test_kept_rules_find_the_same(whole: Path, name: str) -> None:
    kept = kept_rules(whole)
    assert kept is not None
    facts, _ = read_facts(sample(name))
    assert find(facts, kept) == find(facts, load_rules([whole], SCHEMA))


def _append(path: Path, text: str) -> None:
    path.write_bytes(path.read_bytes() + text.encode())


def _changed(folder: Path, how: str) -> None:
    fix = next((folder / "fixes").iterdir())
    match how:
        case "a byte more":
            _append(folder / RULE, "\n")
        case "a byte more in a fix":
            _append(fix, "\n")
        case "a rule less":
            (folder / RULE).unlink()
        case "a fix less":
            fix.unlink()
        case "a rule more":
            shutil.copy(folder / RULE, folder / "more.toml")
        case "a fix more":
            shutil.copy(fix, folder / "fixes" / "more.toml")
        case "rules that changed names":
            (folder / RULE).rename(folder / "other.toml")
            (folder / "overload.toml").rename(folder / RULE)
        case "no fixes":
            shutil.rmtree(folder / "fixes")
        case "a folder of that name":
            (folder / "more.toml").mkdir()
        case "nothing kept":
            (folder / KEPT).unlink()
        case "half of it":
            kept = (folder / KEPT).read_bytes()
            (folder / KEPT).write_bytes(kept[: len(kept) // 2])
        case "something else":
            (folder / KEPT).write_text('{"rules": 1}')
        case "no text":
            (folder / KEPT).write_bytes(b"\xff\xfe")
        case "a rule of an unknown table":
            kept = msgspec.json.decode((folder / KEPT).read_bytes())
            (folder / KEPT).write_bytes(msgspec.json.encode(kept | {"tables": {}}))


@pytest.mark.parametrize(
    "how",
    [
        "a byte more", "a byte more in a fix", "a rule less", "a fix less", "a rule more", "a fix more",
        "rules that changed names", "no fixes", "a folder of that name", "nothing kept", "half of it",
        "something else", "no text", "a rule of an unknown table",
    ],
)  # fmt: skip
def test_what_does_not_fit_is_not_used(folder: Path, how: str) -> None:
    assert kept_rules(folder) is not None
    _changed(folder, how)
    assert kept_rules(folder) is None


def _told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> RuleSet:
    """The rules of the program while none may be read from a file."""

    def refuse(*_: object, **__: object) -> RuleSet:
        raise AssertionError("the files were read")

    with monkeypatch.context() as patch:
        patch.setattr(rulefile, "load_rules", refuse)
        return load_built_in((), rule_schema)


def test_nothing_is_checked_again_without_need(built_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(_told(built_in, monkeypatch)) == len(list(built_in.glob("*.toml")))


def test_a_wrong_rule_is_told_of_as_ever(built_in: Path) -> None:
    (built_in / RULE).write_text((built_in / RULE).read_text("utf-8") + "\n[nonsense]\n", "utf-8")
    with pytest.raises(RuleError) as told:
        load_built_in((), rule_schema)
    with pytest.raises(RuleError) as ever:
        load_rules([built_in], SCHEMA)
    assert str(told.value) == str(ever.value)
    assert RULE in told.value.where


def test_what_the_user_adds_and_sets_counts(built_in: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine" / RULE
    mine.parent.mkdir()
    mine.write_text(
        (built_in / RULE).read_text("utf-8").replace("\ntitle = ", "\ntitle = 'Mine' # "), "utf-8"
    )
    rules = load_built_in([mine], rule_schema)
    assert rules.get("full-nat").title == "Mine"
    assert rules.rules_hash == load_rules([built_in, mine], SCHEMA).rules_hash
    overrides = {"sa-limit-exhaustion.min_attempts": "77"}
    rules = load_built_in((), rule_schema, overrides=overrides)
    assert rules.get("sa-limit-exhaustion").params["min_attempts"].value == 77
    assert rules.rules_hash == load_rules([built_in], SCHEMA, overrides=overrides).rules_hash


def test_the_build_keeps_them_by_running_the_module(folder: Path, whole: Path) -> None:
    (folder / KEPT).unlink()
    run = [sys.executable, "-m", "pcapan.detect.rulestore", str(folder)]
    subprocess.run(run, cwd=Path(__file__).parents[2], check=True)
    assert kept_rules(folder) is not None


def test_wrong_rules_are_not_kept(folder: Path) -> None:
    (folder / KEPT).unlink()
    _append(folder / RULE, "\n[nonsense]\n")
    with pytest.raises(RuleError):
        keep_rules(folder, SCHEMA)
    assert not (folder / KEPT).exists()
