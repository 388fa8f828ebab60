"""What an exhibit is, how selectors are registered, and how a display filter names a message.

Knows the shape of evidence; must not know any particular kind of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from pcapan.tables.facts import Facts
from pcapan.track.attempts import Attempt, Request


class Exhibit(Struct, frozen=True):
    """One frame of evidence."""

    file: int
    frame: int
    ts: int
    what: str
    display_filter: str


_BY_FIELD, _BY_BYTES = "isakmp.ispi ==", "udp contains"

Selector = Callable[[Facts, Any], Iterable[Exhibit]]
SELECTORS: dict[str, Selector] = {}


def selector(name: str) -> Callable[[Selector], Selector]:
    """Register the decorated function under the name that rules use for it."""

    def register(function: Selector) -> Selector:
        SELECTORS[name] = function
        return function

    return register


def spi_filter(spi_i: int, port: int) -> str:
    """A display filter for all messages with this initiator SPI.

    Wireshark asks the dissector of the lower port first: under a translated source port below 500 or
    4500 it may take IKE for another protocol, so there the bytes themselves are looked for.
    """
    octets = spi_i.to_bytes(8, "big").hex(":")
    return f"{_BY_FIELD if port in (500, 4500) or port > 4500 else _BY_BYTES} {octets}"


def request_exhibit(attempt: Attempt, request: Request, what: str) -> Exhibit:
    """The exhibit of one IKE_SA_INIT request."""
    return Exhibit(request.file, request.frame, request.ts, what, spi_filter(attempt.spi_i, attempt.sport))


def place(attempt: Attempt) -> str:
    """Where an attempt came from, in words."""
    return f"from {end(attempt.src, attempt.sport)}"


def end(address: str, port: int) -> str:
    """An address and a port in words; an IPv6 address stands in brackets (RFC 5952 section 6)."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def exhibits(names: Iterable[str], facts: Facts, subjects: Iterable[Any], limit: int) -> list[Exhibit]:
    """Up to `limit` frames for the subjects of one finding, in order of time, each frame once.

    Selectors take turns, so that a long list of one kind leaves room for the others.
    """
    lists = [list(islice(SELECTORS[name](facts, subject), limit)) for subject in subjects for name in names]
    chosen: dict[tuple[int, int], Exhibit] = {}
    for turn in range(limit):
        for found in lists:
            if turn < len(found) and len(chosen) < limit:
                chosen.setdefault((found[turn].file, found[turn].frame), found[turn])
    ordered = sorted(chosen.values(), key=lambda exhibit: (exhibit.ts, exhibit.file, exhibit.frame))
    return [_findable(exhibit, facts) for exhibit in ordered]


def _findable(exhibit: Exhibit, facts: Facts) -> Exhibit:
    """Wireshark names no field of a header that the snap length cut: there the bytes are looked for."""
    if (exhibit.file, exhibit.frame) not in facts.cut_headers:
        return exhibit
    return replace(exhibit, display_filter=exhibit.display_filter.replace(_BY_FIELD, _BY_BYTES))
