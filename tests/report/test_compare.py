"""Did a change work: judged with the load in mind, told the same in every format, deaf to strangers' text."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from msgspec.structs import replace

from pcapan.model import Finding, Result, Severity, Verdict
from pcapan.report.clock import Clock
from pcapan.report.compare.judge import Comparison, Outcome, State, compare, fails
from pcapan.report.compare.markdown import markdown
from pcapan.report.compare.page import html
from pcapan.report.compare.text import print_comparison
from pcapan.report.jsontext import json_text
from pcapan.report.terminal import Detail
from tests.report.goldens import FOLDER, PAIRS, compared, stored
from tests.report.hostile import TEXTS, poisoned
from tests.report.test_goldens import REFRESH

SEEN, MAYBE, NOT, OPEN, NONE = (
    Verdict.CONFIRMED,
    Verdict.SUSPECTED,
    Verdict.NOT_OBSERVED,
    Verdict.INCONCLUSIVE,
    Verdict.NOT_APPLICABLE,
)


def finding(name: str, verdict: Verdict, severity: Severity = Severity.HIGH, **numbers: Any) -> Finding:
    return replace(
        stored("healthy-dnat").findings[0],
        id=name,
        title=name,
        verdict=verdict,
        severity=severity,
        summary=f"{name} {verdict}",
        why="because",
        addresses=["10.0.0.1"] if verdict.reported else [],
        numbers=numbers,
        evidence=[],
    )


def result(
    *findings: Finding,
    attempts: int = 100,
    unanswered: int = 0,
    live: int = 100,
    direction: str = "both",
    begin: str = "10",
) -> Result:
    """A capture of a server with one source, `live` SAs at once, in the hour `begin`."""
    base = stored("healthy-dnat")
    times = {"first": f"2026-01-01T{begin}:00:00Z", "last": f"2026-01-01T{begin}:10:00Z"}
    source = {
        **base.sources[0],
        "address": "10.0.0.1",
        "attempts": attempts,
        "answered": attempts - unanswered,
        "unanswered": unanswered,
        "sas_concurrent_max": live,
    }
    return replace(
        base,
        inputs=[{**base.inputs[0], **times, "sha256": begin * 32}],
        capture=replace(base.capture, direction=direction),
        findings=list(findings),
        sources=[source],
        series=[],
    )


def after(*findings: Finding, **how: Any) -> Result:
    return result(*findings, begin="12", **how)


@pytest.mark.parametrize(
    ("before", "now", "state"),
    [
        (SEEN, SEEN, State.STILL),
        (MAYBE, SEEN, State.STILL),
        (SEEN, MAYBE, State.STILL),
        (SEEN, NOT, State.GONE),
        (MAYBE, NOT, State.GONE),
        (SEEN, OPEN, State.CANNOT_TELL),
        (SEEN, NONE, State.CANNOT_TELL),
        (NOT, SEEN, State.NEW),
        (NOT, MAYBE, State.NEW),
        (OPEN, SEEN, State.CANNOT_TELL),
        (NONE, SEEN, State.CANNOT_TELL),
        (NOT, NOT, None),
        (OPEN, NOT, None),
        (OPEN, OPEN, None),
    ],
)
def test_each_pair_of_verdicts(before: Verdict, now: Verdict, state: State | None) -> None:
    made = compare(result(finding("full-nat", before)), after(finding("full-nat", now)))
    assert [change.state for change in made.changes] == ([] if state is None else [state])
    assert made.unchanged == (state is None)


def test_a_rule_that_one_run_did_not_ask() -> None:
    one = finding("full-nat", SEEN)
    for pair in ((result(one), after()), (result(), after(one))):
        (change,) = compare(*pair).changes
        assert change.state is State.CANNOT_TELL and None in (change.before, change.after)


@pytest.mark.parametrize(("live", "state"), [(8, State.CANNOT_TELL), (9, State.GONE)])
def test_a_limit_is_gone_only_above_the_load_that_showed_it(live: int, state: State) -> None:
    before = result(
        finding("sa-limit-exhaustion", SEEN, sas_at_onset=8), finding("unanswered-init", SEEN), unanswered=50
    )
    now = after(finding("sa-limit-exhaustion", NOT), finding("unanswered-init", NOT), live=live)
    assert [change.state for change in compare(before, now).changes] == [state, state]


@pytest.mark.parametrize(
    ("attempts", "state"), [(0, State.CANNOT_TELL), (28, State.CANNOT_TELL), (29, State.GONE)]
)
def test_a_share_of_the_attempts_needs_enough_of_them(attempts: int, state: State) -> None:
    """One attempt in ten went unanswered: 28 answered ones are chance once in twenty times, 29 are not."""
    before = result(finding("unanswered-init", SEEN), attempts=100, unanswered=10)
    (change,) = compare(before, after(finding("unanswered-init", NOT), attempts=attempts)).changes
    assert change.state is state
    assert ("29 attempts or more" in change.reason) == (attempts == 28)


@pytest.mark.parametrize(
    ("before", "now", "outcome"),
    [
        ({"full-nat": SEEN}, {"full-nat": NOT}, Outcome.WORKED),
        ({"full-nat": SEEN, "overload": SEEN}, {"full-nat": NOT, "overload": SEEN}, Outcome.IN_PART),
        ({"full-nat": SEEN, "overload": NOT}, {"full-nat": NOT, "overload": SEEN}, Outcome.IN_PART),
        ({"full-nat": SEEN, "overload": OPEN}, {"full-nat": NOT, "overload": SEEN}, Outcome.IN_PART),
        ({"full-nat": SEEN}, {"full-nat": SEEN}, Outcome.FAILED),
        ({"full-nat": SEEN}, {"full-nat": OPEN}, Outcome.CANNOT_TELL),
        ({"full-nat": NOT}, {"full-nat": SEEN}, Outcome.NEW_TROUBLE),
        ({"full-nat": NOT}, {"full-nat": NOT}, Outcome.NO_TROUBLE),
        ({"capture-loss": NOT}, {"capture-loss": SEEN}, Outcome.NO_TROUBLE),
        ({"one-direction": SEEN}, {"one-direction": NOT}, Outcome.NO_TROUBLE),
    ],
)
def test_the_outcome(before: dict[str, Verdict], now: dict[str, Verdict], outcome: Outcome) -> None:
    made = compare(
        result(*(finding(*item) for item in before.items())),
        after(*(finding(*item) for item in now.items())),
    )
    assert made.outcome is outcome


def test_harmless_news_are_no_trouble() -> None:
    """That clients' own addresses arrive now is what the change was for."""
    quiet = Severity.INFO
    made = compare(
        result(finding("full-nat", SEEN), finding("no-source-nat", NOT, quiet)),
        after(finding("full-nat", NOT), finding("no-source-nat", SEEN, quiet)),
    )
    assert made.outcome is Outcome.WORKED and not fails(made, [State.STILL, State.NEW])


@pytest.mark.parametrize(
    ("before", "now", "failing"),
    [
        (SEEN, SEEN, [State.STILL]),
        (NOT, SEEN, [State.NEW]),
        (OPEN, SEEN, [State.STILL, State.NEW]),  # it is one of both
        (SEEN, OPEN, []),
        (SEEN, NOT, []),
    ],
)
def test_what_fails(before: Verdict, now: Verdict, failing: list[State]) -> None:
    made = compare(result(finding("full-nat", before)), after(finding("full-nat", now)))
    assert [state for state in (State.STILL, State.NEW) if fails(made, [state])] == failing
    assert not fails(made, [])


@pytest.mark.parametrize(
    ("one", "two", "words"),
    [
        (result(), result(), "same capture is on both sides"),
        (after(), result(), "wrong order"),
        (result(direction="to-server"), after(), "only packets to the server"),
        (result(), replace(after(), run={**after().run, "rules_hash": "x"}), "different rules"),
        (
            result(),
            replace(after(), run={**after().run, "options": {"limit": 8}}),
            "different options: limit",
        ),
        (
            result(),
            replace(after(), capture=replace(after().capture, server=["192.0.2.99"])),
            "different servers",
        ),
        (result(), replace(after(), inputs=[{**after().inputs[0], "damaged": True}]), "Cut or damaged"),
        (
            result(),
            replace(after(), inputs=[{**after().inputs[0], "last": "2026-01-01T12:01:00Z"}]),
            "is short",
        ),
        (
            result(),
            replace(after(), inputs=[{**after().inputs[0], "first": "2026-01-01T10:05:00Z"}]),
            "overlap in time",
        ),
    ],
)
def test_what_to_keep_in_mind(one: Result, two: Result, words: str) -> None:
    told = compare(one, two).caveats
    assert any(words in text for text in told), told


def test_captures_that_go_together_need_no_word() -> None:
    assert compare(result(), after()).caveats == []


def test_what_cannot_be_seen_is_no_number() -> None:
    made = compare(result(unanswered=4), after(direction="to-server", unanswered=9))
    totals = {total.name: (total.before, total.after) for total in made.totals}
    assert totals["Unanswered"] == (4, None) and totals["Attempts"] == (100, 100)
    assert made.sources[0]["after"]["unanswered"] is None


def spoken(made: Comparison, detail: Detail = Detail.NORMAL) -> str:
    stream = io.StringIO()
    print_comparison(made, stream, clock=Clock.of("Europe/Berlin"), detail=detail, width=80)
    return stream.getvalue()


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_the_formats_are_as_they_were(pair: tuple[str, str]) -> None:
    for ending, text in compared(*pair).items():
        kept = (FOLDER / f"{'-'.join(pair)}.{ending}").read_text("utf-8")
        assert text.splitlines() == kept.splitlines(), f"{ending} changed; {REFRESH}"


def test_the_document_is_plain() -> None:
    made = compare(stored("sa-limit-8"), stored("healthy-dnat"))
    document = json.loads(json_text(made.to_dict()))
    assert document["comparison_version"] == "1.0" and document["outcome"] == "in-part"
    assert {change["state"] for change in document["changes"]} <= set(State)
    assert document["before"]["verdict"] == "confirmed"


def test_the_lengths_of_the_texts() -> None:
    made = compare(stored("sa-limit-8"), stored("healthy-dnat"))
    assert len(markdown(made, Clock()).splitlines()) <= 60
    assert len(spoken(made, Detail.LINE).splitlines()) == 1
    assert all(len(line) <= 80 for line in spoken(made).splitlines())


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_strangers_text_stays_text(text: str) -> None:
    made = compare(poisoned(text), stored("healthy-dnat"))
    shown = spoken(made, Detail.ALL)
    assert "\x1b" not in shown and "\u202e" not in shown and "\x00" not in shown
    page = html(made, Clock())
    for tag in ("<script", "<img", "<iframe", "<svg", "</style></title>"):
        assert tag not in page
    for line in markdown(made, Clock()).splitlines():
        assert not line.startswith(("# heading", "- list", "> quote", "```"))
