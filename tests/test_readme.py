"""README claims only what is true: its commands, tables, options, exit statuses and findings exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer

from pcapan.cli import app
from pcapan.detect.ruleset import default_rules_dir
from pcapan.errors import ExitCode
from pcapan.report.words import VERDICT_WORDS
from pcapan.tables.registry import TABLES
from tests.samples_kit import sample

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language."""
    return [text.strip() for text in re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)]


def test_two_commands_come_first_and_ci_runs_them() -> None:
    analyse, test = blocks("sh")
    assert "\n" not in analyse and "\n" not in test
    assert analyse.endswith("pcapan analyze samples/sa-limit-8.pcap")
    assert test.endswith("-m pytest")
    # .ci/run takes both lines out of this file instead of repeating them.
    assert "README.md" in (ROOT / ".ci" / "run").read_text("utf-8")


def test_the_verdict_shown_is_the_verdict_printed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pcapan", "analyze", str(sample("sa-limit-8"))],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "80"},
        check=True,
    )
    shown = next(block for block in blocks("text") if block.startswith("Verdict:"))
    assert done.stdout.startswith(shown + "\n")


def test_the_library_example_runs() -> None:
    example = next(text for text in blocks("python") if "import pcapan" in text)
    done = subprocess.run(
        [sys.executable, "-c", example], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "confirmed sa-limit-exhaustion ['10.10.10.1']" in done.stdout
    assert "10.10.10.1    21" in done.stdout


def test_every_command_is_described_and_exists() -> None:
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert set(re.findall(r"\| `pcapan (\w+)", README)) == commands


#: Options of other programs that README shows: dumpcap's and pktmon's.
FOREIGN = {"--out", "--comp", "--pkt-size", "--file-name", "--capture"}


def test_every_option_named_exists() -> None:
    said = " ".join(
        subprocess.run(
            [sys.executable, "-m", "pcapan", *command, "--help"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=True,
        ).stdout
        for command in (
            [],
            ["analyze"],
            ["compare"],
            ["tables"],
            ["info"],
            ["extract"],
            ["rules"],
            ["batch", "run"],
        )
    )
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)) - FOREIGN:
        assert option in said, option


def test_tables_exist_and_verdicts_and_exit_statuses_are_complete() -> None:
    (row,) = [line for line in README.splitlines() if line.startswith("| `pcapan tables")]
    assert set(re.findall(r"`(\w+)`", row.split("|")[2])) <= set(TABLES)
    for word in VERDICT_WORDS.values():
        assert f"| {word} |" in README
    statuses = {int(number) for number in re.findall(r"^\| (\d+) \|", README, re.M)}
    assert statuses == {int(code) for code in ExitCode}


def test_every_finding_named_has_a_rule() -> None:
    (listed,) = re.findall(r"Looked for: (.*?)\n\n", README, re.S)
    rules = {path.stem for path in default_rules_dir().glob("*.toml")}
    assert set(re.findall(r"`([a-z-]+)`", listed)) <= rules


def test_the_parameter_of_the_example_exists() -> None:
    rule, param = re.findall(r"`--set ([a-z-]+)\.(\w+)=", README)[0]
    document = tomllib.loads((default_rules_dir() / f"{rule}.toml").read_text("utf-8"))
    assert param in document["params"]


def test_rooms_exist() -> None:
    rooms = re.findall(r"^((?:pcapan/)?[a-z]+)/? {2,}\S", README, re.M)
    assert len(rooms) >= 10
    for room in rooms:
        assert (ROOT / room).is_dir(), room


@pytest.mark.tshark
def test_the_capture_filter_is_valid(tshark: str) -> None:
    filters = [block for block in blocks("text") if block.startswith("udp port")]
    assert filters and README.count(filters[0]) == 2
    dumpcap = Path(tshark).with_name("dumpcap")
    if not dumpcap.exists():
        pytest.skip("needs dumpcap beside tshark, which compiles capture filters; README's is not checked")
    done = subprocess.run(
        [str(dumpcap), "-i", "lo", "-d", "-f", filters[0]], capture_output=True, text=True, check=False
    )
    if "permission" in done.stderr.lower():
        return
    assert "syntax" not in done.stderr.lower(), done.stderr
