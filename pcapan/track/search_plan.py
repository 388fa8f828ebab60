"""In which order are the hidden addresses of many attempts searched for?

Knows which searches pay most, and how one answer helps the others. Must not know processes
(`pcapan.track.search_pool`) nor time: it hands out units of work one by one and takes the outcomes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from msgspec import Struct

from pcapan.decode.natd_search import AddressRange, address_range, chunks, first_match
from pcapan.track.search_pool import Report, Unit

if TYPE_CHECKING:
    from pcapan.track.attempts import Attempt

Tiers = Sequence[Sequence[AddressRange]]
"""Ranges to search, likely ones first; units of work do not cross the borders of tiers."""
Progress = Callable[[int, int], None]
"""Called with (units done, units in all)."""

#: Addresses a worker tries before it reports: 0.1 s, so that an idle core, a hit or an interruption
#: never waits long, against 0.2 ms to hand the work over.
_CHUNK = 1 << 18

#: The commonest /24 networks found behind a source are tried first for its other attempts.
_NEIGHBOURHOODS = 4


class RecoveredAddress(Struct, frozen=True):
    """Where the client itself believes to send from."""

    address: str
    port: int


class Task(Struct, eq=False):
    """Attempts with the same SPI and hashes, wherever they were seen: one address is sought."""

    attempts: list[Attempt]
    targets: frozenset[bytes]
    ports: tuple[int, ...]
    """The port to search with, then others worth a try where that is cheap."""
    searchable: bool
    is_first_of_source: bool
    found: RecoveredAddress | None = None
    found_in: int = -1
    """Number of the unit with the match."""
    open_units: int = 0

    @property
    def is_plain(self) -> bool:
        """One hash, so one address fits and the order of tries cannot change the outcome."""
        return len(self.targets) == 1


def make_tasks(attempts: Sequence[Attempt]) -> list[Task]:
    """The searches for these attempts; those whose hash fits the packet are answered already."""
    groups: dict[tuple[int, frozenset[bytes]], list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        if attempt.natd[0]:
            groups[attempt.spi_i, frozenset(attempt.natd[0])].append(attempt)
    tasks: list[Task] = []
    seen: set[str] = set()
    for (_, targets), group in groups.items():
        first = group[0]
        port = 4500 if first.dport == 4500 else 500
        task = Task(
            group,
            targets,
            ports=tuple(dict.fromkeys((port, first.sport))),
            searchable=any(":" not in attempt.src for attempt in group),
            is_first_of_source=first.src not in seen,
        )
        seen.add(first.src)
        for attempt in group:
            if task.found is None and attempt.natd_source_matches:
                task.found = RecoveredAddress(attempt.src, attempt.sport)
            elif task.found is None and attempt.natd_source_matches_500:
                task.found = RecoveredAddress(attempt.src, 500)
        tasks.append(task)
    return tasks


class Plan:
    """Hands out the units of all tasks in the order that pays most, and takes their outcomes."""

    def __init__(self, tasks: Sequence[Task], space: Tiers, progress: Progress | None) -> None:
        self._tasks = tasks
        self._tiers = [chunks(tier, _CHUNK) for tier in space]
        self._progress = progress
        self._neighbours: dict[str, Counter[str]] = defaultdict(Counter)
        self._spread: set[RecoveredAddress] = set()
        units = sum(len(tier) for tier in self._tiers)
        for task in tasks:
            if task.found is None and task.searchable:
                task.open_units = units
        self.total = sum(task.open_units for task in tasks)
        self._done = 0

    def units(self) -> Iterator[Unit]:
        """One attempt of every source first; of these, every one's first unit, then every one's second.

        So the likely addresses are tried for all before the unlikely ones for any, and processes
        work on different attempts: units of one that are handed out ahead are wasted by its match.
        """
        for is_first in (True, False):
            group = [
                (index, task)
                for index, task in enumerate(self._tasks)
                if task.open_units and task.is_first_of_source == is_first
            ]
            start = 0
            for tier in self._tiers:
                for number, ranges in enumerate(tier, start):
                    for index, task in group:
                        if task.found is None:
                            yield self._unit(index, task, number, ranges, is_likely=start == 0)
                start += len(tier)

    def _unit(
        self, index: int, task: Task, number: int, ranges: tuple[AddressRange, ...], *, is_likely: bool
    ) -> Unit:
        if number == 0 and task.is_plain:
            near = self._neighbours[task.attempts[0].src].most_common(_NEIGHBOURHOODS)
            ranges = (*(address_range(network) for network, _ in near), *ranges)
        ports = task.ports if is_likely else task.ports[:1]
        return Unit(index, number, task.attempts[0].spi_i, task.targets, ports, ranges)

    def settle(self, unit: Unit, report: Report) -> None:
        """Take the outcome of a unit."""
        match, finished = report
        task = self._tasks[unit.task]
        if match is not None and (task.found_in == -1 or unit.number < task.found_in):
            # of a multi-homed client's addresses the first in the order counts, not in time
            task.found_in = unit.number
            self._hit(task, RecoveredAddress(match.text, match.port))
            self._try_elsewhere(RecoveredAddress(match.text, match.port))
        elif finished and task.open_units:
            task.open_units -= 1
            self._done += 1
        if self._progress is not None:
            self._progress(self._done, self.total)

    def _hit(self, task: Task, address: RecoveredAddress) -> None:
        task.found = address
        self._done += task.open_units
        task.open_units = 0
        network = str(address.address).rpartition(".")[0] + ".0/24"
        self._neighbours[task.attempts[0].src][network] += 1

    def _try_elsewhere(self, address: RecoveredAddress) -> None:
        """A redial is the same client with another SPI: one hash for each attempt still open."""
        if address in self._spread:
            return
        self._spread.add(address)
        packed = [IPv4Address(address.address).packed]
        for task in self._tasks:
            if task.open_units and task.is_plain:
                spi_i = task.attempts[0].spi_i
                if first_match(spi_i, 0, task.targets, (address.port,), packed) is not None:
                    self._hit(task, address)
