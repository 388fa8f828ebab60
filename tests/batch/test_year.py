"""A year of captures on the real command line: killed, started again, and compared. Heavy.

`PCAPAN_BATCH_COUNT` makes it smaller than the 10,000 captures of the acceptance, `PCAPAN_BATCH_SEED` another
year with other moments to be killed at. The program must not be changed while this goes on: documents name
the rules and the engine that they were made with.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pcapan.batch.manifest import Manifest
from tests.batch.packing import ROOT
from tests.batch.running import consistent, same_as_alone
from tests.batch.year import write_year

SEED = int(os.environ.get("PCAPAN_BATCH_SEED", "7"))
COUNT = int(os.environ.get("PCAPAN_BATCH_COUNT", "10000"))
_LAB = ROOT.parent / "shared" / "lab" / "captures"


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("year")
    write_year(root, COUNT, COUNT // 50, SEED, lab=_LAB if _LAB.is_dir() else None)
    return root


def start(year: Path, out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "pcapan", "batch", "run", str(year), "-o", str(out), "-w", "2", "-q"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "SOURCE_DATE_EPOCH": "1790000000"},
    )


@pytest.mark.heavy
def test_thirty_kills_lose_and_duplicate_nothing(
    year: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")
    out = tmp_path / "out"
    chance = random.Random(COUNT * SEED)
    done_before = 0
    for _ in range(30):
        process = start(year, out)
        time.sleep(chance.uniform(0.5, max(4.0, COUNT / 1000)))
        process.send_signal(signal.SIGKILL)
        process.wait()
        done = len(Manifest.read(out / "manifest.jsonl").lines)
        assert done >= done_before
        done_before = done
    assert start(year, out).wait() == 5
    consistent(out)
    truth = json.loads((year / "TRUTH.json").read_text())
    lines = [json.loads(text) for text in (out / "manifest.jsonl").read_text().splitlines()]
    paths = sorted(str(path) for path in year.rglob("*.pcap"))
    assert sorted(name for line in lines for name in line["inputs"]) == paths and len(paths) == COUNT
    keys = [line["key"] for line in lines if line["key"]]
    assert len(keys) == len(set(keys))
    failed = {line["inputs"][0] for line in lines if line["status"] == "failed"}
    assert failed <= {str(year / name) for name in truth["damaged"]}
    for line in lines:
        if chance.random() < 0.05 or line["status"] == "failed":
            same_as_alone(out, line)


@pytest.mark.heavy
def test_a_whole_year_is_what_single_analyses_say(
    year: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")
    out = tmp_path / "out"
    assert start(year, out).wait() == 5
    lines = Manifest.read(out / "manifest.jsonl").lines
    assert len(lines) == COUNT
    for line in lines.values():
        same_as_alone(out, line)
