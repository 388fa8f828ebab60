"""Which of the many events of one packet stands for it.

Knows how pktmon numbers packets (both dialects) and what its rundown says about network cards. pktmon logs
a packet at every component it passes: up to 20.2xx builds the events share a group id and count their
appearances, from build 26100 on every event has a group of its own. The network card's event is kept,
because only there sent packets are complete and received ones untouched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pcapan.ingest.etl.pktmon import PktMon
from pcapan.ingest.etl.rundown import (
    IF_INDEX,
    LOWER_IF_INDEX,
    MINIPORT_IF_INDEX,
    TYPE_MINIPORT,
    TYPE_NETCX,
    TYPE_NETVSC,
    TYPE_PROTOCOL,
    TYPE_SWITCH_MINIPORT,
    Component,
    Rundown,
)
from pcapan.ingest.frames import DIRECTION_OUTBOUND

_CARDS = frozenset((TYPE_MINIPORT, TYPE_NETCX, TYPE_NETVSC, TYPE_SWITCH_MINIPORT))

#: Copies with equal bytes lie this close together, raw ticks are taken to be at most 100 ns each.
_COPY_NANOSECONDS = 5_000_000


@dataclass(frozen=True, slots=True)
class Selection:
    """What was chosen, and how."""

    components: frozenset[int] | None
    """The cards; None when single events have to be chosen instead."""
    how: str
    """cards-of-tcpip, cards, one-component, groups or equal-bytes."""


def choose(rundown: Rundown, seen: dict[int, int]) -> Selection:
    """Choose components; `seen` are the events of each that has any."""
    cards = {
        number: one for number, one in rundown.components.items() if one.kind in _CARDS and not one.inner
    }
    bound = _bound_to_tcpip(rundown)
    chosen = {number for number, card in cards.items() if card.values.get(IF_INDEX) in bound}
    if any(number in seen for number in chosen):
        return Selection(frozenset(chosen), "cards-of-tcpip")
    with_events = {number for number in cards if number in seen}
    if with_events:
        return Selection(frozenset(_topmost(with_events, cards)), "cards")
    inner = {number for number, one in rundown.components.items() if one.inner}
    left = [number for number in seen if number not in inner]
    if len(left) == 1:
        return Selection(frozenset(left), "one-component")
    return Selection(None, "groups")


def _bound_to_tcpip(rundown: Rundown) -> set[int]:
    """Interface indexes of the cards that the TCP/IP driver of Windows is bound to."""
    bound: set[int] = set()
    for one in rundown.components.values():
        if one.kind == TYPE_PROTOCOL and one.name.lower().startswith("tcpip"):
            index = one.values.get(MINIPORT_IF_INDEX)
            if index is not None:
                bound.add(index)
    return bound


def _topmost(numbers: set[int], cards: dict[int, Component]) -> set[int]:
    """Leave out a card that stands below another one (an accelerated function below its synthetic card)."""
    below = {cards[number].values.get(LOWER_IF_INDEX) for number in numbers}
    own = {number: cards[number].values.get(IF_INDEX) for number in numbers}
    kept = {
        number
        for number in numbers
        if own[number] is None
        or own[number] not in below
        or cards[number].values.get(LOWER_IF_INDEX) == own[number]
    }
    return kept or numbers


def single_events(
    found: PktMon, ticks_a_second: int, payload: Callable[[int], bytes]
) -> tuple[list[int], str]:
    """Choose one event a packet where no component can be chosen.

    Args:
        found: all packet events, with what was remembered of each.
        ticks_a_second: of the raw time stamps.
        payload: gives the bytes of the event at an index.

    Returns:
        Indexes of the events kept in order of time, and how they were chosen.
    """
    order = sorted(
        (i for i in range(len(found.index)) if not _inner(found, i)), key=found.index.stamps.__getitem__
    )
    if any(found.appearances[i] for i in order):
        return _by_group(found, order), "groups"
    return _by_bytes(found, order, ticks_a_second, payload), "equal-bytes"


def _inner(found: PktMon, index: int) -> bool:
    known = found.rundown.components.get(found.index.sources[index] >> 8)
    return known is not None and known.inner


def _by_group(found: PktMon, order: list[int]) -> list[int]:
    """The first appearance of a received packet, the last one of a sent packet."""
    kept: dict[tuple[int, int], int] = {}
    for index in order:
        key = (found.groups[index], found.numbers[index])
        held = kept.get(key)
        if held is None:
            kept[key] = index
            continue
        later = found.appearances[index] > found.appearances[held]
        if later == (found.index.directions[index] == DIRECTION_OUTBOUND):
            kept[key] = index
    return sorted(kept.values(), key=lambda i: (found.index.stamps[i], i))


def _by_bytes(
    found: PktMon, order: list[int], ticks_a_second: int, payload: Callable[[int], bytes]
) -> list[int]:
    """Equal bytes in the same direction at another component shortly before are the same packet."""
    window = max(1, _COPY_NANOSECONDS * ticks_a_second // 1_000_000_000)
    recent: dict[tuple[int, int], tuple[int, int, set[int]]] = {}
    kept: dict[int, int] = {}
    for index in order:
        stamp = found.index.stamps[index]
        direction = found.index.directions[index]
        component = found.index.sources[index] >> 8
        key = (hash(payload(index)), direction)
        held = recent.get(key)
        if held is not None and stamp - held[1] <= window and component not in held[2]:
            held[2].add(component)
            slot = held[0]
            recent[key] = (slot, stamp, held[2])
            if direction == DIRECTION_OUTBOUND:
                kept[slot] = index
            continue
        if len(recent) > 100_000:
            recent.clear()
        recent[key] = (index, stamp, {component})
        kept[index] = index
    return sorted(kept.values(), key=lambda i: (found.index.stamps[i], i))
