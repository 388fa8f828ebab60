"""What a rule that loads should still do better.

Knows what makes a rule trustworthy for others: examples of every kind, thresholds with a reason,
words for every verdict, limits said openly. Must not know how to repair a file. Each check is a
small function; its issue says what to write, not only what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import PurePath

from pcapan.detect.expression import Expression
from pcapan.detect.issues import RuleIssue, did_you_mean
from pcapan.detect.rule import GROUP_NAMES, Lifecycle, Origin, Rule, Signal
from pcapan.detect.schema import RuleSchema
from pcapan.detect.wording import Template
from pcapan.model import Verdict

Check = Callable[[Rule], Iterator[RuleIssue]]

MIN_WHY = 20
"""Characters below which the reason of a threshold is hardly one."""


def lint_rules(
    rules: Iterable[Rule], *, samples: Collection[str] | None = None, schema: RuleSchema | None = None
) -> list[RuleIssue]:
    """Run every check over every rule. With `samples`, examples must name one of them."""
    issues: list[RuleIssue] = []
    for rule in rules:
        for check in CHECKS:
            issues += check(rule)
        if samples is not None:
            issues += _unknown_samples(rule, samples)
        if schema is not None:
            issues += _clashes(rule, schema)
    return sorted(set(issues))


def _issue(rule: Rule, key: tuple[str | int, ...], message: str, recommendation: str) -> RuleIssue:
    return RuleIssue(rule.path, rule.line(*key), message, recommendation)


def _file_name(rule: Rule) -> Iterator[RuleIssue]:
    if PurePath(rule.path).stem != rule.id:
        yield _issue(
            rule, ("id",), f"The file is not named after {rule.id!r}.", f"Rename it to {rule.id}.toml."
        )


def _examples(rule: Rule) -> Iterator[RuleIssue]:
    if rule.lifecycle is not Lifecycle.STABLE:
        return
    given = {example.verdict for example in rule.examples}
    wanted = (
        ("positive", {Verdict.CONFIRMED, Verdict.SUSPECTED}, "a sample where it is confirmed or suspected"),
        (
            "negative",
            {Verdict.NOT_OBSERVED, Verdict.NOT_APPLICABLE},
            "a look-alike sample where it must stay silent",
        ),
        ("inconclusive", {Verdict.INCONCLUSIVE}, "a sample that cannot show it"),
    )
    for kind, verdicts, advice in wanted:
        if not given & verdicts:
            yield _issue(
                rule,
                ("example",),
                f"A stable rule has no {kind} example.",
                f'Add an [[example]] with {advice}, or set lifecycle = "experimental".',
            )


def _motivation(rule: Rule) -> Iterator[RuleIssue]:
    if rule.lifecycle is Lifecycle.STABLE and not rule.motivation:
        yield _issue(
            rule,
            ("question",),
            "A stable rule has no motivation.",
            'Add motivation = "...": what goes wrong there, and how it shows in packets.',
        )


def _duplicate_examples(rule: Rule) -> Iterator[RuleIssue]:
    seen: set[str] = set()
    for index, example in enumerate(rule.examples):
        if example.sample in seen:
            yield _issue(
                rule,
                ("example", index),
                f"The sample {example.sample!r} is named twice.",
                "Keep one [[example]] for each sample.",
            )
        seen.add(example.sample)


def _addresses(rule: Rule) -> Iterator[RuleIssue]:
    for index, example in enumerate(rule.examples):
        if example.verdict.reported and rule.address and example.addresses is None:
            yield _issue(
                rule,
                ("example", index),
                f"The example {example.sample!r} does not say which addresses it must name.",
                'Add addresses = ["..."] to expect; [] when it names none.',
            )
        if not example.verdict.reported and example.addresses:
            yield _issue(
                rule,
                ("example", index),
                f"The example {example.sample!r} expects addresses from a negative verdict.",
                "Remove addresses: only confirmed and suspected name any.",
            )


def _unknown_samples(rule: Rule, samples: Collection[str]) -> Iterator[RuleIssue]:
    for index, example in enumerate(rule.examples):
        if example.sample not in samples:
            yield _issue(
                rule,
                ("example", index, "sample"),
                f"There is no sample {example.sample!r}.",
                did_you_mean(example.sample, samples, what="samples"),
            )


def _whys(rule: Rule) -> Iterator[RuleIssue]:
    for name, param in rule.params.items():
        if len(param.why) < MIN_WHY:
            yield _issue(
                rule,
                ("params", name, "why"),
                f"The reason of {name!r} is too short to be one.",
                "Say what lies just below and just above this value, and how you know.",
            )


def _summaries(rule: Rule) -> Iterator[RuleIssue]:
    for verdict in Verdict:
        if verdict in rule.verdicts() and verdict not in rule.report.summary:
            yield _issue(
                rule,
                ("report", "summary"),
                f"There is no summary for the verdict {verdict.value!r}, which this rule can give.",
                f'Add {verdict.value} = "..." to [report.summary].',
            )
        if verdict not in rule.verdicts() and verdict in rule.report.summary:
            yield _issue(
                rule,
                ("report", "summary", verdict.value),
                f"The rule never gives the verdict {verdict.value!r}.",
                "Remove this summary, or add an outcome or need that gives it.",
            )


def _negative_words(rule: Rule) -> Iterator[RuleIssue]:
    """A negative verdict is said once for all rows: it has no single row to quote."""
    if rule.judges_capture:
        return
    for verdict, template in rule.report.summary.items():
        quoted = [
            name
            for name in template.names
            if (name in GROUP_NAMES and name != "row_count")
            or (name in rule.names and not rule.names[name].capture_wide)
        ]
        if quoted and not verdict.reported:
            yield _issue(
                rule,
                ("report", "summary", verdict.value),
                f"The summary for {verdict.value!r} quotes {quoted[0]!r}, but speaks of all rows at once.",
                "Use capture columns, parameters and row_count only.",
            )


def _constants(rule: Rule) -> Iterator[RuleIssue]:
    for index, outcome in enumerate(rule.outcomes):
        key = ("outcome", index, "when")
        if outcome.when.constant:
            if outcome.when.evaluate({}) is not True:
                yield _issue(rule, key, "This outcome can never hold.", "Name a column in it, or remove it.")
            elif outcome.verdict.reported:
                yield _issue(
                    rule,
                    key,
                    f"This outcome claims {outcome.verdict.value!r} of everything.",
                    "Name a column in it.",
                )
            elif index < len(rule.outcomes) - 1:
                yield _issue(
                    rule,
                    key,
                    "No outcome after this one can be reached.",
                    "Move it to the end, or remove it.",
                )
        same = next((i for i in range(index) if _same(rule.outcomes[i].when, outcome.when)), None)
        if same is not None:
            yield _issue(
                rule,
                key,
                f"Outcome {same + 1} has the same condition and comes first.",
                "Make this one weaker, or remove it.",
            )
    for index, need in enumerate(rule.needs):
        if need.when.constant:
            yield _issue(
                rule,
                ("needs", index, "when"),
                "This need is the same for every capture.",
                "Name a column in it.",
            )


def _same(first: Expression, second: Expression) -> bool:
    return first.source.split() == second.source.split()


def _params_only(rule: Rule) -> Iterator[RuleIssue]:
    """A condition over parameters alone says nothing about the capture."""
    for index, outcome in enumerate(rule.outcomes):
        columns = [leaf for name in outcome.when.names for leaf in rule.names[name].leaves]
        if outcome.when.names and not columns:
            yield _issue(
                rule, ("outcome", index, "when"), "This outcome looks at no column.", "Name a column in it."
            )


def _expressions(rule: Rule) -> Iterator[Expression]:
    yield from (need.when for need in rule.needs)
    yield from (let.expression for let in rule.lets)
    yield from (outcome.when for outcome in rule.outcomes)
    yield from (signal.when for signal in _signals(rule))


def _signals(rule: Rule) -> tuple[Signal, ...]:
    return (*rule.report.signals, *rule.report.refutes)


def _templates(rule: Rule) -> Iterator[Template]:
    optional = [rule.report.why, rule.evidence.filter, *(outcome.reason for outcome in rule.outcomes)]
    yield from (template for template in optional if template is not None)
    yield from (need.reason for need in rule.needs)
    yield from rule.report.summary.values()
    yield from rule.report.cannot_show
    yield from (signal.text for signal in _signals(rule))


def used_names(rule: Rule) -> frozenset[str]:
    """Every name the rule reads somewhere: in a condition, a text, its numbers or its grouping."""
    names = {name for expression in _expressions(rule) for name in expression.names}
    names.update(name for template in _templates(rule) for name in template.names)
    names.update(rule.report.numbers)
    names.update(name for name in (rule.address, rule.group_by, rule.order_by) if name)
    return frozenset(names)


def _unused(rule: Rule) -> Iterator[RuleIssue]:
    used = used_names(rule)
    for name, what in rule.names.items():
        if name in used or what.origin not in (Origin.PARAM, Origin.LET):
            continue
        section = "params" if what.origin is Origin.PARAM else "let"
        word = "parameter" if what.origin is Origin.PARAM else "let"
        yield _issue(rule, (section, name), f"The {word} {name!r} is never used.", "Use it, or remove it.")


def _limits(rule: Rule) -> Iterator[RuleIssue]:
    if not rule.report.cannot_show:
        yield _issue(
            rule,
            ("report",),
            "The rule does not say what it cannot show.",
            'Add cannot_show = ["..."]: what only the server or another capture point could prove.',
        )


def _proof(rule: Rule) -> Iterator[RuleIssue]:
    """A claim names the frames that prove it; what is said of the file itself may have none."""
    claims = any(outcome.verdict.reported for outcome in rule.outcomes)
    if claims and not rule.evidence.frames and not rule.judges_capture:
        yield _issue(
            rule, ("evidence",), "A claim without evidence frames.", 'Add frames = ["..."] to [evidence].'
        )
    if claims and rule.report.why is None:
        yield _issue(rule, ("report",), "A claim without an explanation.", 'Add why = "..." to [report].')


def _repeated_fixes(rule: Rule) -> Iterator[RuleIssue]:
    seen: set[tuple[str, str]] = set()
    for index, fix in enumerate(rule.fixes):
        if (fix.vendor, fix.title) in seen:
            own = ("fix", index) in rule.places
            yield _issue(
                rule,
                ("fix", index) if own else ("use_fixes",),
                f"The fix {fix.title!r} is written twice.",
                "Keep one of the two; a shared fix need not be repeated in the rule.",
            )
        seen.add((fix.vendor, fix.title))


def _clashes(rule: Rule, schema: RuleSchema) -> Iterator[RuleIssue]:
    for name in sorted(schema.clashes(rule.table)):
        yield _issue(
            rule,
            ("table",),
            f"{name!r} is a column of the table {rule.table!r} and of the capture.",
            "Rename one of the two columns where it is declared.",
        )


CHECKS: tuple[Check, ...] = (
    _file_name,
    _motivation,
    _examples,
    _duplicate_examples,
    _addresses,
    _whys,
    _summaries,
    _negative_words,
    _constants,
    _params_only,
    _unused,
    _limits,
    _proof,
    _repeated_fixes,
)
"""The checks in the order they run; a new check is one function and one entry here."""
