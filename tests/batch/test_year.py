"""A year of captures on the real command line: killed, started again, and compared. Heavy.

`PCAPAN_BATCH_COUNT` makes it smaller than the 10,000 captures of the acceptance.
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

from pcapan.batch.layout import Layout
from pcapan.batch.manifest import Manifest
from pcapan.errors import UnreadableError
from pcapan.pipeline import analyze
from tests.batch.packing import ROOT
from tests.batch.running import consistent
from tests.batch.year import write_year

COUNT = int(os.environ.get("PCAPAN_BATCH_COUNT", "10000"))
_LAB = ROOT.parent / "shared" / "lab" / "captures"


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("year")
    write_year(root, COUNT, COUNT // 50, lab=_LAB if _LAB.is_dir() else None)
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
    chance = random.Random(COUNT)
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


def same_as_alone(out: Path, line: dict[str, object]) -> None:
    names = line["inputs"]
    assert isinstance(names, list)
    try:
        alone = analyze(names).result.to_dict()
    except UnreadableError as error:
        assert line["status"] == "failed"
        assert error.message in str(line["reason"])
        return
    stored = json.loads(Layout(out).result(str(line["key"])).read_bytes())
    assert stored == json.loads(json.dumps(alone))
