"""Every display filter of every finding, run by tshark over the capture it is for: it shows the cited frames.

One run of tshark counts for many filters at once (``-z io,stat``); what has no times to count by is asked
filter by filter.
"""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

from pcapan.commands.extract import ExtractRequest
from pcapan.commands.extract import run as extract
from pcapan.errors import ExitCode, UnreadableError
from pcapan.model import Result
from pcapan.pipeline import analyze
from tests.samples_kit import incidents

pytestmark = pytest.mark.tshark

INCIDENTS = {one.name: one.captures for one in incidents()}
_AT_ONCE = 60


def filters_of(result: Result) -> dict[str, dict[str, set[int]]]:
    """File -> filter -> frames that it has to show."""
    found: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for finding in result.findings:
        for one in finding.evidence:
            found[one.file][one.display_filter].add(one.frame)
    return found


def shown(tshark: str, path: Path, asked: Sequence[str]) -> list[int]:
    """How many frames each filter shows."""
    counts: list[int] = []
    for begin in range(0, len(asked), _AT_ONCE):
        part = asked[begin : begin + _AT_ONCE]
        ran = _run(tshark, path, "-q", "-z", ",".join(["io,stat,0", *part]))
        rows = [line for line in ran.splitlines() if "<>" in line]
        if rows:
            cells = [int(cell) for cell in re.findall(r"\d+", rows[-1].split("|", 2)[2])]
            counts += cells[0::2]
        else:
            counts += [shown_by(tshark, path, one) for one in part]
    return counts


def shown_by(tshark: str, path: Path, display_filter: str) -> int:
    """How many frames one filter shows."""
    return len(_run(tshark, path, "-Y", display_filter, "-T", "fields", "-e", "frame.number").splitlines())


def numbers_of(frames: set[int]) -> str:
    """A display filter for these frames and no others."""
    return " || ".join(f"frame.number == {frame}" for frame in sorted(frames))


def _run(tshark: str, path: Path, *arguments: str) -> str:
    command = [tshark, "-n", "-r", str(path), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    # tshark ends with 2 where the capture is cut; a filter it does not understand shows nothing at all.
    assert done.returncode in (0, 2), done.stderr[-500:]
    return done.stdout


def unshown(tshark: str, paths: Sequence[Path], scratch: Path) -> list[str]:
    """What is wrong with the filters of one incident, in words."""
    wrong = []
    for file, wanted in filters_of(analyze(paths).result).items():
        path = Path(file)
        if path.suffix == ".etl":
            path = scratch / f"{path.stem}.pcapng"
            done = extract(ExtractRequest([file], str(path), force=True, quiet=True))
            assert done in (ExitCode.OK, ExitCode.PARTIAL)
        asked = []
        for display_filter, frames in wanted.items():
            assert "," not in display_filter, "io,stat would take it for two"
            asked.append(f"({display_filter}) && ({numbers_of(frames)})")
        for (display_filter, frames), count in zip(wanted.items(), shown(tshark, path, asked), strict=True):
            if count != len(frames):  # io,stat leaves out frames that are earlier than the first one
                count = shown_by(tshark, path, f"({display_filter}) && ({numbers_of(frames)})")
            if count != len(frames):
                wrong.append(f"{file}: {display_filter} shows {count} of frames {sorted(frames)}")
    return wrong


@pytest.mark.parametrize("name", INCIDENTS)
def test_samples(name: str, tshark: str, tmp_path: Path) -> None:
    assert unshown(tshark, INCIDENTS[name], tmp_path) == []


def test_a_filter_that_shows_too_little_is_noticed(tshark: str) -> None:
    path = INCIDENTS["sa-limit-8"][0]
    asked = ["(esp) && (frame.number == 1 || frame.number == 23)", "isakmp.ispi == 00:01", "frame"]
    assert shown(tshark, path, asked) == [1, 0, 795]


@pytest.mark.heavy
@pytest.mark.shared
@pytest.mark.parametrize("folder", ["lab/captures", "corpus", "etl"])
def test_everything_shared(folder: str, tshark: str, shared_dir: Path, tmp_path: Path) -> None:
    captures = [
        path
        for path in sorted((shared_dir / folder).rglob("*"))
        if path.is_file() and path.suffix not in (".json", ".jsonl", ".md", ".py", ".txt")
    ]
    wrong = []
    for path in captures:
        try:
            wrong += unshown(tshark, [path], tmp_path)
        except UnreadableError:
            continue
    assert wrong == []
