"""The scorers beside the checkout: decoding against tshark's truth, tables against what really happened.

They are run as programs, as everybody else runs them; nothing is imported from there. What is marked
heavy is run by .ci/run as steps of its own, with the installed program.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.shared


def _run(script: Path, *arguments: str, tables: str) -> str:
    command = f"{sys.executable} -m pcapan tables {{file}} -t {tables} --format jsonl"
    done = subprocess.run(
        [sys.executable, str(script), *arguments, "--cmd", command],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.heavy
@pytest.mark.parametrize("folder", ["ike", "derived"])
def test_messages_are_those_of_tshark(shared_dir: Path, folder: str) -> None:
    corpus = shared_dir / "corpus"
    summary = _run(corpus / "compare.py", str(corpus / folder), tables="messages")
    assert summary.startswith("files ") and ", wrong 0;" in summary


@pytest.mark.parametrize("scenarios", ["S3", pytest.param("", marks=pytest.mark.heavy)])
def test_attempts_and_sources_are_what_happened(shared_dir: Path, scenarios: str) -> None:
    lab = shared_dir / "lab"
    summary = _run(lab / "check_tables.py", str(lab / "captures"), "--only", scenarios, tables="{table}")
    assert summary.startswith("scenarios ") and summary.endswith("wrong 0")
