"""How a table is declared: one small function a column, and nothing to register elsewhere.

Knows that a column's name is its function's name, its type the function's return annotation, its
meaning the function's docstring. Must not know any table.

    @SOURCES.column("SAs")
    def sas_concurrent_max(source: Source) -> int:
        \"\"\"Most established IKE SAs at once.\"\"\"
        return source.peak_live()
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, overload

from msgspec import Struct, field

Cell = bool | int | float | str | None
"""A plain cell. None means unknown, never zero or false. List cells hold plain cells."""

_TYPES = ("bool", "int", "float", "str", "list[int]", "list[str]")

_Function = TypeVar("_Function", bound=Callable[[Any], Any])


#: Stands for a column that has to be asked of every subject.
_ASK: Any = object()


class Glance(Struct, frozen=True):
    """What is known of all the rows of a table before any of them is looked at."""

    busy: Sequence[int] | None = None
    """Indexes of the rows that are not idle: the others have the cells that columns name for idle rows."""
    cells: Mapping[str, Sequence[Any]] = {}
    """Columns whose cells are there already."""


class Column(Struct, frozen=True):
    """One declared column."""

    name: str
    type: str
    """bool, int, float, str, list[int] or list[str]; every type but the lists may be unknown (None)."""
    unit: str
    value: Callable[[Any], Any]
    idle: Any = _ASK
    """The cell of every idle row."""

    @property
    def meaning(self) -> str:
        """What it says, in one line."""
        return " ".join((self.value.__doc__ or "").split())


class Table(Struct):
    """A named table: what one row stands for, and its columns in order."""

    name: str
    row_is: str
    """What one row stands for."""
    columns: list[Column] = field(default_factory=list)

    def column(self, unit: str = "", *, idle: Cell = _ASK) -> Callable[[_Function], _Function]:
        """Declare the decorated function as the next column; it says `idle` of every idle subject."""

        def declare(function: _Function) -> _Function:
            self.columns.append(Column(function.__name__, _type_name(function), unit, function, idle))
            return function

        return declare

    def rows(self, subjects: Iterable[Any]) -> Iterator[dict[str, Any]]:
        """One dictionary a subject, keys in the order of declaration."""
        columns = [(column.name, column.value) for column in self.columns]
        for subject in subjects:
            yield {name: value(subject) for name, value in columns}

    def lazy_rows(self, subjects: Sequence[Any], glance: Glance | None = None) -> Rows:
        """As `rows`, for a reader who asks for few of the columns: each is computed when it is asked for."""
        return Rows(self.columns, subjects, glance or Glance())

    def row(self, subject: Any) -> dict[str, Any]:
        """The single row of one subject."""
        return next(self.rows([subject]))


#: Columns of tables up to this length are computed whole and kept, because other readers follow.
_SHORT = 1000


class Rows(Sequence[Mapping[str, Any]]):
    """The rows of a table, readable by row and by column; a column is computed when it is first asked for."""

    __slots__ = ("_busy", "_busy_ones", "_functions", "_idle", "_known", "_subjects")

    def __init__(self, columns: Iterable[Column], subjects: Sequence[Any], glance: Glance) -> None:
        columns = list(columns)
        self._functions = {column.name: column.value for column in columns}
        self._subjects = subjects
        # Where most rows are busy, there is nothing to be spared.
        few_busy = glance.busy is not None and 2 * len(glance.busy) <= len(subjects)
        self._busy = glance.busy if few_busy else None
        self._busy_ones: Sequence[Any] | None = None
        self._idle = {column.name: column.idle for column in columns if column.idle is not _ASK}
        self._known: dict[str, Sequence[Any]] = dict(glance.cells)

    def column(self, name: str) -> Sequence[Any]:
        """The cells of a column, in the order of the rows; raises KeyError for a name that is none."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._cells(name)
        return known

    def _cells(self, name: str) -> Sequence[Any]:
        function = self._functions[name]
        told = self.told_of_few(name)
        if told is None:
            return [function(subject) for subject in self._subjects]
        idle, busy, others = told
        cells = [idle] * len(self)
        for index, cell in zip(busy, others, strict=True):
            cells[index] = cell
        return cells

    def told_of_few(self, name: str) -> tuple[Any, Sequence[int], Sequence[Any]] | None:
        """The cell of all rows but some, the indexes of those, and their cells; None where it is not so."""
        if self._busy is None or name not in self._idle or name in self._known:
            return None
        if self._busy_ones is None:
            self._busy_ones = [self._subjects[index] for index in self._busy]
        return self._idle[name], self._busy, list(map(self._functions[name], self._busy_ones))

    def cell(self, name: str, index: int) -> Any:
        """One cell; of a long table only this one is computed."""
        known = self._known.get(name)
        if known is None and len(self) <= _SHORT:
            known = self.column(name)
        return self._functions[name](self._subjects[index]) if known is None else known[index]

    def plain(self) -> list[dict[str, Any]]:
        """All rows as dictionaries."""
        names = list(self.names)
        return [dict(zip(names, cells, strict=True)) for cells in zip(*map(self.column, names), strict=True)]

    @property
    def names(self) -> Iterable[str]:
        """The names of the columns, in order."""
        return self._functions.keys()

    def __len__(self) -> int:
        return len(self._subjects)

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[Mapping[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> Mapping[str, Any] | list[Mapping[str, Any]]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        return _Row(self, range(len(self))[index])


class _Row(Mapping[str, Any]):
    """One row of `Rows`; what was computed once stays."""

    __slots__ = ("_index", "_known", "_rows")

    def __init__(self, rows: Rows, index: int) -> None:
        self._rows = rows
        self._index = index
        self._known: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        try:
            return self._known[name]
        except KeyError:
            value = self._known[name] = self._rows.cell(name, self._index)
            return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows.names)

    def __len__(self) -> int:
        return sum(1 for _ in self._rows.names)


def _type_name(function: Callable[[Any], Any]) -> str:
    """The type of a column as it is written; to evaluate hundreds of annotations would slow every start."""
    written = str(function.__annotations__["return"]).removesuffix(" | None")
    if written not in _TYPES:
        raise TypeError(f"{function.__name__} returns {written}, which is none of {', '.join(_TYPES)}")
    return written
