"""A progress bar on standard error, for reading that takes longer than a second.

Knows rich and terminals. Must not know what is read.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from pcapan.report.safe import clean

#: Seconds of reading before a bar appears: shorter work is over before anybody looks.
PATIENCE = 1.0

Progress = Callable[[str, int, int], None]


@contextlib.contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Progress | None]:
    """A function to call with (path, bytes read, size); None where nobody watches."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    bar = _Bar()
    try:
        yield bar
    finally:
        bar.stop()


class _Bar:
    """Shows nothing until reading has taken a while, and leaves nothing behind."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._shown: Any = None
        self._tasks: dict[str, Any] = {}

    def __call__(self, path: str, done: int, size: int) -> None:
        if self._shown is None:
            if time.monotonic() - self._began < PATIENCE:
                return
            self._shown = _start()
        if path not in self._tasks:
            self._tasks[path] = self._shown.add_task(clean(path), total=size or None)
        self._shown.update(self._tasks[path], completed=done, total=size or None)

    def stop(self) -> None:
        """Take the bar away."""
        if self._shown is not None:
            self._shown.stop()
            self._shown = None


def _start() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    bar.start()
    return bar
