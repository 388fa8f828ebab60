"""``pcapan tables``: one declared table as CSV, JSON lines or Parquet.

Knows the formats. Must not know columns: whatever is declared is written. Rows are written as they
are made, so CSV and JSON lines need no pandas and no memory for the whole table.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO

from pcapan.commands.guard import say, tell
from pcapan.commands.options import addresses, check_captures
from pcapan.commands.output import check_output, open_output, to_terminal
from pcapan.commands.progress import progress_bar
from pcapan.commands.redaction import NOT_REDACTED, Redaction
from pcapan.crew import cores
from pcapan.errors import ExitCode, UsageError
from pcapan.pipeline import Options, read_facts
from pcapan.report.jsontext import json_bytes, json_text
from pcapan.report.safe import clean
from pcapan.tables.declare import Table
from pcapan.tables.facts import Facts, Site
from pcapan.tables.registry import TABLES, rows_of

#: First characters that make a spreadsheet take a cell for a formula.
#: Values whose text the csv module writes as `cell_text` does: most cells, and they may be millions.
_AS_IT_IS = frozenset((int, float, type(None)))
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

#: Rows held at once when writing Parquet.
_BATCH = 20_000


def run(
    captures: Sequence[str],
    name: str,
    form: str,
    output: str | None,
    *,
    servers: Sequence[str],
    quiet: bool,
    redaction: Redaction = NOT_REDACTED,
    jobs: int | None = None,
) -> ExitCode:
    """Read the captures and write the table; raises PcapanError when it cannot be done."""
    table = TABLES.get(name)
    if table is None:
        raise UsageError(
            f"there is no table {name!r}", where=f"-t {name}", hint=f"name one of: {', '.join(TABLES)}"
        )
    check_captures(captures)
    check_output(output, captures)
    if form == "parquet":
        check_parquet()
        if output in (None, "-") and to_terminal():
            raise UsageError(
                "Parquet is binary and cannot be shown on a terminal",
                where="--format parquet",
                hint="name a file with -o FILE, or send the output to a file or pipe",
            )
    redactor = redaction.redactor(captures)
    options = Options(site=Site(servers=addresses(servers)), redactor=redactor)
    with progress_bar(quiet=quiet) as progress:
        facts, unreadable = read_facts(
            list(captures), options, progress=progress, jobs=jobs or cores(), hash_all=False
        )
    for error in unreadable:
        tell(error)
    rows = rows_of(name, facts)
    with open_output(output, captures) as file:
        if form == "parquet":
            _write_parquet(table, rows, file)
        elif form == "jsonl":
            _write_jsonl(rows, file, ascii_only=output is None and to_terminal())
        else:
            _write_csv(table, rows, file, visible=output is None and to_terminal())
    redaction.write_mapping(redactor, captures)
    if unreadable or any(entry.damaged for entry in facts.inputs):
        if not quiet:
            say("pcapan: part of the input was cut, damaged or could not be read; the table covers the rest")
        return ExitCode.PARTIAL
    return ExitCode.OK


def write_table(name: str, facts: Facts, form: str, file: BinaryIO) -> None:
    """Write a table of facts as csv, jsonl or parquet."""
    rows = rows_of(name, facts)
    if form == "parquet":
        _write_parquet(TABLES[name], rows, file)
    elif form == "jsonl":
        _write_jsonl(rows, file, ascii_only=False)
    else:
        _write_csv(TABLES[name], rows, file, visible=False)


def _write_jsonl(rows: Iterator[dict[str, Any]], file: BinaryIO, *, ascii_only: bool) -> None:
    for row in rows:
        file.write(json_bytes(json_text(row, indent=None, ascii_only=ascii_only) + "\n"))


def _write_csv(table: Table, rows: Iterator[dict[str, Any]], file: BinaryIO, *, visible: bool) -> None:
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\n")
    writer.writerow([column.name for column in table.columns])
    for row in rows:
        writer.writerow([v if type(v) in _AS_IT_IS else cell_text(v) for v in row.values()])
        if line.tell() > 64 * 1024:
            _flush(line, file, visible=visible)
    _flush(line, file, visible=visible)


def _flush(text: io.StringIO, file: BinaryIO, *, visible: bool) -> None:
    made = text.getvalue()
    if visible:
        made = "\n".join(clean(part) for part in made.split("\n"))
    file.write(made.encode("utf-8", "backslashreplace"))
    text.seek(0)
    text.truncate()


def cell_text(value: Any) -> str:
    """A cell for CSV: unknown is empty, lists are joined by a space, nothing starts a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = " ".join(str(item) for item in value) if isinstance(value, list | tuple) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def check_parquet() -> None:
    """Raise UsageError when the library for Parquet is missing."""
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise UsageError(
            "Parquet needs the library pyarrow, which is not installed",
            where="--format parquet",
            hint='install it with: pip install "pcapan[parquet]"; or use --format csv',
        ) from None


def _write_parquet(table: Table, rows: Iterator[dict[str, Any]], file: BinaryIO) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    plain = {"bool": pa.bool_(), "int": pa.int64(), "float": pa.float64(), "str": pa.string()}
    kinds = plain | {f"list[{name}]": pa.list_(kind) for name, kind in plain.items()}
    schema = pa.schema([pa.field(column.name, kinds[column.type]) for column in table.columns])
    with pq.ParquetWriter(file, schema) as writer:
        while batch := list(islice(rows, _BATCH)):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
