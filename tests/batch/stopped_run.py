"""Runs that end at one operation on files: ``python -m tests.batch.stopped_run`` reads its orders as JSON.

An order names the dataset, the sources, overrides of rules, and the number of the operation at which the
process ends, as kill -9 would end it: nothing is tidied, nothing buffered is written. Each order is run in a
fork, because that costs a fraction of a new process, and answered by how it ended: 9 when it was stopped.
"""

from __future__ import annotations

import builtins
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.batch.running import batch

STOPPED = 9
#: What changes a folder; `open` counts when it is for writing.
_CHANGES = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree"})
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class _Stop:
    """Counts what happens below a folder, and ends the process before operation `at`."""

    def __init__(self, folder: str, at: int) -> None:
        self._folder = folder
        self._left = at
        sys.addaudithook(self._event)
        Path.open = lambda *arguments, **more: self._open(*arguments, **more)  # type: ignore[method-assign]

    def _event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if not flags & _WRITING:
                return
        elif event in _CHANGES:
            path = arguments[0]
        else:
            return
        if str(path).startswith(self._folder):
            self.count()

    def count(self) -> None:
        self._left -= 1
        if self._left < 0:
            os._exit(STOPPED)

    def _open(self, path: Path, mode: str = "r", *arguments: Any, **more: Any) -> Any:
        file = builtins.open(path, mode, *arguments, **more)  # noqa: PTH123, SIM115
        return file if mode != "ab" else _Torn(file, self)


class _Torn:
    """A file that is appended to in two halves, with a chance to be stopped around each."""

    def __init__(self, file: Any, stop: _Stop) -> None:
        self._file = file
        self._stop = stop

    def write(self, data: bytes) -> int:
        half = len(data) // 2
        self._stop.count()
        self._file.write(data[:half])
        self._stop.count()
        self._file.write(data[half:])
        self._stop.count()
        return len(data)

    def __enter__(self) -> _Torn:
        return self

    def __exit__(self, *problem: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _ended(order: dict[str, Any]) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        if order["at"] is not None:
            _Stop(order["out"], order["at"])
        batch(Path(order["out"]), order["sources"], overrides=order["overrides"])
        status = 0
    finally:
        sys.stderr.flush()
        os._exit(status)


def _warm() -> None:
    """Load now what every fork would have to load for itself."""
    for name in ("pyarrow.parquet", "zstandard", "pcapan.batch.work"):
        importlib.import_module(name)


def main() -> None:
    _warm()
    for line in sys.stdin:
        print(_ended(json.loads(line)), flush=True)


if __name__ == "__main__":
    main()
