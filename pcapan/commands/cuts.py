"""What ``pcapan extract`` shall cut out: the texts of the command line become conditions.

Knows how addresses, SPIs and times are written. Must not know captures.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from pcapan.commands.options import addresses
from pcapan.errors import UsageError

_SECOND = 1_000_000_000
_RELATIVE = re.compile(r"\+(\d{1,12})(?:\.(\d{1,9}))?")
_MOMENT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"(?:[T ](?P<clock>\d\d:\d\d(?::\d\d)?)(?:\.(?P<fraction>\d{1,9}))?)?"
    r"(?: ?(?P<zone>Z|UTC|[+-]\d\d:\d\d))?"
)
_HOW_TIMES = "write 2026-11-23T12:01:55.5Z, or +12.5 for seconds after the first packet"


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time: nanoseconds since 1970 UTC, or since the first packet."""

    text: str
    nanoseconds: int
    relative: bool

    def after(self, first: int) -> int:
        """UTC nanoseconds, `first` being the time of the first packet."""
        return first + self.nanoseconds if self.relative else self.nanoseconds


@dataclass(frozen=True, slots=True)
class Cut:
    """What has to hold for a packet: each of these that is given."""

    sources: tuple[str, ...] = ()
    """It concerns one of these addresses."""
    ike_spis: tuple[int, ...] = ()
    """It belongs to an IKE SA with one of these SPIs, or ..."""
    esp_spis: tuple[int, ...] = ()
    """... is ESP with one of these."""
    begin: Moment | None = None
    end: Moment | None = None
    ike: bool = False
    """It is IKE, or a fragment of it."""

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return self == Cut()

    @property
    def by_spi(self) -> bool:
        """Whether an SPI is asked for."""
        return bool(self.ike_spis or self.esp_spis)

    @property
    def packed_sources(self) -> list[bytes]:
        """The addresses as they stand in packets."""
        return [ip_address(source).packed for source in self.sources]

    def words(self) -> dict[str, str]:
        """Every condition as it is written: name -> text."""
        spis = [f"{spi:016x}" for spi in self.ike_spis] + [f"{spi:08x}" for spi in self.esp_spis]
        window = [f"--from {self.begin.text}"] if self.begin else []
        window += [f"--to {self.end.text}"] if self.end else []
        said = {
            "source": " ".join(f"--source {source}" for source in self.sources),
            "spi": " ".join(f"--spi {spi}" for spi in spis),
            "ike": "--ike" if self.ike else "",
            "window": " ".join(window),
        }
        return {name: text for name, text in said.items() if text}


def parse_cut(
    sources: Sequence[str], spis: Sequence[str], begin: str | None, end: str | None, *, ike: bool
) -> Cut:
    """Read the options; raises UsageError where one cannot be read, or none could hold at once."""
    ike_spis: list[int] = []
    esp_spis: list[int] = []
    for text in spis:
        digits = re.sub(r"[\s:]", "", text).lower().removeprefix("0x")
        if not re.fullmatch(r"[0-9a-f]{8}|[0-9a-f]{16}", digits) or not int(digits, 16):
            raise UsageError(
                f"{text!r} is no SPI",
                where=f"--spi {text}",
                hint="write the 16 hexadecimal digits of an IKE SPI, or the 8 of an ESP SPI",
            )
        (ike_spis if len(digits) == 16 else esp_spis).append(int(digits, 16))
    if ike and esp_spis and not ike_spis:
        raise UsageError(
            "IKE only, and an SPI of ESP: no packet is both",
            where=f"--ike --spi {esp_spis[0]:08x}",
            hint="leave one of them out",
        )
    cut = Cut(
        addresses(sources, "--source"),
        tuple(dict.fromkeys(ike_spis)),
        tuple(dict.fromkeys(esp_spis)),
        _moment(begin, "--from"),
        _moment(end, "--to"),
        ike,
    )
    if cut.begin is not None and cut.end is not None:
        _check_window(cut.begin, cut.end)
    return cut


def _check_window(begin: Moment, end: Moment) -> None:
    if begin.relative == end.relative and begin.nanoseconds > end.nanoseconds:
        raise UsageError(
            "the window ends before it begins",
            where=f"--from {begin.text} --to {end.text}",
            hint="exchange the two times",
        )


def _moment(text: str | None, option: str) -> Moment | None:
    if text is None:
        return None
    match = _RELATIVE.fullmatch(text.strip())
    if match is not None:
        return Moment(text, int(match[1]) * _SECOND + int((match[2] or "").ljust(9, "0")), relative=True)
    match = _MOMENT.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError(text)
        moment = datetime.fromisoformat(f"{match['day']}T{match['clock'] or '00:00'}").replace(tzinfo=UTC)
        zone = match["zone"] or "Z"
        if zone not in ("Z", "UTC"):
            hours, minutes = int(zone[1:3]), int(zone[4:6])
            offset = timedelta(hours=hours, minutes=minutes)
            moment -= offset if zone[0] == "+" else -offset
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is no time", where=f"{option} {text}", hint=_HOW_TIMES) from None
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    whole = (since.days * 86400 + since.seconds) * _SECOND
    return Moment(text, whole + int((match["fraction"] or "").ljust(9, "0")), relative=False)
