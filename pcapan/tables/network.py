"""Table `network`: the one row about the way between clients and server, its losses and delays.

Knows how to tell a lost packet from a late answer: after a loss the repeat is answered at once,
while a slow server answers long after the last send. Requests that stayed unanswered together
(`episodes`, `silences`) are neither.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from itertools import chain, pairwise

from pcapan.tables.declare import Table
from pcapan.tables.facts import Facts
from pcapan.track.attempts import RETRANSMISSION_GAP
from pcapan.track.exchanges import Exchange
from pcapan.track.flows import SECOND
from pcapan.track.sas import IkeSa
from pcapan.track.sources import Source

NETWORK = Table("network", "whole capture, as far as loss and delay go")

#: An answer within this time of the last send was given to that send.
_PROMPT = SECOND // 2
#: Attempts that stay unanswered together from which on it is a silence, not single losses.
_TOGETHER = 3


def _silent_requests(facts: Facts) -> set[tuple[int, int]]:
    """(file, frame) of requests that belong to a run of unanswered ones of several attempts."""
    frames: set[tuple[int, int]] = set()
    for asked in (*(e.asked for e in facts.episodes), *(s.asked for s in facts.silences)):
        if len({one.attempt.spi_i for one in asked}) >= _TOGETHER:
            frames |= {(one.request.file, one.request.frame) for one in asked}
    return frames


def _repaired(source: Source, silent: set[tuple[int, int]]) -> int:
    """IKE_SA_INITs of a source that were lost, or whose answer was, and that a repeat put right."""
    count = 0
    for attempt in source.calls.repeated:
        for earlier, later in pairwise(attempt.requests):
            if earlier.digest != later.digest or (earlier.file, earlier.frame) in silent:
                continue
            request_lost = earlier.answer is None and later.answer is not None
            prompt = later.answer_ts - later.ts < _PROMPT
            count += (request_lost and prompt) or (earlier.answer is not None and attempt.continued)
    return count


def _was_repaired(sa: IkeSa, exchange: Exchange) -> bool:
    """Whether the repeat of a request was answered at once, or came after an answer that was lost.

    A client that goes on asking and never goes on does not get the answers: nothing was put right.
    """
    sends, answers = exchange.request.sends, exchange.response.sends
    if not answers:
        return False
    before = [ts for *_, ts in sends if ts <= answers[0][2]]
    request_lost = len(before) > 1 and answers[0][2] - before[-1] < _PROMPT
    went_on = sa.has_esp or any(
        later.by_client and later.message_id > exchange.message_id for later in sa.exchanges.values()
    )
    return request_lost or (exchange.repeats_after_response > 0 and went_on)


class Way:
    """The way between clients and server; what several columns ask for is found once."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    @cached_property
    def repaired(self) -> list[int]:
        """Losses that were put right, of each source that has some."""
        silent = _silent_requests(self._facts)
        sources = self._facts.sources
        count = Counter(
            {source.address: _repaired(source, silent) for source in self._facts.population.asking}
        )
        for sa in self._facts.ike_sas:
            for exchange in sa.exchanges.values():
                if exchange.last_ts - exchange.first_ts < RETRANSMISSION_GAP:
                    continue  # nothing was sent again
                if exchange.by_client and len(exchange.request.sends) > 1 and sa.src in sources:
                    count[sa.src] += _was_repaired(sa, exchange)
        return [losses for losses in count.values() if losses]

    @cached_property
    def delays(self) -> list[list[int]]:
        """Times from the last send to the answer of each answered IKE_SA_INIT, ns, of each asking source."""
        calls = [source.calls for source in self._facts.population.asking]
        return [[*one.delays, *one.other_delays] for one in calls]

    @cached_property
    def ordered_delays(self) -> list[int]:
        """The same of all sources together, the shortest first."""
        return sorted(chain.from_iterable(self.delays))


@NETWORK.column("sources")
def lossy_sources(way: Way) -> int:
    """Sources with requests that were lost and answered when repeated."""
    return len(way.repaired)


@NETWORK.column("requests")
def repaired_losses(way: Way) -> int:
    """Requests of all sources that were lost and answered when repeated."""
    return sum(way.repaired)


@NETWORK.column("sources")
def slow_sources(way: Way) -> int:
    """Sources with an IKE_SA_INIT that was answered half a second or more after it was sent."""
    return sum(max(delays, default=0) >= _PROMPT for delays in way.delays)


@NETWORK.column("sources")
def answered_source_count(way: Way) -> int:
    """Sources with at least one answered IKE_SA_INIT."""
    return sum(bool(delays) for delays in way.delays)


@NETWORK.column("ns")
def init_delay_median_ns(way: Way) -> int | None:
    """Median time from IKE_SA_INIT request to answer."""
    delays = way.ordered_delays
    return delays[len(delays) // 2] if delays else None


@NETWORK.column("ns")
def init_delay_p95_ns(way: Way) -> int | None:
    """Time from IKE_SA_INIT request to answer that 95 of 100 do not exceed."""
    delays = way.ordered_delays
    if len(delays) < 2:
        return None
    # As statistics.quantiles (exclusive) has it, whose import would cost more than the whole table.
    whole, part = divmod(19 * (len(delays) + 1), 20)
    whole = min(whole, len(delays) - 1)
    part = 19 * (len(delays) + 1) - 20 * whole
    return (delays[whole - 1] * (20 - part) + delays[whole] * part) // 20
