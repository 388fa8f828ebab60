"""Declaring a column is writing a function."""

from __future__ import annotations

from pcapan.tables.declare import Table


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
