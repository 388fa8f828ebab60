"""Tells a monitor's probes from clients.

Knows what a health check looks like at the server: the same datagram from one address at a
near-constant interval, never repeated in between, never carried on with IKE_AUTH, and without
NAT_DETECTION payloads, which every Windows client sends. Must not know why anyone probes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

from msgspec import Struct

from pcapan.track.attempts import Attempt
from pcapan.track.flows import SECOND

#: Fewer are a coincidence: three equal intervals in a row hardly are.
FEWEST_PROBES = 4
#: Part of the interval by which a monitor's timer may wander.
JITTER = 0.1
#: Share of the intervals that must fit the period (or a multiple of it: a probe may be lost).
FITTING = 0.8
#: Monitors run every one to a few dozen seconds; clients redial faster or retransmit at 1, 2, 4 s.
SHORTEST_PERIOD = SECOND


class ProbeSeries(Struct):
    """Probes of one kind from one address."""

    src: str
    server: str
    kind: str
    """Plain words: ``19 bytes that are not IKE``, ``IKE_SA_INIT never continued`` ..."""
    period: int
    """Median interval, ns."""
    sends: list[tuple[int, int, int]]
    """(file, frame, time) of each probe."""


def regular_period(times: list[int]) -> int | None:
    """The period in ns when the times (ascending, ns) are near-constant intervals apart, else None."""
    if len(times) < FEWEST_PROBES:
        return None
    gaps = [later - earlier for earlier, later in pairwise(times)]
    ordered = sorted(gaps)
    period = (ordered[(len(gaps) - 1) // 2] + ordered[len(gaps) // 2]) // 2
    if period < SHORTEST_PERIOD:
        return None
    fitting = 0
    for gap in gaps:
        times_period = max(1, round(gap / period))
        if abs(gap - times_period * period) <= JITTER * period and times_period <= 3:
            fitting += 1
    return period if fitting >= FITTING * len(gaps) else None


def find_series(
    candidates: Iterable[tuple[str, str, str, int, int, int]],
) -> list[ProbeSeries]:
    """Series among (src, server, kind, file, frame, time) of datagrams that no client sends twice."""
    groups: dict[tuple[str, str, str], list[tuple[int, int, int]]] = defaultdict(list)
    for src, server, kind, file, frame, ts in candidates:
        groups[src, server, kind].append((file, frame, ts))
    series = []
    for (src, server, kind), sends in groups.items():
        sends.sort(key=lambda send: send[2])
        period = regular_period([ts for *_, ts in sends])
        if period is not None:
            series.append(ProbeSeries(src, server, kind, period, sends))
    return series


def could_be_probe(attempt: Attempt) -> bool:
    """Whether an attempt looks like a single probe, unless it was continued: one send, no NAT-D."""
    natd_source, natd_destination = attempt.natd
    return not natd_source and not natd_destination and len(attempt.requests) == 1 and attempt.shape.complete
