"""Lint: each check fires on its fault, says what to do, and is silent on a good rule."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from pcapan.detect.lint import lint_rules, used_names
from pcapan.detect.schema import RuleSchema, TableSchema

from .rules_kit import INT, RULE, SCHEMA, good

SAMPLES = {"sa-limit-8", "healthy-dnat", "one-direction"}
EXAMPLE = '[[example]]\nsample = "{}"\n'


def lint(text: str = RULE) -> list[str]:
    rule = replace(good(text), path=f"rules/{good(text).id}.toml")
    return [str(issue) for issue in lint_rules([rule], samples=SAMPLES, schema=SCHEMA)]


def test_a_good_rule_has_no_issue() -> None:
    assert lint() == []


def test_file_name() -> None:
    [issue] = lint_rules([replace(good(), path="rules/other.toml")])
    assert issue.recommendation == "Rename it to sa-limit-exhaustion.toml."


FAULTS = [
    (
        'expect = { verdict = "confirmed", addresses = ["10.10.10.1"] }',
        'expect = { verdict = "not_observed" }',
        "no positive example",
        "[[example]]",
    ),
    (
        'expect = { verdict = "not_observed" }',
        'expect = { verdict = "inconclusive" }',
        "no negative example",
        "look-alike",
    ),
    (
        'expect = { verdict = "inconclusive" }',
        'expect = { verdict = "not_observed" }',
        "no inconclusive example",
        "cannot show it",
    ),
    ('motivation = "Clients', '# = "Clients', "no motivation", "motivation ="),
    (', addresses = ["10.10.10.1"]', "", "which addresses", "addresses ="),
    (
        '{ verdict = "not_observed" }',
        '{ verdict = "not_observed", addresses = ["10.0.0.1"] }',
        "negative verdict",
        "Remove addresses",
    ),
    ('sample = "healthy-dnat"', 'sample = "healty-dnat"', "no sample", "'healthy-dnat'"),
    ('sample = "healthy-dnat"', 'sample = "sa-limit-8"', "named twice", "Keep one"),
    (
        'why = "Two lost requests in a row happen on a bad line; three within one dial are rare."',
        'why = "Seen."',
        "too short",
        "just below",
    ),
    ('inconclusive = "It cannot be told whether a source was refused."', "", "no summary", "inconclusive ="),
    ('verdict = "suspected"', 'verdict = "confirmed"', "never gives the verdict 'suspected'", "Remove"),
    ("No source was refused", "{address} was not refused", "quotes 'address'", "row_count"),
    ("No source was refused", "{addresses} was not refused", "quotes 'addresses'", "row_count"),
    ('when = "full_house and esp_continued"', 'when = "1 > 2"', "never hold", "Name a column"),
    ('when = "full_house and esp_continued"', 'when = "true"', "of everything", "Name a column"),
    ('when = "full_house and esp_continued"', 'when = "min_unanswered > 1"', "no column", "Name a column"),
    ('when = "attempts > 0"', 'when = "1 > 0"', "same for every capture", "Name a column"),
    ("[let]", '[let]\nspare = "attempts"', "let 'spare' is never used", "remove"),
    (
        "[let]",
        '[params.spare]\nvalue = 1\nwhy = "Nobody reads this value at all."\n[let]',
        "parameter 'spare' is never used",
        "remove",
    ),
    ("cannot_show = [", 'cannot_show = []\nnumbers = ["attempts"] #', "what it cannot show", "cannot_show"),
    ('frames = ["last-answered", "first-unanswered"]', "", "without evidence", "frames"),
    ('why = "{unanswered} of', 'cannot_show = ["x"] # "', "without an explanation", "why ="),
    (
        "[[reference]]",
        '[[fix]]\nvendor = "windows"\ntitle = "Raise the limit per address"\nsteps = ["x"]\n[[reference]]',
        "written twice",
        "Keep one",
    ),
]


@pytest.mark.parametrize(("old", "new", "message", "advice"), FAULTS, ids=[fault[2] for fault in FAULTS])
def test_checks(old: str, new: str, message: str, advice: str) -> None:
    assert old in RULE
    text = RULE.replace(old, new, 1)
    if "cannot_show = [" in old:
        text = text.replace('\nnumbers = ["sas_at_onset", "unanswered_share"]', "")
    if 'cannot_show = ["x"]' in new:
        text = text.replace(
            'cannot_show = ["The server\'s own limit; {sas_at_onset} is a lower bound."]\n', ""
        )
    found = [line for line in lint(text) if message in line]
    assert found, lint(text)
    assert advice in found[0]


def test_same_condition_twice() -> None:
    text = RULE.replace('when = "full_house and esp_continued"', 'when = "full_house  and up"').replace(
        "full_house\nand answered_other_sources > 0   # the contrast", "full_house and up"
    )
    text = text.replace("[let]", '[let]\nup = "esp_continued"')
    assert any("Outcome 1 has the same condition" in line for line in lint(text))


def test_an_experimental_rule_needs_no_examples() -> None:
    text = RULE[: RULE.index("[[example]]")].replace('lifecycle = "stable"', 'lifecycle = "experimental"')
    assert lint(text) == []


def test_a_claim_about_the_capture_itself_needs_no_frames() -> None:
    assert "without evidence" in " ".join(lint(RULE.replace("frames = [", "# [")))
    rule = replace(good(), judges_capture=True, evidence=replace(good().evidence, frames=()))
    assert not [issue for issue in lint_rules([rule]) if "evidence" in issue.message]


def test_clashing_columns() -> None:
    tables = dict(SCHEMA.tables)
    tables["capture"] = TableSchema("capture", {**tables["capture"].columns, "live_seconds": INT})
    [issue] = lint_rules([replace(good(), path="sa-limit-exhaustion.toml")], schema=RuleSchema(tables))
    assert "'live_seconds' is a column" in issue.message
    assert issue.line == 6


def test_used_names() -> None:
    assert {"both_directions", "min_unanswered", "order_by"} & used_names(good()) == {
        "both_directions",
        "min_unanswered",
    }
