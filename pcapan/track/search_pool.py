"""Address searches spread over the cores: units of work go out, matches come back.

Knows which crew is worth its start. Must not know attempts, nor which unit pays most: the caller hands
units out in that order, one by one, and learns what came of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from msgspec import Struct

from pcapan.crew import Link, Processes, Threads
from pcapan.decode import natd_lanes
from pcapan.decode.natd_search import AddressRange, Match, search

if TYPE_CHECKING:
    from concurrent.futures import Future

#: Units handed out for each core: one at work, one waiting, so that no core idles in between.
_AHEAD = 2


class Unit(Struct, frozen=True):
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
        from concurrent.futures.process import BrokenProcessPool

        with suppress(BrokenProcessPool):  # slower then, but with the same outcome
            crew = Threads(jobs) if natd_lanes.COMPILED else Processes(jobs)
            _spread(units, settle, should_stop, crew, unsettled)
    for unit in chain(unsettled, units):
        if should_stop():
            return
        settle(unit, unit.run(should_stop))


def _spread(
    units: Iterator[Unit],
    settle: Settle,
    should_stop: Callable[[], bool],
    crew: Threads | Processes,
    unsettled: list[Unit],
) -> None:
    """Fill `unsettled` with the units that went out and did not come back."""
    pending: dict[Future[Report], Unit] = {}
    try:
        while True:
            if not crew.link.stopped() and should_stop():
                crew.link.stop()
            while not crew.link.stopped() and len(pending) < _AHEAD * crew.jobs:
                unit = next(units, None)
                if unit is None:
                    break
                unsettled.append(unit)
                pending[crew.submit(partial(_run, unit))] = unit
            if not pending:
                return
            for future in sorted(crew.wait(), key=lambda entry: (pending[entry].task, pending[entry].number)):
                report = future.result()
                unit = pending.pop(future)
                unsettled.remove(unit)
                settle(unit, report)
    finally:
        crew.close()


def _run(unit: Unit, link: Link) -> Report:
    return unit.run(link.stopped)
