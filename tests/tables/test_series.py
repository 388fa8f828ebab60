"""Bins over time add up, and times are shown exactly."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.pipeline import read_facts
from pcapan.tables.series import series_rows
from pcapan.tables.times import iso_time
from tests.kit.dsl import parse
from tests.kit.expect import play
from tests.samples_kit import samples

SAMPLES = {sample.name: sample.capture for sample in samples()}


@pytest.mark.parametrize("name", SAMPLES)
def test_bins_add_up(name: str) -> None:
    facts = read_facts(SAMPLES[name])[0]
    rows = series_rows(facts)
    if not facts.sources:
        assert rows == []
        return
    everybody = [row for row in rows if row["address"] is None]
    worst = [row for row in rows if row["address"] is not None]
    for address, bins in ((None, everybody), (worst[0]["address"], worst)):
        sources = [s for s in facts.sources.values() if address in (None, s.address)]
        attempts = [attempt for source in sources for attempt in source.attempts]
        assert sum(row["attempts"] for row in bins) == len(attempts)
        assert sum(row["answered"] for row in bins) == sum(a.answered for a in attempts)
        assert sum(row["unanswered"] for row in bins) == sum(not a.answered for a in attempts)
        assert [row["start"] for row in bins] == sorted(row["start"] for row in bins)
        assert all(row["live_sas"] >= 0 for row in bins)
        assert len(bins) <= 121
    assert {row["address"] for row in worst} <= set(facts.sources)
    unanswered = {s.address: sum(not a.answered for a in s.attempts) for s in facts.sources.values()}
    assert unanswered[worst[0]["address"]] == max(unanswered.values())


def test_live_sas_by_bin() -> None:
    facts = play(
        parse(
            """
            host S 10.10.10.2
            host C 203.0.113.5
            0 S > C OTHER
            2.5 C:4001 > S UP i=a1 r=b1 until=20 every=1
            5.5 C:4002 > S UP i=a2 r=b2 until=60 every=1
            20.2 C:4001 > S INFO i=a1 r=b1 id=2
            20.3 S > C:4001 INFO-R i=a1 r=b1 id=2
            """
        )
    )
    rows = [row for row in series_rows(facts) if row["address"] is None]
    live = [row["live_sas"] for row in rows]
    assert rows[0]["seconds"] == 1 and len(rows) == 60
    # an SA counts in every bin in which it lived, also in part
    assert live[:7] == [0, 0, 1, 1, 1, 2, 2]
    assert live[19:23] == [2, 2, 1, 1]
    assert live[-1] == 1
    assert [row["attempts"] for row in rows][:7] == [0, 0, 1, 0, 0, 1, 0]


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (1_700_000_000_123_456_789, "2023-11-14T22:13:20.123456789Z"),
        (1_700_000_000_999_999_999, "2023-11-14T22:13:20.999999999Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (951_782_400 * 10**9, "2000-02-29T00:00:00.000000000Z"),
    ],
)
def test_time_is_exact(ns: int, text: str) -> None:
    assert iso_time(ns) == text


@given(st.integers(-(2**63), 2**63 - 1))
def test_any_time(ns: int) -> None:
    """All that fits a signed 64-bit number lies between the years 1677 and 2262."""
    text = iso_time(ns)
    moment = datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)
    seconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    assert round(seconds) * 10**9 + int(text[20:29]) == ns


@pytest.mark.parametrize("ns", [10**30, -(10**30)])
def test_times_without_a_calendar(ns: int) -> None:
    assert iso_time(ns) == f"{ns} ns since 1970"
