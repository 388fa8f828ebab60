"""A run that is stopped before any one operation on files, and started again: as if nothing had happened."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.batch.packing import FULL_NAT, HEALTHY, ROOT, zip_of
from tests.batch.running import consistent, files, manifest
from tests.batch.stopped_run import STOPPED

Run = Callable[..., int]
#: Every so many operations in the normal suite; all of them in the heavy one.
SOME, ALL = 23, 1
EVERY = [SOME, pytest.param(ALL, marks=pytest.mark.heavy)]
#: Changes findings of all the captures here.
CHANGED = {"full-nat.min_clients": "9", "sa-limit-exhaustion.min_attempts": "1"}


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Runs a batch in a process of its own, which may be told where to stop."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.batch.stopped_run"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SOURCE_DATE_EPOCH": "1790000000"},
    )

    def asked(out: Path, archive: Path, overrides: dict[str, str], at: int | None = None) -> int:
        order = {"out": str(out), "sources": [str(archive)], "overrides": overrides, "at": at}
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    yield asked
    process.communicate()
    assert process.returncode == 0


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two captures, one of them in a ticket too, and a broken one."""
    root = tmp_path / "archive"
    root.mkdir()
    shutil.copy(FULL_NAT, root)
    shutil.copy(HEALTHY, root)
    (root / "ticket.zip").write_bytes(zip_of({"same.pcap": FULL_NAT.read_bytes()}))
    (root / "broken.pcap").write_bytes(b"\xd4\xc3\xb2\xa1 broken")
    return root


def content(out: Path) -> tuple[Any, ...]:
    """What must be the same after any detour."""
    consistent(out)
    assert not [path for path in out.iterdir() if path.name.startswith(".")]
    lines = {names: {**line, "seconds": 0} for names, line in manifest(out).items()}
    for line in lines.values():  # the mark of findings depends on which of two equal captures they name
        assert line["status"] == "failed" or line["digest"].pop("mark")
    documents = {path.stem: document(path.read_text()) for path in out.glob("results/*/*.json")}
    return lines, documents, files(out, "tables")


def document(text: str) -> dict[str, Any]:
    """A document without what a detour may change: who judged it when, and which of two equal captures
    it was made from."""
    return {**json.loads(text.replace("ticket.zip::same.pcap", FULL_NAT.name)), "run": None}


@pytest.mark.parametrize("every", EVERY)
def test_a_first_run_stopped_anywhere(run: Run, archive: Path, tmp_path: Path, every: int) -> None:
    whole = tmp_path / "whole"
    assert run(whole, archive, {}) == 0
    wanted = content(whole)
    for at in count(0, every):
        out = tmp_path / f"out-{at}"
        ended = run(out, archive, {}, at)
        assert ended in (0, STOPPED)
        assert run(out, archive, {}) == 0, at
        assert content(out) == wanted, at
        shutil.rmtree(out)
        if ended == 0:
            break
    assert at > 40


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("back", [False, True], ids=["goes-on", "goes-back"])
def test_a_change_of_rules_stopped_anywhere(
    run: Run, archive: Path, tmp_path: Path, every: int, back: bool
) -> None:
    before, whole = tmp_path / "before", tmp_path / "whole"
    assert run(before, archive, {}) == 0
    shutil.copytree(before, whole)
    assert run(whole, archive, CHANGED) == 0
    assert content(whole) != content(before)
    wanted = content(before if back else whole)
    for at in count(0, every):
        out = tmp_path / f"out-{at}"
        shutil.copytree(before, out)
        ended = run(out, archive, CHANGED, at)
        assert ended in (0, STOPPED)
        assert run(out, archive, {} if back else CHANGED) == 0, at
        assert content(out) == wanted, at
        shutil.rmtree(out)
        if ended == 0:
            break
    assert at > 20
