"""The condition language: what it computes, what it refuses, and where it says the fault is."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcapan.detect.expression import MAX_RESULT, compile_expression
from pcapan.detect.issues import TextError
from pcapan.detect.schema import ColumnType, Value
from pcapan.errors import ExitCode, RuleError

from .rules_kit import BOOL, FLOAT, INT, STR

TYPES: dict[str, ColumnType] = {
    "attempts": INT,
    "unanswered": INT,
    "share": FLOAT,
    "kind": STR,
    "up": BOOL,
    "down": BOOL,
}
VALUES: dict[str, Value] = {
    "attempts": 12,
    "unanswered": 4,
    "share": 0.5,
    "kind": "private",
    "up": True,
    "down": None,
}


def run(source: str, **changes: Value) -> Value:
    return compile_expression(source, TYPES).evaluate({**VALUES, **changes})


def refused(source: str) -> TextError:
    with pytest.raises(RuleError) as caught:
        compile_expression(source, TYPES)
    assert isinstance(caught.value, TextError)
    assert caught.value.exit_code == ExitCode.RULE
    assert caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("attempts", 12),
        ("attempts + unanswered * 2", 20),
        ("(attempts + unanswered) * 2", 32),
        ("attempts - unanswered - 1", 7),
        ("-attempts", -12),
        ("unanswered / attempts > 0.3", True),
        ("1 < unanswered <= 4 < attempts", True),
        ("1 < unanswered < 4 < attempts", False),
        ("kind == 'private'", True),
        ('kind != "private"', False),
        ("kind in ('carrier', 'private')", True),
        ("kind not in ('carrier', 'private')", False),
        ("attempts in (11, -12, 12)", True),
        ("up == true and up != False", True),
        ("not up or attempts > 3", True),
        ("up + (unanswered > 3) + (attempts > 100)", 2),
        ("down is unknown and up is not unknown", True),
        ("down is None", True),
        ("attempts\n  > 3 # (the onset: {[;\n and up", True),
        ("kind == 'a#b(c'", False),
        ("true", True),
        ("1_000 == 1000.0", True),
    ],
)
def test_computes(source: str, result: Value) -> None:
    assert run(source) == result
    assert type(run(source)) is type(result)


@pytest.mark.parametrize("source", ["attempts / 0", "attempts / (up - up)", "share / 0.0", "-(attempts / 0)"])
def test_a_division_by_zero_is_unknown(source: str) -> None:
    assert run(source) is None


TRUTH = {
    "T": {"up": True},
    "F": {"up": False},
    "U": {"up": None},
}
KLEENE = """
T and T = T | T and F = F | T and U = U
F and T = F | F and F = F | F and U = F
U and T = U | U and F = F | U and U = U
T or T = T  | T or F = T  | T or U = T
F or T = T  | F or F = F  | F or U = U
U or T = T  | U or F = U  | U or U = U
"""
LETTER: dict[str, Value] = {"T": True, "F": False, "U": None}


@pytest.mark.parametrize(
    "case", [c.strip() for line in KLEENE.split("\n") for c in line.split("|") if c.strip()]
)
def test_three_valued_logic(case: str) -> None:
    left, operator, right, _, result = case.split()
    assert run(f"up {operator} down", up=LETTER[left], down=LETTER[right]) is LETTER[result]


@pytest.mark.parametrize(("operand", "result"), [(True, False), (False, True), (None, None)])
def test_three_valued_not(operand: Value, result: Value) -> None:
    assert run("not up", up=operand) is result


@pytest.mark.parametrize(
    "source",
    [
        "attempts > 1",
        "attempts == 1",
        "attempts != 1",
        "1 < attempts < 2",
        "attempts + 1",
        "attempts - share",
        "-attempts",
        "attempts in (1, 2)",
        "attempts not in (1, 2)",
        "attempts * 0",
    ],
)
def test_unknown_stays_unknown(source: str) -> None:
    assert run(source, attempts=None) is None


def test_one_false_link_settles_a_chain_with_an_unknown_one() -> None:
    assert run("5 < unanswered < attempts", attempts=None) is False


ESCAPES = [
    "().__class__.__bases__[0].__subclasses__()",
    "attempts.__class__",
    "kind.__len__() > 3",
    "kind.format(attempts)",
    "__import__('os').system('id') == 0",
    "__builtins__",
    "open('/etc/passwd') == ''",
    "eval('1')",
    "(lambda: 1)() == 1",
    "lambda",
    "(x := 1) == 1",
    "[x for x in (1, 2)]",
    "(x for x in (1, 2))",
    "{attempts}",
    "{1: 2}",
    "f'{attempts}' == ''",
    "f'{attempts.__class__}' == ''",
    "f'' == ''",
    "'{0.__class__}'.format(attempts) == ''",
    "'%s' % attempts == ''",
    "'a' * 9999999 == ''",
    "kind * 9999999 == ''",
    "9999999 * kind == ''",
    "kind + kind == ''",
    "9**9**9",
    "pow(9, 9)",
    "1 << 99999",
    "1 >> 1",
    "attempts // 2",
    "attempts % 2",
    "attempts @ attempts",
    "attempts & 1",
    "attempts | 1",
    "attempts ^ 1",
    "~attempts",
    "+attempts",
    "kind[0] == 'a'",
    "kind[:] == 'a'",
    "attempts if up else 1",
    "await attempts",
    "(yield)",
    "*attempts",
    "...",
    "b'a' == kind",
    "1j == attempts",
    "1e999 > attempts",
    "999999999999999999999999 > attempts",
    "up and print",
    "import os",
    "attempts; unanswered",
    "attempts = 3",
    "attempts, unanswered",
    "'a' in kind",
    "kind in kind",
    "kind in ('private')",
    "kind in (kind, 'a')",
    "kind in ()",
    "kind in ['a']",
    "attempts in (1, 'a')",
    "up is true",
    "up == None",
    "attempts is attempts",
    "1 < attempts in (1, 2)",
    "attempts and up",
    "not attempts",
    "up > 0",
    "up == 1",
    "kind > 'a'",
    "kind == 3",
    "-kind == 'a'",
    "-up == 1",
    "kind == 'a\\x41'",
    "kind == 'a' 'b'",
    '"""a""" == kind',
    "kind == 'a",
    "kind == 'ä'",
    "ａttempts > 3",  # full-width letter that NFKC turns into "a"
    "attemptѕ > 3",  # Cyrillic letter that looks like "s"
    "__ᵢmport__('os')",
    "attempts >\u00a03",
    "attempts > 3\x00",
    "attempts\u202e > 3",
    "attempts\f> 3",
    "attempts > 3) or (up",
    "(attempts > 3",
    "(" * 100 + "up" + ")" * 100,
    "not " * 300 + "up",
    "-" * 1500 + "attempts",
    " or ".join(["up"] * 380),
    "attempts" + "+attempts" * 80,
    "attempts + " * 500 + "1",
    "9" * 3000 + " > attempts",
    "",
    "  \n ",
    "# nothing",
    "attempts && up",
    "!up",
    "attempts <> 3",
]


@pytest.mark.parametrize("source", ESCAPES, ids=range(len(ESCAPES)))
def test_refuses(source: str) -> None:
    refused(source)


@pytest.mark.parametrize(
    ("source", "line", "column", "hint"),
    [
        ("unanswerd > 3", 1, 1, "Did you mean 'unanswered'"),
        ("up\n  and attempst > 3", 2, 7, "Did you mean 'attempts'"),
        ("up and\n\n   kind > 3", 3, 11, "quotes around text"),
        ("  attempts = 3", 1, 12, "'=='"),
        ("attempts && up", 1, 10, "'and'"),
        ("zzz", 1, 1, "Known names: attempts, down"),
        ("up or (attempts > 3", 1, 7, "Add ')'"),
    ],
)
def test_says_where_and_what_instead(source: str, line: int, column: int, hint: str) -> None:
    error = refused(source)
    assert (error.line, error.column) == (line, column)
    assert hint in error.hint


def test_knows_its_names_and_type() -> None:
    expression = compile_expression("unanswered / attempts > share and unanswered > 0", TYPES)
    assert expression.names == ("unanswered", "attempts", "share")
    assert expression.type is BOOL
    assert compile_expression("attempts / 2", TYPES).type is FLOAT
    assert compile_expression("attempts * 2", TYPES).type is INT
    assert compile_expression("1 < 2", TYPES).constant


def test_results_are_bounded() -> None:
    assert run("attempts * attempts", attempts=MAX_RESULT) is None
    assert run("share * 10.0", share=1e308) is None
    assert run("attempts * share", attempts=10**29, share=2.0) == pytest.approx(2e29)


numbers = st.one_of(st.none(), st.integers(-(10**40), 10**40), st.floats(allow_nan=False))


@given(numbers, st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)))
def test_any_number_gives_a_finite_number_or_unknown(attempts: Value, share: Value) -> None:
    for source in ("attempts * share", "attempts / share", "attempts + attempts", "attempts - share"):
        value = run(source, attempts=attempts, share=share)
        assert value is None or (isinstance(value, int | float) and math.isfinite(value))


WORDS = "== |and |or |not |in |is |unknown|lambda |if |else |for |1|0.5|1e5|None|true|**|//|:=|f'|__class__"
fragments = st.sampled_from([*TYPES, *"()+-*/<>=.,[]{}:;@%^&|~!'\"#\\ \n", *WORDS.split("|")])


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(fragments, max_size=40).map("".join)))
def test_any_text_is_an_expression_or_a_rule_error(source: str) -> None:
    started = time.process_time()
    try:
        expression = compile_expression(source, TYPES)
    except TextError as error:
        assert 1 <= error.line <= source.count("\n") + 1
        return
    value = expression.evaluate(VALUES)
    assert value is None or isinstance(value, bool | int | float | str)
    assert time.process_time() - started < 1
