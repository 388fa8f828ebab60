"""What a rule may name: tables with typed columns, and evidence selectors.

Knows the four value types and the shape of a declaration. Must not know which tables exist or how
they are filled: the declarations are handed in, so that rules can be checked without a capture and
without pandas.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct, field

Value = bool | int | float | str | None
"""A cell of a table. None means unknown, never zero or false."""

EMPTY: Mapping[str, str] = MappingProxyType({})


class ColumnType(StrEnum):
    """The type of a column, parameter, let or expression."""

    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    STR = "str"

    @property
    def numeric(self) -> bool:
        """Whether values of this type can be ordered and divided."""
        return self in (ColumnType.INT, ColumnType.FLOAT)

    @property
    def spoken(self) -> str:
        """The type in the words of somebody who does not program."""
        return _SPOKEN[self]


_SPOKEN = {
    ColumnType.BOOL: "yes/no",
    ColumnType.INT: "a whole number",
    ColumnType.FLOAT: "a number",
    ColumnType.STR: "text",
}


def type_of(value: bool | int | float | str) -> ColumnType:
    """The column type of a known value."""
    if isinstance(value, bool):
        return ColumnType.BOOL
    if isinstance(value, int):
        return ColumnType.INT
    if isinstance(value, float):
        return ColumnType.FLOAT
    return ColumnType.STR


class TableSchema(Struct, frozen=True):
    """A table a rule may judge row by row."""

    name: str
    columns: Mapping[str, ColumnType]
    meanings: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    """Column name to a phrase that says what it holds; printed when a value is unknown."""


class RuleSchema(Struct, frozen=True):
    """Everything a rule may refer to.

    `capture` names the one-row table whose columns every rule can use without a prefix.
    """

    tables: Mapping[str, TableSchema]
    evidence: frozenset[str] = frozenset()
    capture: str = "capture"

    @property
    def capture_table(self) -> TableSchema:
        """The capture-wide columns; an empty table when none is declared."""
        return self.tables.get(self.capture) or TableSchema(self.capture, {})

    def clashes(self, table: str) -> frozenset[str]:
        """Columns that `table` and the capture both declare, so that a rule could not tell them apart."""
        if table == self.capture or table not in self.tables:
            return frozenset()
        return frozenset(self.tables[table].columns.keys() & self.capture_table.columns.keys())
