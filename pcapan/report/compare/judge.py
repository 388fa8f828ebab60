"""Whether a change worked: each finding of the capture before against the capture after.

Knows two result documents. Must not know how either was made, nor how the comparison is shown.

"Not observed" after a change is no proof by itself: a limit of 150 SAs is not reached by three clients,
and a request that went unanswered one time in ten is answered twice by chance. So a finding is gone
only where the capture after had the load in which it would have shown itself; else nobody can tell.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from pcapan.model import Finding, Result, Severity, Verdict
from pcapan.report import words
from pcapan.report.compare.caveats import caveats
from pcapan.report.compare.numbers import Total, most_live, source_rows, sum_of, totals

#: Grows like the version of the result document: the first number with what old readers cannot read.
COMPARISON_VERSION = "1.0"

#: A finding counts as gone when, had nothing changed, it would be missing by chance this seldom.
_CHANCE = 0.05

#: Findings whose trouble follows from the number of SAs that are held at once.
_LIMIT = "sa-limit-exhaustion"
_FOLLOWS_FROM_LIMIT = ("unanswered-init",)

#: Findings that say of every single attempt that it got no answer.
_UNANSWERED = ("unanswered-init", "server-silent")


class State(StrEnum):
    """What became of a finding."""

    STILL = "still"
    NEW = "new"
    CANNOT_TELL = "cannot-tell"
    GONE = "gone"


class Outcome(StrEnum):
    """What became of the trouble as a whole."""

    WORKED = "worked"
    IN_PART = "in-part"
    FAILED = "failed"
    CANNOT_TELL = "cannot-tell"
    NEW_TROUBLE = "new-trouble"
    NO_TROUBLE = "no-trouble"


@dataclass(frozen=True, slots=True)
class Change:
    """One finding, before and after. A verdict is None where no rule of that run asked."""

    id: str
    title: str
    state: State
    severity: Severity
    before: Verdict | None
    after: Verdict | None
    reason: str
    addresses_before: list[str]
    addresses_after: list[str]
    numbers_before: dict[str, Any]
    numbers_after: dict[str, Any]
    trouble: bool
    """It keeps clients out. False: it is about the capture itself, or harmless."""
    there_now: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything there is to say about the change."""

    outcome: Outcome
    sentence: str
    changes: list[Change]
    """Reported on one side at least: trouble first, what is still there before what is gone."""
    unchanged: int
    """Findings that are reported on neither side."""
    totals: list[Total]
    sources: list[dict[str, Any]]
    """{address, before: {attempts, ...} | None, after: ...}, the worst before the change first."""
    caveats: list[str]
    before: Result
    after: Result

    def to_dict(self) -> dict[str, Any]:
        """The JSON document; both results are in it by their verdict and inputs only."""
        return {
            "comparison_version": COMPARISON_VERSION,
            "tool": self.after.tool,
            "outcome": self.outcome.value,
            "sentence": self.sentence,
            "before": _side(self.before),
            "after": _side(self.after),
            "changes": [asdict(change) for change in self.changes],
            "unchanged": self.unchanged,
            "totals": [asdict(total) for total in self.totals],
            "sources": self.sources,
            "caveats": self.caveats,
        }


def compare(before: Result, after: Result) -> Comparison:
    """Judge the change that lies between two captures."""
    olds = {finding.id: finding for finding in before.findings}
    news = {finding.id: finding for finding in after.findings}
    changes = []
    unchanged = 0
    for name in dict.fromkeys([*olds, *news]):
        change = _change(olds.get(name), news.get(name), before, after)
        if change is None:
            unchanged += 1
        else:
            changes.append(change)
    order = list(State)
    changes.sort(key=lambda change: (not change.trouble, order.index(change.state)))
    outcome = _outcome(changes)
    return Comparison(
        outcome=outcome,
        sentence=_sentence(outcome, changes),
        changes=changes,
        unchanged=unchanged,
        totals=totals(before, after),
        sources=source_rows(before, after),
        caveats=caveats(before, after),
        before=before,
        after=after,
    )


def fails(comparison: Comparison, states: list[State]) -> bool:
    """Whether trouble is in one of these states.

    What is there now, and could not be seen before, is one of both, still there or new: it fails either.
    """
    asked = set(states) & {State.STILL, State.NEW}
    return any(
        change.trouble
        and (change.state in states or (asked and change.state is State.CANNOT_TELL and change.there_now))
        for change in comparison.changes
    )


def _change(old: Finding | None, new: Finding | None, before: Result, after: Result) -> Change | None:
    either = new or old
    assert either is not None
    was = old is not None and old.verdict.reported
    is_now = new is not None and new.verdict.reported
    if not was and not is_now:
        return None
    state, reason = _state(old, new, before, after)
    shown = old if old is not None and was else either
    return Change(
        id=either.id,
        title=either.title,
        state=state,
        severity=(new if new is not None and is_now else shown).severity,
        before=old.verdict if old else None,
        after=new.verdict if new else None,
        reason=reason,
        addresses_before=list(old.addresses) if old and was else [],
        addresses_after=list(new.addresses) if new and is_now else [],
        numbers_before=_plain(old),
        numbers_after=_plain(new),
        trouble=not words.about_capture(either)
        and any(one.severity is not Severity.INFO for one in (old, new) if one and one.verdict.reported),
        there_now=is_now,
    )


def _plain(finding: Finding | None) -> dict[str, Any]:
    if finding is None:
        return {}
    return {key: value for key, value in finding.numbers.items() if not isinstance(value, dict)}


def _state(old: Finding | None, new: Finding | None, before: Result, after: Result) -> tuple[State, str]:
    """What became of a finding that is reported on one side at least, and why that is said."""
    if new is not None and new.verdict.reported:
        if old is None:
            return State.CANNOT_TELL, "It is there now; the run on the capture before did not ask for it."
        if old.verdict.reported:
            return State.STILL, new.summary
        if old.verdict is Verdict.NOT_OBSERVED:
            return State.NEW, new.summary
        return (
            State.CANNOT_TELL,
            f"It is there now; the capture before could not show whether it was there then. {new.summary}",
        )
    assert old is not None
    if new is None:
        return State.CANNOT_TELL, "It was there; the run on the capture after did not ask for it."
    if new.verdict is Verdict.NOT_APPLICABLE:
        return State.CANNOT_TELL, "It was there; the traffic after the change does not pose the question."
    if new.verdict is Verdict.INCONCLUSIVE:
        why = " ".join(words.paragraphs(new.why)[:1])
        return State.CANNOT_TELL, f"It was there; the capture after cannot show it. {why}".strip()
    missing = _too_little(old, before, after)
    if missing:
        return State.CANNOT_TELL, missing
    return State.GONE, f"It was there, would have shown itself again, and is not there. {new.summary}"


def _too_little(old: Finding, before: Result, after: Result) -> str:
    """Why the capture after had too little load for `old` to show itself; empty where it had enough."""
    if words.about_capture(old) or old.severity is Severity.INFO:
        return ""
    attempts = sum_of(after, "attempts")
    if not attempts:
        return "There is no attempt to connect in the capture after, so it cannot have shown itself."
    limit = _held_at_limit(before)
    if limit and old.id in (_LIMIT, *_FOLLOWS_FROM_LIMIT):
        most = most_live(after)
        if most <= limit:
            return (
                f"It was not seen, but at most {most} SAs were live at once after the change, and before it "
                f"the trouble began at {limit}. Capture while more clients are connected."
            )
    share = _share(old, before)
    if share and (1 - share) ** attempts > _CHANCE:
        wanted = math.ceil(math.log(_CHANCE) / math.log(1 - share))
        return (
            f"It was not seen, but it hit {share:.0%} of the attempts before, and the capture after holds "
            f"{attempts} only. Capture {wanted} attempts or more."
        )
    return ""


def _held_at_limit(result: Result) -> int:
    """At how many SAs of one source the server fell silent; 0 where that was not found."""
    for finding in result.findings:
        held = finding.numbers.get("sas_at_onset")
        if finding.id == _LIMIT and finding.verdict.reported and isinstance(held, int):
            return held
    return 0


def _share(old: Finding, before: Result) -> float | None:
    """Which share of the attempts it hit before; None where its numbers do not say, or it hit all."""
    total = sum_of(before, "attempts")
    hit = old.numbers.get("attempts")
    if old.id in _UNANSWERED:
        hit = sum_of(before, "unanswered")
    if not isinstance(hit, int) or not 0 < hit < total:
        return None
    return hit / total


def _outcome(changes: list[Change]) -> Outcome:
    trouble = [change for change in changes if change.trouble]
    was = [change for change in trouble if change.before is not None and change.before.reported]
    states = {change.state for change in was}
    added = any(change.there_now for change in trouble if change not in was)
    if not was:
        return Outcome.NEW_TROUBLE if added else Outcome.NO_TROUBLE
    if states == {State.GONE}:
        return Outcome.IN_PART if added else Outcome.WORKED
    if State.GONE in states:
        return Outcome.IN_PART
    return Outcome.FAILED if State.STILL in states else Outcome.CANNOT_TELL


def _sentence(outcome: Outcome, changes: list[Change]) -> str:
    if outcome is Outcome.NO_TROUBLE:
        return "Nothing kept clients out before the change, and nothing does after it, as far as is seen."
    spoken = {
        State.GONE: "gone",
        State.STILL: "still there",
        State.NEW: "new",
        State.CANNOT_TELL: "cannot be told",
    }
    order = (State.GONE, State.STILL, State.NEW, State.CANNOT_TELL)
    if outcome in (Outcome.FAILED, Outcome.NEW_TROUBLE, Outcome.CANNOT_TELL):
        order = (State.STILL, State.NEW, State.CANNOT_TELL, State.GONE)
    parts = []
    for state in order:
        ids = [change.id for change in changes if change.trouble and change.state is state]
        if ids:
            parts.append(f"{spoken[state]}: {words.listed(ids, most=4)}")
    text = "; ".join(parts) + "."
    return text[0].upper() + text[1:]


def _side(result: Result) -> dict[str, Any]:
    verdict, sentence = words.headline(result)
    return {
        "verdict": verdict,
        "sentence": sentence,
        "server": result.capture.server,
        "direction": result.capture.direction,
        "rules_hash": result.run["rules_hash"],
        "inputs": [
            {key: entry[key] for key in ("path", "sha256", "packets", "first", "last", "damaged")}
            for entry in result.inputs
        ],
    }
