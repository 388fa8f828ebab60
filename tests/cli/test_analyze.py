"""``pcapan analyze``: output, options and exit status."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

import pcapan.commands.analyze as analyze_command
from tests.cli.conftest import Cli
from tests.samples_kit import sample

KEYS = [
    "schema_version", "tool", "run", "inputs", "capture", "findings", "sources", "series", "answer_times",
    "ladders", "problems",
]  # fmt: skip


def test_json_is_the_result_document(cli: Cli) -> None:
    ran = cli("analyze", sample("sa-limit-8"), "--format", "json")
    assert ran.code == 0
    assert ran.err == ""
    assert list(ran.document) == KEYS
    assert list(ran.document["capture"]) == ["server", "direction", "counts", "limits"]
    assert ran.document["capture"]["server"] == ["10.10.10.20"]
    for finding in ran.document["findings"]:
        assert list(finding) == [
            "id", "rule_version", "title", "verdict", "severity", "addresses", "summary", "numbers",
            "evidence", "why", "fix", "cannot_show", "references",
        ]  # fmt: skip


def test_text_begins_with_the_verdict(cli: Cli) -> None:
    ran = cli("analyze", sample("sa-limit-8"))
    assert ran.code == 0
    assert ran.out.startswith("Verdict: CONFIRMED - ")
    assert "10.10.10.1" in ran.out.splitlines()[1] + ran.out.splitlines()[0]
    assert "\x1b" not in ran.out


def test_quiet_is_one_line(cli: Cli) -> None:
    ran = cli("analyze", sample("sa-limit-8"), "-q")
    assert len(ran.out.splitlines()) == 1
    assert "CONFIRMED" in ran.out and "full-nat" in ran.out


def test_verbose_adds_provenance_and_every_vendor(cli: Cli) -> None:
    short = cli("analyze", sample("sa-limit-8")).out
    long = cli("analyze", sample("sa-limit-8"), "-v").out
    assert "Provenance" in long and "SHA-256" in long and "Provenance" not in short
    assert "Transparency" in long and "Transparency" not in short


def test_standard_input(cli: Cli) -> None:
    ran = cli("analyze", "-", "--format", "json", stdin=sample("sa-limit-8").read_bytes())
    assert ran.code == 0
    assert ran.findings["sa-limit-exhaustion"] == "confirmed"
    assert ran.document["inputs"][0]["path"] == "-"


def test_server_is_obeyed_and_normalised(cli: Cli) -> None:
    ran = cli("analyze", sample("healthy-dnat-ipv6"), "--format", "json", "--server", "FD00:10:10:0::20")
    assert ran.code == 0
    assert ran.document["capture"]["server"] == ["fd00:10:10::20"]


@pytest.mark.parametrize(
    "address", ["10.10.10", "vpn.example.com", "10.10.10.20:500", "10.0.0.0/8", "", "\x1b[2J"]
)
def test_a_wrong_server_is_exit_2(cli: Cli, address: str) -> None:
    ran = cli("analyze", sample("healthy-dnat"), "--server", address)
    assert ran.code == 2
    assert ran.raw == b""
    assert "is not an IP address" in ran.err
    assert len(ran.err.splitlines()) == 3
    assert "\x1b" not in ran.err


def test_unknown_option_and_command_are_exit_2(cli: Cli) -> None:
    for arguments in (
        ["analyze", "--frobnicate", "x.pcap"],
        ["frobnicate"],
        ["analyze"],
        ["analyze", "x.pcap", "--format", "yaml"],
        ["tables", "x.pcap"],
        [],
    ):
        ran = cli(*arguments)
        assert ran.code in ((0, 2) if not arguments else (2,)), arguments
        assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    "text", ["min=5", "sa-limit-exhaustion.min_attempts", "=", "no-such.rule=1", "full-nat.nope=1"]
)
def test_a_wrong_setting_is_exit_2(cli: Cli, text: str) -> None:
    ran = cli("analyze", sample("healthy-dnat"), "--set", text)
    assert ran.code == 2
    assert len(ran.err.splitlines()) == 3


def test_a_setting_is_in_the_result(cli: Cli) -> None:
    ran = cli(
        "analyze", sample("sa-limit-8"), "--format", "json", "--set", "sa-limit-exhaustion.min_attempts=500"
    )
    assert ran.document["run"]["options"]["set"] == {"sa-limit-exhaustion.min_attempts": "500"}
    assert ran.findings["sa-limit-exhaustion"] != "confirmed"


def test_wrong_rules_are_exit_4(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text('id = "broken"\nid = "twice"\n')
    for place in (tmp_path, tmp_path / "broken.toml", tmp_path / "missing"):
        ran = cli("analyze", sample("healthy-dnat"), "--rules", place)
        assert ran.code == 4, ran.err
        assert ran.raw == b""
        assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("name", "wanted", "code"),
    [
        ("sa-limit-8", "sa-limit-exhaustion", 1),
        ("sa-limit-8", "server-silent,full-nat", 1),
        ("sa-limit-8", "server-silent", 0),
        ("sa-limit-8", "confirmed", 1),
        ("sa-limit-no-contrast", "suspected", 1),
        ("healthy-dnat", "confirmed,suspected", 0),
        ("health-probes", "confirmed", 0),
        ("health-probes", "health-probes", 1),
        ("truncated-tail", "full-nat", 1),
        ("truncated-tail", "server-silent", 5),
    ],
)
def test_fail_on(cli: Cli, name: str, wanted: str, code: int) -> None:
    assert cli("analyze", sample(name), "-q", "--fail-on", wanted).code == code


def test_fail_on_a_mistyped_id_is_exit_2(cli: Cli) -> None:
    ran = cli("analyze", sample("healthy-dnat"), "--fail-on", "full-nta")
    assert ran.code == 2
    assert "full-nat" in ran.err


def test_the_same_capture_twice_is_exit_2(cli: Cli) -> None:
    assert cli("analyze", sample("healthy-dnat"), sample("healthy-dnat")).code == 2


@pytest.mark.skipif(
    sys.platform in ("win32", "darwin"),
    reason="needs names of any bytes, which Windows and macOS refuse: a name that is no text is not tested",
)
def test_a_file_name_that_is_no_text(cli: Cli, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9-\x1b[31m\n.pcap"))
    path.write_bytes(sample("healthy-dnat").read_bytes())
    ran = cli("analyze", path, "--format", "json")
    assert ran.code == 0
    assert json.loads(ran.raw.decode("utf-8", "strict"))["inputs"][0]["path"] == str(path)
    for detail in ([], ["-v"], ["-q"]):
        text = cli("analyze", path, *detail)
        assert text.code == 0
        assert b"\x1b" not in text.raw
    assert cli("info", path).code == 0


def test_a_fault_of_the_program_is_exit_70(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("\x1b[31mgone")

    monkeypatch.setattr(analyze_command, "analyze", fail)
    ran = cli("analyze", sample("healthy-dnat"))
    assert ran.code == 70
    assert "Traceback" not in ran.err and "\x1b" not in ran.err
    assert len(ran.err.splitlines()) == 3
    assert "PCAPAN_DEBUG=1" in ran.err
    monkeypatch.setenv("PCAPAN_DEBUG", "1")
    with pytest.raises(SystemExit):
        from pcapan.cli import main

        main(["analyze", str(sample("healthy-dnat"))])


def test_interrupted_is_exit_130(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(analyze_command, "analyze", interrupt)
    ran = cli("analyze", sample("healthy-dnat"))
    assert ran.code == 130
    assert "Traceback" not in ran.err


def test_not_a_number_is_null() -> None:
    from pcapan.report.jsontext import json_bytes, json_text

    text = json_text({"a": float("nan"), "b": [float("inf"), 1.5], "path": "caf\udce9"})
    document = json.loads(json_bytes(text))
    assert document == {"a": None, "b": [None, 1.5], "path": "caf\udce9"}
