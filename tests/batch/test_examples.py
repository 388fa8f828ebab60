"""README's examples for a dataset run as they stand there."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
from pathlib import Path

import duckdb
import pytest

from tests.batch.packing import FULL_NAT, HEALTHY, LIMIT, ROOT
from tests.batch.running import batch

_SECTION = (ROOT / "README.md").read_text("utf-8").partition("\n## Many captures\n")[2].partition("\n## ")[0]
_EXAMPLES = re.findall(r"```python\n(.*?)```", _SECTION, re.DOTALL)


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for sample in (FULL_NAT, HEALTHY, LIMIT):
        shutil.copy(sample, tmp_path)
    (tmp_path / "empty.pcap").touch()
    batch(tmp_path / "vpn-year", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "vpn-year"


def test_three_examples(dataset: Path) -> None:
    assert len(_EXAMPLES) == 3
    said = []
    for example in _EXAMPLES:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(example, {})
        said.append(out.getvalue())
    assert "the file is empty" in said[0]
    assert "2026-11" in said[1] and "10.10.10.20" in said[1]
    assert "10.10.10.1" in said[2] and " 8 " in said[2]


def test_every_row_has_its_incident(dataset: Path) -> None:
    for table in ("attempts", "sas", "sources", "findings"):
        counted = duckdb.sql(
            f"SELECT count(DISTINCT incident) FROM read_parquet('{dataset}/tables/{table}/**/*.parquet', "
            "hive_partitioning = true)"
        )
        assert counted is not None and counted.fetchall() == [(3,)]
