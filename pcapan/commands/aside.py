"""The HTML report, drawn in a process of its own beside the reading of captures and the writing of tables.

Knows when such a process pays, and that it may fail: then the page is made here, as everywhere else, with
the same bytes and the same errors. Must not know what is on the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pcapan.commands.render import Look, rendered
from pcapan.crew import Link, Processes
from pcapan.memory import without_collection
from pcapan.model import Result
from pcapan.reading import Progress
from pcapan.report.pages import load_libraries, preload

if TYPE_CHECKING:
    from concurrent.futures import Future

#: Bytes of captures from which it pays: a process takes a second until it can draw, and so must the reading.
_WORTH = 200 << 20

#: Share of the captures that is read when the process is started.
_LATE = 0.5


class PageMaker:
    """Makes one page, if it can in another process; see `page_maker`."""

    def __init__(self, crew: Processes | None = None, size: int = 0) -> None:
        """`size`: bytes of the captures, where another process is to draw the page."""
        self._crew = crew
        self._size = size
        self._read: dict[str, int] = {}
        self._asked: tuple[Result, Look] | None = None
        self._coming: Future[bytes | None] | None = None

    def watch(self, progress: Progress | None) -> Progress | None:
        """The same progress; on the way the other process is started, when half of the captures is read.

        Before that, its imports would only keep the cores from reading and hashing.
        """
        if not self._size:
            return progress

        def heed(path: str, done: int, size: int) -> None:
            self._read[path] = done
            if self._crew is None and sum(self._read.values()) >= _LATE * self._size:
                self.start()
            if progress is not None:
                progress(path, done, size)

        return heed

    def start(self) -> None:
        """Start the other process, unless it was started or does not pay."""
        if self._size:
            self._size = 0
            self._crew = _started()

    def close(self) -> None:
        """End the other process."""
        if self._crew is not None:
            self._crew.close()

    def begin(self, result: Result, look: Look) -> None:
        """Let the page be drawn while this process does something else."""
        self._asked = result, look
        self.start()
        if self._crew is not None:
            with suppress(Exception):
                self._coming = self._crew.submit(partial(_page, result, look))
                self._crew.no_more()

    def page(self) -> bytes:
        """The page that was begun; raises as `rendered` does."""
        assert self._asked is not None
        return self._drawn() or rendered(*self._asked)

    def _drawn(self) -> bytes | None:
        """What the other process made; None where it did not, for whatever reason."""
        if self._crew is None or self._coming is None:
            return None
        while not self._coming.done() and not self._crew.wait():
            pass
        with suppress(Exception):
            return self._coming.result()
        return None


@contextmanager
def page_maker(captures: Sequence[str], jobs: int) -> Iterator[PageMaker]:
    """Prepare for a page while `captures` are read; with one core, or for little, in this process."""
    size = sum(map(_size, captures))
    pages = PageMaker(size=size if jobs > 1 and size >= _WORTH else 0)
    if jobs < 2 or size < _WORTH:
        preload()
    try:
        yield pages
    finally:
        pages.close()


def _started() -> Processes | None:
    from concurrent.futures.process import BrokenProcessPool

    crew = None
    try:
        crew = Processes(1)
        crew.submit(_get_ready)
    except BrokenProcessPool:
        if crew is not None:
            crew.close()
        return None
    return crew


def _size(path: str) -> int:
    """Bytes of a file; 0 of what cannot be told."""
    try:
        return Path(path).stat().st_size
    except (OSError, ValueError):
        return 0


@without_collection
def _get_ready(_: Link) -> None:
    """In the other process: import what a page needs before there is anything to draw."""
    load_libraries()


@without_collection
def _page(result: Result, look: Look, link: Link) -> bytes | None:
    """In the other process."""
    return None if link.stopped() else rendered(result, look)
