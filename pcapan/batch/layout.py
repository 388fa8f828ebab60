"""The folder of a dataset: what lies where, and how it gets there whole.

Knows names of files and folders, and that everything is written beside its place first and then moved.
Must not know what is written.

    pcapan-batch.json          says that this is a dataset, and of which format
    manifest.jsonl             one line an item
    results/ab/KEY.json        the result document of an incident
    facts/ab/KEY.facts         what rules are asked of, so that they can be asked again
    tables/NAME/month=2026-11/server=10.10.10.20/KEY.parquet
    rules/HASH.json            fingerprints of the rules that incidents were judged by
    judging.json               while documents are replaced: by which rules
    inventory.json             what was inside archives, so that nobody need look again
    progress.json, lock        of the run that is going on
    index.html, reports/       what ``batch report`` writes
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from urllib.parse import quote

from pcapan.errors import PcapanError, UnreadableError, UsageError

MARKER = "pcapan-batch.json"
FORMAT = 1
#: Ends the names of files that are not in their place yet.
_BESIDE = ".part"
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG}


class Layout:
    """The places of one dataset."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.marker = self.root / MARKER
        self.manifest = self.root / "manifest.jsonl"
        self.lock = self.root / "lock"
        self.progress = self.root / "progress.json"
        self.inventory = self.root / "inventory.json"
        self.judging = self.root / "judging.json"
        self.tables = self.root / "tables"
        self.reports = self.root / "reports"
        self.index = self.root / "index.html"
        self._temporary = self.root / "tmp"

    def result(self, key: str) -> Path:
        """The result document of an item."""
        return self.root / "results" / key[:2] / f"{key}.json"

    def facts(self, key: str) -> Path:
        """What rules can be asked of again."""
        return self.root / "facts" / key[:2] / f"{key}.facts"

    def report(self, key: str, form: str) -> Path:
        """The report of an item as html or md."""
        return self.reports / f"{key}.{form}"

    def rules(self, rules_hash: str) -> Path:
        """The fingerprints of one set of rules."""
        return self.root / "rules" / f"{rules_hash[:64]}.json"

    def table(self, name: str, month: str, server: str, key: str) -> Path:
        """The rows of one item in one partition of a table."""
        return self.tables / name / f"month={month}" / f"server={quote(server, safe='')}" / f"{key}.parquet"

    def create(self) -> None:
        """Make the dataset, or check that it is one.

        Raises:
            UsageError: the folder holds something else, or cannot be made.
            UnreadableError: it is a dataset of another format.
        """
        with told(self.root):
            if self.marker.exists():
                self._check_format()
            else:
                if self.root.is_dir() and any(not _is_beside(path) for path in self.root.iterdir()):
                    raise UsageError(
                        "the output folder is not empty and is no dataset of batch",
                        where=str(self.root),
                        hint="name a new folder with -o",
                    )
                self.root.mkdir(parents=True, exist_ok=True)
                write_whole(self.marker, json.dumps({"format": FORMAT}).encode() + b"\n")
            self._temporary.mkdir(exist_ok=True)

    def check(self) -> None:
        """Raise UnreadableError when this is no dataset."""
        if not self.marker.is_file():
            raise UnreadableError(
                "this is no dataset of batch",
                where=str(self.root),
                hint="name the folder given to pcapan batch run with -o",
            )
        self._check_format()

    def _check_format(self) -> None:
        try:
            found = json.loads(self.marker.read_bytes())["format"]
        except (OSError, ValueError, KeyError, TypeError):
            raise UnreadableError(
                "the dataset's marker is damaged", where=str(self.marker), hint="restore it from a backup"
            ) from None
        if found != FORMAT:
            raise UnreadableError(
                f"the dataset has format {found}, and this pcapan writes format {FORMAT}",
                where=str(self.root),
                hint="use the pcapan that wrote it, or name a new folder with -o",
            )

    def write(self, place: Path, data: bytes) -> None:
        """Write a file whole or not at all; durable only after `sync`. Raises OSError."""
        write_whole(place, data, self._temporary, durable=_system_sync() is None)

    def sync(self) -> None:
        """Make durable what was written before: one call for many files costs no more than for one."""
        flush = _system_sync()
        if flush is not None:
            flush(self.root)

    def clear_temporary(self) -> None:
        """Throw away what runs that were killed left half written."""
        for path in filter(_is_beside, self.root.iterdir()):
            path.unlink(missing_ok=True)
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._temporary.mkdir(parents=True, exist_ok=True)

    def stored(self) -> Iterable[tuple[str, Path]]:
        """Key and place of every file that belongs to an item."""
        for pattern in ("results/*/*.json", "facts/*/*.facts", "tables/*/*/*/*.parquet", "reports/*.*"):
            for path in self.root.glob(pattern):
                yield path.stem, path

    def parts(self, key: str) -> list[Path]:
        """The Parquet files of one item. Slow in a big dataset: every partition is looked into."""
        return list(self.tables.glob(f"*/*/*/{key}.parquet"))


@cache
def _system_sync() -> Callable[[Path], None] | None:
    """How this system makes a whole file system durable; None where every file has to be flushed."""
    if not hasattr(os, "sync"):
        return None
    flush = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if flush is None:
        return lambda place: os.sync()

    def sync_one(place: Path) -> None:
        handle = os.open(place, os.O_RDONLY)
        try:
            if flush(handle):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(place))
        finally:
            os.close(handle)

    return sync_one


def write_whole(place: Path, data: bytes, temporary: Path | None = None, *, durable: bool = True) -> None:
    """Write beside, make durable, move into place; raises OSError and leaves nothing half done.

    The folder itself is not synchronised: journals keep the order of names, so a manifest line that was
    made durable later implies them.
    """
    beside = (temporary or place.parent) / f".{secrets.token_hex(8)}{_BESIDE}"
    try:
        try:
            with beside.open("xb") as file:
                file.write(data)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            try:
                beside.replace(place)
            except FileNotFoundError:
                place.parent.mkdir(parents=True, exist_ok=True)
                beside.replace(place)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
    except FileNotFoundError:
        if temporary is None or temporary.exists():
            raise
        temporary.mkdir(parents=True, exist_ok=True)
        write_whole(place, data, temporary, durable=durable)


def _is_beside(path: Path) -> bool:
    """Whether the file is one that a run which was killed was about to move into place."""
    return path.name.startswith(".") and path.name.endswith(_BESIDE)


def is_full(error: OSError) -> bool:
    """Whether the disk, or what may be used of it, is full."""
    return error.errno in _FULL


@contextlib.contextmanager
def told(place: Path) -> Iterator[None]:
    """Errors of the operating system about the dataset become errors of pcapan."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if is_full(error):
            raise PcapanError(
                f"the dataset could not be written: {reason}",
                where=str(place),
                hint="make room and run the same command again: it goes on where it stopped",
            ) from None
        raise UsageError(
            f"the dataset cannot be written: {reason}", where=str(place), hint="name another folder with -o"
        ) from None
