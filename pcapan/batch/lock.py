"""One run at a time on one dataset.

Knows how a lock is held so that it ends with the process whatever ends that, and how to tell who holds it.
The operating system's own file lock decides; where a file system has none, the process named in the file
does, if it lives on this machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from pcapan.errors import UsageError


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds, or held, the lock."""

    pid: int
    host: str
    since: float
    """Seconds since 1970."""


@contextlib.contextmanager
def locked(place: Path) -> Iterator[None]:
    """Hold the lock while the block runs; raises UsageError when another run holds it."""
    file = place.open("a+b")
    with file:
        if not _take(file, place):
            raise UsageError(
                f"another run is at work on this dataset: {_told(holder(place))}",
                where=str(place.parent),
                hint="wait for it, or end it; pcapan batch status shows how far it is",
            )
        _write(file, json.dumps(asdict(Holder(os.getpid(), socket.gethostname(), time.time()))).encode())
        try:
            yield
        finally:
            _write(file, b"")
            _release(file)


def is_held(place: Path) -> bool:
    """Whether a run holds the lock at this moment."""
    try:
        file = place.open("r+b")
    except OSError:
        return False
    with file:
        if not _take(file, place):
            return True
        _release(file)
        return False


def holder(place: Path) -> Holder | None:
    """Who is written in the lock file."""
    try:
        data = json.loads(_without_lock_byte(place.read_bytes()))
        return Holder(int(data["pid"]), str(data["host"])[:200], float(data["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _without_lock_byte(data: bytes) -> bytes:
    return data.strip()


def _write(file: IO[bytes], data: bytes) -> None:
    file.seek(0)
    file.truncate()
    file.write(data)
    file.flush()


def _told(found: Holder | None) -> str:
    if found is None:
        return "its process is not known"
    since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(found.since))
    return f"process {found.pid} on {found.host}, since {since}"


if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    #: The byte that is locked lies behind everything that is written, so that the file can be read.
    _FAR = 1 << 30

    def _system_lock(file: IO[bytes]) -> bool:
        file.seek(_FAR)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _system_unlock(file: IO[bytes]) -> None:
        file.seek(_FAR)
        with contextlib.suppress(OSError):
            msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _system_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _system_unlock(file: IO[bytes]) -> None:
        with contextlib.suppress(OSError):
            fcntl.flock(file.fileno(), fcntl.LOCK_UN)


def _take(file: IO[bytes], place: Path) -> bool:
    try:
        return _system_lock(file)
    except OSError:
        return not _lives(holder(place))


def _release(file: IO[bytes]) -> None:
    _system_unlock(file)


def _lives(found: Holder | None) -> bool:
    """Whether the process of a lock may still be there; one on another machine may always be."""
    if found is None or found.pid == os.getpid():
        return False
    if found.host != socket.gethostname():
        return True
    try:
        os.kill(found.pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
