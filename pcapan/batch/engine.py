"""Where tasks are done: the interface, and worker processes of this machine behind it.

Knows queues and threads. Must not know what tasks mean. Every task given is answered exactly once, in any
order; `pcapan.batch.dask_engine` offers the same over a distributed scheduler.
"""

from __future__ import annotations

import queue
import threading
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from pcapan.batch.keeper import CHILD, Keeper
from pcapan.batch.model import Outcome
from pcapan.batch.settings import Settings

#: Small tasks that are handed over at once.
_TOGETHER = 16


@dataclass(frozen=True, slots=True)
class Task:
    """Something to do."""

    what: dict[str, Any]
    """Plain values: `do` and whatever that needs."""
    near: str = ""
    """Tasks of the same word are best done by the same worker: captures of one archive."""
    small: bool = False
    """It takes no longer than handing it over, so several are best handed over together."""


class Engine(Protocol):
    """Does tasks somewhere."""

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[int, Outcome]]:
        """Do tasks, the first ones first; yields the number of each (from 0) and its outcome."""
        ...

    def close(self) -> None:
        """Stop at once, whatever is being done."""
        ...

    @property
    def workers(self) -> int:
        """How many tasks are done at once."""
        ...


class LocalEngine:
    """Worker processes on this machine, one thread watching each."""

    def __init__(self, settings: Settings, workers: int, module: str = CHILD) -> None:
        self.workers = max(1, workers)
        self._keepers = [Keeper(settings, module) for _ in range(self.workers)]
        self._stopped = threading.Event()

    @property
    def pids(self) -> list[int]:
        """The worker processes there are."""
        return [keeper.pid for keeper in self._keepers if keeper.pid is not None]

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[int, Outcome]]:
        """Do tasks; see `Engine.run`."""
        waiting = _Waiting(tasks)
        done: queue.SimpleQueue[list[tuple[int, Outcome]]] = queue.SimpleQueue()
        left = len(waiting)
        threads = [
            threading.Thread(target=self._serve, args=(keeper, waiting, done), daemon=True)
            for keeper in self._keepers[: max(1, left)]
        ]
        for thread in threads:
            thread.start()
        while left:
            some = done.get()
            left -= len(some)
            yield from some
        for thread in threads:
            thread.join()

    def _serve(
        self, keeper: Keeper, waiting: _Waiting, done: queue.SimpleQueue[list[tuple[int, Outcome]]]
    ) -> None:
        near, most = "", max(1, min(_TOGETHER, len(waiting) // (4 * self.workers)))
        while not self._stopped.is_set():
            taken = waiting.take(near, most)
            if not taken:
                return
            near = taken[-1][1].near
            outcomes = keeper.do_all([task.what for _, task in taken])
            done.put([(number, outcome) for (number, _), outcome in zip(taken, outcomes, strict=True)])

    def close(self) -> None:
        """Stop at once."""
        self._stopped.set()
        for keeper in self._keepers:
            keeper.close()


class _Waiting:
    """Tasks not begun, in order, also by nearness. Used by all threads."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._lock = threading.Lock()
        self._tasks = OrderedDict(enumerate(tasks))
        self._near: dict[str, deque[int]] = {}
        for number, task in self._tasks.items():
            if task.near:
                self._near.setdefault(task.near, deque()).append(number)

    def __len__(self) -> int:
        return len(self._tasks)

    def take(self, near: str, most: int) -> list[tuple[int, Task]]:
        """The next task, one that is `near` if there is any; several, up to `most`, if they are small."""
        first = self._next(near)
        taken = [first] if first is not None else []
        while taken and taken[-1][1].small and len(taken) < most:
            following = self._next("")
            if following is None:
                break
            taken.append(following)
        return taken

    def _next(self, near: str) -> tuple[int, Task] | None:
        with self._lock:
            group = self._near.get(near) if near else None
            while group:
                number = group.popleft()
                if number in self._tasks:
                    return number, self._tasks.pop(number)
            if not self._tasks:
                return None
            return self._tasks.popitem(last=False)
