"""One healthy and one failed handshake, step by step, and how long answers took: for drawings.

Knows how to choose examples that a reader learns from and how to list who sent what when. Must not
judge: why an answer is missing is for the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from pcapan.decode.names import exchange_name
from pcapan.decode.numbers import IKE_AUTH
from pcapan.tables.facts import Facts
from pcapan.tables.times import iso_time
from pcapan.track.attempts import Answer, Attempt, Outcome
from pcapan.track.sas import IkeSa, SaState
from pcapan.track.sources import LIVE, Source

#: More steps than this nobody reads in a drawing.
_MOST_STEPS = 18
#: Shares of all answers, in percent; 0 and 100 are the shortest and the longest time.
PERCENTILES = (0, 25, 50, 75, 90, 95, 99, 100)

_ANSWERS = {
    Answer.ACCEPTED: "IKE_SA_INIT answer",
    Answer.COOKIE: "COOKIE challenge",
    Answer.INVALID_KE: "INVALID_KE_PAYLOAD",
    Answer.NO_PROPOSAL: "NO_PROPOSAL_CHOSEN",
    Answer.REDIRECT: "REDIRECT",
    Answer.ERROR: "error notify",
    Answer.UNREADABLE: "IKE_SA_INIT answer",
}


def worst_source(facts: Facts) -> Source:
    """The source with the most unanswered attempts, else with the most live SAs; there has to be one."""
    failing = [source for source in facts.population.asking if source.unanswered()]
    if failing:
        return max(failing, key=lambda source: (source.unanswered(), source.peak_live()))
    most, busiest = -1, None
    for at, sas in enumerate(facts.sources.counts_of_sas()):
        if sas > most:
            source = facts.sources.in_order[at]
            if source.peak_live() > most:
                most, busiest = source.peak_live(), source
    assert busiest is not None
    return busiest


def answer_time_rows(facts: Facts) -> list[dict[str, Any]]:
    """Rows {address, answers, percentiles}: everybody (address None), then the worst source."""
    if not facts.sources:
        return []
    worst = worst_source(facts)
    rows = []
    for address, sources in ((None, facts.population.asking), (worst.address, [worst])):
        delays = sorted(chain.from_iterable(source.calls.delays for source in sources))
        if delays:
            shares = {str(share): delays[_rank(share, len(delays))] for share in PERCENTILES}
            rows.append({"address": address, "answers": len(delays), "percentiles_ns": shares})
    return rows


def _rank(share: int, count: int) -> int:
    """Index of the nearest rank: a time that was really measured."""
    return max(0, -(-share * count // 100) - 1)


def ladder_rows(facts: Facts) -> list[dict[str, Any]]:
    """Up to one ladder of kind "failed" and one of kind "healthy"; none where there is no example."""
    if not facts.sources:
        return []
    worst = worst_source(facts)
    failed = _failed([worst], facts.ike_sas) or _failed(facts.population.asking, facts.ike_sas)
    near = failed[0].src if failed is not None else worst.address
    healthy = _healthy(facts.sources[near].ike_sas) or _healthy(facts.ike_sas)
    rows = []
    if failed is not None:
        rows.append(_ladder(facts, "failed", *failed))
    if healthy is not None and healthy.attempt is not None:
        rows.append(_ladder(facts, "healthy", healthy.attempt, healthy))
    return rows


def _failed(sources: Iterable[Source], sas: Sequence[IkeSa]) -> tuple[Attempt, IkeSa | None] | None:
    """The example of failure: never answered before refused, refused before given up; then most repeats."""
    attempts = {id(attempt): attempt for source in sources for attempt in source.attempts}
    # From the last to the first, so that of several SAs of an attempt the first is its own.
    own = {id(sa.attempt): sa for sa in reversed(sas) if id(sa.attempt) in attempts}
    ranked = [
        (grade, -len(attempt.requests), attempt.first_ts, attempt.spi_i, attempt, own.get(key))
        for key, attempt in attempts.items()
        if attempt.server_heard and not attempt.undecided and (grade := _grade(attempt, own.get(key)))
    ]
    return min(ranked, key=lambda entry: entry[:4])[-2:] if ranked else None


def _grade(attempt: Attempt, sa: IkeSa | None) -> int:
    """How well an attempt shows failure, 1 best; 0 = it shows none."""
    if not attempt.answered:
        return 1
    if attempt.outcome is Outcome.REJECTED:
        return 2
    if sa is None or sa.is_live_kind:
        return 0
    return 3 if sa.state in (SaState.AUTHENTICATING, SaState.FAILED) else 4


def _healthy(sas: Iterable[IkeSa]) -> IkeSa | None:
    """The best example of an established SA whose handshake is here from its first request."""
    ranked = [
        (not sa.has_esp, len(sa.attempt.requests), sa.first_ts, sa.spi_i, sa)
        for sa in sas
        if sa.state in LIVE and sa.attempt is not None and sa.attempt.answers and not sa.attempt.is_probe
    ]
    return min(ranked, key=lambda entry: entry[:4])[-1] if ranked else None


def _ladder(facts: Facts, kind: str, attempt: Attempt, sa: IkeSa | None) -> dict[str, Any]:
    steps = sorted([*_init_steps(attempt), *_sa_steps(sa)], key=lambda step: step["ts"])
    begin = attempt.first_ts
    shown = steps[:_MOST_STEPS]
    return {
        "kind": kind,
        "client": attempt.src,
        "client_port": attempt.sport,
        "server": attempt.server,
        "spi_i": f"{attempt.spi_i:016x}",
        "outcome": sa.state.value if sa is not None else attempt.outcome.value,
        "start": iso_time(begin),
        "watched_ns": max(0, facts.track.last_ts - begin),
        "steps": [
            {
                "after_ns": step["ts"] - begin,
                "by_client": step["by_client"],
                "what": step["what"],
                "repeat": step["repeat"],
                "file": facts.inputs[step["file"] - 1].path,
                "frame": step["frame"],
            }
            for step in shown
        ],
        "steps_left_out": len(steps) - len(shown),
    }


def _step(ts: int, file: int, frame: int, by_client: bool, what: str, repeat: bool = False) -> dict[str, Any]:
    return {"ts": ts, "file": file, "frame": frame, "by_client": by_client, "what": what, "repeat": repeat}


def _init_steps(attempt: Attempt) -> Iterable[dict[str, Any]]:
    before: int | None = None
    for request in attempt.requests:
        repeat = request.digest == before
        what = "IKE_SA_INIT request"
        if not repeat and before is not None:
            what = "IKE_SA_INIT with the cookie" if request.has_cookie else "IKE_SA_INIT, changed"
        yield _step(request.ts, request.file, request.frame, True, what, repeat)
        before = request.digest
    seen: set[Answer] = set()
    for file, frame, ts, answer in attempt.answers:
        yield _step(ts, file, frame, False, _ANSWERS[answer], answer in seen)
        seen.add(answer)


def _sa_steps(sa: IkeSa | None) -> Iterable[dict[str, Any]]:
    if sa is None:
        return
    for exchange in sa.exchanges.values():
        name = exchange_name(2, exchange.kind)
        number = f" {exchange.message_id}" if exchange.kind == IKE_AUTH else ""
        for half, word in ((exchange.request, "request"), (exchange.response, "answer")):
            by_client = exchange.by_client == (word == "request")
            pieces = f", {half.fragments_total} fragments" if half.fragments_total else ""
            for sent, (file, frame, ts) in enumerate(half.sends):
                yield _step(ts, file, frame, by_client, f"{name}{number} {word}{pieces}", sent > 0)
    told: set[bool] = set()
    for flow in sa.esp:
        by_client = flow.src != sa.server
        if by_client not in told:
            told.add(by_client)
            first = flow.flow
            what = f"ESP, the first of {first.packets} packets" if first.packets > 1 else "ESP, one packet"
            yield _step(first.first_ts, flow.file, first.first_frame, by_client, what)
