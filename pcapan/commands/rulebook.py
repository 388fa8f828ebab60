"""What rules are, printed: the list, one rule in full, and the reference of all names.

Knows how the parts of a rule are laid out for a reader. Must not know how rules are checked or run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pcapan.commands.output import to_terminal, write_out
from pcapan.commands.page import Page
from pcapan.detect.reference import reference
from pcapan.detect.rule import Rule, Signal
from pcapan.detect.ruleset import RuleSet
from pcapan.errors import ExitCode
from pcapan.model import Fix
from pcapan.pipeline import Options, built_in_rules
from pcapan.report.jsontext import json_bytes, json_text
from pcapan.report.safe import clean
from pcapan.report.words import VERDICT_WORDS
from pcapan.tables.registry import TABLES


def all_rules(own: Sequence[str]) -> RuleSet:
    """The built-in rules with those of the user; raises PcapanError when one is wrong."""
    return built_in_rules(Options(rules=tuple(own)))


def print_list(own: Sequence[str], *, json: bool) -> ExitCode:
    """One line a rule, or one JSON list."""
    rules = all_rules(own)
    if json:
        text = json_text([_entry(rule) for rule in rules], ascii_only=to_terminal())
        write_out(json_bytes(text + "\n"))
        return ExitCode.OK
    rows = [(rule.id, rule.severity.value, rule.lifecycle.value, rule.table, rule.title) for rule in rules]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    page = Page()
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True)]
        page.lines.append(clean("  ".join([*cells, row[4]])))
    page.print()
    return ExitCode.OK


def _entry(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "version": rule.version,
        "title": rule.title,
        "severity": rule.severity.value,
        "lifecycle": rule.lifecycle.value,
        "table": rule.table,
        "question": rule.question,
        "params": {name: param.value for name, param in rule.params.items()},
        "file": rule.path,
    }


def print_reference() -> ExitCode:
    """Every name a rule may use, as Markdown."""
    write_out((reference() + "\n").encode())
    return ExitCode.OK


def print_rule(rule_id: str, own: Sequence[str]) -> ExitCode:
    """Everything a rule says, in the order in which it is decided."""
    rule = all_rules(own).get(rule_id)
    page = Page()
    page.heading(f"{rule.id} {rule.version} ({rule.lifecycle.value}, severity {rule.severity.value})")
    page.paragraph(rule.title)
    page.heading("Question")
    page.paragraph(rule.question)
    page.heading("Asked of")
    page.paragraph(_asked_of(rule))
    _conditions(page, rule)
    _words(page, rule)
    page.heading("What to change")
    for fix in rule.fixes:
        print_fix(page, fix)
    if rule.use_fixes:
        page.paragraph(f"Shared fixes: {', '.join(rule.use_fixes)}")
    if not rule.fixes:
        page.paragraph("Nothing: the finding is information.")
    if rule.references:
        page.heading("References")
        for reference in rule.references:
            page.item(f"{reference.title} {reference.url}".strip())
    page.heading("Examples")
    for example in rule.examples:
        named = f" ({', '.join(example.addresses)})" if example.addresses else ""
        page.item(f"{example.sample}: {VERDICT_WORDS[example.verdict]}{named}")
    if not rule.examples:
        page.paragraph("None.")
    page.heading("File")
    page.paragraph(rule.path)
    page.print()
    return ExitCode.OK


def _asked_of(rule: Rule) -> str:
    table = TABLES[rule.table]
    if rule.judges_capture:
        return "The capture as a whole."
    address = f" The finding names the addresses in its column {rule.address}." if rule.address else ""
    return f"Each row of the table {table.name}: one row is one {table.row_is}.{address}"


def _source(text: str) -> str:
    return " ".join(text.split())


def _conditions(page: Page, rule: Rule) -> None:
    if rule.needs:
        page.heading("Needs")
        for need in rule.needs:
            page.item(_source(need.when.source))
            page.paragraph(f"else {VERDICT_WORDS[need.verdict]}: {need.reason.blank()}", 4)
    if rule.params:
        page.heading(f"Thresholds (--set {rule.id}.NAME=VALUE)")
        for name, param in rule.params.items():
            value = str(param.value).lower() if isinstance(param.value, bool) else param.value
            page.item(f"{name} = {value} {param.unit}".rstrip())
            page.paragraph(param.why, 4)
    if rule.lets:
        page.heading("Names for parts of the conditions")
        for let in rule.lets:
            page.item(f"{let.name} = {_source(let.expression.source)}")
    page.heading("Verdicts: the first whose condition holds, else not observed")
    for number, outcome in enumerate(rule.outcomes, 1):
        severity = f", severity {outcome.severity.value}" if outcome.severity else ""
        condition = _source(outcome.when.source)
        page.item(f"{VERDICT_WORDS[outcome.verdict]}{severity}, when {condition}", mark=f"{number}.")
        if outcome.reason:
            page.paragraph(outcome.reason.blank(), 5)


def _words(page: Page, rule: Rule) -> None:
    _signals(page, "Signals for it", rule.report.signals)
    _signals(page, "What speaks against it", rule.report.refutes)
    if rule.report.why:
        page.heading("Why")
        page.paragraph(rule.report.why.blank())
    if rule.report.cannot_show:
        page.heading("Cannot show")
        for text in rule.report.cannot_show:
            page.item(text.blank())


def _signals(page: Page, heading: str, signals: Sequence[Signal]) -> None:
    if signals:
        page.heading(heading)
        for signal in signals:
            page.item(f"{signal.text.blank()}, when {_source(signal.when.source)}")


def print_fix(page: Page, fix: Fix) -> None:
    """One piece of advice with its steps and where it comes from."""
    page.paragraph(f"{fix.title} [{fix.vendor}]")
    for number, step in enumerate(fix.steps, 1):
        page.item(step, mark=f"{number}.", indent=4)
    page.paragraph(f"Source: {fix.source}", 4)
