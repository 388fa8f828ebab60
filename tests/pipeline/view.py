"""What must stay the same when only the packaging of a capture changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from pcapan.detect.ruleset import RuleSet
from pcapan.model import Result
from pcapan.pipeline import Options, built_in_rules, make_result
from tests.kit.expect import facts_of
from tests.kit.frames import Frame, read
from tests.samples_kit import samples

SAMPLES = {sample.name: sample.capture for sample in samples()}


@cache
def rules() -> RuleSet:
    return built_in_rules(Options())


@cache
def frames_of(name: str) -> tuple[int, list[Frame]]:
    """Link type and frames of a sample."""
    return read(SAMPLES[name])


def judge(files: Iterable[Sequence[Frame]], link: int) -> Result:
    """The result of several files written anew, without touching the disk."""
    return make_result(facts_of(files, link=link), rules(), Options())


@cache
def whole(name: str) -> Result:
    """A sample written anew as one file: what its container told (drops, damage) is left out."""
    link, frames = frames_of(name)
    return judge([frames], link)


def view(result: Result) -> dict[str, Any]:
    """Findings, sources, series and counts; not frames, file names and times of running."""
    return {
        "findings": [(f.id, str(f.verdict), f.addresses, f.numbers, f.summary) for f in result.findings],
        "sources": result.sources,
        "series": result.series,
        "servers": sorted(result.capture.server),
        "direction": result.capture.direction,
        "limits": result.capture.limits,
        "counts": result.capture.counts,
    }


def differences(one: Result, other: Result, but: Sequence[str] = ()) -> list[str]:
    """Words for every part that is not the same, findings of the rules `but` left out."""
    found = []
    first, second = view(one), view(other)
    for seen in (first, second):
        seen["findings"] = [finding for finding in seen["findings"] if finding[0] not in but]
    for part, value in first.items():
        if value == second[part]:
            continue
        if isinstance(value, list):
            lost = [entry for entry in value if entry not in second[part]]
            new = [entry for entry in second[part] if entry not in value]
            found.append(f"{part}: {lost} became {new}")
        else:
            found.append(f"{part}: {value} became {second[part]}")
    return found
