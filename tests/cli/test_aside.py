"""The page that another process draws: the same one, whatever becomes of the process."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, cast

import pytest

from pcapan import analyze
from pcapan.commands import aside
from pcapan.commands.aside import PageMaker, page_maker
from pcapan.commands.render import Look, make_wanted, rendered
from pcapan.crew import Processes
from pcapan.model import Result
from tests.cli.conftest import Cli
from tests.samples_kit import sample

NO_PAGES = "needs matplotlib and jinja2 (the extra report): pages drawn aside are not tested"
pytest.importorskip("matplotlib", reason=NO_PAGES)
pytest.importorskip("jinja2", reason=NO_PAGES)

LOOK = Look("html", wanted=make_wanted("f5", "Europe/Berlin"))


@pytest.fixture(scope="module")
def result() -> Result:
    return analyze(sample("sa-limit-8")).result


@pytest.fixture
def worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "_WORTH", 0)


def left_over() -> list[Any]:
    return multiprocessing.active_children()


@pytest.mark.usefixtures("worth_it")
def test_a_folder_is_the_same_with_one_core_and_with_two(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    for jobs in "12":
        folder = tmp_path / jobs
        assert cli("analyze", sample("sa-limit-8"), "-o", folder, "--jobs", jobs).code == 0
    one, two = (
        {path.relative_to(tmp_path / jobs): path.read_bytes() for path in (tmp_path / jobs).rglob("*.*")}
        for jobs in "12"
    )
    assert one == two and Path("report.html") in one


@pytest.mark.usefixtures("worth_it")
def test_another_process_draws_the_same_page(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    here = rendered(result, LOOK)
    monkeypatch.setattr(aside, "rendered", lambda *_: pytest.fail("drawn in this process"))
    with page_maker([str(sample("sa-limit-8"))], jobs=2) as pages:
        pages.begin(result, LOOK)
        assert pages.page() == here
    assert left_over() == []


@pytest.mark.usefixtures("worth_it")
@pytest.mark.skipif(
    sys.platform == "win32", reason="needs SIGKILL: a page process that dies at once is not tested on Windows"
)
@pytest.mark.parametrize("late", [False, True])
def test_a_process_that_dies_costs_nothing_but_time(result: Result, late: bool) -> None:
    with page_maker([str(sample("sa-limit-8"))], jobs=2) as pages:
        pages.start()
        if late:
            pages.begin(result, LOOK)
        for process in left_over():
            os.kill(process.pid, signal.SIGKILL)
        if not late:
            pages.begin(result, LOOK)
        assert pages.page() == rendered(result, LOOK)
    assert left_over() == []


@pytest.mark.usefixtures("worth_it")
def test_nothing_is_left_behind_when_nobody_waits_for_the_page(result: Result) -> None:
    with pytest.raises(KeyboardInterrupt), page_maker([str(sample("sa-limit-8"))], jobs=2) as pages:
        pages.begin(result, LOOK)
        raise KeyboardInterrupt
    assert left_over() == []


def test_where_no_process_can_be_started_the_page_is_drawn_here(
    result: Result, worth_it: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> Processes:
        raise BrokenProcessPool("processes cannot be started here")

    monkeypatch.setattr(aside, "Processes", refused)
    with page_maker([str(sample("sa-limit-8"))], jobs=2) as pages:
        pages.begin(result, LOOK)
        assert pages.page() == rendered(result, LOOK)


def test_little_or_one_core_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "Processes", lambda *_: pytest.fail("a process was started"))
    with page_maker([str(sample("sa-limit-8")), "-", "gone.pcap", "nul\0"], jobs=2):
        pass
    monkeypatch.setattr(aside, "_WORTH", 0)
    with page_maker([str(sample("sa-limit-8"))], jobs=1):
        pass


class _Failing:
    """A crew whose work fails."""

    def submit(self, _: Callable[..., object]) -> Future[bytes | None]:
        failed: Future[bytes | None] = Future()
        failed.set_exception(MemoryError())
        return failed

    def no_more(self) -> None:
        """Nothing to end."""


def test_what_fails_there_is_tried_here(result: Result) -> None:
    pages = PageMaker(cast(Processes, _Failing()))
    pages.begin(result, LOOK)
    assert pages.page() == rendered(result, LOOK)


def test_the_process_is_started_when_half_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []
    told: list[tuple[str, int, int]] = []
    pages = PageMaker(size=100)
    monkeypatch.setattr(aside, "_started", lambda: started.append(len(told)))
    heed = pages.watch(lambda *said: told.append(said))
    assert heed is not None
    read = [("a", 20), ("b", 20), ("a", 25), ("b", 25), ("b", 60)]
    for path, done in read:
        heed(path, done, 60)
    assert started == [3]
    assert [said[:2] for said in told] == read
    assert PageMaker().watch(None) is None
