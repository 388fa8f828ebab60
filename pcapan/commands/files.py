"""Reports on disk: written whole or not at all, and never over what somebody may need.

Knows files and folders. Must not know what is written. Everything is written under a temporary name
beside its place first and moved only when all of it is there, so a full disk leaves nothing half done.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from pcapan.commands.output import check_output
from pcapan.errors import PcapanError, UsageError

_FULL = {errno.ENOSPC, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG}


#: Bytes written at once: captures are written packet by packet.
_BUFFER = 1024 * 1024


def check_new_file(path: str, inputs: Sequence[str], *, force: bool) -> None:
    """Refuse a place that is taken; raises UsageError."""
    check_output(path, inputs)
    with _told(path):
        if os.path.lexists(path) and not force:
            raise UsageError(
                "the output exists already", where=path, hint="name another file with -o, or add --force"
            )


def write_file(path: str, data: bytes, inputs: Sequence[str], *, force: bool, private: bool = False) -> None:
    """Write a file; raises UsageError or PcapanError and leaves nothing where it cannot.

    `private`: for nobody else to read.
    """
    with new_file(path, inputs, force=force, private=private) as file:
        file.write(data)


@contextlib.contextmanager
def new_file(path: str, inputs: Sequence[str], *, force: bool, private: bool = False) -> Iterator[BinaryIO]:
    """A file to write to, which takes its place when the block ends well; raises as `write_file` does."""
    check_new_file(path, inputs, force=force)
    with _told(path):
        target = Path(path)
        import tempfile

        handle, name = tempfile.mkstemp(prefix=".pcapan-", dir=target.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb", buffering=_BUFFER) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o600 if private else _mode(target))
            if force:
                temporary.replace(target)
            else:
                _claim(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)


def _claim(temporary: Path, target: Path) -> None:
    """Move to a name that must be free still."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise UsageError(
            "the output exists already", where=str(target), hint="name another file with -o, or add --force"
        ) from None
    except OSError:  # a file system without hard links
        temporary.replace(target)


def check_new_folder(path: str, *, force: bool) -> None:
    """Refuse a folder that holds something, or a place where none can be; raises UsageError."""
    with _told(path):
        target = Path(path)
        if target.is_dir():
            if not force and any(target.iterdir()):
                raise UsageError(
                    "the output folder is not empty",
                    where=path,
                    hint="name a new folder with -o, or add --force to replace reports in it",
                )
            if not os.access(target, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        elif os.path.lexists(path):
            raise UsageError("the output is no folder", where=path, hint="name a folder with -o")
        elif not target.absolute().parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


@contextlib.contextmanager
def new_folder(path: str, inputs: Sequence[str], *, force: bool) -> Iterator[Path]:
    """A temporary folder to write into; when the block ends well it becomes `path`.

    Into a folder that exists its files are moved one by one; files of other names there stay.
    """
    check_new_folder(path, force=force)
    target = Path(path).absolute()
    with _told(path):
        there = target.is_dir()
        parent = target if there else target.parent
        import shutil
        import tempfile

        temporary = Path(tempfile.mkdtemp(prefix=".pcapan-", dir=parent))
    try:
        with _told(path):
            yield temporary
            _publish(temporary, target, inputs, there=there)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _publish(temporary: Path, target: Path, inputs: Sequence[str], *, there: bool) -> None:
    if not there:
        temporary.chmod(0o777 & ~_umask())
        temporary.rename(target)
        return
    made = [path for path in sorted(temporary.rglob("*")) if path.is_file()]
    for path in made:
        place = target / path.relative_to(temporary)
        check_output(str(place), inputs)
        place.parent.mkdir(exist_ok=True)
    for path in made:
        path.replace(target / path.relative_to(temporary))


def _mode(target: Path) -> int:
    """Permissions of the file that is replaced, else those of any new file."""
    with contextlib.suppress(OSError):
        return target.stat().st_mode & 0o777
    return 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def _told(path: str) -> Iterator[None]:
    """Errors of the operating system become errors of pcapan."""
    if "\0" in path:
        raise UsageError("the output's name holds a NUL", where=path, hint="name another place with -o")
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in _FULL:
            raise PcapanError(
                f"the output could not be written: {reason}",
                where=path,
                hint="nothing was left behind; make room, or write to another disk with -o",
            ) from None
        raise UsageError(
            f"the output cannot be written: {reason}", where=path, hint="name another place with -o"
        ) from None
