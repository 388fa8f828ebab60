"""What there is to analyse: folders, patterns, files and stores become a list of captures.

Knows how to walk without being led astray: links that loop, folders that may not be read, special files,
names of any bytes. Must not know what is in a file: what a name does not tell is left for `inspect`, which
runs where a crash costs nothing.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pcapan.batch import places
from pcapan.batch.archives import list_archive, packed_stream
from pcapan.batch.layout import MARKER
from pcapan.batch.model import Found, Input, Refused
from pcapan.batch.recognise import (
    HEAD,
    Kind,
    kind_of,
    named_as_capture,
    named_as_plain_capture,
    packed_reason,
)
from pcapan.errors import UnreadableError
from pcapan.ingest.frames import NO_TIME
from pcapan.ingest.open import open_capture
from pcapan.reading import Opener

#: Folders within folders; deeper ones are recorded and left.
MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Unknown:
    """A file into which somebody has to look to say what it is."""

    name: str
    size: int
    stamp: str
    named: bool
    """The user named this very file: it is a capture until proven otherwise."""


@dataclass(slots=True)
class Walked:
    """What a walk found without opening anything."""

    found: Found = field(default_factory=Found)
    unknown: list[Unknown] = field(default_factory=list)


def walk(sources: Sequence[str]) -> Walked:
    """Everything below the sources.

    Raises:
        UnreadableError: a source does not exist, or a pattern matches nothing.
    """
    walker = _Walker()
    for source in sources:
        if places.is_url(source):
            for name, size, stamp in places.list_remote(source):
                walker.add(name, size, stamp, named=False)
        elif os.path.lexists(source):
            walker.named(source)
        elif places.is_wild(source):
            matches = sorted(glob.iglob(source, recursive=True))  # noqa: PTH207
            if not matches:
                raise UnreadableError("no file matches this pattern", where=source, hint="check the pattern")
            for match in matches:
                walker.named(match)
        else:
            raise UnreadableError(
                "there is no such file or folder", where=source, hint="check the name and the folder"
            )
    return walker.walked


class _Walker:
    def __init__(self) -> None:
        self.walked = Walked()
        self._names: set[str] = set()
        self._files: set[tuple[int, int]] = set()
        self._folders: set[tuple[int, int]] = set()

    def add(self, name: str, size: int, stamp: str, *, named: bool) -> None:
        """A file or object."""
        if name in self._names:
            return
        self._names.add(name)
        if named_as_plain_capture(name):
            self.walked.found.inputs.append(Input(name, size, stamp))
        else:
            self.walked.unknown.append(Unknown(name, size, stamp, named))

    def named(self, path: str) -> None:
        """A path that the user named, or that a pattern matched."""
        try:
            status = Path(path).stat()
        except OSError as error:
            self._refuse(path, _why(error, path))
            return
        if stat.S_ISDIR(status.st_mode):
            self._folder(path, status)
        else:
            self._file(path, status, named=True)

    def _refuse(self, name: str, reason: str) -> None:
        self.walked.found.refused.append(Refused(name, reason))

    def _file(self, path: str, status: os.stat_result, *, named: bool) -> None:
        if not stat.S_ISREG(status.st_mode):
            self._refuse(path, f"it is {_special(status.st_mode)}, not a file")
            return
        # The same file under two names is one capture; Windows may tell no inode.
        place = (status.st_dev, status.st_ino)
        if status.st_ino:
            if place in self._files:
                return
            self._files.add(place)
        self.add(path, status.st_size, places.stamp_of(status), named=named)

    def _folder(self, path: str, status: os.stat_result) -> None:
        """Walk depth first, without recursion."""
        pending: list[tuple[str, os.stat_result, tuple[tuple[int, int], ...]]] = [(path, status, ())]
        while pending:
            folder, status, above = pending.pop()
            place = (status.st_dev, status.st_ino)
            if status.st_ino and place in above:
                self._refuse(folder, "a link that leads back to a folder around it")
                continue
            if status.st_ino and place in self._folders:
                continue
            self._folders.add(place)
            if len(above) >= MAX_DEPTH:
                self._refuse(folder, f"folders nested more than {MAX_DEPTH} deep are not read")
                continue
            below = []
            for name, entry_status in self._entries(folder):
                if stat.S_ISDIR(entry_status.st_mode):
                    below.append((name, entry_status, (*above, place)))
                else:
                    self._file(name, entry_status, named=False)
            pending += reversed(below)

    def _entries(self, folder: str) -> Iterator[tuple[str, os.stat_result]]:
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            self._refuse(folder, f"the folder cannot be read: {error.strerror or error}")
            return
        if any(entry.name == MARKER for entry in entries):
            return  # a dataset of batch, perhaps the one being written
        for entry in entries:
            try:
                yield entry.path, entry.stat()
            except OSError as error:
                if named_as_capture(entry.name) or entry.is_symlink():
                    self._refuse(entry.path, _why(error, entry.path))


def _why(error: OSError, path: str) -> str:
    if Path(path).is_symlink():
        return f"a link that leads nowhere ({error.strerror or error})"
    return f"it cannot be read: {error.strerror or error}"


def _special(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device"


def inspect(entry: Unknown) -> Found:
    """Look into one file: a capture, an archive with captures, or something else."""
    claims = entry.named or named_as_capture(entry.name)
    found = Found()
    try:
        with places.open_binary(entry.name) as file:
            head = file.read(HEAD)
            kind = kind_of(head)
            if kind in (Kind.GZIP, Kind.ZSTD):
                file.seek(0)
                inside = kind_of(packed_stream(kind, file).peek(HEAD))
                if inside is Kind.TAR:
                    return list_archive(entry.name, entry.stamp, kind, places.open_binary)
                if inside is Kind.ZIP:
                    found.refused.append(
                        Refused(
                            entry.name,
                            "an archive inside a compressed file is not opened; unpack it",
                            entry.stamp,
                        )
                    )
                    return found
                claims = claims or inside is Kind.CAPTURE
    except OSError as error:
        found.refused.append(
            Refused(entry.name, f"it cannot be read: {error.strerror or error}", entry.stamp)
        )
        return found
    if kind in (Kind.ZIP, Kind.TAR):
        return list_archive(entry.name, entry.stamp, kind, places.open_binary)
    if kind is Kind.PACKED:
        found.refused.append(Refused(entry.name, packed_reason(head), entry.stamp))
    elif claims or kind is Kind.CAPTURE:
        found.inputs.append(Input(entry.name, entry.size, entry.stamp))
    else:
        found.other_files += 1
    return found


def first_time(name: str, opener: Opener) -> int | None:
    """When a capture's first packet was seen, ns; None where that cannot be told."""
    try:
        reader = open_capture(name, file=opener(name), chunk_size=64 * 1024)
        try:
            for block in reader.blocks():
                return next((time for time in block.times if time != NO_TIME), None)
        finally:
            reader.close()
    except UnreadableError:
        pass
    return None
