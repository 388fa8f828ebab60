"""Charts over months: how often something was seen, and the limit it shows.

Knows the months of causes and how to draw them. Must not know the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pcapan.batch.trends import Cause, Incident, Month, month_range
from pcapan.report.plotting import HATCH, Chart, figure, svg_of, whole_numbers
from pcapan.report.svg import STAND_INS, adapt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Labels of months that fit side by side.
_LABELS = 12


def cause_chart(cause: Cause, key: str) -> Chart | None:
    """Incidents by month that show a cause, do not, or cannot; None when there is only one month."""
    months = cause.months
    if len(months) < 2:
        return None
    limits = [(place, month.limit) for place, month in enumerate(months) if month.limit is not None]
    with figure(2.9 if limits else 1.9) as drawn:
        shape = {"height_ratios": [1.5, 1]} if limits else {}
        axes = drawn.subplots(2 if limits else 1, 1, sharex=True, squeeze=False, gridspec_kw=shape)[:, 0]
        _bars(
            axes[0],
            [month.not_seen for month in months],
            [month.seen for month in months],
            [month.unclear for month in months],
            ("could show it and does not", "shows it", "cannot tell"),
        )
        if limits:
            _limits(axes[1], limits)
        _month_axis(axes[-1], [month.month for month in months])
        text = svg_of(drawn)
    title = f"{cause.title}, server {cause.server}: incidents by month"
    description = "; ".join(_told(month) for month in months) + "."
    return Chart(title, description, adapt(text, key, title, description))


def _told(month: Month) -> str:
    unclear = f", {month.unclear} cannot tell" if month.unclear else ""
    limit = f", silent at {month.limit:g} SAs" if month.limit is not None else ""
    return f"{month.month}: {month.seen} show it, {month.not_seen} do not{unclear}{limit}"


def overview_chart(incidents: Sequence[Incident]) -> Chart | None:
    """All incidents by month, with and without trouble."""
    names = month_range(one.month for one in incidents)
    if len(names) < 2:
        return None
    places = {name: place for place, name in enumerate(names)}
    fine, trouble = [0] * len(names), [0] * len(names)
    for one in incidents:
        if one.month in places:
            (trouble if one.trouble else fine)[places[one.month]] += 1
    with figure(2.1) as drawn:
        axis = drawn.subplots()
        _bars(axis, fine, trouble, [0] * len(names), ("without trouble", "with trouble", ""))
        _month_axis(axis, names)
        text = svg_of(drawn)
    title = "Incidents by month"
    description = "; ".join(
        f"{name}: {bad} with trouble, {good} without"
        for name, good, bad in zip(names, fine, trouble, strict=True)
    )
    return Chart(title, f"{description}.", adapt(text, "overview", title, f"{description}."))


def _bars(
    axis: Axes, fine: Sequence[int], bad: Sequence[int], unclear: Sequence[int], words: tuple[str, str, str]
) -> None:
    places = list(range(len(fine)))
    axis.bar(places, fine, color=STAND_INS["answered"], width=0.7, label=words[0])
    axis.bar(
        places, bad, bottom=fine, facecolor="none", edgecolor=STAND_INS["unanswered"], hatch=HATCH,
        linewidth=0.8, width=0.7, label=words[1],
    )  # fmt: skip
    if any(unclear):
        below = [a + b for a, b in zip(fine, bad, strict=True)]
        axis.bar(places, unclear, bottom=below, color=STAND_INS["gap"], alpha=0.5, width=0.7, label=words[2])
    axis.set_ylabel("incidents")
    axis.set_xlim(-0.6, len(fine) - 0.4)
    axis.grid(visible=False, axis="x")
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, borderaxespad=0.2)
    whole_numbers(axis.yaxis)


def _limits(axis: Axes, limits: Sequence[tuple[int, float]]) -> None:
    places, values = [place for place, _ in limits], [value for _, value in limits]
    axis.plot(
        places,
        values,
        color=STAND_INS["limit"],
        linestyle=(0, (5, 4)),
        linewidth=1.2,
        marker="D",
        markersize=4,
    )
    axis.set_ylim(0, max(values) * 1.45)
    axis.set_ylabel("SAs")
    axis.set_title("SAs a source held when the server fell silent (median)", loc="left")
    axis.grid(visible=False, axis="x")
    whole_numbers(axis.yaxis)


def _month_axis(axis: Axes, names: Sequence[str]) -> None:
    step = -(-len(names) // _LABELS)
    axis.set_xticks(list(range(0, len(names), step)), list(names[::step]))
