"""Using the analysis from Python, and inputs that are wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pandas as pd
import pytest

import pcapan
from pcapan.errors import UnreadableError, UsageError
from pcapan.pipeline import Analysis, Options, analyze
from pcapan.tables.facts import Site
from tests.kit.frames import pcap
from tests.pipeline.view import SAMPLES, differences, frames_of, whole

GOOD = SAMPLES["full-nat-3-clients"]


def test_one_path_and_its_tables() -> None:
    analysis = cast(Callable[..., Analysis], pcapan.analyze)(str(GOOD))
    assert isinstance(analysis, Analysis)
    attempts = analysis.table("attempts")
    assert isinstance(attempts, pd.DataFrame)
    assert len(attempts) == sum(row["attempts"] for row in analysis.result.sources)
    assert attempts["answered"].dtype == "boolean"
    assert not analysis.partial and analysis.unreadable == []


def test_no_such_table() -> None:
    with pytest.raises(KeyError):
        analyze(GOOD).table("attempt")


def test_document() -> None:
    document = analyze(GOOD).result.to_dict()
    assert list(document) == [
        "schema_version",
        "tool",
        "run",
        "inputs",
        "capture",
        "findings",
        "sources",
        "series",
        "answer_times",
        "ladders",
        "problems",
    ]
    assert document["tool"] == {"name": "pcapan", "version": pcapan.__version__}


def test_no_input() -> None:
    with pytest.raises(UsageError):
        analyze([])


def test_same_file_twice() -> None:
    with pytest.raises(UsageError) as raised:
        analyze([GOOD, GOOD])
    assert raised.value.where == str(GOOD)


def test_nothing_readable(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no capture")
    with pytest.raises(UnreadableError):
        analyze(tmp_path / "text")
    with pytest.raises(UnreadableError) as raised:
        analyze([tmp_path / "lost", tmp_path / "text"])
    assert str(tmp_path / "lost") in raised.value.where


def test_one_of_several_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no capture")
    analysis = analyze([tmp_path / "text", GOOD, tmp_path / "lost"])
    assert analysis.partial
    assert [str(tmp_path / "text") in error.where for error in analysis.unreadable] == [True, False]
    assert [entry["path"] for entry in analysis.result.inputs] == [str(GOOD)]
    told = [(p.stage, p.code, p.file) for p in analysis.result.problems if p.code == "unreadable"]
    assert [stage for stage, *_ in told] == ["ingest", "ingest"]
    assert differences(whole("full-nat-3-clients"), analysis.result) == []


def test_damaged_part_way(tmp_path: Path) -> None:
    link, frames = frames_of("full-nat-3-clients")
    (tmp_path / "cut").write_bytes(pcap(frames, link)[:-3])
    analysis = analyze(tmp_path / "cut")
    assert analysis.partial and analysis.unreadable == []
    assert analysis.result.inputs[0]["damaged"] is True
    assert analysis.result.inputs[0]["packets"] == len(frames) - 1
    assert [p.code for p in analysis.result.problems if p.stage == "ingest"] == ["truncated-file"]


def test_server_named_by_the_user() -> None:
    found = analyze(GOOD, Options(site=Site(servers=("203.0.113.99",))))
    assert found.result.capture.server == ["203.0.113.99"]
    assert found.result.run["options"]["server"] == ["203.0.113.99"]


def test_progress_is_told() -> None:
    seen: list[tuple[str, int, int]] = []
    analyze(GOOD, progress=lambda path, done, size: seen.append((path, done, size)))
    assert seen[-1] == (str(GOOD), GOOD.stat().st_size, GOOD.stat().st_size)


@pytest.mark.parametrize(("seconds", "told"), [(29, None), (31, ("00:00:01.", "00:00:32."))])
def test_a_long_silence_is_told(tmp_path: Path, seconds: int, told: tuple[str, str] | None) -> None:
    header = bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000")
    frames = b"".join(
        (time).to_bytes(4, "little") + bytes(4) + (60).to_bytes(4, "little") * 2 + bytes(60)
        for time in (0, 1, 1 + seconds, 2 + seconds)
    )
    (tmp_path / "quiet.pcap").write_bytes(header + frames)
    pause = pcapan.analyze(tmp_path / "quiet.pcap").result.inputs[0]["pause"]
    assert (pause is None) == (told is None)
    for key, time in zip(("from", "to"), told or (), strict=False):
        assert f"T{time}" in pause[key]
