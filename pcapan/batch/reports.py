"""Reports of single incidents in a dataset: which there are, which have to be written.

Knows names and ages of files. Must not know how a report is rendered; workers do that. The worst incidents
get a page with charts, which takes a third of a second each; all others Markdown, which takes milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pcapan.batch.engine import Task
from pcapan.batch.layout import Layout
from pcapan.batch.trends import Cause, Incident

#: Reports one worker is asked for at once: asking for each alone would cost more than writing it.
_TOGETHER = 25


@dataclass(slots=True)
class ReportPlan:
    """Where each incident's report will be, and what has to be done for it."""

    links: dict[str, str] = field(default_factory=dict)
    """Key -> place below the dataset."""
    tasks: list[Task] = field(default_factory=list)
    missing: int = 0
    """Reports to write."""


def plan_reports(
    layout: Layout, worst: Sequence[Incident], causes: Sequence[Cause], pages: int
) -> ReportPlan:
    """Pages for the `pages` worst incidents, some of every cause; Markdown for the rest."""
    plan = ReportPlan()
    chosen = _chosen(worst, causes, pages)
    wanted: dict[str, list[str]] = {"html": [], "md": []}
    for one in worst:
        form = "html" if one.key in chosen else "md"
        place = layout.report(one.key, form)
        other = layout.report(one.key, "html")
        if form == "md" and _fresh(layout, one.key, "html"):
            place, form = other, "html"
        plan.links[one.key] = place.relative_to(layout.root).as_posix()
        if not _fresh(layout, one.key, form):
            wanted[form].append(one.key)
    for form, keys in wanted.items():
        size = _TOGETHER if form == "md" else 1
        for start in range(0, len(keys), size):
            plan.tasks.append(Task({"do": "render", "form": form, "keys": keys[start : start + size]}))
    plan.missing = sum(map(len, wanted.values()))
    return plan


def _chosen(worst: Sequence[Incident], causes: Sequence[Cause], pages: int) -> set[str]:
    """First three of each cause in turn, then whatever is worst."""
    found: dict[str, None] = {}
    for turn in range(3):
        for cause in causes:
            if turn < len(cause.incidents):
                found.setdefault(cause.incidents[turn].key)
    for one in worst:
        found.setdefault(one.key)
    return set(list(found)[:pages])


def _fresh(layout: Layout, key: str, form: str) -> bool:
    """Whether a report is there that is no older than its result."""
    try:
        return layout.report(key, form).stat().st_mtime_ns >= layout.result(key).stat().st_mtime_ns
    except OSError:
        return False
