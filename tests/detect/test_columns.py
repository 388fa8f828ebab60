"""A condition asked of all rows at once says the same as asked of one row after the other."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import pytest

from pcapan.detect.columns import Column, Listed, Mostly, Same, truths
from pcapan.detect.expression import Columns, compile_expression
from pcapan.detect.schema import ColumnType, Value

TYPES = {
    "yes": ColumnType.BOOL,
    "no": ColumnType.BOOL,
    "few": ColumnType.INT,
    "rare": ColumnType.INT,
    "many": ColumnType.INT,
    "real": ColumnType.FLOAT,
    "word": ColumnType.STR,
    "same": ColumnType.INT,
    "gone": ColumnType.INT,
}


class Table:
    """Columns as a rule sees them; `same` and `gone` have one value."""

    def __init__(self, rows: Sequence[Mapping[str, Value]]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def choose(self, indexes: Sequence[int]) -> Columns:
        return Table([self.rows[index] for index in indexes])

    def column(self, name: str) -> Column:
        if name in ("same", "gone"):
            return Same({"same": 5}.get(name), len(self))
        values = [row[name] for row in self.rows]
        if TYPES[name] is ColumnType.BOOL:
            return truths(values)
        if name == "rare":
            at = [index for index, value in enumerate(values) if value != 0]
            return Mostly(0, len(values), at, [values[index] for index in at])
        return Listed(values, comparable=TYPES[name] is not ColumnType.FLOAT)


def rows(count: int, unknown: float) -> list[dict[str, Value]]:
    chance = random.Random(count)

    def one(value: Value) -> Value:
        return None if chance.random() < unknown else value

    return [
        {
            "yes": one(chance.random() < 0.9),
            "no": one(chance.random() < 0.02),
            "few": one(chance.choice((0, 1, 5))),
            "rare": one(chance.choice((0, 0, 0, 1, 5))),
            "many": one(chance.randrange(10**6)),
            "real": one(chance.choice((0.0, -0.0, 1.5, 1))),
            "word": one(chance.choice(("a", "b"))),
            "same": 5,
            "gone": None,
        }
        for _ in range(count)
    ]


def condition(chance: random.Random, depth: int) -> str:
    if depth and chance.random() < 0.6:
        parts = [condition(chance, depth - 1) for _ in range(chance.randint(2, 3))]
        joined = f" {chance.choice(('and', 'or'))} ".join(f"({part})" for part in parts)
        return f"not ({joined})" if chance.random() < 0.2 else joined
    numbers = (
        "few",
        "many",
        "rare",
        "real",
        "same",
        "gone",
        "1",
        "0.5",
        "few + 1",
        "many / few",
        "-real",
        "same * real",
    )
    one, other = chance.choice(numbers), chance.choice(numbers)
    return chance.choice(
        (
            "yes",
            "no",
            "true",
            "yes == no",
            "word == 'a'",
            "word != 'b'",
            "word in ('a', 'c')",
            "few not in (0, 5)",
            "rare in (1, 5)",
            f"{chance.choice(('few', 'rare', 'yes', 'gone'))} is {chance.choice(('', 'not '))}unknown",
            f"{one} {chance.choice(('<', '<=', '>', '>=', '==', '!='))} {other}",
            f"0 <= {one} < 3",
        )
    )


@pytest.mark.parametrize("unknown", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("count", [0, 1, 2, 90])
def test_all_rows_at_once(count: int, unknown: float) -> None:
    table = Table(rows(count, unknown))
    chance = random.Random(7)
    for _ in range(400):
        source = condition(chance, 2)
        asked = compile_expression(source, TYPES)
        assert list(asked.evaluate_all(table)) == [asked.evaluate(row) for row in table.rows], source


def test_calculations_keep_the_sign_of_zero() -> None:
    table = Table(rows(90, 0.1))
    asked = compile_expression("-real * same", TYPES)
    assert list(map(repr, asked.evaluate_all(table))) == [repr(asked.evaluate(row)) for row in table.rows]


def test_what_is_decided_asks_no_further() -> None:
    asked: set[tuple[str, int]] = set()

    class Noting(Table):
        def choose(self, indexes: Sequence[int]) -> Columns:
            return Noting([self.rows[index] for index in indexes])

        def column(self, name: str) -> Column:
            asked.add((name, len(self)))
            return super().column(name)

    table = Noting([{**row, "yes": True, "no": index == 3} for index, row in enumerate(rows(90, 0.0))])
    compile_expression("yes or few > 0", TYPES).evaluate_all(table)
    compile_expression("no and word == 'a'", TYPES).evaluate_all(table)
    assert asked == {("yes", 90), ("no", 90), ("word", 1)}
