"""Times for people: integers in nanoseconds inside, ISO 8601 in UTC outside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso_time(ns: int) -> str:
    """``2026-11-23T13:38:00.123456789Z`` for nanoseconds since 1970-01-01 UTC; exact, no floats.

    A damaged file may claim any time: years that the calendar does not have are shown as nanoseconds.
    """
    seconds, rest = divmod(ns, 1_000_000_000)
    try:
        moment = _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return f"{ns} ns since 1970"
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
