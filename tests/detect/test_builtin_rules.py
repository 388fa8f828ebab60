"""The rules that come with the program: free of lint, worded with care, with commands that can be pasted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pcapan.detect.lint import lint_rules
from pcapan.detect.rule import Lifecycle, Rule
from pcapan.detect.rulefile import load_rules
from pcapan.detect.ruleset import default_rules_dir
from pcapan.detect.ruletest import find_samples
from pcapan.detect.run import rule_schema
from pcapan.report.words import commands_apart

ROOT = Path(__file__).resolve().parents[2]
RULES = load_rules([default_rules_dir()], rule_schema())
each_rule = pytest.mark.parametrize("rule", list(RULES), ids=[rule.id for rule in RULES])


def prose(rule: Rule) -> list[str]:
    """Everything a reader of a finding may see, apart from fixes."""
    report = rule.report
    optional = [report.why, *(outcome.reason for outcome in rule.outcomes)]
    return [
        rule.title,
        rule.question,
        rule.motivation,
        *(param.why for param in rule.params.values()),
        *(need.reason.source for need in rule.needs),
        *(template.source for template in report.summary.values()),
        *(template.source for template in report.cannot_show),
        *(template.source for template in optional if template is not None),
        *(signal.text.source for signal in (*report.signals, *report.refutes)),
    ]


def test_no_recommendation_for_any_rule() -> None:
    known = find_samples(ROOT / "samples")
    assert [str(issue) for issue in lint_rules(RULES, samples=known, schema=rule_schema())] == []


@each_rule
def test_no_more_is_claimed_than_packets_show(rule: Rule) -> None:
    for text in prose(rule):
        assert not re.search(r"(dropped|ignored|refused|discarded|rejected) by the server", text), text
        assert not re.search(r"\b(obviously|clearly|simply|of course)\b", text, re.I), text


@each_rule
def test_every_rule_says_why_and_what_it_cannot_show(rule: Rule) -> None:
    assert rule.motivation and rule.report.cannot_show
    assert rule.lifecycle is not Lifecycle.DEPRECATED
    for param in rule.params.values():
        assert len(param.why) >= 40, (param.name, param.why)
        assert not re.match(r"(?i)as in [a-z-]+\.?$", param.why)


def test_references_between_rules_name_rules() -> None:
    """Whatever looks like the id of a rule and is spoken of as a finding exists."""
    ids = {rule.id for rule in RULES} | set(RULES.catalogue)
    for rule in RULES:
        texts = [*prose(rule), *(step for fix in rule.fixes for step in fix.steps)]
        for text in texts:
            for named in re.findall(r"(?:see |\(|explain )([a-z0-9]+(?:-[a-z0-9]+)+)(?=[).,;: ]|$)", text):
                assert named in ids or named in ("one-armed",), (rule.id, named)


def test_commands_are_one_line_with_straight_quotes() -> None:
    commands = []
    for rule in RULES:
        for fix in rule.fixes:
            for step in fix.steps:
                assert not re.search("[\u2018\u2019\u201c\u201d\u2013\u2014]", step), step
                commands += [part for is_command, part in commands_apart(step) if is_command]
    said = "\n".join(commands)
    assert (
        "New-ItemProperty -Path 'HKLM:\\SYSTEM\\CurrentControlSet\\Services\\IKEEXT\\Parameters' "
        "-Name IkeNumEstablishedForInitialQuery -PropertyType DWORD -Value 50000 -Force"
    ) in commands
    assert "Restart-Service IKEEXT -Force -PassThru" in commands
    assert "--pkt-size 0" in said and "0x3fff" in said
    for command in commands:
        assert command.count("'") % 2 == 0 and command.count('"') % 2 == 0, command


def test_the_error_codes_of_windows_are_named_where_packets_allow() -> None:
    wanted = {
        "unanswered-init": "809",
        "unanswered-auth": "809",
        "sa-limit-exhaustion": "809",
        "ip-fragment-loss": "809",
        "no-proposal-chosen": "13868",
        "no-auth-after-init": "13806",
        "auth-failed": "13801",
    }
    for rule_id, code in wanted.items():
        assert code in " ".join(prose(RULES.get(rule_id))), rule_id
