"""The process that does tasks: ``python -m pcapan.batch.child``, spoken to by lines of JSON.

Knows pipes and limits. The first line on standard input holds the settings, every further one a task; each
is answered by one line on standard output. When standard input ends, its owner is gone, and so is it, at
once: what it was writing lies under a temporary name.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import queue
import signal
import sys
import threading
from dataclasses import asdict
from importlib.abc import MetaPathFinder
from typing import BinaryIO

from pcapan.batch.settings import Settings
from pcapan.batch.work import Worker


def main() -> None:
    """Serve until standard input ends."""
    sys.meta_path.insert(0, _NoPandas())
    with contextlib.suppress(ValueError, OSError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the owner, who then ends this process
    tasks, answers = sys.stdin.buffer, _take_stdout()
    first = tasks.readline()
    if not first:
        return
    settings = Settings.from_json(json.loads(first))
    worker = Worker(settings)
    gc.freeze()  # what was loaded stays: no need to look through it for what can go
    limited = _limit_memory(settings.memory_mb)
    pending: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(tasks, pending), daemon=True).start()
    while True:
        outcome = worker.do(json.loads(pending.get()))
        tired = limited and "more memory" in outcome.reason
        answers.write(json.dumps({**asdict(outcome), "tired": tired}).encode() + b"\n")
        answers.flush()
        if tired:  # memory that was fragmented by reaching the limit is not worth keeping
            os._exit(0)


class _NoPandas(MetaPathFinder):
    """pyarrow looks for pandas on its own; no task needs it, and it costs 50 MB and half a second."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        """Refuse pandas, know nothing else."""
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)


def _take_stdout() -> BinaryIO:
    """Standard output for answers alone: whatever else prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _listen(tasks: BinaryIO, pending: queue.SimpleQueue[bytes]) -> None:
    for line in tasks:
        pending.put(line)
    os._exit(1)


def _limit_memory(megabytes: int) -> bool:
    """Let allocations fail that go beyond what the process has now by more than this."""
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
            now = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        most = now + megabytes * 1024**2
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    except (ImportError, OSError, ValueError):
        return False  # only the owner's look at the clock protects there
    return True


if __name__ == "__main__":
    main()
