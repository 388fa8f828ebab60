"""A group of verdicts becomes the words and numbers of a finding.

Knows how a summary, an explanation and the numbers are put together from a rule's report section.
Must not know evidence, frames or output formats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from pcapan.detect.engine import Group, RowVerdict, spoken_unknown
from pcapan.detect.rule import Rule, Signal
from pcapan.detect.schema import Value
from pcapan.detect.wording import Shown, join_words
from pcapan.model import Verdict

MAX_REASONS = 5
"""Different reasons of rows that are written out in one explanation."""

_PLAIN_SUMMARY = {
    Verdict.CONFIRMED: "This was observed.",
    Verdict.SUSPECTED: "There are signs of this, but no proof.",
    Verdict.NOT_OBSERVED: "This was not observed in this capture.",
    Verdict.INCONCLUSIVE: "This capture cannot show whether it happens.",
    Verdict.NOT_APPLICABLE: "This does not apply to this capture.",
}


class Description(Struct, frozen=True):
    """The worded parts of a finding."""

    addresses: list[str]
    summary: str
    why: str
    numbers: dict[str, Value]
    numbers_by_address: dict[str, dict[str, Value]]
    """The same numbers for each address, when the finding holds for more than one."""
    cannot_show: list[str]
    display_filter: str
    """Empty when the rule has none or a value it needs is unknown."""
    signals: list[str]
    refutes: list[str]


def first_rows(rule: Rule, group: Group) -> dict[str, RowVerdict]:
    """The first row of each address a claim holds for, in the order of the rows; none without a claim."""
    if not rule.address or not group.verdict.reported:
        return {}
    found: dict[str, RowVerdict] = {}
    for row in group.rows:
        address = row.values.get(rule.address)
        if isinstance(address, str) and address and address not in found:
            found[address] = row
    return found


class _Extended(Mapping[str, Shown]):
    """Values with some more; none is looked up before a text asks for it, because most are in no text."""

    def __init__(self, more: Mapping[str, Shown], values: Mapping[str, Shown]) -> None:
        self._more = more
        self._values = values

    def __getitem__(self, name: str) -> Shown:
        return self._more[name] if name in self._more else self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._values, *self._more)))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def wording_values(rule: Rule, group: Group, listed: list[str]) -> Mapping[str, Shown]:
    """The values texts may use, given the addresses of the claim.

    A negative verdict about several rows has no row values to quote.
    """
    values: Mapping[str, Shown] = group.lead.values
    if not group.verdict.reported and group.row_count > 1:
        values = {name: values[name] for name, what in rule.names.items() if what.capture_wide}
    more: dict[str, Shown] = {"addresses": listed, "address_count": len(listed), "row_count": group.row_count}
    return _Extended(more, values)


def describe(rule: Rule, group: Group) -> Description:
    """Word one group. The row that leads it gives the numbers."""
    leading = first_rows(rule, group)
    listed = list(leading)
    values = wording_values(rule, group, listed)
    template = rule.report.summary.get(group.verdict)
    summary = template.render(values) if template else _PLAIN_SUMMARY[group.verdict]
    signals = _holding(rule.report.signals, group, values)
    refutes = _holding(rule.report.refutes, group, values)
    by_address: dict[str, dict[str, Value]] = {}
    if rule.report.numbers and len(listed) > 1:
        by_address = {address: _numbers(rule, row.values) for address, row in leading.items()}
    wanted = rule.evidence.filter
    return Description(
        addresses=listed,
        summary=summary,
        why=_why(rule, group, values, signals, refutes),
        numbers=_known(_numbers(rule, values)) if not group.verdict.reported else _numbers(rule, values),
        numbers_by_address=by_address,
        cannot_show=[
            text.render(values)
            for text in rule.report.cannot_show
            if group.verdict.reported or not text.unknown(values)
        ],
        display_filter="" if wanted is None or wanted.unknown(values) else wanted.render(values),
        signals=signals,
        refutes=refutes,
    )


def row_filter(rule: Rule, row: RowVerdict) -> str:
    """The display filter for one row; empty when the rule has none or a value is unknown."""
    wanted = rule.evidence.filter
    return "" if wanted is None or wanted.unknown(row.values) else wanted.render(row.values)


def _numbers(rule: Rule, values: Mapping[str, Shown]) -> dict[str, Value]:
    numbers: dict[str, Value] = {}
    for name in rule.report.numbers:
        value = values.get(name)
        numbers[name] = value if value is None or isinstance(value, bool | int | float | str) else None
    return numbers


def _known(numbers: dict[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in numbers.items() if value is not None}


def _holding(signals: tuple[Signal, ...], group: Group, values: Mapping[str, Shown]) -> list[str]:
    """The sentences whose condition holds for the leading row; only a claim has any."""
    if not group.verdict.reported:
        return []
    row = group.lead.values
    return [signal.text.render(values) for signal in signals if signal.when.evaluate(row) is True]


def _why(
    rule: Rule, group: Group, values: Mapping[str, Shown], signals: list[str], refutes: list[str]
) -> str:
    reasons, unknown = group.reasons, group.unknown
    parts = list(reasons[:MAX_REASONS])
    if len(reasons) > MAX_REASONS:
        parts.append(f"And {len(reasons) - MAX_REASONS} more of this kind.")
    if rule.report.why is not None and group.verdict.reported:
        parts.append(rule.report.why.render(values))
    if rule.report.signals and group.verdict.reported:
        total = len(rule.report.signals)
        listed = (": " + _sentences(signals)) if signals else "."
        parts.append(f"Independent signals for it, {len(signals)} of {total}{listed}")
    if refutes:
        parts.append(f"What speaks against it: {_sentences(refutes)}")
    if unknown and group.verdict.reported:
        parts.append(f"Not known here: {spoken_unknown(rule, unknown)}.")
    used = [f"{name} = {param.value} {param.unit}".rstrip() for name, param in rule.params.items()]
    if used and group.verdict.reported:
        parts.append(f"Thresholds used: {join_words(used, limit=20)}.")
    return "\n\n".join(parts)


def _sentences(texts: list[str]) -> str:
    return " ".join(text if text.endswith((".", "!", "?")) else text + "." for text in texts)
