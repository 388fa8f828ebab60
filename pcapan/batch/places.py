"""Where captures are: paths of this machine, and URLs of remote stores through fsspec.

Knows how to list, stamp and open both. Must not know archives or captures. What a store needs (address,
keys) is taken from its own environment variables and configuration files, never from URLs or options.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from pcapan.errors import UnreadableError, UsageError

_WILD = frozenset("*?[")


def is_url(text: str) -> bool:
    """Whether the text names a place in a remote store."""
    scheme, colon, _ = text.partition("://")
    return bool(colon) and scheme.replace("+", "").replace("-", "").isalnum() and len(scheme) > 1


def is_wild(text: str) -> bool:
    """Whether the text is a pattern rather than a name."""
    return any(sign in text for sign in _WILD)


def stamp_of(status: os.stat_result) -> str:
    """What changes when a local file may have changed."""
    return f"{status.st_size}:{status.st_mtime_ns}"


def current_stamp(name: str) -> str:
    """The stamp of a file or object as it is now; raises OSError."""
    if not is_url(name):
        return stamp_of(Path(name).stat())
    fs, path = _store(name)
    return _remote_stamp(fs.info(path))


def open_binary(name: str) -> BinaryIO:
    """Open a file or a remote object for reading, seekable; raises OSError."""
    if not is_url(name):
        return Path(name).open("rb")
    fs, path = _store(name)
    try:
        opened: BinaryIO = fs.open(path, "rb")
    except OSError:
        raise
    except Exception as error:  # the stores' own exceptions have no common parent
        raise OSError(f"{type(error).__name__}: {error}") from None
    return opened


def list_remote(url: str) -> Iterator[tuple[str, int, str]]:
    """Name, size and stamp of every object below a URL, or that match it as a pattern, in order.

    Raises:
        UnreadableError: the store cannot be reached, or nothing is there.
        UsageError: a library for this kind of store is missing.
    """
    fs, path = _store(url)
    try:
        if is_wild(path):
            found = fs.glob(path, detail=True)
        else:
            found = fs.find(path, detail=True, withdirs=False)
    except Exception as error:
        raise UnreadableError(
            f"the store cannot be listed: {type(error).__name__}: {error}",
            where=url,
            hint="check the address and the access keys in the environment of the store's library",
        ) from None
    if not found:
        raise UnreadableError("there is nothing at this place", where=url, hint="check the URL")
    for name in sorted(found):
        entry = found[name]
        if entry.get("type") == "file":
            yield fs.unstrip_protocol(name), int(entry.get("size") or 0), _remote_stamp(entry)


def _remote_stamp(entry: dict[str, Any]) -> str:
    changed = entry.get("ETag") or entry.get("etag") or entry.get("LastModified") or entry.get("mtime") or ""
    return f"{entry.get('size')}:{changed}"


def _store(url: str) -> tuple[Any, str]:
    try:
        import fsspec
    except ImportError:
        raise _missing(url, "fsspec") from None
    try:
        fs, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise _missing(url, str(error)) from None
    except ValueError as error:
        raise UsageError(
            f"this kind of store is not known: {error}",
            where=url,
            hint="name a folder, or a URL that fsspec knows",
        ) from None
    return fs, path


def _missing(url: str, what: str) -> UsageError:
    return UsageError(
        f"remote stores need a library that is not installed ({what})",
        where=url,
        hint='install it with: pip install "pcapan[remote]"; others than S3 need a package of their own',
    )
