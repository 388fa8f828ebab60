"""The Parquet tables of a dataset: which rows of an incident go into which partition.

Knows pyarrow, months and servers. Must not know how rows are made. One file an incident and partition, so
that an incident comes and goes as a whole.
"""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from pcapan.batch.layout import Layout
from pcapan.detect.run import Stock
from pcapan.report.jsontext import json_text
from pcapan.tables.registry import TABLES

#: Declared tables that are kept, and the columns that say where a row belongs.
_TABLES: tuple[tuple[str, str | None, str | None], ...] = (
    ("attempts", "first_ns", "dst"),
    ("sas", "first_ns", "dst"),
    ("sources", None, None),
)
FINDINGS = "findings"
#: The names of all tables of a dataset.
NAMES = (*(name for name, _, _ in _TABLES), FINDINGS)
UNKNOWN = "unknown"
#: A flood may name any number of servers; those with fewer rows share one partition.
_MOST_SERVERS = 32
_OTHERS = "others"
#: So many rows are smaller without dictionaries of their values, and written in half the time.
_FEW = 100

_FINDING_COLUMNS = (
    ("incident", "str"),
    ("first_ns", "int"),
    ("last_ns", "int"),
    ("id", "str"),
    ("verdict", "str"),
    ("severity", "str"),
    ("addresses", "list[str]"),
    ("summary", "str"),
    ("numbers", "str"),
    ("rule_version", "str"),
)


def month_of(ns: int | None) -> str:
    """``2026-11``, in UTC; `unknown` for no time and for times that no calendar has."""
    if ns is None:
        return UNKNOWN
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=ns // 1_000_000_000)
    except OverflowError:
        return UNKNOWN
    return f"{moment.year:04d}-{moment.month:02d}" if 1971 <= moment.year < 2100 else UNKNOWN


def servers_of(servers: Iterable[str]) -> str:
    """The servers of an incident as one word."""
    named = sorted(servers)
    if not named:
        return UNKNOWN
    return "+".join(named) if len(named) <= 4 else _OTHERS


def write_tables(layout: Layout, key: str, stock: Stock, month: str, server: str) -> None:
    """Write the declared tables of an incident; raises OSError."""
    for name, time_column, server_column in _TABLES:
        parts = _partitions(stock.rows(name), time_column, server_column, month, server)
        columns = [("incident", "str"), *((c.name, c.type) for c in TABLES[name].columns)]
        for (part_month, part_server), rows in parts.items():
            data = _encoded(tuple(columns), [{"incident": key, **row} for row in rows])
            layout.write(layout.table(name, part_month, part_server, key), data)


def _partitions(
    rows: Sequence[Mapping[str, Any]],
    time_column: str | None,
    server_column: str | None,
    month: str,
    server: str,
) -> Mapping[tuple[str, str], list[Mapping[str, Any]]]:
    often = Counter(str(row[server_column]) for row in rows) if server_column else Counter[str]()
    named = {name for name, _ in often.most_common(_MOST_SERVERS)}
    parts: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        place = server
        if server_column:
            place = row[server_column] if row[server_column] in named else _OTHERS
        parts[month_of(row[time_column]) if time_column else month, place].append(row)
    return parts


def finding_rows(
    key: str, findings: Iterable[Mapping[str, Any]], first_ns: int | None, last_ns: int | None
) -> list[dict[str, Any]]:
    """The rows of the table `findings`, from the findings of a result document."""
    return [
        {
            "incident": key,
            "first_ns": first_ns,
            "last_ns": last_ns,
            **{name: finding[name] for name in ("id", "verdict", "severity", "addresses", "summary")},
            "numbers": json_text(finding["numbers"], indent=None),
            "rule_version": finding["rule_version"],
        }
        for finding in findings
    ]


def write_findings(layout: Layout, key: str, rows: list[dict[str, Any]], month: str, server: str) -> None:
    """Write the findings of an incident; raises OSError."""
    layout.write(layout.table(FINDINGS, month, server, key), _encoded(_FINDING_COLUMNS, rows))


@cache
def _schema(columns: tuple[tuple[str, str], ...]) -> Any:
    import pyarrow as pa

    plain = {"bool": pa.bool_(), "int": pa.int64(), "float": pa.float64(), "str": pa.string()}
    kinds = plain | {f"list[{name}]": pa.list_(kind) for name, kind in plain.items()}
    return pa.schema([pa.field(name, kinds[kind]) for name, kind in columns])


def _encoded(columns: tuple[tuple[str, str], ...], rows: Sequence[Mapping[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(columns)
    arrays = [
        pa.array([_plain(row[column]) for row in rows], type=kind)
        for (column, _), kind in zip(columns, schema.types, strict=True)
    ]
    written = io.BytesIO()
    pq.write_table(
        pa.Table.from_arrays(arrays, schema=schema),
        written,
        compression="zstd",
        use_dictionary=len(rows) > _FEW,
        store_schema=False,  # plain types need no copy of it in Arrow's form
        write_statistics=["first_ns"] if any(column == "first_ns" for column, _ in columns) else False,
    )
    return written.getvalue()


def _plain(value: Any) -> Any:
    """Integers that no 64-bit column holds are unknown; text that is no text is shown escaped."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return None
    return value
