"""Rule files: what is accepted, what is refused and with which line, overriding and fingerprint."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcapan.detect.issues import RuleIssue, RulesInvalidError
from pcapan.detect.rule import Lifecycle
from pcapan.detect.rulefile import load_rules, rule_from_text
from pcapan.detect.ruleset import RuleSet, default_rules_dir
from pcapan.detect.schema import RuleSchema, TableSchema
from pcapan.detect.tomlplace import Places
from pcapan.errors import ExitCode, RuleError, UsageError
from pcapan.model import Severity, Verdict

from .rules_kit import BOOL, INT, RULE, SCHEMA, good, read

NAME = "sa-limit-exhaustion"


def write(folder: Path, text: str = RULE, name: str = NAME) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def load(*paths: Path, **overrides: str) -> RuleSet:
    return load_rules(paths, SCHEMA, overrides={f"{NAME}.{name}": value for name, value in overrides.items()})


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_reads_every_part() -> None:
    rule = good()
    assert (rule.id, rule.lifecycle, rule.severity) == (NAME, Lifecycle.STABLE, Severity.HIGH)
    assert [need.verdict for need in rule.needs] == [Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE]
    assert rule.params["min_unanswered"].value == 3
    assert [let.name for let in rule.lets] == ["unanswered_share", "full_house"]
    assert [outcome.verdict for outcome in rule.outcomes] == [Verdict.CONFIRMED, Verdict.SUSPECTED]
    assert rule.evidence.frames == ("last-answered", "first-unanswered")
    assert rule.fixes[0].vendor == "windows"
    assert "{ $_.Name }" in rule.fixes[0].steps[1]
    assert rule.examples[0].addresses == ("10.10.10.1",)
    assert rule.names["full_house"].leaves == ("sas_at_onset", "unanswered_while_up")
    assert rule.address == "address"


FAULTS = [
    # what is replaced, by what, a part of the message, a part of the recommendation
    ("question =", "questoin =", "Unknown key 'questoin'", "'question'"),
    ('version = "1.0.0"\n', "", "'version' is missing", "version ="),
    ('version = "1.0.0"', "version = 1.0", "'version' must be text", 'version = "..."'),
    ('version = "1.0.0"', 'version = "1"', "not of the form", "three numbers"),
    ('lifecycle = "stable"', 'lifecycle = "stabel"', "'stabel'", "'stable'"),
    ('severity = "high"', 'severity = "severe"', "'severe'", "Known words"),
    ('table = "sources"', 'table = "source"', "Unknown table 'source'", "'sources'"),
    ('order_by = "un', 'order_by = "nu', "Unknown name", "'unanswered_while_up'"),
    ('id = "sa-limit-exhaustion"', 'id = "SA limit"', "not allowed", "a-z"),
    ('when = "both_directions"', 'when = "both_direction"', "'both_direction'", "'both_directions'"),
    ('when = "both_directions"', 'when = "duration_ns"', "must be a condition", "> 0"),
    ('when = "both_directions"', "when = 3", "must be an expression in quotes", "when ="),
    ('else = "not_applicable"', 'else = "confirmed"', "cannot end in", "inconclusive"),
    ('reason = "{address} never dialled."', "", "'needs.reason' is missing", "sentence"),
    ("value = 3", "value = [3]", "must be true, false, a number or text", "value = 3"),
    ("value = 3", "value = nan", "must be true, false, a number or text", "value = 3"),
    ("value = 3\n", "", "'params.min_unanswered.value' is missing", "value = 3"),
    ("why = ", "because = ", "Unknown key 'params.min_unanswered.because'", "Known keys"),
    ("[params.min_unanswered]", "[params.attempts]", "already the name of a row value", "another"),
    ("full_house =", "addresses =", "already the name of a text value", "another"),
    ("full_house =", "lambda =", "cannot be the name", "small letters"),
    ("full_house =", "Full =", "cannot be the name", "small letters"),
    ("unanswered / attempts", "unanswered // attempts", "'//' is not allowed", "'/'"),
    ('verdict = "suspected"', 'verdict = "maybe"', "'maybe'", "Known words"),
    ('severity = "medium"', 'severity = "middle"', "'middle'", "words"),
    ('frames = ["last-answered", "first', 'frames = ["last-answred", "first', "selector", "'last-answered'"),
    ("limit = 8", "limit = 0", "from 1 to 1000", "limit = 12"),
    ("limit = 8", "limit = true", "from 1 to 1000", "limit = 12"),
    ("{address:family}", "{address:famly}", "Unknown format", "'family'"),
    ('confirmed = "The', 'confirmd = "The', "Unknown key 'report.summary.confirmd'", "'confirmed'"),
    ('numbers = ["sas_at_onset"', 'numbers = ["sas_onset"', "Unknown name", "'sas_at_onset'"),
    ("steps = [", "stepps = [", "Unknown key 'fix.stepps'", "'steps'"),
    ("SA limit reached on", "SA limit \\u001b[31m on", "U+001B", "Remove it"),
    ("SA limit reached", "SA \\u202e reached", "U+202E", "Remove it"),
    ("{address} never", "{address}\\u0007 never", "U+0007", "Remove it"),
    ("question =", '"' + "q" * 5000 + '" =', "Unknown key", "Known keys"),
    ("https://www", "javascript:www", "not a web address", "https://"),
    ("expect = { verdict", "expect = { verdikt", "Unknown key 'example.expect.verdikt'", "'verdict'"),
    ('sample = "sa-limit-8"', "sample = 8", "must be text", "sample ="),
    ("[report.summary]", "[report.summaries]", "Unknown key 'report.summaries'", "'summary'"),
    ("[[fix]]", "[fix]", "must be a list of tables", "double brackets"),
    ("[evidence]", "[[evidence]]", "must be a table", "[evidence]"),
]


@pytest.mark.parametrize(("old", "new", "message", "advice"), FAULTS, ids=[fault[1][:40] for fault in FAULTS])
def test_faults_name_the_place_and_what_to_write(old: str, new: str, message: str, advice: str) -> None:
    assert old in RULE
    text = RULE.replace(old, new, 1)
    rule, issues = read(text)
    assert rule is None
    found = [issue for issue in issues if message in issue.message and advice in issue.recommendation]
    assert found, [str(issue) for issue in issues]
    if new:
        assert found[0].line == line_of(text, new)


def test_says_the_line_inside_a_text_of_several_lines() -> None:
    text = RULE.replace("and answered_other_sources > 0", "and answered_other_source > 0")
    _, issues = read(text)
    assert [issue.line for issue in issues] == [line_of(text, "answered_other_source ")]
    assert "column 5" in issues[0].message


def test_a_refused_let_is_reported_once() -> None:
    _, issues = read(RULE.replace("unanswered / attempts", "unanswered / attempst"))
    assert len(issues) == 1


def test_needs_as_a_table_and_missing_tables() -> None:
    _, issues = read('id = "x"\n[needs]\nboth_directions = true\n')
    messages = " ".join(issue.message for issue in issues)
    assert "'needs' must be a list of tables" in messages
    for missing in ("title", "version", "table", "question", "report"):
        assert f"'{missing}'" in messages or f"[{missing}]" in messages


def test_a_column_of_both_the_table_and_the_capture_is_refused() -> None:
    schema = RuleSchema(
        {"t": TableSchema("t", {"n": INT, "up": BOOL}), "capture": TableSchema("capture", {"n": INT})}
    )
    text = """
id = "x"
version = "1.0.0"
title = "x"
lifecycle = "experimental"
severity = "low"
table = "t"
question = "x?"
[[outcome]]
verdict = "confirmed"
when = "n > 1"
[report.summary]
"""
    _, issues = read(text, schema)
    assert [issue.message for issue in issues] == ["'n' is a column of this table and of the capture."]
    assert read(text.replace("n > 1", "up"), schema)[1] == []


def test_toml_faults_have_their_line(tmp_path: Path) -> None:
    text = RULE.replace('severity = "high"', 'severity = "high"\nseverity = "low"')
    with pytest.raises(RuleError) as caught:
        load(write(tmp_path, text))
    assert caught.value.exit_code == ExitCode.RULE
    assert caught.value.where.endswith(f"{NAME}.toml:{line_of(text, 'severity = ' + chr(34) + 'low')}")
    assert "once" in caught.value.hint


def test_all_faults_of_all_files_are_listed(tmp_path: Path) -> None:
    write(tmp_path, RULE.replace("attempts > 0", "atempts > 0").replace("[[fix]]", "[[fx]]"))
    write(tmp_path, RULE, "other")
    with pytest.raises(RulesInvalidError) as caught:
        load(tmp_path)
    assert len(caught.value.issues) == 3
    text = str(caught.value)
    assert "other.toml:1: The id 'sa-limit-exhaustion' is not the name of the file." in text
    assert f"{NAME}.toml:" in text


BYTES = {
    "not utf-8": b'id = "\xff"',
    "nul": b'id = "\x00"',
    "utf-16": 'id = "x"'.encode("utf-16"),
    "large": b"# " + b"x" * 300_000,
    "deep": b"a = " + b"[" * 5000,
    "deep tables": b"a = " + b"{a=[" * 5000,
    "deep mixed": b"a = " + b"[1,[" * 2000,
    "many dots": b"a" + b".a" * 50_000 + b" = 1",
    "many quoted dots": b"a" + b'."a"' * 30_000 + b" = 1",
    "many keys": b"".join(b"k%d = 1\n" % n for n in range(9000)),
    "many lets": b"[let]\n" + b"".join(b"l%d = 'attempts'\n" % n for n in range(6000)),
    "many tables": b"[[outcome]]\n" * 9000,
    "long key": b"x" * 60_000 + b"." + b"x" * 60_000,
    "digits": b"a = " + b"9" * 50_000,
    "empty": b"",
    "only a table": b"[[[",
}


@pytest.mark.parametrize("data", BYTES.values(), ids=BYTES)
def test_bad_bytes_are_a_rule_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.toml").write_bytes(data)
    started = time.process_time()
    with pytest.raises(RuleError) as caught:
        load(tmp_path)
    assert "x.toml:" in str(caught.value)
    assert time.process_time() - started < 10


def test_places_without_rules(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing", tmp_path / "x\x00y"):
        with pytest.raises(RuleError):
            load(path)


def test_a_later_folder_overrides_by_id(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    write(first)
    write(second, RULE.replace('severity = "high"', 'severity = "low"'))
    assert load(first, second).get(NAME).severity is Severity.LOW
    assert load(second, first).get(NAME).severity is Severity.HIGH
    assert len(load(first, second)) == 1


def test_set_changes_a_parameter_and_the_fingerprint(tmp_path: Path) -> None:
    write(tmp_path)
    plain, changed = load(tmp_path), load(tmp_path, min_unanswered="5")
    assert changed.get(NAME).params["min_unanswered"].value == 5
    assert plain.rules_hash != changed.rules_hash
    assert len(plain.rules_hash) == 64


def test_line_ends_do_not_change_the_fingerprint(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in "abc")
    write(first)
    write(second).write_bytes(RULE.replace("\n", "  \r\n").encode())
    write(third, RULE.replace("value = 3", "value = 4"))
    assert load(first).rules_hash == load(second).rules_hash != load(third).rules_hash


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        (f"{NAME}.min_unanswered", "many", "3 attempts"),
        (f"{NAME}.min_unanswered", "2.5", "3 attempts"),
        (f"{NAME}.min_unanswered", "9" * 5000, "3 attempts"),
        (f"{NAME}.min_unanswred", "5", "'min_unanswered'"),
        ("sa-limit-exhaution.min_unanswered", "5", "'sa-limit-exhaustion'"),
        ("min_unanswered", "5", "RULE.PARAM"),
        (f"{NAME}.", "5", "RULE.PARAM"),
    ],
)
def test_set_refuses(tmp_path: Path, key: str, value: str, hint: str) -> None:
    write(tmp_path)
    with pytest.raises(UsageError) as caught:
        load_rules([tmp_path], SCHEMA, overrides={key: value})
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("written", "text", "value"),
    [("true", "no", False), ("0.5", "2", 2.0), ("'a'", " b", " b"), ("3", " -4 ", -4)],
)
def test_set_reads_the_type_of_the_parameter(tmp_path: Path, written: str, text: str, value: object) -> None:
    extra = f"[params.extra]\nvalue = {written}\nwhy = 'For the test of types only.'\n"
    write(tmp_path, RULE.replace("[let]", extra + "[let]"))
    assert load(tmp_path, extra=text).get(NAME).params["extra"].value == value


def test_unknown_rule_id_offers_the_nearest(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(UsageError) as caught:
        load(tmp_path).get("sa-limit")
    assert NAME in caught.value.hint


def test_default_rules_are_found_when_there_are_any() -> None:
    checkout = Path(__file__).resolve().parents[2] / "rules"
    if any(checkout.glob("*.toml")):
        assert any(default_rules_dir().glob("*.toml"))
    else:
        with pytest.raises(RuleError):
            default_rules_dir()


def test_places_of_keys() -> None:
    text = """# first
a = 1
[t.u]
b = '''
[no.table]
'''
"c d" = [ # one
  "x", # ]
  "y]",
]
[[l]]
k = { m = "}", n = 1 }
[l.s]
k = \"\"\"x\"\"\"\"
[[l]]
k = 2
"""
    found = Places(text)
    assert {key: place.line for key, place in found.items()} == {
        ("a",): 2,
        ("t", "u"): 3,
        ("t", "u", "b"): 4,
        ("t", "u", "c d"): 7,
        ("t", "u", "c d", 0): 8,
        ("t", "u", "c d", 1): 9,
        ("l", 0): 11,
        ("l", 0, "k"): 12,
        ("l", 0, "k", 0): 12,
        ("l", 0, "s"): 13,
        ("l", 0, "s", "k"): 14,
        ("l", 1): 15,
        ("l", 1, "k"): 16,
    }
    assert found[("t", "u", "b")].text_line == 5


LINES = RULE.splitlines()
scraps = st.sampled_from(
    [*LINES, "[", "]]", '"""', "'''", "=", "x = 1", "[report]", "[[outcome]]", "[let]", "#"]
)
values = st.sampled_from(
    ['"x"', "1", "true", "[]", "{}", "[{}]", "nan", "1979-05-27", '"attempts > 0"', "{a=[1]}"]
)


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.text(max_size=200),
        st.lists(scraps, max_size=60).map("\n".join),
        st.tuples(st.integers(0, len(LINES) - 1), values).map(
            lambda pair: "\n".join(
                line.partition("=")[0] + "= " + pair[1] if number == pair[0] and "=" in line else line
                for number, line in enumerate(LINES)
            )
        ),
    )
)
def test_any_text_is_a_rule_or_a_list_of_faults(text: str) -> None:
    issues: list[RuleIssue] = []
    rule = rule_from_text(text, "x.toml", SCHEMA, issues)
    assert (rule is None) == bool(issues)
    for issue in issues:
        assert 1 <= issue.line <= text.count("\n") + 2
        assert issue.message
