"""What several tests of traces need."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.etl.writer import Trace

Write = Callable[[Trace | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Puts a trace into a file."""

    def put(trace: Trace | bytes) -> Path:
        path = tmp_path / "trace.etl"
        path.write_bytes(trace if isinstance(trace, bytes) else trace.build_file())
        return path

    return put
