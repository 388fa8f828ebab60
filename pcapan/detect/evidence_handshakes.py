"""Evidence about handshakes, fragments, ICMP errors and single answers: more named selectors.

Knows how the subjects of `handshakes` and of the gathered tables point back to frames. The basics
(`Exhibit`, filters, registration) are in `pcapan.detect.evidence`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pcapan.decode.names import exchange_name
from pcapan.detect.exhibits import Exhibit, end, place, request_exhibit, selector, spi_filter
from pcapan.tables.facts import Facts
from pcapan.tables.groups import IcmpGroup, LegacySource, LossPair, Node, Orphan
from pcapan.tables.handshakes import Handshake
from pcapan.tables.network import Way
from pcapan.track.attempts import Attempt
from pcapan.track.episodes import Episode
from pcapan.track.exchanges import Exchange
from pcapan.track.lost import LostDatagram
from pcapan.track.sas import IkeSa, SaState

_SLOW = 500_000_000


def _exchanges(sa: IkeSa) -> Iterator[Exhibit]:
    """Every send of every exchange, in order."""
    port = sa.peers[0][2] if sa.peers else 4500
    for exchange in sa.exchanges.values():
        yield from _sends(exchange, sa, port)


def _sends(exchange: Exchange, sa: IkeSa, port: int) -> Iterator[Exhibit]:
    name = exchange_name(2, exchange.kind)
    asker = f"from {sa.src}" if exchange.by_client else f"from {sa.server}"
    for number, (file, frame, ts) in enumerate(exchange.request.sends, 1):
        answer = "" if exchange.answered else ", no answer"
        yield Exhibit(
            file,
            frame,
            ts,
            f"{name} request {number} {asker}, message id {exchange.message_id}{answer}",
            spi_filter(sa.spi_i, port),
        )
    for file, frame, ts in exchange.response.sends:
        size = exchange.response.encrypted
        yield Exhibit(file, frame, ts, f"{name} response, {size} encrypted bytes", spi_filter(sa.spi_i, port))


def _init(attempt: Attempt) -> Iterator[Exhibit]:
    for number, request in enumerate(attempt.requests, 1):
        yield request_exhibit(attempt, request, f"IKE_SA_INIT request {number} {place(attempt)}")
    yield from _answers(attempt)


def _answers(attempt: Attempt) -> Iterator[Exhibit]:
    for file, frame, ts, answer in attempt.answers:
        yield Exhibit(file, frame, ts, f"answer: {answer.value}", spi_filter(attempt.spi_i, attempt.sport))


@selector("handshake")
def handshake(facts: Facts, subject: Any) -> Iterable[Exhibit]:
    """IKE_SA_INIT with its answers, then IKE_AUTH with every repeat."""
    if not isinstance(subject, Handshake):
        return []
    sa = subject.sa
    found = list(_init(sa.attempt)) if sa.attempt is not None else []
    return sorted([*found, *_exchanges(sa)], key=lambda exhibit: exhibit.ts)


@selector("answers")
def answers(facts: Facts, subject: Any) -> Iterator[Exhibit]:
    """What the server answered to IKE_SA_INIT."""
    if isinstance(subject, Attempt):
        yield from _answers(subject)
    elif isinstance(subject, Facts | Way):
        for attempt in facts.track.attempts:
            yield from _answers(attempt)


@selector("half-open")
def half_open(facts: Facts, subject: Any) -> Iterator[Exhibit]:
    """Handshakes of the source that were answered and never continued, up to the episode."""
    if isinstance(subject, Episode):
        for sa in subject.source.ike_sas:
            if sa.state == SaState.HALF_OPEN and sa.attempt is not None and sa.first_ts <= subject.end:
                request = sa.attempt.requests[0]
                yield request_exhibit(sa.attempt, request, f"answered, never continued: {place(sa.attempt)}")


@selector("node-half-open")
def node_half_open(facts: Facts, subject: Any) -> Iterator[Exhibit]:
    """Handshakes at the server that were answered and never continued."""
    if isinstance(subject, Node):
        for sa in facts.ike_sas:
            if sa.server == subject.address and not sa.exchanges and sa.attempt is not None:
                request = sa.attempt.requests[0]
                yield request_exhibit(sa.attempt, request, f"answered, never continued: {place(sa.attempt)}")


@selector("orphan")
def orphan(facts: Facts, subject: Any) -> Iterator[Exhibit]:
    """The IKE_AUTH requests without IKE_SA_INIT."""
    if isinstance(subject, Orphan):
        yield from _exchanges(subject.sa)


@selector("init-elsewhere")
def init_elsewhere(facts: Facts, subject: Any) -> Iterator[Exhibit]:
    """The IKE_SA_INIT of the same initiator SPI in the other server's capture."""
    attempt = subject.elsewhere if isinstance(subject, Orphan) else None
    if attempt is not None:
        request = attempt.requests[0]
        yield request_exhibit(attempt, request, f"IKE_SA_INIT of the same SPI, at {attempt.server}")


def _lost(entry: LostDatagram) -> Exhibit:
    family = "ipv6" if ":" in entry.src else "ip"
    return Exhibit(
        entry.file,
        entry.frame,
        entry.ts,
        f"fragment of a datagram that never became whole, {entry.src} to {entry.dst}",
        f"{family}.src == {entry.src} && {family}.dst == {entry.dst}",
    )


@selector("lost-fragments")
def lost_fragments(facts: Facts, subject: Any) -> Iterator[Exhibit]:
    """First fragment that arrived of each datagram that never became whole."""
    if isinstance(subject, LossPair):
        yield from map(_lost, subject.lost)
    elif isinstance(subject, Handshake):
        yield from (_lost(entry) for entry in facts.lost if entry.spi_i == subject.sa.spi_i)


@selector("icmp")
def icmp(facts: Facts, subject: Any) -> Iterator[Exhibit]:
    """The ICMP errors."""
    if isinstance(subject, IcmpGroup):
        for file, seen, quoted in subject.seen:
            yield Exhibit(
                file,
                seen.frame,
                seen.ts,
                f"{subject.src} tells {subject.dst}: {seen.name} (about a packet from {quoted})",
                "icmpv6" if ":" in subject.src else "icmp",
            )


@selector("legacy")
def legacy(facts: Facts, subject: Any) -> Iterator[Exhibit]:
    """IKEv1 and AuthIP messages of the source and their answers."""
    if isinstance(subject, LegacySource):
        for message in (*subject.asked, *subject.answers):
            name = exchange_name(1, message.exchange)
            yield Exhibit(
                message.file,
                message.frame,
                message.ts,
                f"{name}, {message.src} to {message.dst}",
                spi_filter(message.spi_i, message.sport if message.dport in (500, 4500) else message.dport),
            )


@selector("other-way")
def other_way(facts: Facts, subject: Any) -> Iterator[Exhibit]:
    """Requests, and answers that left by another way."""
    if not isinstance(subject, Node):
        return
    for attempt in facts.track.attempts:
        came_from, went_to = attempt.macs[0], attempt.reply_macs[1]
        differs = bool(came_from and went_to and came_from != went_to)
        if attempt.server == subject.address and (differs or attempt.reply_elsewhere):
            yield request_exhibit(
                attempt, attempt.requests[0], f"request {place(attempt)}, via MAC {came_from.hex(':')}"
            )
            file, frame, ts, _ = attempt.answers[0]
            yield Exhibit(
                file,
                frame,
                ts,
                f"its answer, to MAC {went_to.hex(':')}",
                spi_filter(attempt.spi_i, attempt.sport),
            )


@selector("moves")
def moves(facts: Facts, subject: Any) -> Iterator[Exhibit]:
    """The exchange after which an SA was seen from a new address or port."""
    if not isinstance(subject, IkeSa):
        return
    for ts, address, port in subject.peers[1:]:
        for exchange in subject.exchanges.values():
            for half in (exchange.request, exchange.response):
                for file, frame, at in half.sends:
                    if at == ts:
                        yield Exhibit(
                            file, frame, at, f"now from {end(address, port)}", spi_filter(subject.spi_i, port)
                        )


@selector("repaired")
def repaired(facts: Facts, subject: Any) -> Iterator[Exhibit]:
    """Requests that were repeated and then answered."""
    for source in facts.sources.busy:
        for attempt in source.attempts:
            if attempt.answered and len(attempt.requests) > 1:
                for request in attempt.requests[:2]:
                    yield request_exhibit(
                        attempt, request, f"IKE_SA_INIT {place(attempt)}, answered when repeated"
                    )
        for sa in source.ike_sas:
            for exchange in sa.exchanges.values():
                if exchange.answered and len(exchange.request.sends) > 1:
                    yield from _sends(exchange, sa, sa.peers[0][2])


@selector("late-answers")
def late_answers(facts: Facts, subject: Any) -> Iterator[Exhibit]:
    """Requests that waited half a second or more for their answer."""
    for source in facts.sources.busy:
        for attempt in source.attempts:
            for request in attempt.requests:
                if request.answer is not None and request.answer_ts - request.ts >= _SLOW:
                    waited = (request.answer_ts - request.ts) / 1e9
                    yield request_exhibit(
                        attempt, request, f"answered after {waited:.2f} s: {place(attempt)}"
                    )
