"""Tasks done by the workers of a Dask cluster: the same interface as on one machine.

Knows `distributed`. Must not know what tasks mean. A worker of Dask keeps a worker process of pcapan, as a
thread of the local engine does, so limits of memory and time hold there too; when a whole worker dies, the
scheduler gives its task to another. All workers must see the captures and the dataset under the same paths.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
import warnings
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from pcapan.batch import stored
from pcapan.batch.engine import Task
from pcapan.batch.keeper import Keeper
from pcapan.batch.model import Outcome
from pcapan.batch.settings import Settings
from pcapan.errors import UnreadableError, UsageError

#: Tasks the scheduler holds at once for each worker: enough to keep it busy, few enough to be forgotten.
_AHEAD = 20
#: Seconds to wait for a scheduler.
_PATIENCE = 15


def _library() -> Any:
    return importlib.import_module("distributed")


def check_dask() -> None:
    """Raise UsageError when the library is missing."""
    try:
        _library()
    except ImportError:
        raise UsageError(
            "the Dask engine needs the library distributed, which is not installed",
            where="--engine dask",
            hint='install it with: pip install "pcapan[dask]"; or use --engine local',
        ) from None


class DaskEngine:
    """Workers of a cluster; without a scheduler's address, of one that is started on this machine."""

    def __init__(self, settings: Settings, scheduler: str | None, workers: int) -> None:
        distributed = _library()
        self._settings = settings.to_json()
        self._closed = False
        self._cluster: Any = None
        if scheduler is None:
            self._cluster = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                silence_logs=50,
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # versions are compared below, as far as they matter
                self._client: Any = distributed.Client(
                    self._cluster or scheduler, timeout=_PATIENCE, set_as_default=False
                )
        except (OSError, ValueError, TimeoutError) as error:
            raise UnreadableError(
                f"the Dask scheduler cannot be reached: {error}",
                where=f"--scheduler {scheduler}",
                hint="check the address, and that the scheduler runs",
            ) from None
        self._check_workers(scheduler)

    def _check_workers(self, scheduler: str | None) -> None:
        """Refuse a cluster without workers, or with another pcapan than this."""
        try:
            versions = self._client.run(_version)
        except Exception as error:
            versions, fault = {}, f"{type(error).__name__}: {error}"
        else:
            fault = "it has no workers"
        wrong = [address for address, version in versions.items() if version != stored.version()]
        if versions and not wrong:
            return
        self.close()
        if not versions:
            raise UnreadableError(
                f"the Dask cluster cannot be used: {fault}",
                where=scheduler or "--engine dask",
                hint="start workers in an environment with the same pcapan",
            )
        raise UsageError(
            "a worker of the Dask cluster has another version of pcapan",
            where=wrong[0],
            hint="install the same version on all machines",
        )

    @property
    def workers(self) -> int:
        """Threads of all workers at this moment."""
        if self._closed:
            return 0
        known = self._client.scheduler_info(n_workers=-1)["workers"].values()
        return sum(worker["nthreads"] for worker in known) or 1

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[int, Outcome]]:
        """Do tasks; see `pcapan.batch.engine.Engine.run`."""
        waiting = iter(enumerate(tasks))
        numbers: dict[str, int] = {}

        def submit(number: int, task: Task) -> Any:
            future = self._client.submit(_do, self._settings, task.what, pure=False, priority=-number)
            numbers[future.key] = number
            return future

        first = [submit(*pair) for pair in islice(waiting, _AHEAD * self.workers)]
        running = _library().as_completed(first, loop=self._client.loop)
        for future in running:
            yield numbers.pop(future.key), self._outcome(future)
            future.release()
            for pair in islice(waiting, 1):
                running.add(submit(*pair))

    def _outcome(self, future: Any) -> Outcome:
        if future.status == "finished":
            return Outcome(**future.result())
        error = future.exception() if future.status == "error" else None
        what = f"{type(error).__name__}: {error}" if error is not None else str(future.status)
        return Outcome("failed", f"no worker of the cluster could do it: {what}"[:500])

    def close(self) -> None:
        """Stop at once."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(Exception):
            self._client.run(_end)
        with contextlib.suppress(Exception):
            self._client.close()
        if self._cluster is not None:
            with contextlib.suppress(Exception):
                self._cluster.close()


# What follows runs in the workers.

_kept: dict[int, tuple[dict[str, Any], Keeper]] = {}


def _do(settings: dict[str, Any], task: dict[str, Any]) -> dict[str, Any]:
    """Have a task done by the worker process that belongs to this thread."""
    thread = threading.get_ident()
    known = _kept.get(thread)
    if known is None or known[0] != settings:
        if known is not None:
            known[1].close()
        known = _kept[thread] = settings, Keeper(Settings.from_json(settings))
    outcome = known[1].do(task)
    return {
        "status": outcome.status,
        "reason": outcome.reason,
        "seconds": outcome.seconds,
        "answer": outcome.answer,
    }


def _end() -> None:
    while _kept:
        with contextlib.suppress(KeyError):
            _kept.popitem()[1][1].close()


def _version() -> str:
    return stored.version()
