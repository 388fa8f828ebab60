"""Several files at once: the same facts in the same order, whoever read them, and the same errors."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pcapan import crew, reading
from pcapan.errors import UnreadableError
from pcapan.pipeline import analyze
from pcapan.reading import FileRead, Reading, begin_reading, guess_reading, read_files
from tests.samples_kit import sample

NAMES = ("healthy-dnat", "sa-limit-8", "full-nat-3-clients", "capture-loss-told")

#: By threads, as where pcapan is compiled, and by processes.
CREWS = {"threads": "compiled", "processes": "interpreted"}


@pytest.fixture(params=list(CREWS.values()), ids=list(CREWS))
def side_by_side(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Every file is worth a crew."""
    monkeypatch.setattr(reading, "engine", lambda: request.param)
    monkeypatch.setattr(reading, "_WORTH_THREADS", 0)
    monkeypatch.setattr(reading, "_WORTH_PROCESSES", 0)
    yield request.param
    assert multiprocessing.active_children() == []


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How much work was given to crews."""
    seen: list[int] = []

    for kind in (crew.Threads, crew.Processes):

        def submit(self: object, work: object, kind: type = kind, inner: object = kind.submit) -> object:
            seen.append(1)
            return inner(self, work)  # type: ignore[operator]

        monkeypatch.setattr(kind, "submit", submit)
    return seen


def _told(read: list[FileRead | UnreadableError]) -> list[object]:
    columns = ("addresses", "esp", "icmp", "natd", "shapes")
    return [
        str(entry)
        if isinstance(entry, UnreadableError)
        else (entry[0], [getattr(entry[1], name) for name in columns])
        for entry in read
    ]


def _result(paths: list[str], jobs: int) -> dict[str, object]:
    document: dict[str, object] = json.loads(json.dumps(analyze(paths, jobs=jobs).result.to_dict()))
    run = document["run"]
    assert isinstance(run, dict)
    del run["started"], run["engine"]
    return document


def test_same_facts_and_result(side_by_side: str, submitted: list[int], tmp_path: Path) -> None:
    broken = tmp_path / "cut.pcap"
    broken.write_bytes(sample("sa-limit-8").read_bytes()[:5000])
    nothing = tmp_path / "nothing.pcap"
    nothing.write_bytes(b"this is no capture at all")
    paths = [str(sample(name)) for name in NAMES]
    paths[1:1] = [str(broken), str(tmp_path), str(nothing), str(tmp_path / "missing.pcap")]
    alone, together = read_files(paths), read_files(paths, jobs=3)
    assert len(submitted) == len(NAMES) + 2, "all but the folder and what is missing"
    assert _told(alone) == _told(together)
    assert sum(isinstance(entry, UnreadableError) for entry in together) == 3
    assert [str(entry) for entry in alone if isinstance(entry, UnreadableError)] == [
        str(entry) for entry in together if isinstance(entry, UnreadableError)
    ]
    assert _result(paths, 1) == _result(paths, 2)


def test_what_only_this_process_can_read(side_by_side: str) -> None:
    data = sample("healthy-dnat").read_bytes()
    paths = [str(sample("sa-limit-8")), "-", str(sample("full-nat-3-clients"))]
    alone = read_files(paths, stdin=io.BytesIO(data))
    together = read_files(paths, stdin=io.BytesIO(data), jobs=2)
    assert _told(alone) == _told(together)


def test_frames_can_be_read_again(side_by_side: str) -> None:
    paths = [str(sample(name)) for name in NAMES]
    for entry in read_files(paths, jobs=2, keep=True):
        assert not isinstance(entry, UnreadableError)
        recall = entry[0].recall
        assert recall is not None
        assert [frame.number for frame in recall.frames([2, 5])] == [2, 5]
        recall.forget()


def test_progress_is_told(side_by_side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "POLL", 0.001)
    seen: dict[str, int] = {}

    def progress(path: str, done: int, size: int) -> None:
        assert seen.get(path, 0) <= done <= size
        seen[path] = done

    paths = [str(sample(name)) for name in NAMES]
    read_files(paths, jobs=2, progress=progress)
    assert set(seen) <= set(paths)
    assert seen


def test_small_files_need_no_crew(submitted: list[int]) -> None:
    read_files([str(sample(name)) for name in NAMES], jobs=8)
    assert submitted == []


def test_one_job_starts_nothing(side_by_side: str, submitted: list[int]) -> None:
    read_files([str(sample(name)) for name in NAMES])
    read_files([str(sample(NAMES[0]))], jobs=8)
    assert submitted == []


def test_what_a_crew_could_not_do_is_done_here(side_by_side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError("no room for processes")

    monkeypatch.setattr("concurrent.futures.process.ProcessPoolExecutor", refuse)
    monkeypatch.setattr(reading, "_read", lambda number, path, keep, hash_all, link: None)
    paths = [str(sample(name)) for name in NAMES]
    assert _told(read_files(paths, jobs=2)) == _told(read_files(paths))


def test_interruption_ends_the_crew(side_by_side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "POLL", 0.001)

    def interrupt(path: str, done: int, size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_files([str(sample(name)) for name in NAMES], jobs=2, progress=interrupt)


@pytest.fixture
def big(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is big enough not to be hashed, and the scan is taken for compiled."""
    for module in ("pcapan.reading", "pcapan.ingest.open"):
        monkeypatch.setattr(f"{module}.HASH_LIMIT", 0)
    monkeypatch.setattr(reading, "how", lambda name: "compiled")


def _begin(paths: list[str], keep: bool = False, hash_all: bool = False) -> Reading | None:
    return begin_reading(paths, jobs=2, keep=keep, hash_all=hash_all)


def test_a_reading_that_has_begun_finds_the_same(big: None, tmp_path: Path) -> None:
    broken = tmp_path / "cut.pcap"
    broken.write_bytes(sample("sa-limit-8").read_bytes()[:5000])
    nothing = tmp_path / "nothing.pcap"
    nothing.write_bytes(b"this is no capture at all")
    paths = [*(str(sample(name)) for name in NAMES), str(broken), str(nothing)]
    begun = _begin(paths)
    assert begun is not None
    assert _told(begun.result()) == _told(read_files(paths, hash_all=False))


@pytest.fixture
def guesses(big: None, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The paths of every reading that begins."""
    seen: list[list[str]] = []

    class Seen(Reading):
        def __init__(self, paths: Sequence[str], jobs: int) -> None:
            seen.append(list(paths))
            super().__init__(paths, jobs)

    monkeypatch.setattr(reading, "Reading", Seen)
    return seen


def test_a_right_guess_is_taken_up(guesses: list[list[str]]) -> None:
    path = str(sample("sa-limit-8"))
    guess_reading(["-q", path, "--limit", "8"])
    begun = _begin([path])
    assert begun is not None
    assert guesses == [[path]]
    assert _told(begun.result()) == _told(read_files([path], hash_all=False))
    assert _begin([path]) is not begun, "only once"


def test_wrong_guesses(guesses: list[list[str]]) -> None:
    one, other = str(sample("sa-limit-8")), str(sample("healthy-dnat"))
    guess_reading(["--rules", one])
    begun = _begin([other])
    assert begun is not None and begun.paths == [other]
    guess_reading([one])
    assert _begin([one], keep=True) is None
    guess_reading([one])
    assert _begin([one], hash_all=True) is None
    assert guesses == [[one], [other], [one], [one]]


def test_nothing_to_guess(guesses: list[list[str]], tmp_path: Path) -> None:
    one, other = str(sample("sa-limit-8")), str(sample("healthy-dnat"))
    for words in ([], ["--help"], ["-"], [str(tmp_path)], [one, other], ["a\0b"], ["x" * 5000]):
        guess_reading(words)
    assert guesses == []


def test_an_analysis_takes_what_has_begun(big: None, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(sample("sa-limit-8"))
    begun = _begin([path])
    assert begun is not None
    begun.result()
    monkeypatch.setattr("pcapan.pipeline.read_files", None)  # would fail if the files were read again
    assert "sa-limit-exhaustion" in {f.id for f in analyze(path, begun=begun).result.findings}


def test_what_is_not_begun_early(big: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(sample("sa-limit-8"))
    for paths in (["-"], [path, "-"], [str(tmp_path)], [str(tmp_path / "missing.pcap")], []):
        assert _begin(paths) is None, paths
    assert _begin([path], keep=True) is None
    assert _begin([path], hash_all=True) is None
    monkeypatch.setattr(reading, "how", lambda name: "interpreted")
    assert _begin([path]) is None


def test_small_files_are_not_begun_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "how", lambda name: "compiled")
    assert _begin([str(sample("sa-limit-8"))]) is None


def test_progress_of_what_has_begun(big: None, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(sample("sa-limit-8"))
    done = threading.Event()
    real = reading.read_files

    def slow(*args: Any, **kwargs: Any) -> list[FileRead | UnreadableError]:
        found = real(*args, **kwargs)
        assert done.wait(30)
        return found

    monkeypatch.setattr(reading, "read_files", slow)
    seen: list[tuple[str, int, int]] = []

    def progress(*told: Any) -> None:
        seen.append(told)
        done.set()

    begun = _begin([path])
    assert begun is not None
    begun.result(progress)
    size = Path(path).stat().st_size
    assert seen[0] == (path, size, size)


def test_a_reading_that_cannot_begin_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a head start, but not for longer than a moment."""
    going_on = threading.Event()
    waited: list[bool] = []
    monkeypatch.setattr(reading, "read_files", lambda *_asked, **_named: waited.append(going_on.wait(20)))
    begun = Reading(["any.pcap"], 1)
    going_on.set()
    begun.result()
    assert waited == [True]


def test_turns_are_short_only_while_a_reading_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = sys.getswitchinterval()
    seen: list[float] = []
    monkeypatch.setattr(
        reading, "read_files", lambda *_asked, **_named: seen.append(sys.getswitchinterval())
    )
    Reading(["any.pcap"], 1).result()
    assert seen[0] < usual
    assert sys.getswitchinterval() == usual


def test_who_is_interrupted_waits_for_nothing(big: None, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted, ended = threading.Event(), threading.Event()
    real = reading.read_files

    def endless(*args: Any, **kwargs: Any) -> list[FileRead | UnreadableError]:
        try:
            while True:
                real(*args, **kwargs)
                interrupted.wait(30)
        finally:
            ended.set()

    def progress(*told: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(reading, "read_files", endless)
    begun = _begin([str(sample("sa-limit-8"))])
    assert begun is not None
    with pytest.raises(KeyboardInterrupt):
        begun.result(progress)
    interrupted.set()
    assert ended.wait(30), "the next word of the reading ends it"


def test_a_defect_of_the_reading_is_raised(big: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **kwargs: Any) -> list[FileRead | UnreadableError]:
        raise ZeroDivisionError

    monkeypatch.setattr(reading, "read_files", broken)
    begun = _begin([str(sample("sa-limit-8"))])
    assert begun is not None
    with pytest.raises(ZeroDivisionError):
        begun.result()


@pytest.mark.skipif(
    os.name != "posix", reason="needs SIGINT as POSIX has it: Ctrl-C while a crew reads is not tested"
)
@pytest.mark.parametrize("switch", ["0", "1"])
def test_ctrl_c_on_the_command_line(switch: str, tmp_path: Path) -> None:
    block = sample("healthy-dnat").read_bytes()
    paths = [tmp_path / f"{number}.pcap" for number in range(3)]
    for path in paths:
        path.write_bytes(block + block[24:] * (40_000_000 // len(block)))
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PCAPAN_INTERPRETED": switch, "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "pcapan", "info", "--jobs", "2", *map(str, paths)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        time.sleep(1.5)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)  # ends when no process has these pipes any more
    assert process.returncode in (0, 130), err
    assert b"Traceback" not in err
    assert process.returncode == 0 or out == b""
