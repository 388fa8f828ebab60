"""A capture cut into files says what the whole says.

What depends on the file by design is left out: file and frame numbers. So are rows about packets (`esp`:
one row a file) and `capture` (it has no frames of its own). Kept are attempts, SAs, sources, episodes,
silences and probes, with every other column.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pcapan.tables.facts import Facts
from pcapan.tables.registry import rows_of
from tests.kit.cases import load_cases
from tests.kit.dsl import Case
from tests.kit.expect import facts_of, play
from tests.kit.frames import Frame

CASES = [case for case in load_cases(Path(__file__).parent / "cases") if len(case.files) == 1]
TABLES = ("attempts", "sas", "sources", "episodes", "silences", "probes")
OF_THE_FILE = ("file_no", "first_frame_no")


def told(facts: Facts) -> dict[str, list[dict[str, Any]]]:
    return {
        "servers": [{"servers": sorted(facts.track.roles.servers)}],
        **{
            table: [
                {name: value for name, value in row.items() if name not in OF_THE_FILE}
                for row in rows_of(table, facts)
            ]
            for table in TABLES
        },
    }


def _edges(frames: list[Frame]) -> list[int]:
    """Where to cut: everywhere in a short conversation, at up to 24 places in a long one.

    Copies of a packet stay together: the memory of packets seen is one file's, and a capture
    program that changes files between two copies is left to `capture-duplicates`.
    """
    step = max(1, len(frames) // 24)
    return [
        at
        for at in range(1, len(frames), step)
        if frames[at].data != frames[at - 1].data or frames[at].ts - frames[at - 1].ts > 50_000_000
    ]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_two_files(case: Case) -> None:
    whole = told(play(case))
    for at in _edges(case.frames):
        parts = told(facts_of([case.frames[:at], case.frames[at:]], case.servers))
        for table, rows in whole.items():
            assert parts[table] == rows, f"{table}, cut before frame {at + 1}"


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_file_for_every_tenth_of_the_frames(case: Case) -> None:
    edges = [0, *[at for at in _edges(case.frames) if at % max(1, len(case.frames) // 10) == 0]]
    parts = [case.frames[begin:end] for begin, end in zip(edges, [*edges[1:], len(case.frames)], strict=True)]
    whole, found = told(play(case)), told(facts_of(parts, case.servers))
    for table, rows in whole.items():
        assert found[table] == rows, table
