"""The catalogue of fixes: sharing, overriding, faults, and names that try to be paths."""

from __future__ import annotations

from pathlib import Path

import pytest

from pcapan.detect.issues import RulesInvalidError
from pcapan.detect.rulefile import check_rules, load_rules
from pcapan.detect.ruleset import RuleSet, default_rules_dir
from pcapan.errors import RuleError

from .rules_kit import RULE, SCHEMA

NAME = "sa-limit-exhaustion"
FIX = '[[fix]]\nvendor = "{}"\ntitle = "{}"\nsteps = ["Do it."]\nsource = "a manual"\n'
USING = RULE.replace("order_by", 'use_fixes = ["raise-limit", "persistence"]\norder_by')


def folder(place: Path, *, rule: str | None = USING, **fixes: str) -> Path:
    (place / "fixes").mkdir(parents=True)
    if rule is not None:
        (place / f"{NAME}.toml").write_text(rule, "utf-8")
    for name, text in fixes.items():
        (place / "fixes" / f"{name.replace('_', '-')}.toml").write_text(text, "utf-8")
    return place


def both(place: Path, *, rule: str | None = USING) -> Path:
    return folder(
        place, rule=rule, raise_limit=FIX.format("windows", "Raise"), persistence=FIX.format("f5", "Keep")
    )


def titles(rules: RuleSet) -> list[str]:
    return [fix.title for fix in rules.get(NAME).fixes]


def test_own_fixes_come_first_then_the_shared_ones_in_the_order_named(tmp_path: Path) -> None:
    rules = load_rules([both(tmp_path)], SCHEMA)
    assert titles(rules) == ["Raise the limit per address", "Raise", "Keep"]
    assert rules.get(NAME).use_fixes == ("raise-limit", "persistence")


def test_a_single_file_finds_the_catalogue_beside_it(tmp_path: Path) -> None:
    assert len(titles(load_rules([both(tmp_path) / f"{NAME}.toml"], SCHEMA))) == 3


def test_a_later_folder_overrides_advice_of_the_rules_before_it(tmp_path: Path) -> None:
    first = both(tmp_path / "a")
    second = folder(tmp_path / "b", rule=RULE.replace(NAME, "own"), raise_limit=FIX.format("all", "Ours"))
    (second / f"{NAME}.toml").rename(second / "own.toml")
    assert titles(load_rules([first, second], SCHEMA)) == ["Raise the limit per address", "Ours", "Keep"]


def test_a_folder_may_bring_fixes_only_for_lint(tmp_path: Path) -> None:
    catalogue = both(tmp_path / "a", rule=None)
    rules = folder(tmp_path / "b")
    assert check_rules([rules], SCHEMA, fixes_from=[catalogue]).issues == []
    assert len(check_rules([rules], SCHEMA).issues) == 2


def test_the_advice_is_part_of_the_fingerprint(tmp_path: Path) -> None:
    first = load_rules([both(tmp_path / "a")], SCHEMA).rules_hash
    place = both(tmp_path / "b")
    assert load_rules([place], SCHEMA).rules_hash == first
    (place / "fixes" / "unused.toml").write_text(FIX.format("all", "Unused"), "utf-8")
    assert load_rules([place], SCHEMA).rules_hash == first
    (place / "fixes" / "persistence.toml").write_text(FIX.format("f5", "Otherwise"), "utf-8")
    assert load_rules([place], SCHEMA).rules_hash != first


def test_a_missing_name_offers_the_nearest(tmp_path: Path) -> None:
    place = both(tmp_path, rule=USING.replace('"raise-limit"', '"raise-limits"'))
    with pytest.raises(RulesInvalidError) as caught:
        load_rules([place], SCHEMA)
    [issue] = caught.value.issues
    assert "no shared fix 'raise-limits'" in issue.message
    assert "Did you mean 'raise-limit'?" in issue.recommendation
    assert issue.line == USING[: USING.index("use_fixes")].count("\n") + 1


PATHS = ["../raise-limit", "..", "/etc/passwd", "fixes/raise-limit", "raise-limit.toml", "C:\\x", "~", ""]


@pytest.mark.parametrize("name", [*PATHS, "file:///etc/passwd", "raise-limit\\u0000", "%2e%2e", "a" * 5000])
def test_a_name_is_never_a_path(tmp_path: Path, name: str) -> None:
    place = both(tmp_path / "rules", rule=USING.replace('"raise-limit"', f"'{name}'"))
    (tmp_path / "raise-limit.toml").write_text(FIX.format("all", "Outside"), "utf-8")
    with pytest.raises(RulesInvalidError) as caught:
        load_rules([place], SCHEMA)
    assert "shared fix" in str(caught.value)
    assert len(str(caught.value)) < 600


FAULTS = [
    ("", "no [[fix]]", "vendor, title"),
    (FIX.replace('source = "a manual"\n', ""), "'fix.source' is missing", "source ="),
    (FIX.replace('steps = ["Do it."]', "steps = []"), "without steps", "steps ="),
    (FIX.replace('steps = ["Do it."]', 'steps = "Do it."'), "must be a list of texts", "steps ="),
    (FIX.replace("vendor", "vendr"), "Unknown key 'fix.vendr'", "'vendor'"),
    (FIX + 'when = "attempts > 0"\n', "Unknown key 'fix.when'", "Known keys"),
    ("about = 'x'\n" + FIX, "Unknown key 'about'", "Known keys"),
    (FIX + FIX.replace("[[fix]]", "[fix]"), "not valid TOML", ""),
    (FIX.replace("Do it.", "Do\\u202e it."), "U+202E", "Remove it"),
    ("a = " + "[" * 5000, "nested too deeply", "flat"),
    ("# " + "x" * 300_000, "larger than", "short"),
]


@pytest.mark.parametrize(("text", "message", "advice"), FAULTS, ids=[fault[1] for fault in FAULTS])
def test_faults_in_the_catalogue_have_file_and_line(
    tmp_path: Path, text: str, message: str, advice: str
) -> None:
    place = both(tmp_path)
    (place / "fixes" / "broken.toml").write_text(text, "utf-8")
    issues = check_rules([place], SCHEMA).issues
    found = [issue for issue in issues if message in issue.message and advice in issue.recommendation]
    assert found, [str(issue) for issue in issues]
    assert found[0].path.endswith("broken.toml") and found[0].line >= 1


def test_a_file_name_that_no_rule_could_write(tmp_path: Path) -> None:
    place = both(tmp_path)
    (place / "fixes" / "Raise Limit.toml").write_text(FIX.format("all", "x"), "utf-8")
    with pytest.raises(RuleError) as caught:
        load_rules([place], SCHEMA)
    assert "a-z" in str(caught.value)


def test_the_same_advice_twice_is_linted(tmp_path: Path) -> None:
    from pcapan.detect.lint import lint_rules

    place = folder(
        tmp_path,
        rule=RULE.replace("order_by", 'use_fixes = ["twice"]\norder_by'),
        twice=FIX.format("windows", "Raise the limit per address"),
    )
    rules = load_rules([place], SCHEMA)
    [issue] = [one for one in lint_rules(rules) if "written twice" in one.message]
    assert issue.line == rules.get(NAME).line("use_fixes") > 1


VENDORS = {
    "f5",
    "citrix",
    "kemp",
    "loadbalancer.org",
    "azure-load-balancer",
    "azure-firewall",
    "aws",
    "nginx",
    "paloalto",
    "fortigate",
    "windows",
    "all",
}


def test_every_vendor_is_in_the_built_in_catalogue_and_every_fix_is_used() -> None:
    from pcapan.detect.run import rule_schema

    rules = load_rules([default_rules_dir()], rule_schema())
    assert {fix.vendor for fix in rules.catalogue["keep-client-address"].fixes} == VENDORS
    used = {name for rule in rules for name in rule.use_fixes}
    assert used == set(rules.catalogue)
    for shared in rules.catalogue.values():
        assert all(fix.vendor in VENDORS and fix.source for fix in shared.fixes)
