"""Intervals of time laid over each other: how many at once, and which are one.

Knows numbers alone; must not know whose intervals they are.
"""

from __future__ import annotations

from collections.abc import Iterable

from pcapan.track.flows import SECOND

#: A NAT keeps an idle UDP port mapping for at least this long, so a port silent for less is still
#: the same client; RFC 4787 section 4.3 asks for two minutes and allows 30 s in practice.
PORT_IDLE = 30 * SECOND

Interval = tuple[int, int]
"""From and to, ns."""


def steps(intervals: Iterable[Interval]) -> tuple[list[int], list[int]]:
    """Beginnings and ends of the intervals that are not empty, each in order."""
    real = [(begin, end) for begin, end in intervals if begin < end]
    return sorted(begin for begin, _ in real), sorted(end for _, end in real)


def peak(intervals: Iterable[Interval]) -> int:
    """Most intervals that overlap at one time; an interval that ends as another begins does not."""
    spans = list(intervals)
    begins = sorted([begin for begin, _ in spans])
    ends = sorted([end if end > begin else begin + 1 for begin, end in spans])
    most = over = 0
    for begun, moment in enumerate(begins, 1):
        while ends[over] <= moment:  # some end is later: every interval ends after it begins
            over += 1
        if begun - over > most:
            most = begun - over
    return most


def join(intervals: list[Interval]) -> list[Interval]:
    """Join intervals of one port that are less than `PORT_IDLE` apart."""
    if len(intervals) < 2:
        return intervals
    joined: list[Interval] = []
    intervals = sorted(intervals)
    since, until = intervals[0]
    for begin, end in intervals:
        if begin - until >= PORT_IDLE:
            joined.append((since, until))
            since, until = begin, end
        elif end > until:
            until = end
    joined.append((since, until))
    return joined
