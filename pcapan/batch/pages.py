"""The pages of a dataset: an index with causes and trends, and lists of all incidents.

Knows what is said and how much of it a page holds. Must not know how anything was found, nor how results
are rendered. Texts of strangers are made harmless by the template engine.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pcapan
from pcapan.batch.charts import cause_chart, overview_chart
from pcapan.batch.manifest import Line
from pcapan.batch.trends import Cause, Incident, Span, causes_of, incidents_of
from pcapan.report.pages import render_page

#: What the index shows at most; the rest is counted, or stands on other pages.
_CAUSES, _CHARTS, _WORST, _REASONS, _EXAMPLES, _SOURCES = 30, 12, 50, 20, 3, 8
#: Incidents on one page of the complete list.
_PAGE = 1000
_DAY = 86_400 * 1_000_000_000
_PACKAGE = "pcapan.batch"


@dataclass(frozen=True, slots=True)
class Links:
    """Where the report of an incident lies, by key, below the dataset."""

    by_key: Mapping[str, str]

    def of(self, one: Incident) -> str:
        """The best there is for an incident; its result document when nothing else is."""
        return self.by_key.get(one.key, f"results/{one.key[:2]}/{one.key}.json")


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything the pages are made from."""

    incidents: list[Incident]
    causes: list[Cause]
    failed: list[Line]
    duplicates: int
    """Items whose content is that of another."""

    @staticmethod
    def of(lines: Sequence[Line]) -> Overview:
        """The overview of a manifest's lines."""
        incidents = incidents_of(lines)
        ok = sum(line["status"] == "ok" for line in lines)
        failed = [line for line in lines if line["status"] != "ok"]
        return Overview(incidents, causes_of(incidents), failed, ok - len(incidents))

    @property
    def worst(self) -> list[Incident]:
        """All incidents, the worst first."""
        return sorted(self.incidents, key=lambda one: one.rank)


def write_pages(overview: Overview, links: Links, name: str) -> Iterator[tuple[str, str]]:
    """(file name, HTML) of every page; the index comes last, when what it points to is there."""
    months: dict[str, list[Incident]] = defaultdict(list)
    for one in overview.worst:
        months[one.month].append(one)
    listed: list[tuple[str, int, list[str]]] = []
    for month in sorted(months):
        here = months[month]
        names = [_page_name(month, number) for number in range(-(-len(here) // _PAGE))]
        for number, file in enumerate(names):
            rows = here[number * _PAGE : (number + 1) * _PAGE]
            yield file, _month_page(month, rows, links, names, number, len(here))
        listed.append((month, len(here), names))
    yield "index.html", _index(overview, links, listed, name)


def _page_name(month: str, number: int) -> str:
    return f"incidents-{month}{f'-{number + 1}' if number else ''}.html"


def _month_page(
    month: str, rows: Sequence[Incident], links: Links, names: Sequence[str], number: int, total: int
) -> str:
    return render_page(
        "month.html.j2",
        _FILTERS,
        package=_PACKAGE,
        month=month,
        rows=[_row(one, links) for one in rows],
        total=total,
        pages=[(str(place + 1), file, place == number) for place, file in enumerate(names)],
        first=number * _PAGE + 1,
    )


def _index(overview: Overview, links: Links, listed: Sequence[tuple[str, int, list[str]]], name: str) -> str:
    causes = overview.causes
    troubled = sum(bool(one.trouble) for one in overview.incidents)
    return render_page(
        "index.html.j2",
        _FILTERS,
        package=_PACKAGE,
        dataset=name,
        tone="bad" if troubled else "good",
        verdict="trouble found" if troubled else "no trouble found",
        sentence=_headline(overview, troubled),
        facts=_facts(overview, troubled),
        overview=overview_chart(overview.incidents),
        causes=[_cause(cause, number, links) for number, cause in enumerate(causes[:_CAUSES])],
        causes_left=max(0, len(causes) - _CAUSES),
        worst=[_row(one, links) for one in overview.worst[:_WORST] if one.trouble],
        listed=[(month, count, files) for month, count, files in listed],
        reasons=_reasons(overview.failed),
        failed=len(overview.failed),
        version=pcapan.__version__,
    )


_FILTERS = {"thousands": lambda number: f"{number:,}"}


def _headline(overview: Overview, troubled: int) -> str:
    total = len(overview.incidents)
    if not overview.causes:
        return f"None of {_count(total, 'incident')} shows trouble that keeps clients out."
    worst = overview.causes[0]
    state = "it has ended" if worst.span.ended else "it is still there"
    return (
        f"{worst.title}: server {worst.server}, in {_count(len(worst.incidents), 'incident')} since "
        f"{worst.span.first.month}; {state}. In all, {troubled:,} of {_count(total, 'incident')} "
        f"{'shows' if troubled == 1 else 'show'} trouble."
    )


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'s' * (number != 1)}"


def _facts(overview: Overview, troubled: int) -> list[tuple[str, str]]:
    times = [one.first_ns for one in overview.incidents if one.first_ns is not None]
    servers = {server for one in overview.incidents for server in one.server.split("+")} - {"unknown"}
    facts = [
        ("Incidents", f"{len(overview.incidents):,}"),
        ("With trouble", f"{troubled:,}"),
        ("Servers", f"{len(servers):,}"),
    ]
    if times:
        facts.append(("From", day_of(min(times))))
        facts.append(("To", day_of(max(times))))
    partly = sum(bool(one.partly) for one in overview.incidents)
    if partly:
        facts.append(("Cut or damaged", f"{partly:,}"))
    if overview.failed:
        facts.append(("Not readable", f"{len(overview.failed):,}"))
    if overview.duplicates:
        facts.append(("Same content as another", f"{overview.duplicates:,}"))
    return facts


def _cause(cause: Cause, number: int, links: Links) -> dict[str, Any]:
    return {
        "title": cause.title,
        "rule": cause.rule,
        "server": cause.server,
        "verdict": cause.verdict,
        "severity": cause.severity,
        "began": began_text(cause.span),
        "often": _often(cause.span),
        "ended": ended_text(cause.span),
        "notes": cause.notes,
        "limit": _limit_text(cause),
        "chart": cause_chart(cause, f"cause{number}") if number < _CHARTS else None,
        "sources": [
            {
                "address": address,
                "seen": span.seen,
                "first": day_of(span.first.first_ns),
                "last": day_of(span.last.first_ns),
                "state": "ended" if span.ended else "still there" if not span.after else "not lately",
            }
            for address, span in cause.sources[:_SOURCES]
        ],
        "sources_left": cause.sources_left + max(0, len(cause.sources) - _SOURCES),
        "examples": [_row(one, links) for one in cause.incidents[:_EXAMPLES]],
        "count": len(cause.incidents),
    }


def began_text(span: Span) -> str:
    """When something began, as far as the captures tell."""
    first, before = day_of(span.first.first_ns), _count(len(span.before), "incident")
    if span.began:
        return (
            f"Began in {span.first.month}: first seen on {first}, and not in {before} before that could have "
            f"shown it, the last of them on {day_of(span.before[-1].first_ns)}."
        )
    if span.before:
        return (
            f"First seen on {first} ({span.first.month}). {before} before could have shown it and did not: "
            "too few to say that it began then."
        )
    return f"There from the first capture on that could show it, on {first} ({span.first.month})."


def _often(span: Span) -> str:
    days = _days(span.first.first_ns, span.last.first_ns)
    over = f" over {_count(days, 'day')}" if days else ""
    return f"In {span.seen:,} of {_count(span.could_show, 'incident')} that could show it{over}."


def ended_text(span: Span) -> str:
    """Whether something ended, as far as the captures tell."""
    last = day_of(span.last.first_ns)
    if not span.after:
        return f"Still there on {last}, in the last incident that could show it."
    since, after = day_of(span.after[0].first_ns), _count(len(span.after), "incident")
    if span.ended:
        return (
            f"Ended between {last} and {since} ({span.after[0].month}): since then "
            f"{after} could have shown it and did not."
        )
    return f"Last seen on {last}. {after} since could have shown it and did not: too few to speak of an end."


def _limit_text(cause: Cause) -> str:
    if not cause.limits:
        return ""
    ranked = Counter(dict(cause.limits)).most_common(4)
    told = ", ".join(f"{limit} SAs ({_count(count, 'incident')})" for limit, count in ranked)
    return f"The server fell silent at {told}."


def _days(first: int | None, last: int | None) -> int:
    return 0 if first is None or last is None else -(-(last - first) // _DAY)


def day_of(ns: int | None) -> str:
    """A day in UTC; times that no calendar has are unknown."""
    if ns is None:
        return "unknown"
    try:
        return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=ns // 10**9):%Y-%m-%d}"
    except OverflowError:
        return "unknown"


def _minute_of(ns: int | None) -> str:
    if ns is None:
        return "unknown"
    try:
        return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=ns // 10**9):%Y-%m-%d %H:%M}"
    except OverflowError:
        return "unknown"


def _row(one: Incident, links: Links) -> dict[str, Any]:
    link = links.of(one)
    return {
        "time": _minute_of(one.first_ns),
        "server": one.server,
        "verdict": one.verdict,
        "sentence": one.sentence if len(one.sentence) <= 240 else f"{one.sentence[:238]}...",
        "files": one.names[0],
        "more": len(one.names) - 1,
        "partly": bool(one.partly),
        "link": link,
        "kind": {"html": "report", "md": "report (Markdown)"}.get(link.rpartition(".")[2], "result (JSON)"),
    }


def _reasons(failed: Sequence[Line]) -> list[dict[str, Any]]:
    by_reason: dict[str, list[str]] = defaultdict(list)
    for line in failed:
        by_reason[line["reason"]].append(line["inputs"][0])
    ranked = sorted(by_reason.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return [
        {"reason": reason, "count": len(names), "examples": sorted(names)[:_EXAMPLES]}
        for reason, names in ranked[:_REASONS]
    ]
