"""Attempts and live SAs over time, for charts.

Knows how to cut the time of an incident into bins: for everybody together (`address` None) and for
the source with the most unanswered attempts, else the most SAs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import compress
from typing import Any

from pcapan.tables.facts import Facts
from pcapan.tables.ladders import worst_source
from pcapan.tables.times import iso_time
from pcapan.track.flows import SECOND
from pcapan.track.sources import Source

#: More bins than this nobody can tell apart on a page.
_MOST_BINS = 120
#: Bin widths in seconds that people can read.
_WIDTHS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)


def series_rows(facts: Facts) -> list[dict[str, Any]]:
    """Rows {address, start, seconds, attempts, answered, unanswered, live_sas}, in order of time."""
    begin, end = facts.track.first_ts, facts.track.last_ts
    if not facts.sources or end <= begin:
        return []
    width = next((w for w in _WIDTHS if (end - begin) <= w * SECOND * _MOST_BINS), 0)
    if not width:
        width = -(-(end - begin) // (_MOST_BINS * 86400 * SECOND)) * 86400
    rows = _bins(facts.sources.in_order, None, begin, end, width)
    worst = worst_source(facts)
    return rows + _bins([worst], worst.address, begin, end, width)


def _bins(
    sources: Iterable[Source], address: str | None, begin: int, end: int, width: int
) -> list[dict[str, Any]]:
    step = width * SECOND
    count = (end - begin) // step + 1
    attempts: Counter[int] = Counter()
    answered: Counter[int] = Counter()
    change = [0] * (count + 1)
    for source in sources:
        at_bins = [(first - begin) // step for first in source.calls.first_times]
        attempts.update(at_bins)
        answered.update(compress(at_bins, source.calls.answers))
        for start, stop in source.live_intervals():
            change[max(0, (start - begin) // step)] += 1
            if stop < end:
                change[(stop - begin) // step + 1] -= 1
    live = 0
    rows = []
    for at in range(count):
        live += change[at]
        rows.append(
            {
                "address": address,
                "start": iso_time(begin + at * step),
                "seconds": width,
                "attempts": attempts[at],
                "answered": answered[at],
                "unanswered": attempts[at] - answered[at],
                "live_sas": live,
            }
        )
    return rows
