"""Everything a rule may name, written out of the declarations themselves.

Knows how tables, columns, evidence selectors and text formats are listed in Markdown, and how that
list is kept up to date between two markers of a file. Must not know what any column means: the
words are those of its declaration.

    python -m pcapan.detect.reference                          print it
    python -m pcapan.detect.reference --write rules/README.md  put it between the markers
    python -m pcapan.detect.reference --check rules/README.md  fail when the file is out of date
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args, get_type_hints

from pcapan.detect.exhibits import SELECTORS
from pcapan.detect.run import rule_schema
from pcapan.detect.schema import ColumnType, Value
from pcapan.detect.wording import FORMATS, parse_template
from pcapan.tables.declare import Column, Table
from pcapan.tables.registry import TABLES

BEGIN = "<!-- reference: begin. Written by `python -m pcapan.detect.reference --write`; do not edit. -->"
END = "<!-- reference: end -->"

_TYPES = {"bool": "yes/no", "int": "whole number", "float": "number", "str": "text"}

#: A value that shows what each format does, and when to use it.
_SHOWN: dict[str, tuple[Value, str]] = {
    "": (12345, "as people write it"),
    "plain": (12345, "without separators, for ports and numbers that are names"),
    "percent": (0.256, "a share"),
    "duration": (93_500_000_000, "nanoseconds as a duration"),
    "time": (1_700_000_000_000_000_000, "nanoseconds since 1970 as a time"),
    "s": (2, "the plural s"),
    "plural": (2, "one word or the other"),
    "list": ("10.0.0.1, 10.0.0.2", "several words, joined"),
    "quoted": ('a "name"', "in double quotes, for filters and file names"),
    "family": ("2001:db8::1", "ip or ipv6, for the fields of a display filter"),
}


def type_words(column: Column) -> str:
    """The type of a column for people, and whether its value may be unknown."""
    inner = column.type.removeprefix("list[").removesuffix("]")
    text = f"list of {_TYPES[inner]}s" if column.type.startswith("list") else _TYPES[inner]
    returns = get_type_hints(column.value)["return"]
    return f"{text} or unknown" if type(None) in get_args(returns) else text


def usable(column: Column) -> bool:
    """Whether a rule may name the column; lists are for CSV, Parquet and pandas only."""
    return not column.type.startswith("list")


def reference() -> str:
    """The whole reference as Markdown."""
    return "\n".join(
        [
            "### Tables",
            "",
            *_row("table", "one row is one", "columns"),
            *(line for table in TABLES.values() for line in _table_line(table)),
            "",
            "The columns of `capture` can be used in every rule, whatever its table is. Columns that hold",
            "lists are written by `pcapan tables` and cannot be named in rules.",
            *(line for table in TABLES.values() for line in _columns(table)),
            "",
            "### Evidence selectors",
            "",
            *_row("name in `frames`", "frames it shows"),
            *(line for name in sorted(rule_schema().evidence) for line in _selector(name)),
            "",
            "### Formats of `{name:format}`",
            "",
            *_row("format", "for", "example", "result", "use"),
            *(line for name in FORMATS for line in _format(name)),
        ]
    )


def _row(*cells: str) -> Iterator[str]:
    yield "| " + " | ".join(cells) + " |"
    yield "|" + "---|" * len(cells)


def _cells(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _table_line(table: Table) -> Iterator[str]:
    yield _cells(f"[`{table.name}`](#table-{table.name})", table.row_is, str(len(table.columns)))


def _columns(table: Table) -> Iterator[str]:
    yield ""
    yield f"#### Table {table.name}"
    yield ""
    yield f"One row is one {table.row_is}."
    yield ""
    yield from _row("column", "type", "unit", "meaning")
    for column in table.columns:
        yield _cells(f"`{column.name}`", type_words(column), column.unit, column.meaning)


def _selector(name: str) -> Iterator[str]:
    yield _cells(f"`{name}`", " ".join((SELECTORS[name].__doc__ or "").split()))


def _format(name: str) -> Iterator[str]:
    value, use = _SHOWN[name]
    kind = ColumnType.STR if isinstance(value, str) else ColumnType.INT
    kind = ColumnType.FLOAT if isinstance(value, float) else kind
    hole = {"": "{n}", "plural": "{n:plural(client,clients)}", "s": "client{n:s}"}.get(name, f"{{n:{name}}}")
    shown = parse_template(hole, {"n": kind}).render({"n": value})
    allowed = FORMATS[name]
    types = "all types" if allowed == frozenset(ColumnType) else ", ".join(_TYPES[t] for t in sorted(allowed))
    yield _cells(f"`{name}`" if name else "none", types, f"`{hole}` of `{value}`", f"`{shown}`", use)


def replaced(text: str) -> str | None:
    """`text` with a new reference between its markers; None when it has no markers."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{reference()}\n\n{END}{after}" if begin and end else None


def main(arguments: Sequence[str]) -> int:
    """Print, write or check the reference; gives the exit status."""
    match list(arguments):
        case []:
            sys.stdout.write(reference() + "\n")
            return 0
        case [("--write" | "--check") as order, name]:
            path = Path(name)
            old = path.read_text("utf-8")
            new = replaced(old)
            if new is None:
                sys.stderr.write(f"{name}: the two markers of the reference are missing\n")
                return 1
            if order == "--write":
                path.write_text(new, "utf-8", newline="\n")
            elif new != old:
                sys.stderr.write(
                    f"{name}: the reference is out of date; "
                    f"run python -m pcapan.detect.reference --write {name}\n"
                )
                return 1
            return 0
    sys.stderr.write("usage: python -m pcapan.detect.reference [--write FILE | --check FILE]\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
