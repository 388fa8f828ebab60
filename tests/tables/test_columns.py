"""Every table: declared columns, declared types, a meaning each; on samples and on conversations."""

from __future__ import annotations

import re
from functools import cache

import pandas as pd
import pytest

from pcapan.pipeline import read_facts
from pcapan.tables.declare import Table
from pcapan.tables.facts import Facts
from pcapan.tables.registry import TABLES, frame_of, rows_of, subjects_of
from tests.kit.dsl import parse
from tests.kit.expect import play
from tests.samples_kit import samples

SAMPLES = {sample.name: sample.capture for sample in samples()}
TALK = parse(
    """
    host S 10.10.10.2 vip=198.51.100.1
    host C 203.0.113.5 inner=192.168.1.7
    host D 2001:db8::9
    host T 2001:db8::2
    0 C:31000 > S UP i=a1 r=b1 until=30
    1 D > T UP i=a2 r=b2 until=30
    *3 2+1 C:31001 > S INIT i=a3
    *6 0.1+5 C > S ODD
    8 S > C UNREACH
    9 C > S V1 i=a6
    10 C > S AUTH i=a7 r=b7 size=3000 mtu=1280 lose=2
    11 C > S INIT i=a8 snap=60
    12 C > S NATIVE spi=7
    13 C > S AUTH i=a9 r=b9
    14 C > S OTHER
    31 S > C:31000 CHILD i=a1 r=b1 id=0
    """
)
PYTHON = {"bool": bool, "int": int, "float": float, "str": str}
DTYPES = {"bool": "boolean", "int": "Int64", "float": "Float64", "str": "string"}
each_table = pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))


@cache
def facts_of(name: str) -> Facts:
    return play(TALK) if name == "talk" else read_facts(SAMPLES[name])[0]


def _check_cell(value: object, kind: str) -> None:
    if kind.startswith("list["):
        assert isinstance(value, list)
        inner = PYTHON[kind[5:-1]]
        assert all(type(part) is inner for part in value)
    else:
        assert value is None or type(value) is PYTHON[kind]


@pytest.mark.parametrize("name", [*SAMPLES, "talk"])
def test_rows_are_as_declared(name: str) -> None:
    for table in TABLES.values():
        kinds = {column.name: column.type for column in table.columns}
        rows = list(rows_of(table.name, facts_of(name)))
        assert len(rows) == len(subjects_of(table.name, facts_of(name)))
        for row in rows:
            assert list(row) == list(kinds)
            for column, value in row.items():
                try:
                    _check_cell(value, kinds[column])
                except AssertionError as error:
                    raise AssertionError(
                        f"{table.name}.{column} is {value!r}, not {kinds[column]}"
                    ) from error


@pytest.mark.parametrize("name", ["talk", "sa-limit-8", "no-packets"])
def test_frames_have_nullable_types(name: str) -> None:
    for table in TABLES.values():
        frame = frame_of(table.name, facts_of(name))
        assert isinstance(frame, pd.DataFrame)
        assert list(frame.columns) == [column.name for column in table.columns]
        wanted = {column.name: DTYPES.get(column.type, "object") for column in table.columns}
        assert {column: str(dtype) for column, dtype in frame.dtypes.items()} == wanted, table.name
        assert len(frame) == len(subjects_of(table.name, facts_of(name)))


def test_unknown_is_no_zero() -> None:
    attempts = frame_of("attempts", facts_of("talk")).set_index("spi_i")
    assert attempts.loc["a3" * 8, "answer_delay_ns"] is pd.NA
    assert attempts.loc["a1" * 8, "answer_delay_ns"] == 10_000_000
    esp = frame_of("esp", facts_of("talk")).set_index("spi")
    assert esp.loc["07" * 4 if "07" * 4 in esp.index else "7" * 8, "sport"] is pd.NA


def test_nanoseconds_stay_exact() -> None:
    messages = frame_of("messages", facts_of("talk"))
    assert int(messages["ts_ns"].iloc[0]) == 1_700_000_000_000_000_000


@each_table
def test_every_column_has_a_meaning(table: Table) -> None:
    assert table.columns and table.row_is
    for column in table.columns:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", column.name)
        assert len(column.meaning.split()) > 1 and column.meaning.endswith((".", "?")), column.name
        assert column.type in (*PYTHON, "list[int]", "list[str]"), column.name
        assert not column.name.endswith("_ns") or column.unit.startswith("ns"), column.name
        assert column.type in ("int", "float") or not column.unit, column.name


@each_table
def test_names_are_unique(table: Table) -> None:
    names = [column.name for column in table.columns]
    assert len(set(names)) == len(names)


def test_table_of_the_capture_can_be_joined_to_every_other() -> None:
    """Rules name its columns without a prefix, beside those of the table they judge."""
    own = {column.name for column in TABLES["capture"].columns}
    for table in TABLES.values():
        if table.name not in ("capture", "messages", "esp"):
            assert not own & {column.name for column in table.columns}, table.name
