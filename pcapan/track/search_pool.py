"""Address searches spread over the cores: units of work go out, matches come back.

Knows threads, which do where the search is compiled, and processes, their signals and their ends.
Must not know attempts, nor which unit pays most: the caller hands units out in that order, one by
one, and learns what came of each.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from pcapan.decode import natd_lanes
from pcapan.decode.natd_search import AddressRange, Match, search

if TYPE_CHECKING:
    from ctypes import c_byte

#: Units handed out for each process: one at work, one waiting, so that no core idles in between.
_AHEAD = 2

#: More processes than this the standard library cannot wait for on Windows.
_MOST_PROCESSES = 61

#: Seconds after which a wait for workers looks at the clock, and lets Ctrl-C in (on Windows a wait
#: without end keeps it out).
_POLL = 0.2


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of work for one core."""

    task: int
    """The caller's number of the search that it belongs to."""
    number: int
    """Its place within the search."""
    spi_i: int
    targets: frozenset[bytes]
    ports: tuple[int, ...]
    ranges: tuple[AddressRange, ...]

    def run(self, should_stop: Callable[[], bool]) -> Report:
        """Search the ranges."""
        match = search(self.spi_i, 0, self.targets, self.ports, self.ranges, should_stop)
        return match, match is not None or not should_stop()


Report = tuple[Match | None, bool]
"""The match, and whether the unit was searched to its end (or to the match)."""
Settle = Callable[[Unit, Report], None]


def run_units(units: Iterator[Unit], settle: Settle, should_stop: Callable[[], bool], jobs: int) -> None:
    """Work through the units until they end or `should_stop` says so; `settle` learns every outcome.

    `units` is asked for the next unit only when a core is free for it, so it may skip what
    `settle` made needless. With one job, or where processes cannot be started or die, the work is
    done in this thread. No thread and no process outlives the call, nor a process this one.
    """
    unsettled: list[Unit] = []
    if jobs > 1:
        crew = _Threads if natd_lanes.COMPILED else _Processes
        with suppress(BrokenProcessPool):  # slower then, but with the same outcome
            _spread(units, settle, should_stop, crew(min(jobs, _MOST_PROCESSES)), unsettled)
    for unit in chain(unsettled, units):
        if should_stop():
            return
        settle(unit, unit.run(should_stop))


def _spread(
    units: Iterator[Unit],
    settle: Settle,
    should_stop: Callable[[], bool],
    crew: _Threads | _Processes,
    unsettled: list[Unit],
) -> None:
    """Fill `unsettled` with the units that went out and did not come back."""
    pending: dict[Future[Report], Unit] = {}
    try:
        while True:
            if not crew.stopped and should_stop():
                crew.stop()
            while not crew.stopped and len(pending) < _AHEAD * crew.jobs:
                unit = next(units, None)
                if unit is None:
                    break
                unsettled.append(unit)
                pending[crew.submit(unit)] = unit
            if not pending:
                return
            done, _ = wait(pending, timeout=_POLL, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=lambda entry: (pending[entry].task, pending[entry].number)):
                report = future.result()
                unit = pending.pop(future)
                unsettled.remove(unit)
                settle(unit, report)
    finally:
        crew.stop()
        crew.executor.shutdown(wait=True, cancel_futures=True)


class _Threads:
    """Threads of this process; the compiled search lets them run side by side."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.executor: Executor = ThreadPoolExecutor(jobs)
        self.stopped = False

    def stop(self) -> None:
        """Let units under way end early."""
        self.stopped = True

    def submit(self, unit: Unit) -> Future[Report]:
        """Begin a unit as soon as a thread is free."""
        return self.executor.submit(unit.run, lambda: self.stopped)


class _Processes:
    """Processes of their own, because only one thread of a process runs Python at a time."""

    def __init__(self, jobs: int) -> None:
        context = multiprocessing.get_context("spawn")  # the same everywhere, and safe beside threads
        self.jobs = jobs
        with _starting_processes():
            self._stop = context.RawValue("b", 0)
            self.executor: Executor = ProcessPoolExecutor(
                jobs, mp_context=context, initializer=_begin_worker, initargs=(self._stop,)
            )

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return bool(self._stop.value)

    def stop(self) -> None:
        """Let units under way end early."""
        self._stop.value = 1

    def submit(self, unit: Unit) -> Future[Report]:
        """Begin a unit as soon as a process is free."""
        with _starting_processes():
            return self.executor.submit(_run_in_worker, unit)


@contextmanager
def _starting_processes() -> Iterator[None]:
    """Give every failure to start processes one name, and hold Ctrl-C back meanwhile.

    Ctrl-C reaches the new processes too, before they have learned to ignore it.
    """
    try:
        if sys.platform == "win32":
            yield
            return
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    except (OSError, ImportError, NotImplementedError) as error:
        raise BrokenProcessPool(f"processes cannot be started here: {error}") from error


class _Worker:
    """What a worker process knows."""

    stop: c_byte


def _begin_worker(stop: c_byte) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the parent, which sets `stop`
    _Worker.stop = stop
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Without this, workers of a parent that was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run_in_worker(unit: Unit) -> Report:
    stop = _Worker.stop
    return unit.run(lambda: stop.value != 0)
