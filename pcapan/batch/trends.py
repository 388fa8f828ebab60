"""What many incidents say together: causes, when each began, how often it is met, and whether it ended.

Knows the short forms of results in the manifest. Must not know results, files or pages. A cause is one
finding at one server (or pair of servers): a hundred incidents with the same cause are one line here.

"Seen" is a claim, "not seen" a verdict of not observed; incidents that could not show it are neither, and
nothing is concluded from them.
"""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pcapan.batch.manifest import Line

#: Incidents without it that must come before the first, or after the last, to speak of a beginning or an end.
ENOUGH = 2
#: ... and chance must not explain them: at its rate so many in a row without it are less likely than this.
_CHANCE = 0.05
#: Findings that say something about the capture and not about the network.
_ABOUT_CAPTURE = ("capture-", "one-direction")
_SEVERITIES = ("info", "low", "medium", "high", "critical")
_LIMIT, _FULL_NAT, _UNTRANSLATED = "sa-limit-exhaustion", "full-nat", "no-source-nat"
#: Months between the first and the last are all shown, but no more than these.
_MOST_MONTHS = 36


@dataclass(frozen=True, slots=True)
class Incident:
    """One item of the manifest that was analysed."""

    key: str
    names: tuple[str, ...]
    month: str
    server: str
    first_ns: int | None
    last_ns: int | None
    verdict: str
    sentence: str
    partly: str
    """What its result does not cover."""
    claims: tuple[dict[str, Any], ...]
    not_observed: frozenset[str]
    busiest: tuple[str, int] | None

    def claim(self, rule: str) -> dict[str, Any] | None:
        """What it claims under a rule."""
        return next((claim for claim in self.claims if claim["id"] == rule), None)

    @property
    def trouble(self) -> list[dict[str, Any]]:
        """Claims that are more than information and not about the capture, the gravest first."""
        return [claim for claim in self.claims if _is_trouble(claim)]

    @property
    def rank(self) -> tuple[int, int, int, int]:
        """The worst first."""
        worst = self.trouble[0] if self.trouble else None
        return (
            -_SEVERITIES.index(worst["severity"]) if worst else 1,
            -(worst["verdict"] == "confirmed") if worst else 0,
            -len(self.trouble),
            -(self.first_ns or 0),
        )


def _is_trouble(claim: dict[str, Any]) -> bool:
    return claim["severity"] != "info" and not claim["id"].startswith(_ABOUT_CAPTURE)


@dataclass(slots=True)
class Month:
    """One month of a cause."""

    month: str
    seen: int = 0
    not_seen: int = 0
    unclear: int = 0
    limit: float | None = None
    """Median of the SAs that a source held when the server fell silent."""
    onsets: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Span:
    """When something was there."""

    seen: int
    """Incidents that show it."""
    could_show: int
    """Incidents, of those between the first and the last with it, that could have shown it."""
    first: Incident
    last: Incident
    before: list[Incident]
    """All incidents without it before the first with it."""
    after: list[Incident]
    """All incidents without it after the last with it."""

    @property
    def began(self) -> bool:
        """Whether enough captures before do not show it."""
        return self._means_something(len(self.before))

    @property
    def ended(self) -> bool:
        """Whether enough captures since do not show it any more."""
        return self._means_something(len(self.after))

    def _means_something(self, without: int) -> bool:
        rate = self.seen / self.could_show
        return without >= ENOUGH and (1 - rate) ** without < _CHANCE


@dataclass(slots=True)
class Cause:
    """One finding at one server over all incidents."""

    rule: str
    title: str
    server: str
    severity: str
    verdict: str
    """confirmed when any incident confirms it."""
    incidents: list[Incident]
    span: Span
    months: list[Month]
    sources: list[tuple[str, Span]]
    """Addresses it was said of, the most frequent first, each with when it was seen there."""
    sources_left: int
    limits: list[tuple[int, int]]
    """(SAs at which the server fell silent, incidents), in the order in which they were first met."""
    notes: list[str] = field(default_factory=list)
    """What else changed when it ended."""

    @property
    def rank(self) -> tuple[int, bool, bool, int, str]:
        """The worst first; of equals, what is still there."""
        return (
            -_SEVERITIES.index(self.severity),
            self.verdict != "confirmed",
            self.span.ended,
            -len(self.incidents),
            self.rule + self.server,
        )


def incidents_of(lines: Iterable[Line]) -> list[Incident]:
    """The incidents of a manifest in order of time; the same content under several names is one."""
    found: dict[str, Incident] = {}
    for line in lines:
        if line["status"] == "ok" and line["key"] not in found:
            digest = line["digest"]
            busiest = digest["busiest"]
            found[line["key"]] = Incident(
                key=line["key"],
                names=tuple(line["inputs"]),
                month=digest["month"],
                server=digest["server"],
                first_ns=digest["first_ns"],
                last_ns=digest["last_ns"],
                verdict=digest["verdict"],
                sentence=digest["sentence"],
                partly=line["reason"],
                claims=tuple(digest["claims"]),
                not_observed=frozenset(digest["not_observed"]),
                busiest=(busiest[0], busiest[1]) if busiest else None,
            )
    return sorted(found.values(), key=lambda one: (one.first_ns is None, one.first_ns or 0, one.key))


def causes_of(incidents: Sequence[Incident]) -> list[Cause]:
    """All causes, the worst first; `incidents` in order of time."""
    by_server: dict[str, list[Incident]] = defaultdict(list)
    for one in incidents:
        by_server[one.server].append(one)
    causes = []
    for server, here in by_server.items():
        rules = {claim["id"]: claim for one in here for claim in one.trouble}
        for rule, claim in rules.items():
            causes.append(_cause(rule, claim["title"], server, here))
    known = {(cause.rule, cause.server): cause for cause in causes}
    for cause in causes:
        cause.notes = _notes(cause, known)
    return sorted(causes, key=lambda cause: cause.rank)


def _cause(rule: str, title: str, server: str, here: list[Incident]) -> Cause:
    seen = [one for one in here if one.claim(rule) is not None]
    claims = [claim for one in seen if (claim := one.claim(rule)) is not None]
    span = _span([(one, _state(one, rule)) for one in here])
    assert span is not None
    often = Counter(address for claim in claims for address in claim["addresses"])
    shown = [address for address, _ in often.most_common(10)]
    sources = [
        (address, found) for address in shown if (found := _source_span(here, rule, address)) is not None
    ]
    limits = Counter(onset for claim in claims if (onset := _onset(claim)) is not None)
    return Cause(
        rule=rule,
        title=title,
        server=server,
        severity=max((claim["severity"] for claim in claims), key=_SEVERITIES.index),
        verdict="confirmed" if any(claim["verdict"] == "confirmed" for claim in claims) else "suspected",
        incidents=sorted(seen, key=lambda one: one.rank),
        span=span,
        months=_months(here, rule),
        sources=sources,
        sources_left=len(often) - len(sources),
        limits=list(limits.items()),
    )


def _state(one: Incident, rule: str) -> bool | None:
    """Seen, not seen, or cannot be told."""
    if one.claim(rule) is not None:
        return True
    return False if rule in one.not_observed else None


def _source_span(here: Sequence[Incident], rule: str, address: str) -> Span | None:
    """The same for one address. An incident that claims it of others only says nothing about this one."""
    states: list[tuple[Incident, bool | None]] = []
    for one in here:
        claim = one.claim(rule)
        named = claim is not None and address in claim["addresses"]
        states.append((one, True if named else None if claim is not None else _state(one, rule)))
    return _span(states)


def _span(states: Sequence[tuple[Incident, bool | None]]) -> Span | None:
    places = [number for number, (_, state) in enumerate(states) if state]
    if not places:
        return None
    first, last = places[0], places[-1]
    return Span(
        seen=len(places),
        could_show=sum(state is not None for _, state in states[first : last + 1]),
        first=states[first][0],
        last=states[last][0],
        before=[one for one, state in states[:first] if state is False],
        after=[one for one, state in states[last + 1 :] if state is False],
    )


def _onset(claim: dict[str, Any]) -> int | None:
    value = claim["numbers"].get("sas_at_onset")
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _months(here: Sequence[Incident], rule: str) -> list[Month]:
    months = {name: Month(name) for name in month_range(one.month for one in here)}
    for one in here:
        month = months.get(one.month)
        if month is None:
            continue
        state = _state(one, rule)
        if state is None:
            month.unclear += 1
        elif state:
            month.seen += 1
            claim = one.claim(rule)
            onset = _onset(claim) if claim is not None else None
            if onset is not None:
                month.onsets.append(onset)
        else:
            month.not_seen += 1
    for month in months.values():
        if month.onsets:
            month.limit = statistics.median(month.onsets)
    return list(months.values())


def month_range(months: Iterable[str]) -> list[str]:
    """All months from the first to the last, the latest if there are too many; unknown ones left out."""
    known = sorted({month for month in months if month[:4].isdecimal()})
    if not known:
        return []
    numbers = [int(month[:4]) * 12 + int(month[5:7]) - 1 for month in (known[0], known[-1])]
    names = [f"{number // 12:04}-{number % 12 + 1:02}" for number in range(numbers[0], numbers[1] + 1)]
    return names[-_MOST_MONTHS:]


def _notes(cause: Cause, known: dict[tuple[str, str], Cause]) -> list[str]:
    """What else is different since it ended, or what explains it."""
    notes = []
    span = cause.span
    if cause.rule == _LIMIT and len(cause.limits) > 1:
        told = ", then ".join(f"{limit}" for limit, _ in cause.limits[:4])
        notes.append(f"The number of SAs at which the server fell silent is not always the same: {told}.")
    if cause.rule == _LIMIT and span.ended:
        other = known.get((_FULL_NAT, cause.server))
        lowest = min((limit for limit, _ in cause.limits), default=None)
        held = max((one.busiest[1] for one in span.after if one.busiest), default=0)
        if other is not None and other.span.ended and _together(span, other.span):
            notes.append("Full NAT ended at the same time: every client has an allowance of its own since.")
        elif lowest is not None and held > lowest:
            notes.append(
                f"Up to {held} SAs of one source were held at once since, more than the {lowest} at which "
                "the server fell silent before: the limit was raised."
            )
        elif lowest is not None:
            notes.append(
                f"No source held more than {held} SAs at once since, and the server fell silent at {lowest}: "
                "whether the limit was changed cannot be told."
            )
    if cause.rule == _FULL_NAT and span.ended:
        direct = sum(one.claim(_UNTRANSLATED) is not None for one in span.after)
        if direct:
            notes.append(
                f"In {direct:,} of {len(span.after):,} incidents since, clients' own addresses arrive at the "
                "server: the device no longer replaces them."
            )
    return notes


def _together(one: Span, other: Span) -> bool:
    """Whether two causes ended between the same captures, as far as that can be told."""
    ended = [min(i.first_ns or 0 for i in span.after) for span in (one, other)]
    return max(one.last.first_ns or 0, other.last.first_ns or 0) <= min(ended)
