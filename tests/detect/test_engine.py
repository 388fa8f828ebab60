"""Gates, outcomes, unknown values, grouping, and the words a group becomes."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import pytest

from pcapan.detect.describe import describe, row_filter
from pcapan.detect.engine import Group, RowVerdict, evaluate_rule, group
from pcapan.detect.rule import Rule
from pcapan.detect.schema import Value
from pcapan.errors import PcapanError
from pcapan.model import Severity, Verdict

from .rules_kit import CAPTURE, RULE, good, row

C, S, N, U, A = (
    Verdict.CONFIRMED,
    Verdict.SUSPECTED,
    Verdict.NOT_OBSERVED,
    Verdict.INCONCLUSIVE,
    Verdict.NOT_APPLICABLE,
)
Rows = Sequence[Mapping[str, Value]]


def judge(rows: Rows, rule: Rule | None = None, **capture: Value) -> list[Group]:
    rule = rule or good()
    return group(rule, evaluate_rule(rule, rows, {**CAPTURE, **capture}))


CASES: list[tuple[str, Rows, dict[str, Value], list[tuple[Verdict, int]]]] = [
    ("first outcome wins", [row()], {}, [(C, 1)]),
    ("second outcome", [row(answered_other_sources=0)], {}, [(S, 1)]),
    ("no outcome", [row(unanswered_while_up=0)], {}, [(N, 1)]),
    ("row gate", [row(attempts=0)], {}, [(A, 1)]),
    ("capture gate", [row(), row()], {"both_directions": False}, [(U, 1)]),
    ("capture gate without rows", [], {"both_directions": False}, [(U, 1)]),
    ("unknown capture gate", [row()], {"both_directions": None}, [(U, 1)]),
    ("unknown row gate is never not applicable", [row(attempts=None)], {}, [(U, 1)]),
    ("no rows", [], {}, [(N, 1)]),
    ("confirmed and suspected", [row(), row(answered_other_sources=0), row()], {}, [(C, 2), (S, 1)]),
    ("a claim hides negatives", [row(unanswered_while_up=0), row(), row(attempts=0)], {}, [(C, 1)]),
    ("inconclusive before not observed", [row(unanswered_while_up=0), row(sas_at_onset=None)], {}, [(U, 1)]),
    ("not observed before not applicable", [row(attempts=0), row(unanswered_while_up=0)], {}, [(N, 1)]),
    ("all not applicable", [row(attempts=0), row(attempts=0)], {}, [(A, 2)]),
    ("unknown, but a later outcome holds", [row(answered_other_sources=None)], {}, [(S, 1)]),
    ("unknown and false is false", [row(answered_other_sources=None, unanswered_while_up=0)], {}, [(N, 1)]),
    ("not-a-number is unknown", [row(unanswered_while_up=float("nan"))], {}, [(U, 1)]),
    ("an absent column is unknown", [{"address": "10.0.0.1", "attempts": 3}], {}, [(U, 1)]),
    ("a whole float is a whole number", [row(sas_at_onset=8.0)], {}, [(C, 1)]),
]


@pytest.mark.parametrize(("rows", "capture", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_verdicts(rows: Rows, capture: dict[str, Value], expected: list[tuple[Verdict, int]]) -> None:
    rule = good()
    made = group(rule, evaluate_rule(rule, rows, {**CAPTURE, **capture}))
    assert [(one.verdict, sum(len(row.rows) or 1 for row in one.rows)) for one in made] == expected


def test_rows_together_are_judged_as_each_alone() -> None:
    rule = good()
    chance = random.Random(4)
    choices: dict[str, tuple[Value, ...]] = {
        "address": ("10.0.0.1", "10.0.0.2"),
        "attempts": (0, 3, 7, None),
        "unanswered_while_up": (0, 4, None),
        "answered_other_sources": (0, 2, None),
        "sas_at_onset": (0, 1, 8, None),
        "esp_continued": (True, False, None),
    }
    rows = [row(**{name: chance.choice(of) for name, of in choices.items()}) for _ in range(600)]
    alone = [evaluate_rule(rule, [one], CAPTURE)[0] for one in rows]
    together = evaluate_rule(rule, rows, CAPTURE)

    def key(said: RowVerdict) -> tuple[object, ...]:
        names = ("address", "unanswered_while_up") if said.verdict.reported else ()
        values = [said.values[name] for name in names]
        return said.verdict, said.reason, said.unknown, said.severity, said.outcome, *values

    assert {index: key(said) for said in together for index in said.rows} == dict(enumerate(map(key, alone)))
    assert sum(len(said.rows) for said in together) == len(rows)
    assert [said.row_index for said in together] == sorted(said.rows[0] for said in together)
    assert len({said.verdict for said in together}) == 5


def test_the_gravest_rows_come_first_whatever_is_said_alike() -> None:
    kinds = [row(address="b", unanswered_while_up=4), row(address="a", unanswered_while_up=4)]
    rows = [*kinds, *kinds, row(address="b", unanswered_while_up=9), *kinds]
    [made] = judge(rows)
    assert [one.rows for one in made.rows] == [[4], [0, 2, 5], [1, 3, 6]]
    assert [made.first_indexes(count) for count in (0, 1, 3, 9)] == [
        [],
        [4],
        [4, 0, 1],
        [4, 0, 1, 2, 3, 5, 6],
    ]
    assert (made.row_count, describe(good(), made).addresses) == (7, ["b", "a"])


def test_rows_of_which_the_same_is_said_are_told_once() -> None:
    quiet, silent = row(unanswered_while_up=0), row(attempts=0, address="10.0.0.9")
    together = evaluate_rule(good(), [quiet, silent, quiet, row(), silent, row(address="10.0.0.9")], CAPTURE)
    told = [(said.verdict, said.rows) for said in together]
    assert told == [(N, [0, 2]), (A, [1, 4]), (C, [3]), (C, [5])]


def test_inconclusive_names_what_was_unknown() -> None:
    [made] = judge([row(answered_other_sources=None, esp_continued=None)])
    assert made.unknown == ("answered_other_sources", "esp_continued")
    assert "sources that were answered in the same minutes (answered_other_sources)" in made.lead.reason


def test_unknown_lets_are_traced_to_their_columns() -> None:
    [made] = judge([row(sas_at_onset=None)])
    assert made.unknown == ("sas_at_onset",)


def test_a_calculation_that_fails_on_known_columns_is_named_itself() -> None:
    rule = good(
        RULE.replace('when = "full_house and esp_continued"', 'when = "quiet > 1"').replace(
            "[let]", '[let]\nquiet = "unanswered / (attempts - attempts)"'
        )
    )
    [made] = judge([row(answered_other_sources=0)], rule)
    assert (made.verdict, made.unknown) == (U, ("quiet",))


def test_not_observed_is_not_said_after_an_open_claim() -> None:
    text = RULE.replace('verdict = "suspected"', 'verdict = "not_observed"')
    assert [g.verdict for g in judge([row(answered_other_sources=None)], good(text))] == [U]
    assert [g.verdict for g in judge([row(answered_other_sources=0)], good(text))] == [N]


def test_severity_of_an_outcome_overrides() -> None:
    confirmed, suspected = judge([row(), row(answered_other_sources=0)])
    assert (confirmed.severity, suspected.severity) == (Severity.HIGH, Severity.MEDIUM)


def test_rows_are_ordered_and_split_by_cause() -> None:
    rows = [
        row(address="a", kind="x", unanswered_while_up=4),
        row(address="b", kind="y"),
        row(address="c", kind="x", unanswered_while_up=9),
    ]
    rule = good(RULE.replace('order_by = "', 'group_by = "kind"\norder_by = "'))
    made = judge(rows, rule)
    assert [(g.key, [r.values["address"] for r in g.rows]) for g in made] == [("x", ["c", "a"]), ("y", ["b"])]
    assert [r.row_index for r in made[0].rows] == [2, 0]


def test_a_rule_about_the_capture_itself() -> None:
    text = """
id = "capture-started-mid"
version = "1.0.0"
title = "The capture began in the middle"
lifecycle = "experimental"
severity = "info"
table = "capture"
question = "Were tunnels up before the capture began?"
[[outcome]]
verdict = "confirmed"
when = "started_mid"
[report.summary]
confirmed = "Tunnels to {server} were up before; the file covers {duration_ns:duration}."
"""
    rule = good(text)
    [made] = judge([], rule, started_mid=True)
    assert describe(rule, made).summary == "Tunnels to 192.0.2.1 were up before; the file covers 1 min."
    assert describe(rule, made).addresses == []
    assert [g.verdict for g in judge([], rule)] == [N]
    assert [g.verdict for g in judge([], rule, started_mid=None)] == [U]


def test_a_wrongly_filled_column_is_the_programs_fault() -> None:
    with pytest.raises(PcapanError, match="'attempts' holds str"):
        judge([row(attempts="many")])


def test_values_hold_every_name() -> None:
    [made] = judge([row()])
    assert made.lead.values["min_unanswered"] == 3
    assert made.lead.values["full_house"] is True
    assert made.lead.values["server"] == "192.0.2.1"
    assert made.lead.outcome == 0


def test_words_of_a_claim() -> None:
    rule = good()
    [made] = judge([row(), row(address="10.10.10.2", unanswered_while_up=9, sas_at_onset=1200)], rule)
    words = describe(rule, made)
    assert words.addresses == ["10.10.10.2", "10.10.10.1"]
    assert words.summary == "The server stopped answering 10.10.10.2 and 10.10.10.1 at 1,200 live SAs."
    assert words.numbers == {"sas_at_onset": 1200, "unanswered_share": pytest.approx(1 / 3)}
    assert words.numbers_by_address["10.10.10.1"]["sas_at_onset"] == 8
    assert words.display_filter == "isakmp && ip.addr == 10.10.10.2"
    assert row_filter(rule, made.rows[1]) == "isakmp && ip.addr == 10.10.10.1"
    assert words.signals == [
        "ESP of the established SAs went on",
        "The number of live SAs is near a round limit",
    ]
    assert "Independent signals for it, 2 of 2: ESP" in words.why
    assert "Thresholds used: min_unanswered = 3 attempts." in words.why
    assert "2 sources got answers meanwhile." in words.why


def test_words_of_what_speaks_against() -> None:
    rule = good()
    [made] = judge([row(attempts=100, esp_continued=None)], rule)
    words = describe(rule, made)
    assert words.refutes == ["Most attempts were answered"]
    assert "What speaks against it: Most attempts were answered." in words.why


def test_words_of_a_negative_verdict_quote_no_row() -> None:
    rule = good(RULE.replace("No source was", "{row_count} rows: no source was"))
    quiet = row(unanswered_while_up=0)
    words = describe(rule, judge([quiet, quiet], rule)[0])
    assert words.summary == "2 rows: no source was refused while it held SAs."
    assert (words.addresses, words.numbers, words.cannot_show, words.display_filter) == ([], {}, [], "")


def test_many_reasons_are_cut() -> None:
    rule = good()
    made = judge([row(address=f"10.0.0.{n}", attempts=0) for n in range(40)], rule)
    words = describe(rule, made[0])
    assert "And 35 more of this kind." in words.why


def test_a_verdict_without_its_own_words_has_plain_ones() -> None:
    rule = good(RULE.replace('not_applicable = "No client dialled."', ""))
    assert describe(rule, judge([row(attempts=0)], rule)[0]).summary == "This does not apply to this capture."


def test_a_capture_let_is_judged_before_the_rows() -> None:
    text = RULE.replace('when = "both_directions"', 'when = "long_enough"').replace(
        "[let]", '[let]\nlong_enough = "duration_ns >= min_unanswered * 1_000_000_000"'
    )
    assert [g.verdict for g in judge([row()], good(text))] == [C]
    assert [g.verdict for g in judge([], good(text), duration_ns=5)] == [U]
