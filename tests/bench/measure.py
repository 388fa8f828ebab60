"""One run of one program: how long it took, and how much memory.

Knows processes. Must not know what they do. Memory is told where the system tells it of a child (not on
Windows), and never less than what this process takes itself: the system counts from before the child's start.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds of processor time, with all children of the program."""
    memory: float
    """Most memory of one process, MB; 0 where that is not known."""
    status: int


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Run:
    """Run a program to its end; what it prints is thrown away."""
    began = time.perf_counter()
    child = subprocess.Popen(
        list(command),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},
    )
    wait4: Any = getattr(os, "wait4", None)
    if wait4 is None:
        status = child.wait()
        return Run(time.perf_counter() - began, 0.0, 0.0, status)
    _, code, used = wait4(child.pid, 0)
    wall = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(code)
    unit = 1_000_000 if sys.platform == "darwin" else 1000
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / unit, child.returncode)


def median(runs: Sequence[Run]) -> Run:
    """The middle of each number; the status of the last."""
    return Run(
        statistics.median(one.wall for one in runs),
        statistics.median(one.cpu for one in runs),
        statistics.median(one.memory for one in runs),
        runs[-1].status,
    )
