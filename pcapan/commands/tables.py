"""``pcapan tables``: one declared table as CSV, JSON lines or Parquet.

Knows the formats. Must not know columns: whatever is declared is written. Rows are written as they
are made, so CSV and JSON lines need no pandas and no memory for the whole table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
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
from pcapan.tables.registry import TABLES, rows_of, subjects_of

#: Values that `str` writes as `cell_text` does: most cells, and they may be millions.
_AS_IT_IS = frozenset((int, float, type(None)))
_TEXTS = frozenset((str, type(None)))
_LISTS = frozenset((list,))

#: First characters that make a spreadsheet take a cell for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

#: Rows held at once when writing Parquet, and CSV.
_BATCH = 20_000
_CSV_BATCH = 512

#: What a field of a CSV file does not hold without quotes.
_TO_QUOTE = (",", '"', "\n", "\r")


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
    if name not in TABLES:
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
    with open_output(output, captures) as file:
        write_table(name, facts, form, file, shown=output is None and to_terminal())
    redaction.write_mapping(redactor, captures)
    if unreadable or any(entry.damaged for entry in facts.inputs):
        if not quiet:
            say("pcapan: part of the input was cut, damaged or could not be read; the table covers the rest")
        return ExitCode.PARTIAL
    return ExitCode.OK


def write_table(name: str, facts: Facts, form: str, file: BinaryIO, *, shown: bool = False) -> None:
    """Write a table of facts as csv, jsonl or parquet; `shown`: on a terminal, with harmless signs only."""
    table = TABLES[name]
    if form == "parquet":
        _write_parquet(table, rows_of(name, facts), file)
    elif form == "jsonl":
        _write_jsonl(rows_of(name, facts), file, ascii_only=shown)
    else:
        _write_csv(table, subjects_of(name, facts), file, visible=shown)


def _write_jsonl(rows: Iterator[dict[str, Any]], file: BinaryIO, *, ascii_only: bool) -> None:
    for row in rows:
        file.write(json_bytes(json_text(row, indent=None, ascii_only=ascii_only) + "\n"))


def _write_csv(table: Table, subjects: Iterable[Any], file: BinaryIO, *, visible: bool) -> None:
    """Column by column: what a column holds is mostly of one type, and then nobody has to ask every cell."""
    _put(",".join(column.name for column in table.columns) + "\n", file, visible=visible)
    values = [column.value for column in table.columns]
    left = iter(subjects)
    while batch := list(islice(left, _CSV_BATCH)):
        columns = [_fields(cells([value(subject) for subject in batch])) for value in values]
        _put("".join([",".join(row) + "\n" for row in zip(*columns, strict=True)]), file, visible=visible)


def _fields(column: list[Any]) -> list[str]:
    """Cells as fields of RFC 4180: in quotes where they hold a comma, a quote or the end of a line."""
    fields = ["" if value is None else value if type(value) is str else str(value) for value in column]
    every = "".join(fields)
    if not any(sign in every for sign in _TO_QUOTE):
        return fields
    return [
        '"' + field.replace('"', '""') + '"' if any(sign in field for sign in _TO_QUOTE) else field
        for field in fields
    ]


def cells(column: list[Any]) -> list[Any]:
    """Values as `cell_text` shows them, or ones that `_fields` writes just so."""
    types = set(map(type, column))
    if types <= _AS_IT_IS:
        return column
    if types == _LISTS:
        column = [_joined(tuple(items)) if items else "" for items in column]
    elif not types <= _TEXTS:
        return [value if type(value) in _AS_IT_IS else cell_text(value) for value in column]
    return [text if not text or text[0] not in _FORMULA else f"'{text}" for text in column]


@lru_cache(4096)
def _joined(items: tuple[Any, ...]) -> str:
    """Clients of one kind send the same lists again and again."""
    return " ".join(map(str, items))


def _put(made: str, file: BinaryIO, *, visible: bool) -> None:
    if visible:
        made = "\n".join(clean(part) for part in made.split("\n"))
    file.write(made.encode("utf-8", "backslashreplace"))


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
