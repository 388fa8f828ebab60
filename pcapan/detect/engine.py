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

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from pcapan.detect.cells import Cells, RowValues, Typed, conform, declared
from pcapan.detect.columns import truths
from pcapan.detect.expression import Expression
from pcapan.detect.rule import Need, Origin, Rule
from pcapan.detect.schema import Value
from pcapan.detect.wording import Template, clean
from pcapan.model import Severity, Verdict


class RowVerdict(Struct, frozen=True):
    """What a rule says about a row, or alike about several; of no row where it is about the whole capture."""

    rows: Sequence[int]
    """Indexes of the rows, in order. There may be a million of which the same is said."""
    verdict: Verdict
    reason: str
    values: Mapping[str, Value]
    """Every name the rule could use, columns, parameters and lets, with the values of the first row."""
    unknown: tuple[str, ...] = ()
    """Columns (or calculations) whose missing value kept an outcome or gate from being decided."""
    severity: Severity | None = None
    outcome: int | None = None
    """Index of the outcome that held."""

    @property
    def row_index(self) -> int | None:
        """Index of the first row."""
        return self.rows[0] if self.rows else None


class Group(Struct, frozen=True):
    """One finding: a verdict and what is said of the rows that got it."""

    verdict: Verdict
    severity: Severity
    ranks: tuple[tuple[RowVerdict, ...], ...]
    """What is said of the gravest rows first; rows of the same rank stand together."""
    key: Value = None
    """The value of `group_by` these rows share."""

    @property
    def rows(self) -> tuple[RowVerdict, ...]:
        """What is said of its rows."""
        return tuple(row for rank in self.ranks for row in rank)

    @property
    def lead(self) -> RowVerdict:
        """What is said of the row whose numbers stand for the finding."""
        return self.ranks[0][0]

    @property
    def row_count(self) -> int:
        """How many rows it is said of."""
        return sum(len(row.rows) for row in self.rows)

    def first_indexes(self, count: int) -> list[int]:
        """Indexes of so many of its rows, the gravest first."""
        found: list[int] = []
        for rank in self.ranks:
            if len(found) < count:
                found += sorted(index for row in rank for index in row.rows[:count])
        return found[:count]

    @property
    def reasons(self) -> tuple[str, ...]:
        """The different reasons of its rows, in order."""
        return tuple(dict.fromkeys(row.reason for row in self.rows if row.reason))

    @property
    def unknown(self) -> tuple[str, ...]:
        """All names whose values were missing."""
        return tuple(
            dict.fromkeys(name for names in {row.unknown: None for row in self.rows} for name in names)
        )


class _Saying(Struct, frozen=True):
    """What the conditions of a rule come to, before it is worded for a row."""

    verdict: Verdict
    reason: Template | None = None
    unknown: tuple[str, ...] = ()
    severity: Severity | None = None
    outcome: int | None = None

    def about(self, rule: Rule, rows: Sequence[int], values: Mapping[str, Value]) -> RowVerdict:
        """The same about rows, worded with their values."""
        reason = "" if self.reason is None else self.reason.render(values)
        if self.outcome is None:
            reason = _with_unknown(rule, reason, self.unknown)
        return RowVerdict(rows, self.verdict, reason, values, self.unknown, self.severity, self.outcome)


def evaluate_rule(
    rule: Rule, rows: Sequence[Mapping[str, Value]] | Typed, capture: Mapping[str, Value]
) -> list[RowVerdict]:
    """Judge every row, in order; a failed gate about the capture, or no row at all, gives a single verdict.

    Rows that several rules are asked about are read once when they are given as `Typed`.
    """
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
    stopped = _gate(rule, wide, [need.when.evaluate(base) for need in wide], base)
    if stopped is not None:
        return [stopped.about(rule, (), base)]
    if rule.judges_capture:
        answers = [outcome.when.evaluate(base) for outcome in rule.outcomes]
        return [_judge(rule, answers, base).about(rule, (0,), base)]
    table = rows if isinstance(rows, Typed) else Typed(rows)
    if not len(table):
        return [RowVerdict((), Verdict.NOT_OBSERVED, "", base)]
    return _judge_rows(rule, Cells(rule, table, base, row_lets))


class _Alike(Struct, frozen=True):
    """Rows to which gates and outcomes, as far as they were asked, gave the same answers."""

    rows: Sequence[int]
    answers: tuple[Value, ...] = ()


def _judge_rows(rule: Rule, cells: Cells) -> list[RowVerdict]:
    gates = [need for need in rule.needs if not _capture_wide(rule, need.when)]
    asked = [*(need.when for need in gates), *(outcome.when for outcome in rule.outcomes)]
    verdicts: list[RowVerdict] = []
    for alike in _answered(asked, len(gates), cells):
        open_ones = [when for when, answer in zip(asked, alike.answers, strict=False) if answer is None]
        gate_answers, outcome_answers = alike.answers[: len(gates)], alike.answers[len(gates) :]
        for rows in _missing_alike(rule, open_ones, cells, alike.rows) if open_ones else [alike.rows]:
            first = RowValues(cells, rows[0])  # asked for nothing but which of its values are missing
            saying = _gate(rule, gates, gate_answers, first) or _judge(rule, outcome_answers, first)
            verdicts += [
                saying.about(rule, told, RowValues(cells, told[0]))
                for told in _worded_alike(rule, saying, cells, rows)
            ]
    verdicts.sort(key=lambda verdict: verdict.row_index or 0)
    return verdicts


def _answered(asked: Sequence[Expression], gates: int, cells: Cells) -> list[_Alike]:
    """All rows with the answers they got, up to the one that decides; the first `gates` asked are gates."""
    decided: list[_Alike] = []
    open_ones = [_Alike(range(len(cells)))]
    for number, expression in enumerate(asked):
        before, open_ones = open_ones, []
        for alike in before:
            answers = truths(expression.evaluate_all(cells.choose(alike.rows)))
            for answer, rows in answers.split(alike.rows):
                goes_on = (answer is True) is (number < gates)
                (open_ones if goes_on else decided).append(_Alike(rows, (*alike.answers, answer)))
    return decided + open_ones


def _missing_alike(
    rule: Rule, unknown: Iterable[Expression], cells: Cells, indexes: Sequence[int]
) -> Iterable[Sequence[int]]:
    """The rows parted by which of the values are missing that those expressions rest on."""
    names = dict.fromkeys(name for expression in unknown for name in expression.names)
    leaves = dict.fromkeys(leaf for name in names for leaf in rule.names[name].leaves)
    chosen = cells.choose(indexes)
    return _parted(
        indexes, [[value is None for value in chosen.column(name)] for name in {**names, **leaves}]
    )


def _worded_alike(
    rule: Rule, saying: _Saying, cells: Cells, indexes: Sequence[int]
) -> Iterable[Sequence[int]]:
    """The rows parted by the values that a finding words, and orders or groups its claims by."""
    names = dict.fromkeys(() if saying.reason is None else saying.reason.names)
    if saying.verdict.reported:
        names.update(dict.fromkeys(filter(None, (rule.address, rule.group_by, rule.order_by))))
    chosen = cells.choose(indexes)
    return _parted(
        indexes, [column.keys for column in map(chosen.column, names) if len(column.different) > 1]
    )


def _parted(indexes: Sequence[int], keys: Sequence[Iterable[object]]) -> Iterable[Sequence[int]]:
    """Rows with the same keys together."""
    if not keys:
        return [indexes]
    alike: dict[object, list[int]] = defaultdict(list)
    for index, key in zip(indexes, zip(*keys, strict=True), strict=True):
        alike[key].append(index)
    return alike.values()


def group(rule: Rule, verdicts: Sequence[RowVerdict]) -> list[Group]:
    """One group per claim and cause; without a claim one group for the whole rule."""
    given = {row.verdict for row in verdicts}
    if any(verdict.reported for verdict in given):
        return [
            made
            for verdict in (Verdict.CONFIRMED, Verdict.SUSPECTED)
            for made in _claims(rule, verdict, [row for row in verdicts if row.verdict is verdict])
        ]
    for verdict in (Verdict.INCONCLUSIVE, Verdict.NOT_OBSERVED, Verdict.NOT_APPLICABLE):
        if verdict in given:
            held = tuple(row for row in verdicts if row.verdict is verdict)
            return [Group(verdict, rule.severity, (held,))]
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
        ranks: dict[tuple[int, float, str], list[RowVerdict]] = defaultdict(list)
        for row in members:
            ranks[_rank(row.values.get(rule.order_by) if rule.order_by else None)].append(row)
        severity = max({row.severity or rule.severity for row in members}, key=list(Severity).index)
        ordered = tuple(tuple(ranks[rank]) for rank in sorted(ranks, reverse=True))
        groups.append(Group(verdict, severity, ordered, key))
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
) -> _Saying | None:
    """The verdict of the first gate that is not open; None when all are."""
    for need, value in zip(gates, answers, strict=False):  # none is asked after one that is not open
        if value is True:
            continue
        # Whether a rule applies cannot be denied from a value nobody knows.
        verdict = need.verdict if value is False else Verdict.INCONCLUSIVE
        unknown = _unknown(rule, need.when, values) if value is None else ()
        return _Saying(verdict, need.reason, unknown)
    return None


def _judge(rule: Rule, answers: Sequence[Value], values: Mapping[str, Value]) -> _Saying:
    unknown: dict[str, None] = {}
    claim_open = False
    for number, (outcome, value) in enumerate(zip(rule.outcomes, answers, strict=False)):
        if value is None:
            unknown.update(dict.fromkeys(_unknown(rule, outcome.when, values)))
            claim_open = claim_open or outcome.verdict.reported
        if value is not True:
            continue
        if outcome.verdict is Verdict.NOT_OBSERVED and claim_open:
            break
        return _Saying(outcome.verdict, outcome.reason, tuple(unknown), outcome.severity, number)
    if unknown:
        return _Saying(Verdict.INCONCLUSIVE, unknown=tuple(unknown))
    return _Saying(Verdict.NOT_OBSERVED)


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
