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

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pcapan.detect.expression import Expression
from pcapan.detect.rule import Let, Origin, Rule
from pcapan.detect.schema import ColumnType, Value
from pcapan.detect.wording import clean
from pcapan.errors import PcapanError
from pcapan.model import Severity, Verdict

_PYTHON: Mapping[ColumnType, type] = {
    ColumnType.BOOL: bool,
    ColumnType.INT: int,
    ColumnType.FLOAT: float,
    ColumnType.STR: str,
}


class _Names(Mapping[str, Value]):
    """The values of all names for one row, each looked up when it is first asked for.

    A rule asks for a few of a hundred names, and a table may have a hundred thousand rows.
    """

    __slots__ = ("_base", "_columns", "_known", "_row")

    def __init__(
        self,
        row: Mapping[str, Value],
        columns: Mapping[str, tuple[ColumnType, type]],
        base: Mapping[str, Value],
    ) -> None:
        self._row = row
        self._columns = columns
        self._base = base
        self._known: dict[str, Value] = {}

    def __getitem__(self, name: str) -> Value:
        try:
            return self._known[name]
        except KeyError:
            column = self._columns.get(name)
            value = self._base[name] if column is None else _conformed(name, self._row.get(name), *column)
            self._known[name] = value
            return value

    def __setitem__(self, name: str, value: Value) -> None:
        self._known[name] = value

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._base, *self._columns, *self._known)))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _Table:
    """The rows as columns: parameters and lets too, one value for every row."""

    def __init__(
        self,
        rows: Sequence[Mapping[str, Value]],
        columns: Mapping[str, tuple[ColumnType, type]],
        base: Mapping[str, Value],
        lets: Sequence[Let],
    ) -> None:
        self._rows = rows
        self._columns = columns
        self._base = base
        self._lets = {let.name: let.expression for let in lets}
        self._known: dict[str, Sequence[Value]] = {}

    def column(self, name: str) -> Sequence[Value]:
        """The values of a name, in the order of the rows."""
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = self._made(name)
        return found

    def _made(self, name: str) -> Sequence[Value]:
        if name in self._lets:
            return self._lets[name].evaluate_all(self.column, len(self._rows))
        if name not in self._columns:
            return [self._base[name]] * len(self._rows)
        kind, python = self._columns[name]
        return [_conformed(name, row.get(name), kind, python) for row in self._rows]


@dataclass(frozen=True, slots=True)
class RowVerdict:
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


@dataclass(frozen=True, slots=True)
class Group:
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
    _conform(base, _columns(rule, Origin.CAPTURE))
    base.update(rule.param_values())
    row_lets = []
    for let in rule.lets:
        if rule.names[let.name].capture_wide:
            base[let.name] = let.expression.evaluate(base)
        else:
            row_lets.append(let)
    wide = [_capture_wide(rule, need.when) for need in rule.needs]
    stopped = _gate(rule, base, None, [index for index, flag in enumerate(wide) if flag])
    if stopped is not None:
        return [stopped]
    row_gates = [index for index, flag in enumerate(wide) if not flag]
    if rule.judges_capture:
        return [_judge(rule, base, 0)]
    if not rows:
        return [RowVerdict(None, Verdict.NOT_OBSERVED, "", base)]
    verdicts: list[RowVerdict] = []
    columns = {name: (kind, python) for name, kind, python in _columns(rule, Origin.ROW)}
    alike: dict[tuple[Value, ...], list[RowVerdict]] = {}
    asked = [rule.needs[number].when for number in row_gates] + [outcome.when for outcome in rule.outcomes]
    table = _Table(rows, columns, base, row_lets)
    answers = [expression.evaluate_all(table.column, len(rows)) for expression in asked]
    for index, answered in enumerate(zip(*answers, strict=True)):
        known = alike.get(answered)
        if known is not None and len(known) > 1:
            verdicts.append(known[1])
            continue
        values = _Names(rows[index], columns, base)
        for let in row_lets:
            values[let.name] = let.expression.evaluate(values)
        verdict = _gate(rule, values, index, row_gates) or _judge(rule, values, index)
        verdicts.append(verdict)
        if not verdict.verdict.reported and not verdict.reason and not verdict.unknown:
            # Nothing is said of such rows one by one, and there may be a million: from the second on they
            # share one verdict. The first keeps its values, in case it stays alone.
            alike.setdefault(answered, []).append(verdict if known is None else replace(verdict, values=base))
    return verdicts


def group(rule: Rule, verdicts: Sequence[RowVerdict]) -> list[Group]:
    """One group per claim and cause; without a claim one group for the whole rule."""
    claims = [row for row in verdicts if row.verdict.reported]
    if claims:
        return [
            made
            for verdict in (Verdict.CONFIRMED, Verdict.SUSPECTED)
            for made in _claims(rule, verdict, [row for row in claims if row.verdict is verdict])
        ]
    for verdict in (Verdict.INCONCLUSIVE, Verdict.NOT_OBSERVED, Verdict.NOT_APPLICABLE):
        held = tuple(row for row in verdicts if row.verdict is verdict)
        if held:
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
    rule: Rule, values: Mapping[str, Value], index: int | None, needs: Sequence[int]
) -> RowVerdict | None:
    """The verdict of the first gate that is not open; None when all are."""
    for number in needs:
        need = rule.needs[number]
        value = need.when.evaluate(values)
        if value is True:
            continue
        # Whether a rule applies cannot be denied from a value nobody knows.
        verdict = need.verdict if value is False else Verdict.INCONCLUSIVE
        unknown = _unknown(rule, need.when, values) if value is None else ()
        reason = _with_unknown(rule, need.reason.render(values), unknown)
        return RowVerdict(index, verdict, reason, values, unknown)
    return None


def _judge(rule: Rule, values: Mapping[str, Value], index: int) -> RowVerdict:
    unknown: dict[str, None] = {}
    claim_open = False
    for number, outcome in enumerate(rule.outcomes):
        value = outcome.when.evaluate(values)
        if value is None:
            unknown.update(dict.fromkeys(_unknown(rule, outcome.when, values)))
            claim_open = claim_open or outcome.verdict.reported
        if value is not True:
            continue
        if outcome.verdict is Verdict.NOT_OBSERVED and claim_open:
            break
        reason = outcome.reason.render(values) if outcome.reason else ""
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


def _columns(rule: Rule, origin: Origin) -> list[tuple[str, ColumnType, type]]:
    return [
        (name, what.type, _PYTHON[what.type]) for name, what in rule.names.items() if what.origin is origin
    ]


def _conform(values: dict[str, Value], columns: Sequence[tuple[str, ColumnType, type]]) -> None:
    """Give every declared column a plain value of its declared type; absent and NaN become unknown."""
    for name, kind, python in columns:
        values[name] = _conformed(name, values.get(name), kind, python)


def _conformed(name: str, value: Value, kind: ColumnType, python: type) -> Value:
    if type(value) is not python:
        return None if value is None else _plain(name, value, kind)
    if python is float and not math.isfinite(value):  # type: ignore[arg-type]
        return None
    return value


def _plain(name: str, value: object, kind: ColumnType) -> Value:
    item = getattr(value, "item", None)
    if item is not None and not isinstance(value, bool | int | float | str):
        value = item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bool):
        if kind is ColumnType.BOOL:
            return value
    elif isinstance(value, int | float):
        if kind is ColumnType.FLOAT or (kind is ColumnType.INT and isinstance(value, int)):
            return value
        if kind is ColumnType.INT and isinstance(value, float) and value.is_integer():
            return int(value)
    elif isinstance(value, str) and kind is ColumnType.STR:
        return value
    raise PcapanError(
        f"The column {name!r} holds {type(value).__name__} where {kind.value} is declared.",
        hint="This is a fault in the program, not in the rule.",
    )
