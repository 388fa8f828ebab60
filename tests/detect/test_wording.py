"""Templates: how values are written, and which templates are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.detect.schema import ColumnType
from pcapan.detect.wording import Shown, TemplateError, clean, join_words, parse_template
from pcapan.errors import RuleError

from .rules_kit import BOOL, FLOAT, INT, STR

TYPES: dict[str, ColumnType] = {"n": INT, "x": FLOAT, "t": INT, "word": STR, "flag": BOOL}
SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("source", "value", "text"),
    [
        ("{n}", 50000, "50,000"),
        ("{n}", 7, "7"),
        ("{n}", None, "unknown"),
        ("{n:plain}", 50000, "50000"),
        ("{x}", 2.5, "2.5"),
        ("{x}", 3.0, "3"),
        ("{x}", 0.12345, "0.123"),
        ("{x}", 123456.7, "123,457"),
        ("{x}", -0.0, "0"),
        ("{x}", 1e20, "1e+20"),
        ("{x}", 1e300, "unknown"),
        ("{x}", float("nan"), "unknown"),
        ("{flag}", True, "yes"),
        ("{flag}", False, "no"),
        ("{word}", "F5", "F5"),
        ("{x:percent}", 0.25, "25 %"),
        ("{x:percent}", 0.034, "3.4 %"),
        ("{x:percent}", 1.0, "100 %"),
        ("{n:duration}", 0, "0 s"),
        ("{n:duration}", 1500, "0.002 ms"),
        ("{n:duration}", 850_000_000, "850 ms"),
        ("{n:duration}", int(12.4 * SECOND), "12.4 s"),
        ("{n:duration}", 60 * SECOND, "1 min"),
        ("{n:duration}", 200 * SECOND, "3 min 20 s"),
        ("{n:duration}", 3600 * SECOND, "1 h"),
        ("{n:duration}", 7500 * SECOND, "2 h 5 min"),
        ("{n:duration}", 100 * 3600 * SECOND, "4 d 4 h"),
        ("{n:duration}", -5 * SECOND, "-5 s"),
        ("{n:time}", 1_700_000_000_123_456_789, "2023-11-14T22:13:20.123Z"),
        ("{n:time}", 10**30, str(10**30)),
        ("{n} client{n:s}", 1, "1 client"),
        ("{n} client{n:s}", 2, "2 clients"),
        ("{n} {n:plural(reply,replies)}", 1, "1 reply"),
        ("{n} {n:plural(reply,replies)}", 0, "0 replies"),
        ("{n} {n:plural(reply,replies)}", None, "unknown replies"),
        ("{word:list}", "a,b, c", "a, b and c"),
        ("{word:list}", ["a", "b"], "a and b"),
        ("{word:list}", [], ""),
        ("{word:quoted}", 'a"b\\c', '"a\\"b\\\\c"'),
        ("{word:family}", "10.0.0.1", "ip"),
        ("{word:family}", "fe80::1", "ipv6"),
        ("{{n}} is {n}", 3, "{n} is 3"),
        ("one\n  two\n\n\nthree\n", None, "one two\n\nthree"),
    ],
)
def test_shows(source: str, value: Shown, text: str) -> None:
    template = parse_template(source, TYPES)
    assert template.render(dict.fromkeys(TYPES, value)) == text


@pytest.mark.parametrize(
    ("source", "value", "text"),
    [
        ("udp.port == {n}", 4500, "udp.port == 4500"),
        ("ip.addr == {word}", "10.1.2.3", "ip.addr == 10.1.2.3"),
        ("x == {word}", '1 or frame matches "."', 'x == "1 or frame matches \\".\\""'),
        ("x == {flag}", True, "x == 1"),
    ],
)
def test_filters_quote_what_could_be_read_as_filter_text(source: str, value: Shown, text: str) -> None:
    template = parse_template(source, TYPES, is_filter=True)
    assert template.render(dict.fromkeys(TYPES, value)) == text
    assert template.unknown({}) == template.names


@pytest.mark.parametrize(
    ("source", "line", "hint"),
    [
        ("{nn}", 1, "'n'"),
        ("a\n{wrod}", 2, "'word'"),
        ("{n.__class__}", 1, "{name}"),
        ("{n[0]}", 1, "{name}"),
        ("{n!r}", 1, "{name}"),
        ("{}", 1, "{name}"),
        ("{0}", 1, "{name}"),
        ("{n:>1000000000}", 1, "{name}"),
        ("{n:{n}}", 1, "{{"),
        ("{n", 1, "{{"),
        ("n}", 1, "{{"),
        ("{n:percnt}", 1, "'percent'"),
        ("{n:plural}", 1, "plural(client,clients)"),
        ("{n:percent(a,b)}", 1, "plural"),
        ("{word:percent}", 1, "format"),
        ("{flag:duration}", 1, "format"),
        ("{n:quoted}", 1, "format"),
        ("{ｎ}", 1, "{name}"),
        ("x" * 9000, 1, "Shorten"),
    ],
)
def test_refuses(source: str, line: int, hint: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parse_template(source, TYPES)
    assert caught.value.line == line
    assert hint in caught.value.hint


def test_values_lose_control_and_direction_characters() -> None:
    text = parse_template("{word}", TYPES).render({"word": "a\x1b[31m\u202eb\nc\x00\u2028d\ud800"})
    assert text == "a[31mb cd"


def test_long_values_and_lists_are_cut() -> None:
    assert len(clean("x" * 10_000)) <= 301
    assert join_words([str(n) for n in range(20)], 4) == "0, 1, 2 and 17 more"


@given(st.text(max_size=80))
def test_any_text_is_a_template_or_a_rule_error(source: str) -> None:
    try:
        template = parse_template(source, TYPES)
    except RuleError:
        return
    assert isinstance(template.render({}), str)


@given(st.text(), st.one_of(st.integers(), st.floats()))
def test_any_value_can_be_shown(word: str, number: float) -> None:
    source = "{n} {n:plain} {n:percent} {n:duration} {n:time} {n:s} {x} {word} {word:list} {word:quoted}"
    values: dict[str, Shown] = {"n": number, "x": number, "word": word}
    shown = parse_template(source, TYPES).render(values)
    assert not any(ord(char) < 32 for char in shown)
