"""``pcapan tables``: every table in every format."""

from __future__ import annotations

import builtins
import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from pcapan.commands.tables import cell_text, cells
from pcapan.tables.registry import TABLES
from tests.cli.conftest import Cli
from tests.samples_kit import sample


@pytest.mark.parametrize("name", TABLES)
def test_the_formats_hold_the_same_rows(cli: Cli, tmp_path: Path, name: str) -> None:
    path = sample("sa-limit-8")
    columns = [column.name for column in TABLES[name].columns]
    lines = cli("tables", path, "-t", name, "--format", "jsonl")
    rows = [json.loads(line) for line in lines.out.splitlines()]
    assert lines.code == 0
    assert all(list(row) == columns for row in rows)
    table = list(csv.reader(io.StringIO(cli("tables", path, "-t", name).out)))
    assert table[0] == columns
    assert table[1:] == [[cell_text(value) for value in row.values()] for row in rows]
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow: Parquet is not compared")
    target = tmp_path / "table.parquet"
    assert cli("tables", path, "-t", name, "--format", "parquet", "-o", target).code == 0
    assert parquet.read_table(target).to_pylist() == rows


def test_the_promised_columns_are_there(cli: Cli) -> None:
    path = sample("sa-limit-8")
    promised = {
        "messages": "file_no frame_no ts_ns src dst sport dport spi_i spi_r version exchange flags msgid "
        "length payloads notifies vendor_ids",
        "attempts": "file_no first_frame_no spi_i src sport dst sends answered outcome first_ns last_ns",
        "sources": "address attempts answered unanswered sas_concurrent_max",
    }
    for name, columns in promised.items():
        row = json.loads(cli("tables", path, "-t", name, "--format", "jsonl").out.splitlines()[0])
        assert set(columns.split()) <= set(row)


def test_an_unknown_table_is_exit_2_and_lists_all(cli: Cli) -> None:
    ran = cli("tables", sample("healthy-dnat"), "-t", "clients")
    assert ran.code == 2
    assert all(name in ran.err for name in TABLES)


def test_several_files_keep_their_numbers(cli: Cli) -> None:
    ran = cli(
        "tables", sample("healthy-dnat"), sample("server-silent"), "-t", "messages", "--format", "jsonl"
    )
    assert {json.loads(line)["file_no"] for line in ran.out.splitlines()} == {1, 2}


def test_a_damaged_capture_gives_rows_and_exit_5(cli: Cli) -> None:
    ran = cli("tables", sample("truncated-tail"), "-t", "attempts", "--format", "jsonl")
    assert ran.code == 5
    assert ran.out


def test_output_to_a_file(cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "attempts.csv"
    ran = cli("tables", sample("healthy-dnat"), "-t", "attempts", "-o", target)
    assert ran.code == 0 and ran.raw == b""
    assert len(target.read_text("utf-8").splitlines()) == 4
    assert cli("tables", sample("healthy-dnat"), "-t", "attempts", "-o", tmp_path).code == 2
    assert cli("tables", sample("healthy-dnat"), "-t", "attempts", "-o", tmp_path / "no" / "x").code == 2


def test_a_capture_is_never_overwritten(cli: Cli, tmp_path: Path) -> None:
    capture = tmp_path / "evidence.pcap"
    capture.write_bytes(sample("healthy-dnat").read_bytes())
    (tmp_path / "link.csv").symlink_to(capture)
    for target in (capture, tmp_path / "link.csv"):
        ran = cli("tables", capture, "-t", "attempts", "-o", target)
        assert ran.code == 2
        assert "overwrite" in ran.err
    assert capture.read_bytes() == sample("healthy-dnat").read_bytes()


def test_an_unreadable_capture_leaves_no_file(cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    assert cli("tables", tmp_path / "missing.pcap", "-t", "attempts", "-o", target).code == 3
    assert not target.exists()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        (["=cmd", "x"], "'=cmd x"),
        ([1, 2], "1 2"),
        (-5, "-5"),
        (True, "true"),
        (None, ""),
        ("plain", "plain"),
        ([], ""),
    ],
)
def test_csv_cells_start_no_formula(value: Any, text: str) -> None:
    assert cell_text(value) == text


@pytest.mark.parametrize(
    "column",
    [
        ["=1+1", None, "", "plain", "-1", 'a "quoted" one', "two\nlines"],
        [["=cmd", "x"], [], ["a", "b"]],
        [[1, 2], [-3], []],
        [True, False, None],
        [1, -5, None, 2.5, float("inf")],
        [1, True, "@SUM(A1)", None],
        [["=x"], None],
        [("=x", "y"), ("z",)],
    ],
)
def test_csv_shows_every_column_as_it_shows_its_cells(column: list[Any]) -> None:
    assert csv_text(cells(column)) == csv_text(map(cell_text, column))


def csv_text(column: Iterable[Any]) -> str:
    """A column and a second one beside it, so that no row is a single empty cell."""
    file = io.StringIO()
    csv.writer(file).writerows((cell, 0) for cell in column)
    return file.getvalue()


def test_parquet_without_pyarrow_says_what_to_install(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.split(".")[0] == "pyarrow":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    ran = cli("tables", sample("healthy-dnat"), "-t", "attempts", "--format", "parquet", "-o", tmp_path / "x")
    assert ran.code == 2
    assert "pcapan[parquet]" in ran.err
    assert not (tmp_path / "x").exists()
