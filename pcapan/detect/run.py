"""Runs all rules over the tables of one incident and writes the findings.

Knows where rows come from and how a group of verdicts becomes a finding with evidence. Must not
know single rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from pcapan.detect import evidence, evidence_drops, evidence_handshakes
from pcapan.detect.describe import describe
from pcapan.detect.engine import Group, evaluate_rule, group
from pcapan.detect.exhibits import SELECTORS, exhibits
from pcapan.detect.rule import Rule
from pcapan.detect.schema import ColumnType, RuleSchema, TableSchema
from pcapan.model import Evidence, Finding, Severity, Verdict
from pcapan.tables.facts import Facts
from pcapan.tables.registry import TABLES, subjects_of
from pcapan.tables.times import iso_time

#: Subjects of one finding whose frames are shown; the worst come first.
_SHOWN_SUBJECTS = 4


#: Loading these registers their selectors.
_SELECTOR_MODULES = (evidence, evidence_handshakes, evidence_drops)


@cache
def rule_schema() -> RuleSchema:
    """What rules may name: every plain column of every table, every evidence selector."""
    plain = {kind.value for kind in ColumnType}
    return RuleSchema(
        tables={
            table.name: TableSchema(
                table.name,
                {c.name: ColumnType(c.type) for c in table.columns if c.type in plain},
                {c.name: c.meaning for c in table.columns},
            )
            for table in TABLES.values()
        },
        evidence=frozenset(SELECTORS),
    )


def find(facts: Facts, rules: Iterable[Rule]) -> list[Finding]:
    """One finding per rule and cause: claims first, the gravest first, then the rest by id."""
    capture = TABLES["capture"].row(facts)
    subjects: dict[str, list[object]] = {}
    rows: dict[str, list[dict[str, object]]] = {}
    findings = []
    for rule in rules:
        if rule.table not in rows:
            subjects[rule.table] = subjects_of(rule.table, facts)
            rows[rule.table] = list(TABLES[rule.table].rows(subjects[rule.table]))
        verdicts = evaluate_rule(rule, rows[rule.table], capture)  # type: ignore[arg-type]
        findings += [_finding(rule, one, facts, subjects[rule.table]) for one in group(rule, verdicts)]
    findings.sort(key=_rank)
    return findings


def _rank(finding: Finding) -> tuple[int, int, str]:
    verdicts = (
        Verdict.CONFIRMED,
        Verdict.SUSPECTED,
        Verdict.INCONCLUSIVE,
        Verdict.NOT_OBSERVED,
        Verdict.NOT_APPLICABLE,
    )
    gravity = list(Severity).index(finding.severity) if finding.verdict.reported else 0
    return (-gravity, verdicts.index(finding.verdict), finding.id)


def _finding(rule: Rule, made: Group, facts: Facts, subjects: list[object]) -> Finding:
    words = describe(rule, made)
    numbers: dict[str, object] = dict(words.numbers)
    if words.numbers_by_address:
        numbers["by_address"] = words.numbers_by_address
    shown: list[Evidence] = []
    if made.verdict.reported:
        chosen = [subjects[row.row_index] for row in made.rows[:_SHOWN_SUBJECTS] if row.row_index is not None]
        shown = [
            Evidence(
                facts.inputs[item.file - 1].path,
                item.frame,
                iso_time(item.ts),
                item.what,
                item.display_filter,
            )
            for item in exhibits(rule.evidence.frames, facts, chosen, rule.evidence.limit)
        ]
    return Finding(
        id=rule.id,
        rule_version=rule.version,
        title=rule.title,
        verdict=made.verdict,
        severity=made.severity,
        addresses=words.addresses,
        summary=words.summary,
        numbers=numbers,
        evidence=shown,
        why=words.why,
        fix=list(rule.fixes) if made.verdict.reported else [],
        cannot_show=words.cannot_show,
        references=list(rule.references),
    )
