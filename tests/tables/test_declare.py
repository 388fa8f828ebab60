"""Declaring a column is writing a function."""

from __future__ import annotations

import pytest

from pcapan.tables.declare import Glance, Table


def test_name_type_and_meaning_come_from_the_function() -> None:
    table = Table("things", "thing")

    @table.column("cm")
    def height(thing: int) -> int | None:
        """How tall
        it is.
        """
        return thing or None

    @table.column()
    def names(thing: int) -> list[str]:
        """What it is called."""
        return ["x"] * thing

    @table.column()
    def parts(thing: int) -> list[int] | None:
        """What it is made of."""
        return None

    @table.column()
    def share(thing: int) -> float:
        """Its share."""
        return thing / 2

    declared = [(column.name, column.type, column.unit, column.meaning) for column in table.columns]
    assert declared == [
        ("height", "int", "cm", "How tall it is."),
        ("names", "list[str]", "", "What it is called."),
        ("parts", "list[int]", "", "What it is made of."),
        ("share", "float", "", "Its share."),
    ]
    assert list(table.rows([0, 1])) == [
        {"height": None, "names": [], "parts": None, "share": 0.0},
        {"height": 1, "names": ["x"], "parts": None, "share": 0.5},
    ]
    assert table.row(1) == {"height": 1, "names": ["x"], "parts": None, "share": 0.5}
    assert height(3) == 3  # still an ordinary function


def test_a_column_of_another_type_is_refused() -> None:
    table = Table("things", "thing")

    def size(thing: int) -> complex:
        return complex(thing)

    with pytest.raises(TypeError, match="size returns complex, which is none of bool, int"):
        table.column()(size)


def test_rows_are_the_same_one_by_one_and_all_at_once() -> None:
    table = Table("things", "thing")

    @table.column()
    def half(thing: int) -> float:
        """Half of it."""
        return thing / 2

    @table.column()
    def name(thing: int) -> str | None:
        """Its name."""
        return str(thing) if thing else None

    @table.column(idle=None)
    def rest(thing: int) -> int | None:
        """What it leaves."""
        return thing % 2 or None

    for things in ([], [0], [3, 0, 7], [0, 3, 0, 0, 7]):
        busy = [index for index, thing in enumerate(things) if thing]
        for glance in (Glance(), Glance(busy), Glance(cells={"half": [thing / 2 for thing in things]})):
            rows = table.lazy_rows(things, glance)
            told = rows.told_of_few("rest")
            spared = glance.busy is not None and 2 * len(busy) <= len(things)
            assert told == ((None, busy, [1] * len(busy)) if spared else None)
            assert rows.plain() == [dict(row) for row in rows] == list(table.rows(things))
