"""A worker process for which the disk is full when it has to write a certain capture's result."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from pcapan.batch import child, layout


def _write(place: Path, data: bytes, temporary: Path | None = None, *, durable: bool = True) -> None:
    word = os.environ.get("PCAPAN_TEST_FULL")
    if word and word.encode() in data:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    _real(place, data, temporary, durable=durable)


_real = layout.write_whole

if __name__ == "__main__":
    layout.write_whole = _write
    child.main()
