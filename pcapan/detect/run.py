"""Runs all rules over the tables of one incident and writes the findings.

Knows where rows come from and how a group of verdicts becomes a finding with evidence. Must not
know single rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Protocol

from pcapan.detect import evidence, evidence_drops, evidence_handshakes
from pcapan.detect.cells import Typed
from pcapan.detect.describe import describe
from pcapan.detect.engine import Group, evaluate_rule, group
from pcapan.detect.exhibits import SELECTORS, exhibits
from pcapan.detect.rule import Rule
from pcapan.detect.schema import ColumnType, RuleSchema, TableSchema, Value
from pcapan.model import Evidence, Finding, Severity, Verdict
from pcapan.tables.declare import Rows
from pcapan.tables.facts import Facts
from pcapan.tables.registry import TABLES, lazy_rows_of, subjects_of
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


class Stock(Protocol):
    """What rules are asked of: rows, and frames that speak for them. Read just now, or stored before."""

    def rows(self, table: str) -> Sequence[Mapping[str, Value]]:
        """The rows of a table, in order."""
        ...

    def evidence(self, rule: Rule, rows: Sequence[int]) -> list[Evidence]:
        """The frames that the rule's evidence plan shows for these rows of its table (indexes from 0)."""
        ...


class FactsStock:
    """Rows and evidence of facts in memory; every table is made once, when a rule first asks for it."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._subjects: dict[str, Sequence[Any]] = {}
        self._rows: dict[str, Rows] = {}

    def subjects(self, table: str) -> Sequence[Any]:
        """What the rows of a table are made from, in the order of the rows."""
        if table not in self._subjects:
            self._subjects[table] = subjects_of(table, self._facts)
        return self._subjects[table]

    def rows(self, table: str) -> Rows:
        """The rows of a table, whose columns are computed when they are asked for."""
        if table not in self._rows:
            self._rows[table] = lazy_rows_of(table, self._facts, self.subjects(table))
        return self._rows[table]

    def evidence(self, rule: Rule, rows: Sequence[int]) -> list[Evidence]:
        """The frames that the rule's selectors find for these rows."""
        chosen = [self.subjects(rule.table)[index] for index in rows]
        return [
            Evidence(
                self._facts.inputs[item.file - 1].path,
                item.frame,
                iso_time(item.ts),
                item.what,
                item.display_filter,
            )
            for item in exhibits(rule.evidence.frames, self._facts, chosen, rule.evidence.limit)
        ]


def find(facts: Facts, rules: Iterable[Rule]) -> list[Finding]:
    """What the rules find in facts; see `judge`."""
    return judge(FactsStock(facts), rules)


def judge(stock: Stock, rules: Iterable[Rule]) -> list[Finding]:
    """One finding per rule and cause: claims first, the gravest first, then the rest by id."""
    capture = dict(stock.rows("capture")[0])
    tables: dict[str, Typed] = {}
    findings = []
    for rule in rules:
        if rule.table not in tables:
            tables[rule.table] = Typed(stock.rows(rule.table))
        verdicts = evaluate_rule(rule, tables[rule.table], capture)
        findings += [_finding(rule, one, stock) for one in group(rule, verdicts)]
    findings.sort(key=lambda finding: rank(finding.verdict, finding.severity, finding.id))
    return findings


_VERDICT_ORDER = (
    Verdict.CONFIRMED,
    Verdict.SUSPECTED,
    Verdict.INCONCLUSIVE,
    Verdict.NOT_OBSERVED,
    Verdict.NOT_APPLICABLE,
)


def rank(verdict: Verdict, severity: Severity, rule_id: str) -> tuple[int, int, str]:
    """Where a finding stands among others; the order of the result document."""
    gravity = list(Severity).index(severity) if verdict.reported else 0
    return (-gravity, _VERDICT_ORDER.index(verdict), rule_id)


def _finding(rule: Rule, made: Group, stock: Stock) -> Finding:
    words = describe(rule, made)
    numbers: dict[str, object] = dict(words.numbers)
    if words.numbers_by_address:
        numbers["by_address"] = words.numbers_by_address
    shown: list[Evidence] = []
    if made.verdict.reported:
        shown = stock.evidence(rule, made.first_indexes(_SHOWN_SUBJECTS))
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
