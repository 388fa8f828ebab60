"""The Dask engine: a real scheduler and real workers as processes on loopback, one of them killed mid-run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pcapan.batch.dask_engine import DaskEngine
from pcapan.batch.engine import LocalEngine, Task
from pcapan.batch.grouping import Grouping
from pcapan.batch.manifest import Line
from pcapan.batch.run import Request, Watch, run
from pcapan.batch.settings import Settings
from pcapan.errors import UnreadableError
from tests.batch.packing import FULL_NAT, HEALTHY, LIMIT, ROOT, SAMPLES, SILENT
from tests.batch.running import consistent, files, manifest

distributed = pytest.importorskip(
    "distributed", reason="needs distributed (the extra dask): runs on a Dask cluster are not tested"
)


@dataclass
class Cluster:
    address: str
    directory: Path
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def add_worker(self) -> None:
        command = ["distributed.cli.dask_worker", self.address, "--no-nanny", "--no-dashboard"]
        options = ["--nthreads", "1", "--local-directory", str(self.directory), "--host", "127.0.0.1"]
        self.workers.append(_start(*command, *options))


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "60s"}
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler and two workers."""
    told = tmp_path / "scheduler.json"
    scheduler = _start(
        "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
        "--scheduler-file", str(told),
    )  # fmt: skip
    made: Cluster | None = None
    try:
        deadline = time.monotonic() + 120
        while not told.exists() or not told.read_text().endswith("}"):
            assert scheduler.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        address = json.loads(told.read_text())["address"]
        made = Cluster(address, tmp_path)
        for _ in range(2):
            made.add_worker()
        with distributed.Client(address, timeout=60) as client:
            client.wait_for_workers(2, timeout=120)
        yield made
    finally:
        for process in [*(made.workers if made else []), scheduler]:
            process.kill()
            process.wait()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    root = tmp_path / "archive"
    root.mkdir()
    for number, sample in enumerate([FULL_NAT, HEALTHY, LIMIT, SILENT, *sorted(SAMPLES.glob("*.pcap.gz"))]):
        shutil.copy(sample, root / f"{number:02}-{sample.name}")
    (root / "broken.pcap").write_bytes(b"")
    return root


class KillOne(Watch):
    """Kills a worker of the cluster after the first item."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.killed = False

    def item(self, line: Line) -> None:
        if not self.killed:
            self.killed = True
            self._cluster.workers[0].send_signal(signal.SIGKILL)


def test_the_same_dataset_although_a_worker_is_killed(
    cluster: Cluster, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local, remote = tmp_path / "local", tmp_path / "remote"
    sources = [str(archive)]
    run(Request(sources, Settings(str(local)), Grouping.AUTO, lambda made: LocalEngine(made, 1)), Watch())
    watch = KillOne(cluster)
    summary = run(
        Request(sources, Settings(str(remote)), Grouping.AUTO, lambda m: DaskEngine(m, cluster.address, 2)),
        watch,
    )
    assert watch.killed and cluster.workers[0].poll() is not None
    assert [names[0].rpartition("/")[2] for names, _ in summary.failed] == ["broken.pcap"]
    assert files(local, "tables") == files(remote, "tables")
    lines, others = manifest(local), manifest(remote)
    unchanging = ("status", "reason", "key", "stamps", "digest")
    assert {n: [line.get(k) for k in unchanging] for n, line in lines.items()} == {
        n: [line.get(k) for k in unchanging] for n, line in others.items()
    }
    consistent(remote)


def test_nothing_to_do_and_no_scheduler(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = DaskEngine(Settings(str(tmp_path)), cluster.address, 2)
    assert engine.workers == 2
    assert list(engine.run([])) == []
    (answer,) = engine.run([Task({"do": "unknown"})])
    assert answer[0] == 0 and answer[1].status == "failed"
    engine.close()
    engine.close()
    monkeypatch.setattr("pcapan.batch.dask_engine._PATIENCE", 1)
    with pytest.raises(UnreadableError, match="cannot be reached"):
        DaskEngine(Settings(str(tmp_path)), "tcp://127.0.0.1:9", 1)
