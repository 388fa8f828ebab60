"""A crew tells what has ended, in order, and does not wait for ever."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from functools import partial
from typing import Any

import pytest

from pcapan import crew
from pcapan.crew import Link, Processes, Threads


def _fail(link: Link) -> int:
    raise ZeroDivisionError


def _give(value: int, link: Link) -> int:
    return value


@pytest.mark.parametrize("kind", [Threads, Processes])
def test_work_says_that_it_has_ended(kind: type[Threads | Processes]) -> None:
    here = kind(1)
    try:
        submitted = [here.submit(partial(_give, value)) for value in range(3)]
        submitted.append(here.submit(_fail))
        ended: list[Future[Any]] = []
        while len(ended) < len(submitted):
            ended += here.wait()
        assert ended == submitted, "one after the other, each once"
        assert [future.result() for future in ended[:3]] == [0, 1, 2]
        assert isinstance(ended[3].exception(), ZeroDivisionError)
    finally:
        here.close()


def test_a_wait_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "POLL", 0.001)
    go_on = threading.Event()
    here = Threads(1)
    try:
        future = here.submit(lambda link: go_on.wait(30))
        assert here.wait() == []
        go_on.set()
        while not (ended := here.wait()):
            pass
        assert ended == [future]
    finally:
        go_on.set()
        here.close()
