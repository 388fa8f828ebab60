"""Work spread over the cores: threads, or processes with their signals and their ends.

Knows how to start them, how to stop them and how to hear from them. Must not know what they do: work is a
function that is given a `Link`. Processes are spawned, which is the same everywhere and safe beside threads;
so the work, what it was made with and what it returns have to be picklable there. The libraries for all
this are imported when a crew is made: they take longer than a small capture.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterator, MutableSequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from msgspec import Struct, field

if TYPE_CHECKING:
    from concurrent.futures import Future

Made = TypeVar("Made")

#: More processes than this the standard library cannot wait for on Windows.
MOST_PROCESSES = 61

#: Seconds after which a wait for work should look up: at the clock, at the progress, and to let Ctrl-C in
#: (on Windows a wait without end keeps it out).
POLL = 0.2

#: Seconds between two looks whether work has ended.
_NAP = 0.002


class _Flag(Protocol):
    value: int


class _Here(Struct):
    """A flag that nobody shares but threads."""

    value: int = 0


class Link(Struct, frozen=True):
    """What work and whoever waits for it see of each other."""

    _stop: _Flag
    numbers: MutableSequence[int]
    """For the work to write what it likes, its progress say: unsigned, 64 bits."""
    owner: int = field(default_factory=os.getpid)
    """The process that waits."""

    def stopped(self) -> bool:
        """Whether the work is to end early."""
        return bool(self._stop.value)

    def stop(self) -> None:
        """Let work under way end early."""
        self._stop.value = 1


class _Ended:
    """Work that has ended, in that order; work says so itself.

    Waiting as the standard library does takes a lock again and again, and a Ctrl-C in the middle of that can
    leave it locked: then whoever wants to say that its work has ended waits for ever.
    """

    def __init__(self) -> None:
        self._futures: deque[Future[Any]] = deque()

    def expect(self, future: Future[Made]) -> Future[Made]:
        """Notice when this work ends."""
        future.add_done_callback(self._futures.append)
        return future

    def wait(self) -> list[Future[Any]]:
        """What has ended since the last call; waits for some, but not longer than `POLL` seconds."""
        until = time.monotonic() + POLL
        while not self._futures and time.monotonic() < until:
            time.sleep(_NAP)
        return [self._futures.popleft() for _ in range(len(self._futures))]


class Threads:
    """Threads of this process; worth it where the work lets others run, as compiled loops do."""

    def __init__(self, jobs: int, numbers: int = 0) -> None:
        """`numbers`: how many `Link.numbers` there are to be."""
        from concurrent.futures import ThreadPoolExecutor

        self.jobs = jobs
        self.link = Link(_Here(), array("Q", bytes(8 * numbers)))
        self._executor = ThreadPoolExecutor(jobs)
        self._ended = _Ended()

    def submit(self, work: Callable[[Link], Made]) -> Future[Made]:
        """Begin as soon as a thread is free."""
        return self._ended.expect(self._executor.submit(work, self.link))

    def wait(self) -> list[Future[Any]]:
        """The work that has ended since the last call; waits for some, but not longer than `POLL` seconds."""
        return self._ended.wait()

    def close(self) -> None:
        """Stop and wait for what is under way."""
        self.link.stop()
        self._executor.shutdown(wait=True, cancel_futures=True)


class Processes:
    """Processes of their own, because only one thread of a process runs Python at a time.

    None of them outlives this process, however it ends. Where processes cannot be started, or one of them
    dies, `BrokenProcessPool` is raised, here or by the results.
    """

    def __init__(self, jobs: int, numbers: int = 0) -> None:
        """`numbers`: how many `Link.numbers` there are to be."""
        import multiprocessing

        self.jobs = min(jobs, MOST_PROCESSES)
        self._ending: threading.Thread | None = None
        self._ended = _Ended()
        context = multiprocessing.get_context("spawn")
        with _starting():
            from concurrent.futures.process import ProcessPoolExecutor

            self.link = Link(context.RawValue("b", 0), context.RawArray("Q", numbers))
            self._executor = ProcessPoolExecutor(
                self.jobs, mp_context=context, initializer=_begin, initargs=(self.link,)
            )

    def submit(self, work: Callable[[Link], Made]) -> Future[Made]:
        """Begin as soon as a process is free."""
        with _starting():
            return self._ended.expect(self._executor.submit(_run, work))

    def wait(self) -> list[Future[Any]]:
        """The work that has ended since the last call; waits for some, but not longer than `POLL` seconds."""
        return self._ended.wait()

    def no_more(self) -> None:
        """Let the processes end by themselves when they have done what was submitted; nothing more may be.

        A process with big libraries takes a quarter of a second to end, which nobody has to wait for.
        """
        if self._ending is None:
            self._ending = threading.Thread(target=self._executor.shutdown, daemon=True)
            self._ending.start()

    def close(self) -> None:
        """Stop and wait for what is under way."""
        self.link.stop()
        if self._ending is None:
            self._executor.shutdown(wait=True, cancel_futures=True)
        else:
            self._ending.join()


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _starting() -> Iterator[None]:
    """Give every failure to start processes one name, and hold Ctrl-C back meanwhile.

    Ctrl-C reaches the new processes too, before they have learned to ignore it.
    """
    import signal
    from concurrent.futures.process import BrokenProcessPool

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

    link: Link


def _begin(link: Link) -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the parent, which stops the link
    _Worker.link = link
    # What it was asked for is handed over by the time it ends; taking big libraries apart is waited for.
    atexit.register(os._exit, 0)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Without this, workers of a parent that was killed would wait for work for ever."""
    import multiprocessing

    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run(work: Callable[[Link], Made]) -> Made:
    return work(_Worker.link)
