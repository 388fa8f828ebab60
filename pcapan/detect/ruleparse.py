"""The keys of a rule file become the parts of a rule.

Knows every key a rule may have, its type and what it may refer to. Must not know files or folders.
Reading never stops at the first fault: each one is added to a list with its line and what to write
instead, and a rule is only returned when the file added none.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pcapan.detect.expression import RESERVED, Expression
from pcapan.detect.fixes import FIX_NAME, read_fix
from pcapan.detect.issues import RuleIssue, did_you_mean
from pcapan.detect.rule import (
    GROUP_NAMES,
    EvidencePlan,
    Example,
    Let,
    Lifecycle,
    Name,
    Need,
    Origin,
    Outcome,
    Param,
    ReportPlan,
    Rule,
    Signal,
)
from pcapan.detect.ruleset import NO_FIXES, Catalogue
from pcapan.detect.schema import ColumnType, RuleSchema, TableSchema, type_of
from pcapan.detect.section import Section
from pcapan.detect.tomlplace import Places
from pcapan.detect.wording import Template
from pcapan.model import Reference, Severity, Verdict

RULE_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
VERSION = re.compile(r"\d+\.\d+\.\d+")
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_URL = re.compile(r"https?://[^\s<>\"]+")
DEFAULT_LIMIT = 12
MAX_LIMIT = 1000
MAX_NAMES = 100
"""Parameters, or lets, in one rule."""


def parse_rule(
    document: dict[str, Any],
    found: Places,
    path: str,
    schema: RuleSchema,
    issues: list[RuleIssue],
    *,
    expected_id: str | None = None,
    fixes: Catalogue = NO_FIXES,
) -> Rule | None:
    """Check a parsed TOML document; faults go to `issues`, and then there is no rule."""
    before = len(issues)
    top = Section(document, (), found, path, issues)
    reader = _Reader(top, found, schema, expected_id, fixes)
    rule = reader.read()
    # A let that was refused is reported once, not again wherever its name is used.
    echoes = tuple(f"Unknown name {name!r}" for name in reader.broken)
    issues[before:] = [issue for issue in issues[before:] if not any(e in issue.message for e in echoes)]
    return rule if len(issues) == before else None


class _Reader:
    def __init__(
        self, top: Section, places: Places, schema: RuleSchema, expected_id: str | None, catalogue: Catalogue
    ) -> None:
        self.top = top
        self.places = places
        self.schema = schema
        self.expected_id = expected_id
        self.catalogue = catalogue
        self.names: dict[str, Name] = {}
        self.types: dict[str, ColumnType] = {}
        self.shown: Mapping[str, ColumnType] = GROUP_NAMES
        """What the holes of a text may name, once everything is declared."""
        self.ambiguous: frozenset[str] = frozenset()
        self.broken: list[str] = []

    def read(self) -> Rule:
        top = self.top
        rule_id = self.identity()
        version = top.text("version")
        if version and not VERSION.fullmatch(version):
            top.issue("version", f"The version {version!r} is not of the form 1.0.0.", "Write three numbers.")
        table = self.table()
        self.declare(table)
        params = self.params()
        lets = self.lets()
        self.shown = {**GROUP_NAMES, **self.types}
        # One statement a section, in the order of the file: what a section names is declared by then.
        needs = tuple(self.need(part) for part in top.tables("needs"))
        outcomes = tuple(self.outcome(part) for part in top.tables("outcome"))
        if not outcomes:
            top.issue("outcome", "The rule has no [[outcome]].", "Add a verdict with its condition.")
        use_fixes = self.use_fixes()
        shared = (fix for name in use_fixes for fix in self.catalogue[name].fixes)
        rule = Rule(
            id=rule_id,
            version=version,
            title=top.text("title"),
            lifecycle=top.choice("lifecycle", Lifecycle, Lifecycle.EXPERIMENTAL),
            severity=top.choice("severity", Severity, Severity.INFO),
            table=table.name,
            question=top.text("question"),
            motivation=top.text("motivation", ""),
            address=self.address(table),
            group_by=self.known_name("group_by"),
            order_by=self.known_name("order_by"),
            needs=needs,
            params=MappingProxyType(params),
            lets=tuple(lets),
            outcomes=outcomes,
            evidence=self.evidence(),
            report=self.report(),
            use_fixes=use_fixes,
            fixes=(*(read_fix(part) for part in top.tables("fix")), *shared),
            references=tuple(self.reference(part) for part in top.tables("reference")),
            examples=tuple(self.example(part) for part in top.tables("example")),
            names=MappingProxyType(self.names),
            judges_capture=table.name == self.schema.capture,
            path=top.path,
            places=self.places,
        )
        top.finish()
        return rule

    def identity(self) -> str:
        rule_id = self.top.text("id")
        if rule_id and not RULE_ID.fullmatch(rule_id):
            self.top.issue("id", f"The id {rule_id!r} is not allowed.", "Use a-z, 0-9 and hyphens.")
        elif rule_id and self.expected_id is not None and rule_id != self.expected_id:
            self.top.issue(
                "id",
                f"The id {rule_id!r} is not the name of the file.",
                f'Rename the file to {rule_id}.toml, or write id = "{self.expected_id}".',
            )
        return rule_id

    def table(self) -> TableSchema:
        name = self.top.text("table")
        table = self.schema.tables.get(name)
        if table is None:
            if name:
                hint = did_you_mean(name, self.schema.tables, what="tables")
                self.top.issue("table", f"Unknown table {name!r}.", hint)
            return TableSchema(name, {})
        return table

    def declare(self, table: TableSchema) -> None:
        capture = self.schema.capture_table
        self.ambiguous = self.schema.clashes(table.name)
        for name, kind in capture.columns.items():
            self.add(name, Name(kind, Origin.CAPTURE, capture.meanings.get(name, ""), (name,), True))
        if table.name != self.schema.capture:
            for name, kind in table.columns.items():
                self.add(name, Name(kind, Origin.ROW, table.meanings.get(name, ""), (name,)))

    def add(self, name: str, what: Name) -> None:
        self.names[name] = what
        self.types[name] = what.type

    def new_name(self, section: Section, key: str, what: str) -> bool:
        """Whether `key` may become the name of a parameter or let."""
        if not NAME.fullmatch(key) or keyword.iskeyword(key) or key in RESERVED:
            section.issue(key, f"{key!r} cannot be the name of {what}.", "Use small letters, digits and _.")
            return False
        if key in self.names or key in GROUP_NAMES:
            origin = self.names[key].origin if key in self.names else "text"
            section.issue(key, f"{key!r} is already the name of a {origin} value.", "Choose another name.")
            return False
        return True

    def params(self) -> dict[str, Param]:
        params: dict[str, Param] = {}
        section = self.top.table("params")
        for key in self.some(section):
            part = section.table(key)
            value, unit, why = part.constant("value"), part.text("unit", ""), part.text("why")
            part.finish()
            if self.new_name(section, key, "a parameter") and value is not None:
                kind = type_of(value)
                params[key] = Param(key, value, unit, why, kind)
                self.add(key, Name(kind, Origin.PARAM, why, (), True))
            else:
                self.broken.append(key)
        return params

    def some(self, section: Section) -> list[str]:
        """The keys of a table of names, bounded."""
        keys = list(section.data)
        if len(keys) > MAX_NAMES:
            message = f"There are {len(keys)} names here; {MAX_NAMES} are allowed."
            section.issue(keys[MAX_NAMES], message, "Make two rules of it.")
        return keys[:MAX_NAMES]

    def lets(self) -> list[Let]:
        lets: list[Let] = []
        section = self.top.table("let")
        for key in self.some(section):
            expression = section.expression(key, self.types)
            if not self.new_name(section, key, "a let") or expression is None:
                self.broken.append(key)
                continue
            lets.append(Let(key, expression))
            used = [self.names[name] for name in expression.names]
            leaves = dict.fromkeys(leaf for name in used for leaf in name.leaves)
            wide = all(name.capture_wide for name in used)
            meaning = " ".join(expression.source.split())
            self.add(key, Name(expression.type, Origin.LET, meaning, tuple(leaves), wide))
        return lets

    def condition(self, section: Section, key: str) -> Expression:
        return section.condition(key, self.types, self.ambiguous)

    def template(self, section: Section, key: str, *, is_filter: bool = False) -> Template | None:
        return section.template(key, self.shown, is_filter=is_filter)

    def required_template(self, section: Section, key: str) -> Template:
        return self.template(section, key) or section.missing_template(key)

    def known_name(self, key: str) -> str:
        name = self.top.text(key, "")
        if name and name not in self.names:
            self.top.issue(key, f"Unknown name {name!r}.", did_you_mean(name, self.names))
        return name

    def address(self, table: TableSchema) -> str:
        default = "address" if table.columns.get("address") is ColumnType.STR else ""
        name = self.top.text("address", default)
        if name and table.columns.get(name) is not ColumnType.STR:
            texts = [column for column, kind in table.columns.items() if kind is ColumnType.STR]
            self.top.issue("address", f"{name!r} is no text column of the table.", did_you_mean(name, texts))
        return name

    def need(self, part: Section) -> Need:
        allowed = (Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE)
        verdict = part.choice("else", Verdict, Verdict.INCONCLUSIVE, default=Verdict.INCONCLUSIVE)
        if verdict not in allowed:
            message = f"A need cannot end in {verdict.value!r}."
            part.issue("else", message, "Write inconclusive or not_applicable.")
        need = Need(self.condition(part, "when"), verdict, self.required_template(part, "reason"))
        part.finish()
        return need

    def outcome(self, part: Section) -> Outcome:
        severity = part.choice("severity", Severity, Severity.INFO) if "severity" in part.data else None
        outcome = Outcome(
            part.choice("verdict", Verdict, Verdict.NOT_OBSERVED),
            self.condition(part, "when"),
            self.template(part, "reason"),
            severity,
        )
        part.finish()
        return outcome

    def evidence(self) -> EvidencePlan:
        part = self.top.table("evidence")
        frames = part.texts("frames")
        for index, name in enumerate(frames):
            if name not in self.schema.evidence:
                hint = did_you_mean(name, self.schema.evidence, what="evidence selectors")
                part.issue("frames", f"Unknown evidence selector {name!r}.", hint, index)
        limit = part.whole("limit", DEFAULT_LIMIT, 1, MAX_LIMIT)
        plan = EvidencePlan(frames, limit, self.template(part, "filter", is_filter=True))
        part.finish()
        return plan

    def report(self) -> ReportPlan:
        part = self.top.table("report", required=True)
        summary_part = part.table("summary", required=True)
        summary: dict[Verdict, Template] = {}
        for verdict in Verdict:
            template = self.template(summary_part, verdict.value)
            if template is not None:
                summary[verdict] = template
        summary_part.finish(what="verdicts")
        numbers = part.texts("numbers")
        for index, name in enumerate(numbers):
            if name not in self.names:
                part.issue("numbers", f"Unknown name {name!r}.", did_you_mean(name, self.names), index)
        plan = ReportPlan(
            MappingProxyType(summary),
            self.template(part, "why"),
            part.templates("cannot_show", self.shown),
            numbers,
            tuple(self.signal(signal) for signal in part.tables("signal")),
            tuple(self.signal(refute) for refute in part.tables("refute")),
        )
        part.finish()
        return plan

    def signal(self, part: Section) -> Signal:
        signal = Signal(self.condition(part, "when"), self.required_template(part, "text"))
        part.finish()
        return signal

    def use_fixes(self) -> tuple[str, ...]:
        """Names of shared fixes; only looked up among those that were found, never in a path."""
        names = self.top.texts("use_fixes")
        for index, name in enumerate(names):
            if not FIX_NAME.fullmatch(name):
                shown = name[:60]
                message = f"{shown!r} cannot be the name of a shared fix."
                self.top.issue("use_fixes", message, "Write the name of a file in fixes/, no path.", index)
            elif name not in self.catalogue:
                hint = did_you_mean(name, self.catalogue, what="shared fixes")
                self.top.issue("use_fixes", f"There is no shared fix {name!r}.", hint, index)
        return tuple(name for name in names if name in self.catalogue)

    def reference(self, part: Section) -> Reference:
        reference = Reference(part.text("title"), part.text("url", ""))
        if reference.url and not _URL.fullmatch(reference.url):
            part.issue("url", "This is not a web address.", "Write one that begins with https://.")
        part.finish()
        return reference

    def example(self, part: Section) -> Example:
        sample = part.text("sample")
        expect = part.table("expect", required=True)
        verdict = expect.choice("verdict", Verdict, Verdict.NOT_OBSERVED)
        addresses = expect.texts("addresses") if "addresses" in expect.data else None
        expect.finish()
        part.finish()
        return Example(sample, verdict, addresses)
