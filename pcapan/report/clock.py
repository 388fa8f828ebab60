"""Times for people: UTC always, and the local time of a zone beside it when asked for.

Knows ISO 8601 texts of the result document and time zones. Must not know what happened at a time.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from pcapan.errors import UsageError
from pcapan.report.words import spoken_time

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_TIME = r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z"


class Clock(Struct, frozen=True):
    """How times are told."""

    zone: ZoneInfo | None = None

    @classmethod
    def of(cls, name: str | None) -> Clock:
        """The clock for a zone of the time zone database; raises UsageError for an unknown name."""
        if not name:
            return cls()
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            return cls(ZoneInfo(name))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise UsageError(
                f"there is no time zone {name!r}",
                where=f"--tz {name}",
                hint="name one of the time zone database, such as --tz Europe/Berlin or --tz UTC",
            ) from None

    @property
    def zone_name(self) -> str:
        """The zone's name; empty when only UTC is told."""
        return self.zone.key if self.zone is not None else ""

    def utc(self, text: str) -> str:
        """``2026-11-23 12:01:55.871652 UTC``."""
        return spoken_time(text)

    def local(self, text: str) -> str:
        """``2026-11-23 13:01:55.871652 CET``; empty without a zone or for a time beyond the calendar."""
        match = re.fullmatch(_TIME, text)
        if self.zone is None or match is None:
            return ""
        try:
            moment = datetime.fromisoformat(match[1]).replace(tzinfo=UTC).astimezone(self.zone)
        except (ValueError, OverflowError):
            return ""
        fraction = match[2] or ""
        while fraction.endswith("000"):
            fraction = fraction[:-3]
        return f"{moment:%Y-%m-%d %H:%M:%S}{'.' + fraction if fraction else ''} {moment:%Z}"

    def both(self, text: str) -> str:
        """UTC, and the local time in brackets when there is one."""
        local = self.local(text)
        return f"{self.utc(text)} ({local})" if local else self.utc(text)


def span_ns(first: str, last: str) -> int | None:
    """Nanoseconds between two times of the document; None when one is beyond the calendar."""
    begin, end = instant_ns(first), instant_ns(last)
    return end - begin if begin is not None and end is not None else None


def instant_ns(text: str) -> int | None:
    """A time of the document as nanoseconds since 1970; None for one beyond the calendar."""
    match = re.fullmatch(_TIME, text)
    if match is None:
        return None
    try:
        moment = datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
    except ValueError:
        return None
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86400 + since.seconds) * 1_000_000_000 + int((match[2] or "0").ljust(9, "0")[:9])
