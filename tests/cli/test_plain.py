"""The plain command line: understood as the whole one does, or left to it."""

from __future__ import annotations

import pytest

from pcapan import cli
from pcapan.commands import request
from pcapan.commands.plain import plain_command, plain_request
from pcapan.commands.request import AnalyzeRequest
from pcapan.errors import ExitCode
from tests.kit.processes import run_code
from tests.samples_kit import sample

PLAIN = [
    ["a.pcap"],
    ["a.pcap", "b.pcapng", "c.pcap.gz"],
    ["a.pcap", "-q"],
    ["--quiet", "a.pcap"],
    ["-v", "a.pcap", "--no-color"],
    ["a.pcap", "--verbose", "b.pcap"],
    ["a.pcap", "-q", "-q"],
    ["a.pcap", "--format", "json"],
    ["-f", "markdown", "a.pcap"],
    ["-f", "html", "a.pcap", "--format", "text", "-q"],
    ["-f", "json", "-v", "-"],
    ["with blank.pcap", "ünï.pcap", "\udcff.pcap", "-"],
    ["json", "-f", "json"],
]
NOT_PLAIN = [
    [],
    ["-q"],
    ["-h"],
    ["a.pcap", "--help"],
    ["a.pcap", "-q", "-v"],
    ["a.pcap", ""],
    ["a.pcap", "--"],
    ["--", "a.pcap"],
    ["a.pcap", "-qv"],
    ["a.pcap", "-fjson"],
    ["a.pcap", "--format=json"],
    ["a.pcap", "--form", "json"],
    ["a.pcap", "-f"],
    ["a.pcap", "-f", "JSON"],
    ["a.pcap", "-f", "-q"],
    ["a.pcap", "--server", "10.0.0.1"],
    ["a.pcap", "-o", "out"],
    ["*.pcap"],
    ["~/a.pcap"],
    ["$HOME/a.pcap"],
    ["%TEMP%\\a.pcap"],
    ["a[1].pcap"],
]


def _by_the_library(words: list[str], monkeypatch: pytest.MonkeyPatch) -> AnalyzeRequest:
    """What the whole command line makes of the words."""
    asked: list[AnalyzeRequest] = []

    def perform(what: AnalyzeRequest) -> ExitCode:
        asked.append(what)
        return ExitCode.OK

    monkeypatch.setattr(request, "perform", perform)
    with pytest.raises(SystemExit) as left:
        cli.main(["analyze", *words])
    assert left.value.code == 0
    return asked[0]


def _comparable(what: AnalyzeRequest) -> dict[str, object]:
    given = {name: getattr(what, name) for name in AnalyzeRequest.__struct_fields__}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


@pytest.mark.parametrize("words", PLAIN, ids=ascii)
def test_plain_words_mean_what_the_library_says(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    made = plain_request(words)
    assert made is not None
    assert _comparable(made) == _comparable(_by_the_library(words, monkeypatch))


@pytest.mark.parametrize("words", NOT_PLAIN, ids=ascii)
def test_everything_else_is_left_to_the_library(words: list[str]) -> None:
    assert plain_request(words) is None


def test_nothing_is_analysed_where_a_shell_asks_for_words(monkeypatch: pytest.MonkeyPatch) -> None:
    words = [str(sample("sa-limit-8"))]
    assert plain_command(words) is not None
    monkeypatch.setenv("_PCAPAN_COMPLETE", "complete_bash")
    assert plain_command(words) is None


def test_the_exit_status_tells_what_cannot_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    command = plain_command(["no-such.pcap", "-q"])
    assert command is not None
    assert command() == ExitCode.UNREADABLE
    assert "no-such.pcap" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["-q"], ["-f", "json"], ["-q", "--no-color"]])
def test_no_library_for_command_lines_is_loaded(words: list[str]) -> None:
    code = (
        "import os, sys\n"
        "from pcapan import __main__ as entry\n"
        f"sys.argv = ['pcapan', 'analyze', {str(sample('sa-limit-8'))!r}, *{words!r}]\n"
        "os._exit = lambda status: print(status, *sys.modules, file=sys.stderr)\n"
        "entry.main()\n"
    )
    done = run_code(code)
    status, *loaded = done.stderr.split()
    assert status == "0"
    assert not {"typer", "pcapan.cli"} & set(loaded)


def test_nobody_looks_for_garbage_in_an_analysis_before_its_process_ends() -> None:
    code = (
        "import gc, os, sys\n"
        "from pcapan import __main__ as entry\n"
        f"sys.argv = ['pcapan', 'analyze', {str(sample('sa-limit-8'))!r}, '-q']\n"
        "gc.set_threshold = lambda *most: None\n"  # a small capture gives occasion enough then
        "gc.callbacks.append(lambda phase, info: print('collected', file=sys.stderr))\n"
        "os._exit = lambda status: print(status, file=sys.stderr)\n"
        "entry.main()\n"
    )
    told = run_code(code).stderr.split()
    assert told[-1] == "0"
    assert told.count("collected") <= 10  # while the way in is loaded, before anybody knows what is asked
