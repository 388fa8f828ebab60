"""Keeps one worker process: gives it tasks, waits no longer than allowed, replaces it when it dies.

Knows processes and clocks. Must not know what tasks mean. A task whose process died is tried once more in
a new one, because processes are also ended by others; a task that ran out of time is not. Several tasks may
be handed over at once, so that the process never waits for the next one; each still fails for itself.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pcapan
from pcapan.batch.model import Outcome
from pcapan.batch.settings import Settings

#: The module that a worker process runs.
CHILD = "pcapan.batch.child"
#: How often a task is given to a new process after its process died.
_RETRIES = 1
#: Seconds a new process may need before its first task, on a busy machine.
_START = 60.0
#: Seconds between two looks at the clock.
_LOOK = 0.5


class Keeper:
    """One worker process, made when it is needed. Not for use by two threads at once."""

    def __init__(self, settings: Settings, module: str = CHILD) -> None:
        self._settings = settings
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None
        self._fresh = True
        self._closed = False
        self._clock = _Clock()

    @property
    def pid(self) -> int | None:
        """The process at work, if there is one."""
        return self._process.pid if self._process is not None else None

    def do(self, task: dict[str, Any]) -> Outcome:
        """Have a task done; never raises for what the task or its process does."""
        outcome = self._once(task)
        for _ in range(_RETRIES):
            if outcome.status != "died" or self._closed:
                break
            outcome = self._once(task)
        if outcome.status == "died":
            return Outcome("failed", outcome.reason, outcome.seconds)
        return outcome

    def do_all(self, tasks: Sequence[dict[str, Any]]) -> list[Outcome]:
        """Have tasks done that take little each; as `do` for every one of them."""
        if len(tasks) == 1:
            return [self.do(tasks[0])]
        outcomes = self._handed_over(tasks)
        if outcomes and outcomes[-1].status == "died":
            outcomes.pop()
        return outcomes + [self.do(task) for task in tasks[len(outcomes) :]]

    def _once(self, task: dict[str, Any]) -> Outcome:
        return self._handed_over([task])[0]

    def _handed_over(self, tasks: Sequence[dict[str, Any]]) -> list[Outcome]:
        """The outcomes up to the one after which the process was no more."""
        if self._closed:
            return [Outcome("died", "the run was ended")]
        try:
            process = self._running()
        except OSError as error:
            return [Outcome("failed", f"no worker process could be started: {error.strerror or error}")]
        assert process.stdin is not None and process.stdout is not None
        outcomes: list[Outcome] = []
        text = b"".join(json.dumps(task).encode() + b"\n" for task in tasks)
        while len(outcomes) < len(tasks):
            allowed = self._settings.seconds + (_START if self._fresh else 0)
            self._clock.start(allowed, process)
            try:
                if text:
                    process.stdin.write(text)
                    process.stdin.flush()
                    text = b""
                line = process.stdout.readline()
            except (OSError, ValueError):
                line = b""
            overdue = self._clock.stop()
            self._fresh = False
            if not line.endswith(b"\n"):
                code = self._drop()
                late = f"it took longer than {self._settings.seconds:g} seconds"
                outcomes.append(Outcome("failed", late, allowed) if overdue else Outcome("died", _died(code)))
                break
            answer = json.loads(line)
            tired = answer.pop("tired")
            outcomes.append(Outcome(**answer))
            if tired:
                self._drop()
                break
        return outcomes

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._drop()
        home = str(Path(pcapan.__file__).resolve().parents[1])
        path = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH", ""))))
        debug = os.environ.get("PCAPAN_DEBUG", "") not in ("", "0")
        process = subprocess.Popen(
            [sys.executable, "-m", self._module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if debug else subprocess.DEVNULL,
            # The working directory counts: captures and rules may be named relative to it.
            env={**os.environ, "PYTHONPATH": path},
        )
        self._process = process
        self._fresh = True
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(self._settings.to_json()).encode() + b"\n")
            process.stdin.flush()
        except OSError:
            pass  # it died at once: reading its answer tells
        return process

    def _drop(self) -> int:
        """End the process; returns how it ended."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.kill()
        for pipe in (process.stdin, process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:
                pass
        return process.wait()

    def close(self) -> None:
        """End the process for good; may be called from another thread to interrupt a task."""
        self._closed = True
        self._clock.end()
        process = self._process
        if process is not None:
            process.kill()


class _Clock:
    """Kills a process that takes too long; one thread for all tasks, because starting one takes longer than
    many a task."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._watched: subprocess.Popen[bytes] | None = None
        self._until = 0.0
        self._overdue = False

    def start(self, seconds: float, process: subprocess.Popen[bytes]) -> None:
        """Give a process so much time from now."""
        with self._lock:
            self._until, self._watched, self._overdue = time.monotonic() + seconds, process, False
        if self._thread is None:
            self._thread = threading.Thread(target=self._look, daemon=True)
            self._thread.start()

    def stop(self) -> bool:
        """It came to an end; returns whether that was because its time was over."""
        with self._lock:
            self._watched = None
            return self._overdue

    def end(self) -> None:
        """Watch no more."""
        self._ended.set()

    def _look(self) -> None:
        while not self._ended.wait(_LOOK):
            with self._lock:
                if self._watched is not None and time.monotonic() > self._until:
                    self._overdue = True
                    self._watched.kill()
                    self._watched = None


def _died(code: int) -> str:
    if code >= 0:
        return f"the worker process ended with status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    hint = ", as the system does when memory runs out" if name == "SIGKILL" else ""
    return f"the worker process was ended by {name}{hint}"
