"""What a batch costs: ``python -m tests.batch.bench_year ARCHIVE OUT [--part 400]``.

Runs a part of an archive (see `tests.batch.year`) with one worker and with two in turns, then all of it with
two workers, then again with nothing new, then after a change of one rule. Prints one line a measurement:
seconds, rates, ratios, and the largest memory of all processes together.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Measured:
    seconds: float
    memory_mb: float
    """Resident memory of the run and all its workers together, at most; shared pages count each time."""
    status: int
    summary: str


def _resident(root: int) -> int:
    """Resident bytes of a process and everything below it."""
    parents: dict[int, list[int]] = {}
    sizes: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(entry.name))
        sizes[int(entry.name)] = int(fields[21]) * 4096
    total, pending = 0, [root]
    while pending:
        pid = pending.pop()
        total += sizes.get(pid, 0)
        pending += parents.get(pid, [])
    return total


def measured(*arguments: str | Path) -> Measured:
    """One run of the command line."""
    most = 0
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "pcapan", "batch", "run", "-q", *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
    )

    def watch() -> None:
        nonlocal most
        while process.poll() is None:
            most = max(most, _resident(process.pid))
            time.sleep(0.2)

    watcher = threading.Thread(target=watch)
    watcher.start()
    out, _ = process.communicate()
    seconds = time.perf_counter() - began
    watcher.join()
    return Measured(seconds, most / 1e6, process.returncode, out.partition("\n")[0])


def told(what: str, one: Measured) -> Measured:
    print(
        f"{what:28} {one.seconds:8.1f} s  {one.memory_mb:6.0f} MB  exit {one.status}  {one.summary}",
        flush=True,
    )
    return one


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--part", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--skip-all", action="store_true", help="OUT holds the whole archive already")
    asked = parser.parse_args(arguments)
    names = sorted(asked.archive.rglob("*.pcap"))
    step = max(1, len(names) // asked.part)
    part = names[::step][: asked.part]
    scratch = asked.out.with_name(asked.out.name + "-part")
    times: dict[str, list[float]] = {"1": [], "2": []}
    for number in range(asked.rounds):
        for workers in ("1", "2") if number % 2 == 0 else ("2", "1"):
            shutil.rmtree(scratch, ignore_errors=True)
            one = told(
                f"{len(part)} captures, {workers} worker", measured(*part, "-o", scratch, "-w", workers)
            )
            times[workers].append(one.seconds)
    if asked.rounds:
        ratio = statistics.median(times["1"]) / statistics.median(times["2"])
        print(f"two workers against one: {ratio:.2f}x")
    if not asked.skip_all:
        whole = told("all, two workers", measured(asked.archive, "-o", asked.out, "-w", "2"))
    told("again, nothing new", measured(asked.archive, "-o", asked.out, "-w", "2"))
    changed = told(
        "again, one rule changed",
        measured(asked.archive, "-o", asked.out, "-w", "2", "--set", "sa-limit-exhaustion.min_attempts=4"),
    )
    if not asked.skip_all:
        print(f"a changed rule against captures: {whole.seconds / changed.seconds:.1f}x")


if __name__ == "__main__":
    main()
