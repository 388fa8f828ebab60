"""The command line of batch: exit status, words, progress as lines and as JSON."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.batch.packing import FULL_NAT, HEALTHY
from tests.cli.conftest import Cli, cli

__all__ = ["cli"]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    root = tmp_path / "archive"
    root.mkdir()
    shutil.copy(FULL_NAT, root)
    shutil.copy(HEALTHY, root)
    return root


def test_run_and_status(cli: Cli, archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = cli("batch", "run", archive, "-o", out, "-w", "2")
    assert ran.code == 0
    assert "2 incidents: 2 analysed" in ran.out and str(out) in ran.out
    assert "analysing: 2 of 2" in ran.err
    (archive / "bad\x1b[31m.pcap").write_bytes(b"")
    ran = cli("batch", "run", archive, "-o", out, "-q")
    assert ran.code == 5
    assert "1 analysed, 2 unchanged" in ran.out and "the file is empty" in ran.out
    assert ran.err == "" and "\x1b" not in ran.out
    told = cli("batch", "status", out)
    assert told.code == 0
    assert "done after" in told.out and "2 incidents" in told.out and "full-nat 1" in told.out
    document = cli("batch", "status", out, "--format", "json").document
    assert (document["ok"], document["failed"], document["running"]) == (2, 1, False)


def test_log_as_json(cli: Cli, archive: Path, tmp_path: Path) -> None:
    ran = cli("batch", "run", archive, "-o", tmp_path / "out", "-w", "1", "--log-format", "json")
    events = [json.loads(line) for line in ran.err.splitlines()]
    assert {event["event"] for event in events} == {"progress", "item"}
    assert [event["status"] for event in events if event["event"] == "item"] == ["ok", "ok"]
    assert events[-1]["state"] == "done"
    assert ran.document["ok"] == 2 and ran.document["failed"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["batch", "status", "{tmp}"], 3, "no dataset"),
        (["batch", "run", "{tmp}/gone", "-o", "{tmp}/out"], 3, "no such file"),
        (["batch", "run", "{archive}", "-o", "{archive}"], 2, "not empty"),
        (["batch", "run", "{archive}", "-o", "{tmp}/out", "--scheduler", "tcp://x:1"], 2, "--engine dask"),
        (["batch", "run", "{archive}", "-o", "{tmp}/out", "--set", "full-nat.none=1"], 2, "none"),
        (["batch", "run", "{archive}", "-o", "{tmp}/out", "--rules", "{tmp}/none"], 4, "no rules"),
    ],
)
def test_wrong_usage(
    arguments: list[str], code: int, word: str, cli: Cli, archive: Path, tmp_path: Path
) -> None:
    ran = cli(*(part.format(tmp=tmp_path, archive=archive) for part in arguments))
    assert ran.code == code
    assert word in ran.err and len(ran.err.splitlines()) == 3
