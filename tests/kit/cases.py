"""Case files: several cases, each after a line ``== NAME``; what stands before the first is for all."""

from __future__ import annotations

from pathlib import Path

from tests.kit.dsl import Case, parse


def load_cases(folder: Path) -> list[Case]:
    """All cases of all ``*.txt`` files of a folder, named FILE-NAME; at least one expectation each."""
    cases = []
    for path in sorted(folder.glob("*.txt")):
        head, *parts = path.read_text("utf-8").split("\n== ")
        for part in parts:
            name, _, body = part.partition("\n")
            # Line numbers in messages are those of the file.
            before = path.read_text("utf-8").split(f"\n== {part}")[0].count("\n") + 1
            skipped = "\n" * (before + 1 - head.count("\n") - 1)
            case = parse(f"{head}\n{skipped}{body}", f"{path.stem}-{name.strip().replace(' ', '-')}")
            assert case.expectations, f"{case.name} expects nothing"
            cases.append(case)
    assert len({case.name for case in cases}) == len(cases)
    return cases
