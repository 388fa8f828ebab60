"""Where data goes: bytes to standard output, or to a file that is none of the inputs.

Knows standard output and files. Must not know what is written.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from pcapan.errors import UsageError


def to_terminal() -> bool:
    """Whether standard output is a terminal."""
    return bool(sys.stdout.isatty())


def write_out(data: bytes) -> None:
    """Write to standard output, whatever encoding the terminal claims."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


@contextlib.contextmanager
def open_output(path: str | None, inputs: Sequence[str]) -> Iterator[BinaryIO]:
    """A binary file to write to; standard output without a path. Never one of the captures."""
    if path is None or path == "-":
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    check_output(path, inputs)
    try:
        file = Path(path).open("wb")  # noqa: SIM115
    except (OSError, ValueError) as error:
        raise _not_writable(path, error) from None
    with file:
        yield file


def check_output(path: str | None, inputs: Sequence[str]) -> None:
    """Refuse to overwrite evidence; raises UsageError."""
    if path is None or path == "-":
        return
    for name in inputs:
        with contextlib.suppress(OSError, ValueError):
            if name != "-" and Path(path).samefile(name):
                raise UsageError(
                    "the output would overwrite a capture", where=path, hint="name another file with -o"
                )
    if Path(path).is_dir():
        raise UsageError("the output is a folder", where=path, hint="name a file with -o")


def _not_writable(path: str, error: Exception) -> UsageError:
    reason = getattr(error, "strerror", None) or str(error)
    return UsageError(f"the output cannot be written: {reason}", where=path, hint="name another file with -o")
