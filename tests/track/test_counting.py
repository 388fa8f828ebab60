"""The arithmetic of overlapping times and of steady intervals."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.track.overlap import PORT_IDLE, join, peak
from pcapan.track.probes import regular_period

SECOND = 10**9


@pytest.mark.parametrize(
    ("intervals", "most"),
    [
        ([], 0),
        ([(1, 5)], 1),
        ([(3, 3)], 1),
        ([(1, 5), (5, 9)], 1),
        ([(1, 6), (5, 9)], 2),
        ([(1, 9), (2, 3), (4, 5)], 2),
        ([(1, 9), (2, 8), (3, 7), (8, 9)], 3),
    ],
)
def test_peak(intervals: list[tuple[int, int]], most: int) -> None:
    assert peak(intervals) == most
    assert peak(reversed(intervals)) == most


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10)), max_size=12))
def test_peak_by_looking_at_every_moment(spans: list[tuple[int, int]]) -> None:
    intervals = [(begin, begin + length) for begin, length in spans]
    moments = [sum(begin <= at < end for begin, end in intervals) for at in range(45)]
    assert peak(intervals) == max(moments)


def test_join() -> None:
    assert join([(0, 1), (PORT_IDLE, 5 + PORT_IDLE), (2 * PORT_IDLE + 5, 2 * PORT_IDLE + 6)]) == [
        (0, 5 + PORT_IDLE),
        (2 * PORT_IDLE + 5, 2 * PORT_IDLE + 6),
    ]
    assert join([(0, 100), (10, 20)]) == [(0, 100)]


@pytest.mark.parametrize(
    ("seconds", "period"),
    [
        ([0, 5, 10, 15], 5),
        ([0, 5, 10], None),
        ([0, 0.9, 1.8, 2.7], None),
        ([0, 5, 10, 20, 25], 5),
        ([0, 5, 10, 25, 30], 5),
        ([0, 5, 10, 30, 35], None),
        ([0, 5, 10, 30, 35, 40, 45], 5),
        ([0, 1, 3, 7, 15], None),
        ([0, 30, 60, 90, 119], 30),
    ],
)
def test_regular_period(seconds: Sequence[float], period: int | None) -> None:
    times = [round(second * SECOND) for second in seconds]
    assert regular_period(times) == (None if period is None else period * SECOND)
