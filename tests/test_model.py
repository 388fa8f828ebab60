"""Rows of the document that are made late are rows like others."""

from __future__ import annotations

import pickle
from typing import Any

from pcapan.model import LateRows

ROWS: list[dict[str, Any]] = [{"address": "192.0.2.1"}, {"address": "192.0.2.2"}]


def test_they_are_made_once_and_only_when_somebody_looks() -> None:
    made: list[int] = []

    def make() -> list[dict[str, Any]]:
        made.append(1)
        return list(ROWS)

    rows = LateRows(make)
    assert not made
    assert (len(rows), rows[1], rows[:1], list(rows)) == (2, ROWS[1], ROWS[:1], ROWS)
    assert rows == ROWS and rows != ROWS[:1] and rows != 2
    assert made == [1]


def test_another_process_gets_plain_rows() -> None:
    sent: object = pickle.loads(pickle.dumps(LateRows(lambda: list(ROWS))))
    assert sent == ROWS and type(sent) is list
