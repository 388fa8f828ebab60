"""``pcapan explain WORD``: what a rule, a column, a table, a verdict or a shared fix means.

Knows where each kind of word is declared. Must not know what it means: the prose stands in rule
files and declarations, but for the five verdicts, which belong to no file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pcapan.commands.page import Page
from pcapan.commands.rulebook import all_rules, print_fix
from pcapan.detect.issues import did_you_mean
from pcapan.detect.lint import used_names
from pcapan.detect.reference import type_words, usable
from pcapan.detect.rule import Origin, Rule
from pcapan.detect.ruleset import RuleSet
from pcapan.errors import ExitCode, UsageError
from pcapan.model import Verdict
from pcapan.report.words import VERDICT_WORDS
from pcapan.tables.declare import Table
from pcapan.tables.registry import TABLES

#: What each verdict says; the first sentence is the one of README.
VERDICTS = {
    Verdict.CONFIRMED: (
        "It is there, and the capture holds the proof.",
        "The frames of the proof are named, each with a display filter. How harmful it is, is said by the "
        "severity: something harmless can be confirmed too.",
    ),
    Verdict.SUSPECTED: (
        "It is likely, but something that would prove it is missing.",
        "The finding says which signals speak for it, and what another capture or the server's log would "
        "have to show.",
    ),
    Verdict.NOT_OBSERVED: (
        "It was looked for, it would have been visible, and it is not there.",
        "This holds for the time and the place of the capture, not for other days or other paths.",
    ),
    Verdict.INCONCLUSIVE: (
        "This capture cannot show it; the reason is given.",
        "It may be there or not. One direction is missing, the capture began too late, a filter took the "
        "packets away, or a value that decides is unknown. It never means that all is well.",
    ),
    Verdict.NOT_APPLICABLE: (
        "The question makes no sense for this traffic.",
        "What the rule asks about does not occur in this capture.",
    ),
}


def run(word: str, own: Sequence[str]) -> ExitCode:
    """Print everything the word stands for; raises UsageError when it stands for nothing."""
    rules = all_rules(own)
    page = Page()
    explainers: tuple[Callable[[Page, str, RuleSet], bool], ...] = (_rule, _verdict, _table, _column, _fix)
    found = [explain(page, word.strip(), rules) for explain in explainers]
    if not any(found):
        raise UsageError(
            f"{word!r} is no rule, verdict, table, column or shared fix",
            where=f"explain {word}",
            hint=did_you_mean(word.strip(), known_words(rules), what="words"),
        )
    page.print()
    return ExitCode.OK


def known_words(rules: RuleSet) -> set[str]:
    """Everything that can be explained."""
    columns = {column.name for table in TABLES.values() for column in table.columns}
    params = {name for rule in rules for name in rule.params}
    ids = {rule.id for rule in rules}
    verdicts = {verdict.value for verdict in Verdict}
    return ids | verdicts | set(TABLES) | columns | params | set(rules.catalogue)


def _rule(page: Page, word: str, rules: RuleSet) -> bool:
    rule = next((rule for rule in rules if rule.id == word), None)
    if rule is None:
        return False
    page.heading(f"{rule.id}: {rule.title} (rule, severity {rule.severity.value})")
    page.paragraph(rule.question)
    if rule.motivation:
        page.heading("What it is about")
        page.paragraph(rule.motivation)
    page.heading("What it needs")
    for need in rule.needs:
        page.item(f"Else {VERDICT_WORDS[need.verdict]}: {need.reason.blank()}")
    if not rule.needs:
        page.paragraph("Nothing: any capture will do.")
    page.heading("What it says")
    for verdict, template in rule.report.summary.items():
        page.item(f"{VERDICT_WORDS[verdict]}: {template.blank()}")
    if rule.params:
        page.heading("Its thresholds")
        for name, param in rule.params.items():
            page.item(f"{name} = {param.value} {param.unit}".rstrip() + f": {param.why}")
    page.heading("What it cannot show")
    for text in rule.report.cannot_show:
        page.item(text.blank())
    page.heading("What to change")
    for fix in rule.fixes:
        page.item(f"{fix.title} [{fix.vendor}]")
    page.paragraph(f"pcapan rules show {rule.id} prints its conditions and the steps of all fixes.")
    return True


def _verdict(page: Page, word: str, rules: RuleSet) -> bool:
    verdict = next((v for v in Verdict if v.value == word.lower().replace(" ", "_").replace("-", "_")), None)
    if verdict is None:
        return False
    short, long = VERDICTS[verdict]
    page.heading(f"{VERDICT_WORDS[verdict]} (verdict)")
    page.paragraph(short)
    page.paragraph(long)
    return True


def _table(page: Page, word: str, rules: RuleSet) -> bool:
    table = TABLES.get(word)
    if table is None:
        return False
    page.heading(f"{table.name} (table)")
    page.paragraph(f"One row is one {table.row_is}. pcapan tables CAPTURE -t {table.name} writes it.")
    page.heading("Columns")
    for column in table.columns:
        unit = f", {column.unit}" if column.unit else ""
        page.item(f"{column.name} ({type_words(column)}{unit}): {column.meaning}")
    _users(page, [rule for rule in rules if rule.table == table.name], "Rules that judge its rows")
    return True


def _column(page: Page, word: str, rules: RuleSet) -> bool:
    tables = [table for table in TABLES.values() if any(c.name == word for c in table.columns)]
    for table in tables:
        _one_column(page, table, word, rules)
    params = [rule for rule in rules if word in rule.params]
    for rule in params:
        param = rule.params[word]
        page.heading(f"{word} (threshold of {rule.id})")
        page.paragraph(f"{param.value} {param.unit}".rstrip())
        page.paragraph(param.why)
    return bool(tables or params)


def _one_column(page: Page, table: Table, name: str, rules: RuleSet) -> None:
    column = next(column for column in table.columns if column.name == name)
    page.heading(f"{name} (column of the table {table.name})")
    unit = f", {column.unit}" if column.unit else ""
    page.paragraph(f"{type_words(column)}{unit}")
    page.paragraph(column.meaning)
    if not usable(column):
        page.paragraph("A list: pcapan tables writes it, rules cannot name it.")
        return
    wide = table.name == "capture"
    _users(page, [rule for rule in rules if _uses(rule, name, table.name, wide=wide)], "Rules that use it")


def _uses(rule: Rule, name: str, table: str, *, wide: bool) -> bool:
    if name not in used_names(rule):
        return False
    return (rule.names[name].origin is Origin.CAPTURE) if wide else rule.table == table


def _users(page: Page, rules: Sequence[Rule], heading: str) -> None:
    page.paragraph(f"{heading}: {', '.join(rule.id for rule in rules) or 'none'}.")


def _fix(page: Page, word: str, rules: RuleSet) -> bool:
    shared = rules.catalogue.get(word)
    if shared is None:
        return False
    page.heading(f"{shared.name} (shared fix)")
    for fix in shared.fixes:
        print_fix(page, fix)
    _users(page, [rule for rule in rules if word in rule.use_fixes], "Rules that name it")
    return True
