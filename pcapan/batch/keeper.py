"""Keeps one worker process: gives it tasks, waits no longer than allowed, replaces it when it dies.

Knows processes and clocks. Must not know what tasks mean. A task whose process died is tried once more in
a new one, because processes are also ended by others; a task that ran out of time is not.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
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


class Keeper:
    """One worker process, made when it is needed. Not for use by two threads at once."""

    def __init__(self, settings: Settings, module: str = CHILD) -> None:
        self._settings = settings
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None
        self._fresh = True
        self._closed = False

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

    def _once(self, task: dict[str, Any]) -> Outcome:
        try:
            process = self._running()
        except OSError as error:
            return Outcome("failed", f"no worker process could be started: {error.strerror or error}")
        assert process.stdin is not None and process.stdout is not None
        overdue = threading.Event()

        def end() -> None:
            overdue.set()
            process.kill()

        allowed = self._settings.seconds + (_START if self._fresh else 0)
        timer = threading.Timer(allowed, end)
        timer.daemon = True
        timer.start()
        try:
            process.stdin.write(json.dumps(task).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except (OSError, ValueError):
            line = b""
        finally:
            timer.cancel()
        self._fresh = False
        if line.endswith(b"\n"):
            answer = json.loads(line)
            if answer.pop("tired"):
                self._drop()
            return Outcome(**answer)
        code = self._drop()
        if overdue.is_set():
            return Outcome("failed", f"it took longer than {self._settings.seconds:g} seconds", allowed)
        return Outcome("died", _died(code))

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
        process = self._process
        if process is not None:
            process.kill()


def _died(code: int) -> str:
    if code >= 0:
        return f"the worker process ended with status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    hint = ", as the system does when memory runs out" if name == "SIGKILL" else ""
    return f"the worker process was ended by {name}{hint}"
