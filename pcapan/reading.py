"""Capture files, one or several, become what the later steps work on: side by side where that pays.

Knows how a file is read from its opening to its columns, and when starting a crew is worth it. Must not know
formats or packets. What is read does not depend on how many read it: files come in the order in which they
were named, and whatever a crew did not do, for whatever reason, is done here.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from pcapan.compiled import engine, how
from pcapan.errors import UnreadableError
from pcapan.ingest.open import open_capture
from pcapan.ingest.stream import HASH_LIMIT
from pcapan.scan.columns import FileScan
from pcapan.scan.scanner import Scanner

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    from concurrent.futures import Future
    from typing import BinaryIO

    from pcapan.crew import Link
    from pcapan.ingest.inputs import InputFacts

Progress = Callable[[str, int, int], None]
"""Called with (path, bytes read, size in bytes or 0) while files are read."""

Opener = Callable[[str], "BinaryIO | None"]
"""Gives the bytes of a capture that is no ordinary file (in an archive, in a store); None for others."""

FileRead = tuple["InputFacts", FileScan]

#: Bytes that others than the biggest file must hold so that a crew pays: threads start in no time, a process
#: takes a quarter of a second until it can begin.
_WORTH_THREADS = 4 << 20
_WORTH_PROCESSES = 16 << 20

#: Seconds between two looks at how far such a reading is.
_LOOK = 0.05

#: Seconds for which such a reading has the interpreter to itself, at most, while it opens its file: that
#: takes four milliseconds, and twice that beside somebody who loads libraries.
_HEAD_START = 0.02

#: Seconds after which such a reading gets the interpreter when it asks for it, and what is usual: it asks for
#: it a few dozen times, most of them early, for microseconds each, and is what everybody waits for.
_TURN = 0.0002
_USUAL_TURN = sys.getswitchinterval()


def scan_file(
    path: str,
    *,
    stdin: BinaryIO | None = None,
    file: BinaryIO | None = None,
    progress: Progress | None = None,
    keep: bool = False,
    hash_all: bool = True,
) -> FileRead:
    """Read one file to its end; raises UnreadableError when there is nothing to read."""
    reader = open_capture(path, stdin=stdin, file=file, keep=keep, hash_all=hash_all)
    scanner = reader.scanning = Scanner()
    for block in reader.blocks():
        scanner.feed(block, reader.interfaces)
        if progress is not None:
            progress(path, reader.bytes_read, reader.size)
    scan = scanner.finish()
    # Loaded only now: the sooner a scan begins, the more is loaded beside it.
    from pcapan.ingest.again import Recall
    from pcapan.ingest.inputs import InputFacts

    return (
        InputFacts(
            path=path,
            format=reader.format,
            size=reader.size,
            sha256=reader.sha256,
            interfaces=reader.interfaces,
            comments=reader.comments,
            problems=reader.problems,
            damaged=reader.damaged,
            side=reader.side,
            recall=Recall.of(reader) if keep else None,
        ),
        scan,
    )


def read_files(
    paths: Sequence[str],
    *,
    jobs: int = 1,
    stdin: BinaryIO | None = None,
    opener: Opener | None = None,
    progress: Progress | None = None,
    keep: bool = False,
    hash_all: bool = True,
) -> list[FileRead | UnreadableError]:
    """What is in each of the files, in their order, or why it cannot be read.

    `jobs` is the number of cores that may be used. Where an `opener` gives the bytes, files are read one
    after the other.
    """
    done = _side_by_side(paths, jobs, progress, keep, hash_all) if jobs > 1 and opener is None else {}
    result: list[FileRead | UnreadableError] = []
    for number, path in enumerate(paths):
        read: FileRead | UnreadableError | None = done.pop(number, None)
        if read is None:
            try:
                file = opener(path) if opener is not None else None
                read = scan_file(
                    path, stdin=stdin, file=file, progress=progress, keep=keep, hash_all=hash_all
                )
            except UnreadableError as error:
                read = error
        result.append(read)
    return result


class Reading:
    """`read_files` that has begun on a thread of its own, while this one does something else."""

    def __init__(self, paths: Sequence[str], jobs: int) -> None:
        self.paths = list(paths)
        self._read: list[FileRead | UnreadableError] = []
        self._failure: BaseException | None = None
        self._stopped = False
        self._heard: dict[str, tuple[int, int]] = {}
        """Bytes read and size by path."""
        self._under_way = threading.Event()
        sys.setswitchinterval(_TURN)
        self._thread = threading.Thread(target=self._run, args=(jobs,), daemon=True)
        self._thread.start()
        self._under_way.wait(_HEAD_START)

    def result(self, progress: Progress | None = None) -> list[FileRead | UnreadableError]:
        """What `read_files` gives, when it is done; raises what it raised."""
        try:
            while self._thread.is_alive():
                self._thread.join(_LOOK)
                if progress is not None:
                    for path, (done, size) in list(self._heard.items()):
                        progress(path, done, size)
        finally:
            self.stop()  # whoever was interrupted here asks no more
        if self._failure is not None:
            raise self._failure
        return self._read

    def stop(self) -> None:
        """Nobody wants the result any more."""
        self._stopped = True

    def _run(self, jobs: int) -> None:
        try:
            self._read = read_files(self.paths, jobs=jobs, progress=self._hear, hash_all=False)
        except BaseException as error:
            self._failure = error
        self._under_way.set()
        sys.setswitchinterval(_USUAL_TURN)

    def _hear(self, path: str, done: int, size: int) -> None:
        if self._stopped:
            raise _Stopped
        self._heard[path] = done, size
        self._under_way.set()


#: What `guess_reading` began.
_guessed: list[Reading] = []


def guess_reading(words: Sequence[str]) -> None:
    """Begin to read the capture among the words after ``analyze``, before anybody knows what they mean.

    Understanding them takes libraries, and loading those a tenth of a second, in which 300 MB are read. A
    wrong guess does no harm: `begin_reading` takes up the right one only.
    """
    big = [word for word in words if _pays([word])]
    if len(big) == 1:
        _guessed.append(Reading(big, 1))


def begin_reading(paths: Sequence[str], *, jobs: int, keep: bool, hash_all: bool) -> Reading | None:
    """Begin to read the files, where that pays; None where they are better read when they are asked for.

    It pays where a compiled scan leaves the interpreter to others nearly all the time: in ordinary files that
    are big enough not to be hashed, and of which nothing is kept.
    """
    guess = _guessed.pop() if _guessed else None
    if not keep and not hash_all and _pays(paths):
        if guess is not None and guess.paths == list(paths):
            return guess
        begun = Reading(paths, jobs)
    else:
        begun = None
    if guess is not None:
        guess.stop()
    return begun


def _pays(paths: Sequence[str]) -> bool:
    """Whether all of the files may be read early, and one is worth it."""
    sizes = [_plain_size(path) for path in paths]
    if None in sizes or max(filter(None, sizes), default=0) <= HASH_LIMIT:
        return False
    return how("pcapan.scan.walk") == "compiled"


class _Stopped(Exception):
    """Nobody waits for the file any more."""


def _side_by_side(
    paths: Sequence[str], jobs: int, progress: Progress | None, keep: bool, hash_all: bool
) -> dict[int, FileRead]:
    """By number, the files that a crew could read; none where a crew does not pay."""
    sizes = {number: size for number, path in enumerate(paths) if (size := _plain_size(path)) is not None}
    compiled = engine() == "compiled"
    spared = sum(sizes.values()) - max(sizes.values(), default=0)
    if len(sizes) < 2 or spared < (_WORTH_THREADS if compiled else _WORTH_PROCESSES):
        return {}
    from concurrent.futures.process import BrokenProcessPool
    from functools import partial

    from pcapan.crew import Processes, Threads

    done: dict[int, FileRead] = {}
    with suppress(BrokenProcessPool):
        crew = (Threads if compiled else Processes)(min(jobs, len(sizes)), len(paths))
        try:
            biggest_first = sorted(sizes, key=lambda number: -sizes[number])
            pending: dict[Future[FileRead | None], int] = {
                crew.submit(partial(_read, number, paths[number], keep, hash_all)): number
                for number in biggest_first
            }
            while pending:
                for future in crew.wait():
                    number = pending.pop(future)
                    read = future.result()
                    if read is not None:
                        done[number] = read
                if progress is not None:
                    for number in pending.values():
                        progress(paths[number], crew.link.numbers[number], sizes[number])
        finally:
            crew.close()
    return done


def _plain_size(path: str) -> int | None:
    """Bytes in an ordinary file; None of anything else, which only this process can read or refuse."""
    try:
        status = os.stat(path)  # noqa: PTH116 - `pathlib` takes long to load
    except (OSError, ValueError):
        return None
    return status.st_size if path != "-" and stat.S_ISREG(status.st_mode) else None


def _read(number: int, path: str, keep: bool, hash_all: bool, link: Link) -> FileRead | None:
    """A crew's work. None: the one who waits has to do it, and gets the error itself, or what cannot be
    handed over."""

    def heed(_: str, done: int, __: int) -> None:
        link.numbers[number] = done
        if link.stopped():
            raise _Stopped

    try:
        entry, scan = scan_file(path, progress=heed, keep=keep, hash_all=hash_all)
    except Exception:
        return None
    if os.getpid() != link.owner and entry.recall is not None and entry.recall.kept is not None:
        entry.recall.forget()
        return None
    return entry, scan
