"""What only a process of its own shows: imports, closed pipes, signals, `python -m`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pcapan import __main__ as entry
from tests.kit.frames import EPOCH, Frame, pcap
from tests.kit.processes import environment
from tests.samples_kit import sample
from tests.scan.packets import SA_INIT, frame4

HEAVY = ("pandas", "numpy", "pyshark", "pyarrow", "zstandard", "pcapan.pipeline", "rich")

needs_pipes = pytest.mark.skipif(
    os.name != "posix", reason="needs EPIPE as POSIX has it: a reader that goes away is not tested"
)
needs_signals = pytest.mark.skipif(
    os.name != "posix", reason="needs SIGINT as POSIX has it: Ctrl-C while waiting for input is not tested"
)


def _imported(arguments: list[str]) -> set[str]:
    code = (
        "import sys\n"
        "from pcapan.cli import main\n"
        "try:\n"
        f"    main({arguments!r})\n"
        "except SystemExit:\n"
        "    pass\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment()
    )
    return set(done.stderr.splitlines())


@pytest.mark.parametrize(
    "arguments", [["--help"], ["analyze", "--help"], ["tables", "--help"], ["--version"]]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    assert not _imported(arguments) & set(HEAVY)


def test_a_small_analysis_imports_nothing_that_it_does_not_use() -> None:
    others = {"rich", "socket", "ctypes", "tempfile", "base64", "random", "importlib.resources", "concurrent"}
    loaded = _imported(["analyze", str(sample("sa-limit-8"))])
    assert not loaded & (others | set(HEAVY) - {"pcapan.pipeline"})


def test_a_scan_begins_before_anything_is_loaded_that_it_does_not_need(tmp_path: Path) -> None:
    """Whatever is loaded before that, a big capture waits for; the rest is loaded while it is scanned."""
    path = tmp_path / "plain.pcap"
    path.write_bytes(pcap([Frame(EPOCH, frame4(SA_INIT)), Frame(EPOCH, frame4(b"\xff", 4500, 4500))]))
    code = (
        "import sys\n"
        "from pcapan import __main__\n"
        "from pcapan.interrupts import uninterrupted\n"
        "from pcapan.reading import Scanner, guess_reading, open_capture\n"
        f"guess_reading([{str(path)!r}])\n"
        f"reader, scanner = open_capture({str(path)!r}, hash_all=False), Scanner()\n"
        "for block in reader.blocks():\n"
        "    scanner.feed(block, reader.interfaces)\n"
        "print(scanner.scan.ike, *sys.modules)\n"
    )
    command = [sys.executable, "-S", "-c", code]  # what the site's own files import does not count
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    messages, *loaded = done.stdout.split()
    assert messages == "1"
    libraries = {"typing", "re", "msgspec", "pathlib", "dataclasses", "datetime", "inspect", "ctypes"}
    general = {"pcapan.scan.general", "pcapan.decode.ip", "pcapan.decode.fragments", "pcapan.decode.link"}
    rooms = ("crew", "ingest.again", "ingest.inputs", "ingest.pcapng", "pipeline")
    later = {f"pcapan.{room}" for room in rooms}
    assert not (libraries | general | later) & set(loaded)


def test_rows_need_no_pandas() -> None:
    for form in ("csv", "jsonl"):
        loaded = _imported(["tables", str(sample("healthy-dnat")), "-t", "attempts", "--format", form])
        assert not loaded & {"pandas", "numpy", "pyarrow"}
    assert "pandas" not in _imported(["analyze", str(sample("healthy-dnat"))])


def test_python_m_from_another_folder(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pcapan", "analyze", str(sample("sa-limit-8")), "-q"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Verdict: CONFIRMED")


@needs_pipes
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_closed_pipe_ends_quietly(form: str) -> None:
    command = [
        sys.executable,
        "-m",
        "pcapan",
        "tables",
        str(sample("sa-limit-8")),
        "-t",
        "messages",
        "--format",
        form,
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(30) == 0


@needs_pipes
def test_a_closed_pipe_ends_the_text_report_quietly() -> None:
    command = [sys.executable, "-m", "pcapan", "analyze", str(sample("sa-limit-8")), "-v"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(30) == 0


@needs_signals
def test_ctrl_c_while_waiting_for_input_is_exit_130() -> None:
    command = [sys.executable, "-m", "pcapan", "analyze", "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as running:
        assert running.stdin is not None and running.stderr is not None
        running.stdin.write(sample("healthy-dnat").read_bytes()[:1000])
        running.stdin.flush()
        time.sleep(2.5)
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 130
        assert b"Traceback" not in running.stderr.read()


def test_plain_ascii_terminals_get_text(tmp_path: Path) -> None:
    """A console that cannot show a character gets its escape, not an error."""
    path = tmp_path / "büro-日本.pcap"
    path.write_bytes(sample("healthy-dnat").read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "pcapan", "analyze", str(path)],
        capture_output=True,
        env={**environment(), "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["explain", "sa-lim"], ["sa-limit-exhaustion"]),
        (["tables", "-t", "att"], ["attempts"]),
        (["analyze", "--vendor", "azure"], ["azure-firewall", "azure-load-balancer"]),
        (["analyze", "--fail-on", "full-nat,server-s"], ["full-nat,server-silent"]),
        (["compa"], ["compare"]),
    ],
    ids=" ".join,
)
def test_a_shell_is_offered_words(words: list[str], offered: list[str]) -> None:
    asked = {
        "_PCAPAN_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(["pcapan", *words]),
        "COMP_CWORD": str(len(words)),
    }
    ran = subprocess.run(
        [sys.executable, "-m", "pcapan"], env={**os.environ, **asked}, capture_output=True, text=True
    )
    assert ran.stdout.split() == offered and ran.stderr == ""


def test_a_ctrl_c_that_cannot_be_raised_comes_again() -> None:
    told = SimpleNamespace(exc_type=KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        entry._unraisable(cast(Any, told))
        for _ in range(2000):  # it is raised between two steps; a sleep would go on to its end
            time.sleep(0.01)
