"""A rule and the rows of its table become verdicts, and verdicts become findings to write.

Knows gates, outcomes, unknown values and grouping. Must not know where rows come from, which frames
prove a verdict, or how a finding is worded (`describe`).

Gates are asked in the order of the file, those about the capture as a whole first, so that a
capture which cannot show something says so even when the table has no row. The first outcome that
holds wins. A condition that is unknown does not hold, but it is remembered: when nothing holds, or
only a "not observed" that stands after it, the verdict is inconclusive and names what was unknown.
"Not seen" is never said of something that could not be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from pcapan.detect.cells import Cells, RowValues, conform, declared
from pcapan.detect.expression import Expression
from pcapan.detect.rule import Need, Origin, Rule
from pcapan.detect.schema import Value
from pcapan.detect.wording import Template, clean
from pcapan.model import Severity, Verdict


class RowVerdict(Struct, frozen=True):
    """What a rule says about one row, or about the capture as a whole (`row_index` is None)."""

    row_index: int | None
    verdict: Verdict
    reason: str
    values: Mapping[str, Value]
    """Every name the rule could use: columns, parameters and lets."""
    unknown: tuple[str, ...] = ()
    """Columns (or calculations) whose missing value kept an outcome or gate from being decided."""
    severity: Severity | None = None
    outcome: int | None = None
    """Index of the outcome that held."""


class Group(Struct, frozen=True):
    """One finding: a verdict and all the rows it is said of."""

    verdict: Verdict
    severity: Severity
    rows: tuple[RowVerdict, ...]
    key: Value = None
    """The value of `group_by` these rows share."""

    @property
    def lead(self) -> RowVerdict:
        """The row whose numbers stand for the finding."""
        return self.rows[0]

    @property
    def reasons(self) -> tuple[str, ...]:
        """The different reasons of its rows, in order."""
        return tuple(dict.fromkeys(row.reason for row in self.rows if row.reason))

    @property
    def unknown(self) -> tuple[str, ...]:
        """All names whose values were missing."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.unknown))


def evaluate_rule(
    rule: Rule, rows: Sequence[Mapping[str, Value]], capture: Mapping[str, Value]
) -> list[RowVerdict]:
    """Judge every row; a failed gate about the capture, or no row at all, gives a single verdict."""
    base: dict[str, Value] = dict(capture)
    conform(base, declared(rule, Origin.CAPTURE))
    base.update(rule.param_values())
    row_lets = []
    for let in rule.lets:
        if rule.names[let.name].capture_wide:
            base[let.name] = let.expression.evaluate(base)
        else:
            row_lets.append(let)
    wide = [need for need in rule.needs if _capture_wide(rule, need.when)]
    stopped = _gate(rule, wide, [need.when.evaluate(base) for need in wide], base, None, _render)
    if stopped is not None:
        return [stopped]
    if rule.judges_capture:
        answers = [outcome.when.evaluate(base) for outcome in rule.outcomes]
        return [_judge(rule, answers, base, 0, _render)]
    if not rows:
        return [RowVerdict(None, Verdict.NOT_OBSERVED, "", base)]
    return _judge_rows(rule, Cells(rule, rows, base, row_lets))


def _judge_rows(rule: Rule, cells: Cells) -> list[RowVerdict]:
    gates = [need for need in rule.needs if not _capture_wide(rule, need.when)]
    asked = [need.when for need in gates] + [outcome.when for outcome in rule.outcomes]
    answers = [expression.evaluate_all(cells) for expression in asked]
    render = _remembering(cells)
    verdicts: list[RowVerdict] = []
    alike: dict[tuple[Value, ...], list[RowVerdict]] = {}
    for index, answered in enumerate(zip(*answers, strict=True)):
        known = alike.get(answered)
        if known is not None and len(known) > 1:
            verdicts.append(known[1])
            continue
        values = RowValues(cells, index)
        verdict = _gate(rule, gates, answered[: len(gates)], values, index, render) or _judge(
            rule, answered[len(gates) :], values, index, render
        )
        verdicts.append(verdict)
        if not verdict.verdict.reported and not verdict.reason and not verdict.unknown:
            # Nothing is said of such rows one by one, and there may be a million: from the second on they
            # share one verdict. The first keeps its values, in case it stays alone.
            shared = verdict if known is None else replace(verdict, values=cells.base)
            alike.setdefault(answered, []).append(shared)
    return verdicts


_Render = Callable[[Template, Mapping[str, Value]], str]


def _render(template: Template, values: Mapping[str, Value]) -> str:
    return template.render(values)


def _remembering(cells: Cells) -> _Render:
    """Renders the reasons of rows; rows whose values are the same have the same reason."""
    written: dict[tuple[object, ...], str] = {}

    def render(template: Template, values: Mapping[str, Value]) -> str:
        shown = [values[name] for name in template.names]
        key = (id(template), *shown, *map(type, shown))
        text = written.get(key)
        if text is None:
            text = written[key] = template.render(values)
        return text

    return render


def group(rule: Rule, verdicts: Sequence[RowVerdict]) -> list[Group]:
    """One group per claim and cause; without a claim one group for the whole rule."""
    given = {row.verdict for row in verdicts}
    if any(verdict.reported for verdict in given):
        claims = [row for row in verdicts if row.verdict.reported]
        return [
            made
            for verdict in (Verdict.CONFIRMED, Verdict.SUSPECTED)
            for made in _claims(rule, verdict, [row for row in claims if row.verdict is verdict])
        ]
    for verdict in (Verdict.INCONCLUSIVE, Verdict.NOT_OBSERVED, Verdict.NOT_APPLICABLE):
        if verdict in given:
            held = tuple(row for row in verdicts if row.verdict is verdict)
            return [Group(verdict, rule.severity, held)]
    return []


def spoken_unknown(rule: Rule, names: Sequence[str]) -> str:
    """Unknown names in words: the declared meaning, and the name itself."""
    parts = []
    for name in names:
        known = rule.names.get(name)
        meaning = clean(known.meaning).rstrip(".") if known and known.meaning else ""
        parts.append(f"{meaning} ({name})" if meaning else name)
    return "; ".join(parts)


def _claims(rule: Rule, verdict: Verdict, rows: list[RowVerdict]) -> list[Group]:
    causes: dict[tuple[type, Value], list[RowVerdict]] = {}
    for row in rows:
        key = row.values.get(rule.group_by) if rule.group_by else None
        causes.setdefault((type(key), key), []).append(row)
    groups = []
    for (_, key), members in causes.items():
        if rule.order_by:
            members.sort(key=lambda row: _rank(row.values.get(rule.order_by)), reverse=True)
        severity = max((row.severity or rule.severity for row in members), key=list(Severity).index)
        groups.append(Group(verdict, severity, tuple(members), key))
    return groups


def _rank(value: Value) -> tuple[int, float, str]:
    if value is None:
        return (0, 0, "")
    if isinstance(value, str):
        return (1, 0, value)
    return (2, value, "")


def _capture_wide(rule: Rule, expression: Expression) -> bool:
    return all(rule.names[name].capture_wide for name in expression.names)


def _gate(
    rule: Rule,
    gates: Sequence[Need],
    answers: Sequence[Value],
    values: Mapping[str, Value],
    index: int | None,
    render: _Render,
) -> RowVerdict | None:
    """The verdict of the first gate that is not open; None when all are."""
    for need, value in zip(gates, answers, strict=True):
        if value is True:
            continue
        # Whether a rule applies cannot be denied from a value nobody knows.
        verdict = need.verdict if value is False else Verdict.INCONCLUSIVE
        unknown = _unknown(rule, need.when, values) if value is None else ()
        reason = _with_unknown(rule, render(need.reason, values), unknown)
        return RowVerdict(index, verdict, reason, values, unknown)
    return None


def _judge(
    rule: Rule, answers: Sequence[Value], values: Mapping[str, Value], index: int, render: _Render
) -> RowVerdict:
    unknown: dict[str, None] = {}
    claim_open = False
    for number, (outcome, value) in enumerate(zip(rule.outcomes, answers, strict=True)):
        if value is None:
            unknown.update(dict.fromkeys(_unknown(rule, outcome.when, values)))
            claim_open = claim_open or outcome.verdict.reported
        if value is not True:
            continue
        if outcome.verdict is Verdict.NOT_OBSERVED and claim_open:
            break
        reason = render(outcome.reason, values) if outcome.reason else ""
        return RowVerdict(index, outcome.verdict, reason, values, tuple(unknown), outcome.severity, number)
    if unknown:
        names = tuple(unknown)
        return RowVerdict(index, Verdict.INCONCLUSIVE, _with_unknown(rule, "", names), values, names)
    return RowVerdict(index, Verdict.NOT_OBSERVED, "", values)


def _unknown(rule: Rule, expression: Expression, values: Mapping[str, Value]) -> tuple[str, ...]:
    """Which columns made an expression unknown; the calculation itself when all of them are known."""
    names: dict[str, None] = {}
    for name in expression.names:
        if values.get(name) is not None:
            continue
        missing = [leaf for leaf in rule.names[name].leaves if values.get(leaf) is None]
        names.update(dict.fromkeys(missing or [name]))
    return tuple(names)


def _with_unknown(rule: Rule, reason: str, unknown: Sequence[str]) -> str:
    if not unknown:
        return reason
    return f"{reason} Not known here: {spoken_unknown(rule, unknown)}.".strip()
