"""Sequences with items that are made late do all that a list of the same items does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.track.late import Late

_BOUND = st.one_of(st.none(), st.integers(-8, 8))


def late(ready: int, others: int) -> tuple[list[str], Late[str]]:
    every = [str(number) for number in range(ready + others)]
    return every, Late(every[:ready], others, every[ready:].__getitem__)


@given(st.integers(0, 3), st.integers(0, 3), _BOUND, _BOUND, st.sampled_from([None, 1, 2, -1, -2]))
def test_like_a_list(ready: int, others: int, begin: Any, end: Any, step: Any) -> None:
    every, made = late(ready, others)
    assert list(made) == every
    assert list(reversed(made)) == every[::-1]
    assert len(made) == len(every)
    assert made.ready == every[:ready]
    assert made.others == others
    assert made[begin:end:step] == every[begin:end:step]
    assert [item in made for item in ("0", "2", "x")] == [item in every for item in ("0", "2", "x")]


@given(st.integers(0, 3), st.integers(0, 3), st.integers(-8, 8))
def test_one_item(ready: int, others: int, index: int) -> None:
    every, made = late(ready, others)
    if -len(every) <= index < len(every):
        assert made[index] is every[index]
    else:
        with pytest.raises(IndexError):
            made[index]


def test_nothing_is_made_before_somebody_looks() -> None:
    asked: list[int] = []

    def make(number: int) -> str:
        asked.append(number)
        return str(number)

    made = Late(["a"], 3, make)
    assert (len(made), made[0], asked) == (4, "a", [])
    assert (made[2], asked) == ("1", [1])
