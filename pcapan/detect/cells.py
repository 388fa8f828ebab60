"""The values a rule's names have: for every row of its table at once, and for a single row.

Knows columns, parameters and lets, and that a value is of its declared type or unknown. Must not know
gates, outcomes or verdicts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, cast, runtime_checkable

from pcapan.detect.columns import FEW, Column, Listed, Mostly, Same, column, truths
from pcapan.detect.expression import Columns
from pcapan.detect.rule import Let, Origin, Rule
from pcapan.detect.schema import ColumnType, Value
from pcapan.errors import PcapanError

_PYTHON: Mapping[ColumnType, type] = {
    ColumnType.BOOL: bool,
    ColumnType.INT: int,
    ColumnType.FLOAT: float,
    ColumnType.STR: str,
}


@runtime_checkable
class HasColumns(Protocol):
    """Rows that can be read by column, which is much faster than row by row."""

    def column(self, name: str) -> Sequence[Value]:
        """The values of a column in the order of the rows; raises KeyError for a name that is none."""
        ...


@runtime_checkable
class HasFew(Protocol):
    """Rows of which nearly all may be alike, and known to be so before they are looked at."""

    def told_of_few(self, name: str) -> tuple[Value, Sequence[int], Sequence[Value]] | None:
        """The value of all rows but some, the indexes of those, and their values; None where it is not so."""
        ...


class Typed:
    """The rows of a table; columns are read once for all rules, each of its declared type or unknown."""

    def __init__(self, rows: Sequence[Mapping[str, Value]]) -> None:
        self.rows = rows
        self._known: dict[tuple[str, ColumnType], Column] = {}

    def column(self, name: str, kind: ColumnType) -> Column:
        """The values of a column, in the order of the rows; unknown where there is no such column."""
        found = self._known.get((name, kind))
        if found is None:
            found = self._known[name, kind] = self._made(name, kind)
        return found

    def _made(self, name: str, kind: ColumnType) -> Column:
        told = self.rows.told_of_few(name) if isinstance(self.rows, HasFew) else None
        if told is not None and kind in (ColumnType.INT, ColumnType.STR):
            value, at, others = told
            few = _conformed_column(name, others, kind)
            return Mostly(conformed(name, value, kind), len(self), at, few)
        return _column(_conformed_column(name, self._read(name), kind), kind)

    def __len__(self) -> int:
        return len(self.rows)

    def _read(self, name: str) -> Sequence[Value]:
        if isinstance(self.rows, HasColumns):
            try:
                return self.rows.column(name)
            except KeyError:
                return [None] * len(self.rows)
        return [row.get(name) for row in self.rows]


class Cells:
    """The names of a rule over the rows of its table: columns, parameters and lets."""

    def __init__(self, rule: Rule, table: Typed, base: Mapping[str, Value], lets: Sequence[Let]) -> None:
        """`base` has the values that are the same for every row, `lets` those that are not."""
        self.table = table
        self.columns = declared(rule, Origin.ROW)
        self.base = base
        self.lets = {let.name: let.expression for let in lets}
        self._known: dict[str, Column] = {}

    def column(self, name: str) -> Column:
        """The values of a name, in the order of the rows."""
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = self._made(name)
        return found

    def known(self, name: str) -> Column | None:
        """The same when it was made before."""
        return self._known.get(name)

    def __len__(self) -> int:
        return len(self.table)

    def choose(self, indexes: Sequence[int]) -> Columns:
        """The names over some of the rows."""
        return self if len(indexes) == len(self) else _Chosen(self, indexes)

    def _made(self, name: str) -> Column:
        if name in self.lets:
            return column(self.lets[name].evaluate_all(self))
        kind = self.columns.get(name)
        return Same(self.base[name], len(self)) if kind is None else self.table.column(name, kind)


class _Chosen:
    """The names of a rule over some of the rows of its table."""

    def __init__(self, cells: Cells, indexes: Sequence[int]) -> None:
        self._cells = cells
        self._indexes = indexes

    def __len__(self) -> int:
        return len(self._indexes)

    def choose(self, indexes: Sequence[int]) -> Columns:
        return _Chosen(self._cells, [self._indexes[index] for index in indexes])

    def column(self, name: str) -> Column:
        cells = self._cells
        if name not in cells.columns and name not in cells.lets:
            return Same(cells.base[name], len(self))
        known = cells.known(name)
        if known is None:
            if name in cells.lets:
                return column(cells.lets[name].evaluate_all(self))
            if len(self) * FEW < len(cells):
                kind, rows = cells.columns[name], cells.table.rows
                return _column(
                    [conformed(name, rows[index].get(name), kind) for index in self._indexes], kind
                )
            known = cells.column(name)
        return known.choose(self._indexes)


class RowValues(Mapping[str, Value]):
    """The values of all names for one row, each looked up when it is first asked for.

    A rule asks for a few of a hundred names, and a table may have a hundred thousand rows.
    """

    __slots__ = ("_cells", "_index", "_known", "_row")

    def __init__(self, cells: Cells, index: int) -> None:
        self._cells = cells
        self._index = index
        self._row: Mapping[str, Value] | None = None
        self._known: dict[str, Value] = {}

    def __getitem__(self, name: str) -> Value:
        made = self._cells.known(name)
        if made is not None:
            return made[self._index]
        try:
            return self._known[name]
        except KeyError:
            value = self._known[name] = self._look_up(name)
            return value

    def _look_up(self, name: str) -> Value:
        cells = self._cells
        if name in cells.lets:
            return cells.lets[name].evaluate(self)
        kind = cells.columns.get(name)
        if kind is None:
            return cells.base[name]
        if self._row is None:
            self._row = cells.table.rows[self._index]
        return conformed(name, self._row.get(name), kind)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._cells.base, *self._cells.columns, *self._cells.lets)))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def declared(rule: Rule, origin: Origin) -> dict[str, ColumnType]:
    """The columns of one origin that the rule may name, with their types."""
    return {name: what.type for name, what in rule.names.items() if what.origin is origin}


def conform(values: dict[str, Value], columns: Mapping[str, ColumnType]) -> None:
    """Give every declared column a plain value of its declared type; absent and NaN become unknown."""
    for name, kind in columns.items():
        values[name] = conformed(name, values.get(name), kind)


def conformed(name: str, value: Value, kind: ColumnType) -> Value:
    """A value of the declared type, or unknown."""
    python = _PYTHON[kind]
    if type(value) is not python:
        return None if value is None else _plain(name, value, kind)
    if python is float and not math.isfinite(cast(float, value)):
        return None
    return value


def _conformed_column(name: str, values: Sequence[Value], kind: ColumnType) -> Sequence[Value]:
    """As `conformed`; a column is nearly always fit as it is, which is seen at a glance."""
    if kind is not ColumnType.FLOAT and {*map(type, values)} <= {_PYTHON[kind], type(None)}:
        return values
    return [conformed(name, value, kind) for value in values]


def _column(values: Sequence[Value], kind: ColumnType) -> Column:
    if kind is ColumnType.BOOL:
        return truths(values)
    return Listed(values, comparable=kind is not ColumnType.FLOAT)


def _plain(name: str, value: object, kind: ColumnType) -> Value:
    item = getattr(value, "item", None)
    if item is not None and not isinstance(value, bool | int | float | str):
        value = item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bool):
        if kind is ColumnType.BOOL:
            return value
    elif isinstance(value, int | float):
        if kind is ColumnType.FLOAT or (kind is ColumnType.INT and isinstance(value, int)):
            return value
        if kind is ColumnType.INT and isinstance(value, float) and value.is_integer():
            return int(value)
    elif isinstance(value, str) and kind is ColumnType.STR:
        return value
    raise PcapanError(
        f"The column {name!r} holds {type(value).__name__} where {kind.value} is declared.",
        hint="This is a fault in the program, not in the rule.",
    )
