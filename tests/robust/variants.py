"""Variants of a capture: what happens to captures on their way to whoever analyses them.

Each is a name and a function of the files of one incident (several nodes stay several files), the
link type and a seed. `ABOUT` says what a variant may rightly change about the capture itself.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.kit.frames import Frame, read
from tests.robust.addresses import Mapping, one_network, random_private, readdress, renumbered, xor

Files = list[list[Frame]]
Made = tuple[Files, Mapping]
"""The changed files, and what became of the addresses."""

#: A site like that of the lab, elsewhere: every network of the lab moved as a whole.
ELSEWHERE = (
    ("10.10.10.0", "172.16.5.0"),
    ("192.0.2.0", "198.18.40.0"),
    ("198.51.100.0", "81.2.69.0"),
    ("203.0.113.0", "89.160.20.0"),
    ("10.77.0.0", "10.200.3.0"),
    ("2001:db8:ffff::", "2001:db8:40::"),
    ("fd00:10:10::", "fd5a:1:2::"),
)
#: The networks of a second site, for a merge.
ANOTHER = (
    ("10.10.10.0", "10.99.7.0"),
    ("192.0.2.0", "192.0.3.0"),
    ("198.51.100.0", "198.51.101.0"),
    ("203.0.113.0", "203.0.112.0"),
)


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to change a capture."""

    name: str
    make: Callable[[Files, int, int], Made]
    """From files, link type and seed."""
    seeded: bool = False
    """Whether another seed gives another capture."""
    may_become: frozenset[str] = frozenset()
    """Findings about the capture itself that the variant may rightly have."""


def _same(address: bytes) -> bytes:
    return address


def drop(files: Files, _link: int, seed: int) -> Made:
    chance = random.Random(seed)
    return [[frame for frame in frames if chance.random() >= 0.01] for frames in files], _same


def _by_packets(begin: float, end: float) -> Callable[[Files, int, int], Made]:
    def make(files: Files, _link: int, _seed: int) -> Made:
        return [frames[round(len(frames) * begin) : round(len(frames) * end)] for frames in files], _same

    return make


def _by_time(begin: float, end: float) -> Callable[[Files, int, int], Made]:
    def make(files: Files, _link: int, _seed: int) -> Made:
        stamps = [frame.ts for frames in files for frame in frames]
        if not stamps:
            return files, _same
        first, span = min(stamps), max(stamps) - min(stamps)
        low, high = first + round(span * begin), first + round(span * end)
        return [[frame for frame in frames if low <= frame.ts <= high] for frames in files], _same

    return make


def _merged(files: Files, link: int, seed: int) -> Made:
    """A healthy server elsewhere, in the same file, at a random time of it."""
    stamps = [frame.ts for frame in files[0]]
    if link != 1 or not stamps:
        return files, _same
    other = read(HEALTHY)[1]
    if {frame.data for frame in other} & {frame.data for frame in files[0]}:
        return files, _same  # the healthy one itself: the same ESP twice would be copies
    healthy = readdress(other, 1, renumbered(ANOTHER), rehash=True)
    room = max(0, max(stamps) - min(stamps) - (healthy[-1].ts - healthy[0].ts))
    shift = min(stamps) + random.Random(seed).randint(0, room) - healthy[0].ts
    moved = [frame._replace(ts=frame.ts + shift) for frame in healthy]
    return [sorted([*files[0], *moved], key=lambda frame: frame.ts), *files[1:]], _same


def _addressed(
    mapping: Callable[[int], Mapping], *, rehash: bool = False
) -> Callable[[Files, int, int], Made]:
    def make(files: Files, link: int, seed: int) -> Made:
        change = mapping(seed)
        return [readdress(frames, link, change, rehash=rehash) for frames in files], change

    return make


def _shifted(seconds: Sequence[float]) -> Callable[[Files, int, int], Made]:
    """The clock of each file is wrong by so much."""

    def make(files: Files, _link: int, _seed: int) -> Made:
        moved = []
        for at, frames in enumerate(files):
            wrong = round(seconds[at % len(seconds)] * 10**9)
            moved.append([frame._replace(ts=frame.ts + wrong) for frame in frames])
        return moved, _same

    return make


HEALTHY = Path(__file__).resolve().parents[2] / "samples" / "healthy-dnat.pcap"
_CUT_FRONT = frozenset({"capture-started-mid"})
_REWRITTEN = frozenset({"address-rewritten"})


def _elsewhere(_seed: int) -> Mapping:
    return renumbered(ELSEWHERE)


def _xor(seed: int) -> Mapping:
    return xor(random.Random(seed).getrandbits(32))


VARIANTS: dict[str, Variant] = {
    variant.name: variant
    for variant in (
        Variant("drop-1-percent", drop, seeded=True, may_become=_CUT_FRONT),
        Variant("without-first-third", _by_packets(1 / 3, 1), may_become=_CUT_FRONT),
        Variant("without-last-third", _by_packets(0, 2 / 3)),
        Variant("without-first-third-of-time", _by_time(1 / 3, 1), may_become=_CUT_FRONT),
        Variant("without-last-third-of-time", _by_time(0, 2 / 3)),
        Variant("merged-with-healthy", _merged, seeded=True),
        Variant("xor", _addressed(_xor), seeded=True, may_become=_REWRITTEN),
        Variant("random-private", _addressed(random_private), seeded=True, may_become=_REWRITTEN),
        Variant("one-network", _addressed(one_network), seeded=True, may_become=_REWRITTEN),
        Variant("elsewhere", _addressed(_elsewhere, rehash=True)),
        Variant("another-day", _shifted([-86_400 * 300.25])),
        Variant("clocks-apart", _shifted([0.0, 1.7])),
    )
}
