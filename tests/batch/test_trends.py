"""What many incidents say together: beginnings, ends, limits, and what must not be concluded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pcapan.batch.pages import began_text, ended_text
from pcapan.batch.trends import Cause, causes_of, incidents_of, month_range

LIMIT, FULL_NAT = "sa-limit-exhaustion", "full-nat"


def claim(
    rule: str, *addresses: str, severity: str = "high", verdict: str = "confirmed", **numbers: int
) -> Any:
    return {
        "id": rule,
        "verdict": verdict,
        "severity": severity,
        "title": rule.replace("-", " "),
        "addresses": list(addresses),
        "more": 0,
        "numbers": numbers,
    }


def line(
    day: int,
    *claims: Any,
    clean: tuple[str, ...] = (),
    server: str = "10.10.10.20",
    busiest: int = 5,
    **more: Any,
) -> Any:
    """An incident so many days after the year began."""
    moment = datetime(2026, 1, 1, 8, tzinfo=UTC) + timedelta(days=day)
    first = int(moment.timestamp()) * 10**9
    return {
        "inputs": [f"{server}-{day}.pcap"],
        "status": "ok",
        "reason": "",
        "key": f"{server}{day}",
        "digest": {
            "month": f"{moment:%Y-%m}",
            "server": server,
            "servers": [server],
            "first_ns": first,
            "last_ns": first + 600 * 10**9,
            "bytes": 1000,
            "packets": 10,
            "damaged": False,
            "busiest": ["10.10.10.1", busiest],
            "verdict": "confirmed" if claims else "not observed",
            "sentence": "A sentence.",
            "claims": list(claims),
            "not_observed": list(clean),
            "inconclusive": [],
        },
        **more,
    }


def causes(*lines: Any) -> dict[tuple[str, str], Cause]:
    return {(cause.rule, cause.server): cause for cause in causes_of(incidents_of(lines))}


def only(*lines: Any) -> Cause:
    (cause,) = causes(*lines).values()
    return cause


def test_the_month_in_which_it_began_and_the_one_in_which_it_ended() -> None:
    cause = only(
        *(line(day, clean=(LIMIT,)) for day in range(0, 90, 9)),
        *(line(day, claim(LIMIT, "10.10.10.1", sas_at_onset=8)) for day in range(95, 240, 9)),
        *(line(day, clean=(LIMIT,)) for day in range(245, 300, 9)),
    )
    assert cause.span.began and cause.span.ended
    assert "Began in 2026-04: first seen on 2026-04-06, and not in 10 incidents" in began_text(cause.span)
    assert "Ended between 2026-08-28 and 2026-09-03 (2026-09)" in ended_text(cause.span)
    assert [month.seen for month in cause.months] == [0, 0, 0, 3, 4, 3, 3, 4, 0, 0]
    assert cause.sources[0][0] == "10.10.10.1" and cause.sources[0][1].ended
    assert cause.limits == [(8, 17)]


def test_there_from_the_first_capture_and_still() -> None:
    cause = only(*(line(day, claim(FULL_NAT, "10.10.10.1")) for day in range(0, 60, 9)))
    assert "There from the first capture" in began_text(cause.span)
    assert "Still there on 2026-02-24" in ended_text(cause.span)


def test_nothing_is_concluded_from_captures_that_cannot_show_it() -> None:
    cause = only(
        *(line(day) for day in range(0, 50, 9)),
        *(line(day, claim(FULL_NAT, "10.10.10.1")) for day in range(60, 100, 9)),
        *(line(day) for day in range(110, 200, 9)),
    )
    assert not cause.span.began and not cause.span.ended
    assert cause.span.before == cause.span.after == []
    assert cause.months[0].unclear == 4


def test_what_is_rare_has_not_ended_because_two_captures_lack_it() -> None:
    rare = [line(day, *([claim(LIMIT, "10.10.10.1")] if day % 5 == 0 else []),
                 clean=() if day % 5 == 0 else (LIMIT,)) for day in range(100)]  # fmt: skip
    cause = only(*rare)
    assert len(cause.span.after) == 4 and not cause.span.ended
    assert "too few" in ended_text(cause.span)
    more = [line(day, clean=(LIMIT,)) for day in range(100, 120)]
    assert only(*rare, *more).span.ended


def test_one_capture_before_is_too_few_to_have_begun() -> None:
    cause = only(line(0, clean=(LIMIT,)), *(line(day, claim(LIMIT, "10.10.10.1")) for day in range(5, 50, 5)))
    assert "too few" in began_text(cause.span)


def test_a_raised_limit_and_the_end_of_full_nat_explain_an_end() -> None:
    before = [line(day, claim(LIMIT, "10.10.10.1", sas_at_onset=8), busiest=8) for day in range(0, 50, 5)]
    raised = [line(day, clean=(LIMIT,), busiest=30) for day in range(60, 90, 5)]
    (note,) = only(*before, *raised).notes
    assert "30 SAs" in note and "8" in note and "the limit was raised" in note
    idle = [line(day, clean=(LIMIT,), busiest=3) for day in range(60, 90, 5)]
    (note,) = only(*before, *idle).notes
    assert "cannot be told" in note
    both = [
        line(d, claim(LIMIT, "10.10.10.1", sas_at_onset=8), claim(FULL_NAT, "10.10.10.1")) for d in range(9)
    ]
    direct = [
        line(d, claim("no-source-nat", severity="info"), clean=(LIMIT, FULL_NAT), busiest=3)
        for d in range(20, 30)
    ]
    found = causes(*both, *direct)
    assert set(found) == {(LIMIT, "10.10.10.20"), (FULL_NAT, "10.10.10.20")}
    assert "Full NAT ended at the same time" in found[LIMIT, "10.10.10.20"].notes[0]
    assert "10 of 10 incidents since" in found[FULL_NAT, "10.10.10.20"].notes[0]


def test_another_limit_is_told() -> None:
    lines = [
        line(day, claim(LIMIT, "10.10.10.1", sas_at_onset=8 if day < 30 else 35)) for day in range(0, 60, 3)
    ]
    cause = only(*lines)
    assert cause.limits == [(8, 10), (35, 10)]
    assert "8, then 35" in cause.notes[0]


def test_a_cause_is_one_finding_at_one_server() -> None:
    found = causes(
        *(line(day, claim(FULL_NAT, "10.1.0.1"), server="10.1.0.20") for day in range(3)),
        *(line(day, claim(FULL_NAT, "10.2.0.1", "10.2.0.2"), server="10.2.0.20") for day in range(3)),
        line(9, claim("capture-loss", severity="medium"), claim("mobike", severity="info")),
    )
    assert set(found) == {(FULL_NAT, "10.1.0.20"), (FULL_NAT, "10.2.0.20")}
    assert [address for address, _ in found[FULL_NAT, "10.2.0.20"].sources] == ["10.2.0.1", "10.2.0.2"]


def test_the_worst_come_first_and_of_equals_what_is_still_there() -> None:
    ended = [line(day, claim(LIMIT, "1.1.1.1", severity="critical"), server="a") for day in range(9)]
    ended += [line(day, clean=(LIMIT,), server="a") for day in range(20, 40)]
    there = [line(day, claim(LIMIT, "1.1.1.1", severity="critical"), server="b") for day in range(3)]
    low = [line(day, claim("overload", severity="low"), server="c") for day in range(50)]
    ranked = causes_of(incidents_of([*low, *ended, *there]))
    assert [cause.server for cause in ranked] == ["b", "a", "c"]


def test_a_source_is_not_acquitted_by_an_incident_of_another() -> None:
    cause = only(
        line(0, claim(LIMIT, "10.10.10.1")), line(1, claim(LIMIT, "10.10.10.2")), line(2, clean=(LIMIT,))
    )
    spans = dict(cause.sources)
    assert spans["10.10.10.1"].could_show == 1 and len(spans["10.10.10.1"].after) == 1


def test_same_content_is_one_incident_and_no_time_is_no_month() -> None:
    twice = line(3, claim(FULL_NAT, "10.10.10.1"))
    lines = [twice, {**twice, "inputs": ["copy.pcap"]}, line(4, claim(FULL_NAT, "10.10.10.1"))]
    lines[2]["digest"] |= {"month": "unknown", "first_ns": None, "last_ns": None}
    cause = only(*lines)
    assert len(cause.incidents) == 2
    assert [month.month for month in cause.months] == ["2026-01"]


def test_months_without_captures_are_months_too() -> None:
    assert month_range(["2025-11", "2026-02", "unknown"]) == ["2025-11", "2025-12", "2026-01", "2026-02"]
    assert len(month_range(["1971-01", "2099-12"])) == 36
    assert month_range(["unknown"]) == []
