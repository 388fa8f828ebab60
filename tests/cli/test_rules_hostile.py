"""Rule files that are wrong or mean harm: exit 4 with file and line, and nothing else happens."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, Ran
from tests.cli.test_rules import example
from tests.samples_kit import sample

FIX = '[[fix]]\nvendor = "all"\ntitle = "t"\nsteps = ["s"]\nsource = "s"\n'


def with_fix(name: str) -> str:
    return example().replace("[[needs]]", f"use_fixes = ['{name}']\n\n[[needs]]", 1)


def refused(cli: Cli, path: Path) -> Ran:
    """Both commands refuse the file, name it with a line, and do nothing else."""
    began = time.process_time()
    for arguments in (
        ("analyze", sample("healthy-dnat"), "--rules", path),
        ("rules", "list", "--rules", path),
        ("explain", "full-nat", "--rules", path),
    ):
        ran = cli(*arguments)
        assert ran.code == 4, (arguments, ran.err)
        assert ran.raw == b""
        assert "Traceback" not in ran.err and "fault inside" not in ran.err
        assert re.search(r"\.toml:\d+", ran.err), ran.err
    lint = cli("rules", "lint", path)
    assert lint.code == 4
    assert re.search(r"\.toml:\d+: ", lint.out)
    assert time.process_time() - began < 20
    return lint


FAULTS = [
    ("question =", "questoin =", "Unknown key 'questoin'", "'question'"),
    ("sas_concurrent_max > most", "sas_concurent_max > most", "sas_concurent_max", "'sas_concurrent_max'"),
    ("sas_concurrent_max > most", "sas_concurrent_max > > most", "cannot be read", ""),
    ("sas_concurrent_max > most", "sas_concurrent_max", "must be a condition", "> 0"),
    ("sas_concurrent_max > most", "address > most", "address", ""),
    ("value = 5", "value = [5]", "must be true, false, a number or text", "value = 3"),
    ("numbers = [", "numbers = [1, ", "must be a list of texts", "numbers ="),
    ('severity = "medium"', 'severity = "worst"', "'worst'", "high"),
    ('severity = "medium"', 'severity = "low"\nseverity = "high"', "valid TOML", "once"),
    ('table = "sources"', 'table = "source"', "Unknown table", "'sources'"),
    ('["client-tunnels"', '["client-tunels"', "evidence selector", "'client-tunnels'"),
    ("{addresses:list}", "{addresses:lst}", "Unknown format", "'list'"),
    ("{addresses:list}", "{adresses:list}", "Unknown name", "'addresses'"),
    ('version = "1.0.0"', "version = 1", "must be text", "version ="),
]


@pytest.mark.parametrize(("old", "new", "message", "advice"), FAULTS, ids=[fault[1][:30] for fault in FAULTS])
def test_faults(cli: Cli, tmp_path: Path, old: str, new: str, message: str, advice: str) -> None:
    text = example().replace(old, new, 1)
    assert text != example()
    path = tmp_path / "many-sas.toml"
    path.write_text(text, "utf-8")
    lint = refused(cli, path)
    [line] = [line for line in lint.out.splitlines() if message in line][:1]
    assert advice in line
    places = {text[: text.index(part)].count("\n") + 1 for part in new.split("\n")}
    assert int(line[len(str(path)) + 1 :].partition(":")[0]) in places


def test_the_same_id_twice(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "many-sas.toml").write_text(example(), "utf-8")
    (tmp_path / "other.toml").write_text(example(), "utf-8")
    lint = refused(cli, tmp_path)
    assert "is not the name of the file" in lint.out


ESCAPES = [
    "().__class__.__bases__[0].__subclasses__()",
    "__import__('os').system('touch {marker}') == 0",
    "open('{marker}', 'w')",
    "eval('1') == 1",
    "[x for x in (1, 2)] == 1",
    "(lambda: 1)() == 1",
    "address.format(most) == address",
    "9**9**9 > most",
    "most * 'a' == address",
    "f'{{most}}' == address",
    "(x := 1) == 1",
    "attempts.__class__",
    "@read_csv('{marker}')",
    "attempts > 0; import os",
    "(" * 5000 + "attempts" + ")" * 5000,
    "not " * 3000 + "on_link",
]


@pytest.mark.parametrize("escape", ESCAPES, ids=range(len(ESCAPES)))
@pytest.mark.parametrize("place", ["when", "let", "need"])
def test_no_expression_gets_out(cli: Cli, tmp_path: Path, escape: str, place: str) -> None:
    marker = tmp_path / "marker"
    escape = escape.replace("{marker}", str(marker)).replace("{{", "{").replace("}}", "}")
    text = {
        "when": example().replace('when = "sas_concurrent_max > most"', f"when = '''{escape}'''"),
        "let": example().replace("[[outcome]]", f"[let]\nextra = '''{escape}'''\n[[outcome]]", 1),
        "need": example().replace('when = "has_ipsec"', f"when = '''{escape}'''"),
    }[place]
    assert text != example()
    path = tmp_path / "many-sas.toml"
    path.write_text(text, "utf-8")
    refused(cli, path)
    assert not marker.exists()


TEMPLATES = [
    "{address.__class__}",
    "{address[0]}",
    "{0}",
    "{address!r}",
    "{address:>999999999}",
    "{__import__}",
    "{address:{most}}",
    "{",
    "\\u001b[31m",
    "\\u202e",
]


@pytest.mark.parametrize("hole", TEMPLATES)
def test_no_text_gets_out(cli: Cli, tmp_path: Path, hole: str) -> None:
    path = tmp_path / "many-sas.toml"
    path.write_text(example().replace("{address} held", f"{hole} held"), "utf-8")
    assert "\x1b" not in refused(cli, path).out


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "../../secret",
        "/etc/passwd",
        "secret.toml",
        "..",
        "~/secret",
        "fixes/secret",
        "\\\\\\\\x",
    ],
)
def test_shared_fixes_are_no_paths(cli: Cli, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "deep" / "rules"
    (folder / "fixes").mkdir(parents=True)
    for place in (tmp_path, tmp_path / "deep", folder):
        (place / "secret.toml").write_text(FIX.replace('"t"', '"SECRET"'), "utf-8")
    (folder / "secret.toml").unlink()
    path = folder / "many-sas.toml"
    path.write_text(with_fix(name), "utf-8")
    lint = refused(cli, path)
    assert "cannot be the name of a shared fix" in lint.out and "SECRET" not in lint.out


def test_a_missing_shared_fix(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "many-sas.toml"
    path.write_text(with_fix("raise-limits"), "utf-8")
    assert "Did you mean 'raise-limit'?" in refused(cli, path).out


def test_shared_fixes_of_the_program_and_of_the_user(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "many-sas.toml"
    path.write_text(with_fix("raise-limit"), "utf-8")
    assert cli("rules", "lint", path).code == 0
    assert "New-ItemProperty" in cli("rules", "show", "many-sas", "--rules", path).out
    (tmp_path / "fixes").mkdir()
    (tmp_path / "fixes" / "raise-limit.toml").write_text(FIX.replace('"s"]', '"Call our desk."]'), "utf-8")
    for rule in ("many-sas", "sa-limit-exhaustion"):
        out = cli("rules", "show", rule, "--rules", path).out
        assert "Call our desk." in out and "New-ItemProperty" not in out
    ran = cli("analyze", sample("sa-limit-8"), "--rules", path)
    assert "Call our desk." in ran.out


@pytest.mark.parametrize(
    "text",
    ["[[fix]]\n", FIX.replace("vendor", "vendr"), "a = " + "[" * 9000, "x = 1", FIX.replace("source", "#")],
    ids=["empty", "typo", "deep", "unknown", "unsourced"],
)
def test_a_broken_catalogue_is_exit_4(cli: Cli, tmp_path: Path, text: str) -> None:
    (tmp_path / "many-sas.toml").write_text(example(), "utf-8")
    (tmp_path / "fixes").mkdir()
    (tmp_path / "fixes" / "mine.toml").write_text(text, "utf-8")
    assert "mine.toml:" in refused(cli, tmp_path).out


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe",
        b"id = \x00",
        b"# " + b"x" * 300_000,
        b"a" + b".a" * 50_000 + b" = 1",
        b"[[outcome]]\n" * 9000,
        b"[let]\n" + b"".join(b"l%d = 'attempts'\n" % n for n in range(6000)),
        b"a = " + b"9" * 50_000,
        b"",
    ],
    ids=["not utf-8", "nul", "large", "dots", "many tables", "many lets", "digits", "empty"],
)
def test_odd_bytes_end_soon(cli: Cli, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "many-sas.toml"
    path.write_bytes(data)
    refused(cli, path)


@pytest.mark.parametrize("setting", ["many-sas.most=many", "many-sas.mst=3", "manysas.most=3", "most=3"])
def test_a_wrong_setting_is_exit_2(cli: Cli, tmp_path: Path, setting: str) -> None:
    path = tmp_path / "many-sas.toml"
    path.write_text(example(), "utf-8")
    assert cli("analyze", sample("no-packets"), "--rules", path, "--set", setting).code == 2
