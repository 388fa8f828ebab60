"""Evidence about requests, sources, tunnels and the capture itself: named selectors for rules.

Knows how attempts, SAs and flows point back to frames. Must not judge. A new kind of evidence is one
function with its name in a rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pcapan.detect.exhibits import Exhibit, end, place, request_exhibit, selector, spi_filter
from pcapan.scan.columns import MARK_COPY
from pcapan.tables.facts import Facts
from pcapan.tables.sources import SourceSubject
from pcapan.track.attempts import Asked, Attempt, Request
from pcapan.track.episodes import Episode, Silence
from pcapan.track.flows import EspFlow
from pcapan.track.probes import ProbeSeries
from pcapan.track.sas import Basis, IkeSa
from pcapan.track.sources import Source


def _asked(subject: Any) -> list[Asked]:
    return subject.asked if isinstance(subject, Episode | Silence) else []


def _source(facts: Facts, subject: Any) -> Source | None:
    if isinstance(subject, SourceSubject):
        return subject.source
    if isinstance(subject, Episode):
        return subject.source
    return None


@selector("unanswered-requests")
def unanswered_requests(facts: Facts, subject: Any) -> Iterator[Exhibit]:
    """The first unanswered request of each attempt, then the repeats."""
    asked = _asked(subject)
    if isinstance(subject, Attempt):
        for number, request in enumerate(subject.requests, 1):
            yield request_exhibit(
                subject, request, f"IKE_SA_INIT request {number} {place(subject)}, no answer"
            )
    seen: set[int] = set()
    for one in asked:
        if one.attempt.spi_i not in seen:
            seen.add(one.attempt.spi_i)
            yield request_exhibit(
                one.attempt, one.request, f"IKE_SA_INIT request {place(one.attempt)}, unanswered"
            )


@selector("last-answered")
def last_answered(facts: Facts, subject: Any) -> Iterator[Exhibit]:
    """The last request that the source (or anybody) got answered before the episode."""
    asked = _asked(subject)
    if not asked:
        return
    onset = asked[0].ts
    source = _source(facts, subject)
    pool = [source] if source is not None else facts.sources.busy
    best: tuple[Attempt, Request] | None = None
    for entry in pool:
        for attempt in entry.attempts:
            for request in attempt.requests:
                if (
                    request.answer is not None
                    and request.ts < onset
                    and (best is None or request.ts > best[1].ts)
                ):
                    best = (attempt, request)
    if best is not None:
        attempt, request = best
        yield request_exhibit(attempt, request, f"last answered IKE_SA_INIT before, {place(attempt)}")


@selector("others-answered")
def others_answered(facts: Facts, subject: Any) -> Iterator[Exhibit]:
    """Requests of other sources that were answered during the episode."""
    if not isinstance(subject, Episode):
        return
    for source in facts.sources.busy:
        if source is subject.source:
            continue
        for attempt in source.attempts:
            for request in attempt.requests:
                if request.answer is not None and subject.onset <= request.ts <= subject.end:
                    yield request_exhibit(
                        attempt, request, f"another source, answered meanwhile: {place(attempt)}"
                    )


@selector("first-requests")
def first_requests(facts: Facts, subject: Any) -> Iterator[Exhibit]:
    """The first request of each of the source's attempts, with what its NAT-D hashes say."""
    source = _source(facts, subject)
    for attempt in source.attempts if source is not None else ():
        yield request_exhibit(attempt, attempt.requests[0], f"IKE_SA_INIT {place(attempt)}: {_natd(attempt)}")


def _natd(attempt: Attempt) -> str:
    if attempt.natd_source_matches is None:
        return f"no NAT-D hashes readable, TTL {attempt.ttl}"
    source = "fits" if attempt.natd_source_matches else "does not fit"
    if attempt.natd_destination_is_source:
        destination = "names this very source as the address dialled"
    elif attempt.natd_destination_matches:
        destination = "fits the server"
    else:
        destination = "does not fit the server"
    return f"source hash {source}, destination hash {destination}, TTL {attempt.ttl}"


@selector("client-tunnels")
def client_tunnels(facts: Facts, subject: Any) -> Iterator[Exhibit]:
    """First packet of each of the source's tunnels: ports that were in use side by side."""
    source = _source(facts, subject)
    for flow in source.esp if source is not None else ():
        if flow.src == source.address:  # type: ignore[union-attr]
            yield _flow(flow, f"ESP from {end(flow.src, flow.flow.sport)}")


def _flow(flow: EspFlow, what: str) -> Exhibit:
    return Exhibit(
        flow.file, flow.flow.first_frame, flow.flow.first_ts, what, f"esp.spi == 0x{flow.flow.spi:08x}"
    )


@selector("probes")
def probes(facts: Facts, subject: Any) -> Iterator[Exhibit]:
    """The probes of a series."""
    if isinstance(subject, ProbeSeries):
        version = "ipv6" if ":" in subject.src else "ip"
        for file, frame, ts in subject.sends:
            yield Exhibit(
                file,
                frame,
                ts,
                f"probe from {subject.src}: {subject.kind}",
                f"{version}.src == {subject.src} && (udp.dstport == 500 || udp.dstport == 4500)",
            )


@selector("older-sas")
def older_sas(facts: Facts, subject: Any) -> Iterator[Exhibit]:
    """First sign of each SA that was there before the capture began."""
    for sa in facts.track.sas:
        if sa.basis == Basis.OLDER and sa.predecessor is None:
            yield from _sign_of(sa)


def _sign_of(sa: IkeSa) -> Iterator[Exhibit]:
    for exchange in sa.exchanges.values():
        for half in (exchange.request, exchange.response):
            if half.sends:
                file, frame, ts = half.sends[0]
                yield Exhibit(
                    file,
                    frame,
                    ts,
                    f"exchange of an SA of {sa.src} whose handshake is not in the capture",
                    spi_filter(sa.spi_i, sa.peers[0][2]),
                )
                return
    for flow in sa.esp:
        yield _flow(flow, f"ESP of {sa.src} without a handshake in the capture")
        return


@selector("copies")
def copies(facts: Facts, subject: Any) -> Iterator[Exhibit]:
    """IKE messages that were captured a second time."""
    for message in facts.track.timeline.messages_as_captured():
        if message.marks & MARK_COPY:
            yield Exhibit(
                message.file,
                message.frame,
                message.ts,
                "the same packet as one shortly before",
                spi_filter(message.spi_i, _client_port(message.sport, message.dport)),
            )


@selector("flood")
def flood(facts: Facts, subject: Any) -> Iterator[Exhibit]:
    """Some first requests of a flood."""
    found = facts.track.timeline.flood
    for file, frame, ts in found.first_requests if found else ():
        what = "one of many requests whose sender sends nothing else"
        yield Exhibit(file, frame, ts, what, f"frame.number == {frame}")


@selector("cut-messages")
def cut_messages(facts: Facts, subject: Any) -> Iterator[Exhibit]:
    """IKE messages that the snap length cut."""
    for message in facts.track.timeline.messages():
        if message.is_cut:
            yield Exhibit(
                message.file,
                message.frame,
                message.ts,
                "cut by the snap length",
                f"frame.number == {message.frame}",
            )


def _client_port(sport: int, dport: int) -> int:
    return sport if dport in (500, 4500) else dport
