"""How far a run is: counted while it goes on, and written down for others to read.

Knows counts, rates and the file they are written to. Must not know terminals.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pcapan.batch.layout import write_whole

#: Seconds over which the rate is taken.
_WINDOW = 60.0
#: Seconds between two writings of the file.
_EVERY = 1.0
#: What an incident costs beyond its bytes, in bytes: small ones take about as long as this.
_COST = 256 * 1024


@dataclass(slots=True)
class State:
    """How far a run is."""

    state: str = "running"
    """running, done, interrupted or failed."""
    phase: str = "looking for captures"
    pid: int = 0
    host: str = ""
    started: float = 0.0
    """Seconds since 1970, as are all times here."""
    updated: float = 0.0
    workers: int = 0
    total: int = 0
    """Incidents that this run has to work on."""
    done: int = 0
    failed: int = 0
    unchanged: int = 0
    """Incidents that nothing has to be done for."""
    bytes_total: int = 0
    bytes_done: int = 0
    per_second: float = 0.0
    """Incidents a second, lately."""
    bytes_per_second: float = 0.0
    seconds_left: float | None = None


class Meter:
    """Counts; tells `watch` after every change and the file once a second."""

    def __init__(self, place: Path, workers: int, watch: Callable[[State], None]) -> None:
        self._place = place
        self._watch = watch
        self._last_written = 0.0
        self._marks: deque[tuple[float, int, int]] = deque()
        now = time.time()
        self.state = State(
            pid=os.getpid(), host=socket.gethostname(), started=now, updated=now, workers=workers
        )
        self._tell(force=True)

    def phase(self, name: str, *, total: int = 0, size: int = 0, unchanged: int = 0) -> None:
        """A new part of the run begins."""
        state = self.state
        state.phase, state.total, state.bytes_total, state.unchanged = name, total, size, unchanged
        state.done = state.bytes_done = 0
        state.seconds_left = None
        self._marks.clear()
        self._tell(force=True)

    def step(self, size: int, *, failed: bool) -> None:
        """One incident was done."""
        state = self.state
        state.done += 1
        state.bytes_done += size
        state.failed += failed
        self._rates()
        self._tell()

    def end(self, word: str) -> None:
        """The run is over: done, interrupted or failed."""
        self.state.state = word
        self.state.seconds_left = None
        self._tell(force=True)

    def _rates(self) -> None:
        state, now = self.state, time.monotonic()
        self._marks.append((now, state.done, state.bytes_done))
        while now - self._marks[0][0] > _WINDOW:
            self._marks.popleft()
        then, done, size = self._marks[0]
        if now - then < 0.5:
            return
        state.per_second = (state.done - done) / (now - then)
        state.bytes_per_second = (state.bytes_done - size) / (now - then)
        rate = state.bytes_per_second + _COST * state.per_second
        left = state.bytes_total - state.bytes_done + _COST * (state.total - state.done)
        state.seconds_left = max(0.0, left / rate) if rate > 0 else None

    def _tell(self, *, force: bool = False) -> None:
        now = time.time()
        self.state.updated = now
        if force or now - self._last_written >= _EVERY:
            self._last_written = now
            with contextlib.suppress(OSError):  # a run does not fail for want of a status
                write_whole(self._place, json.dumps(asdict(self.state)).encode())
        self._watch(self.state)


def read_state(place: Path) -> State | None:
    """What a run wrote last; None when none did."""
    try:
        data: dict[str, Any] = json.loads(place.read_bytes())
        return State(**data)
    except (OSError, ValueError, TypeError):
        return None
