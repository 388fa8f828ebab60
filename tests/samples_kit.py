"""The sample captures and what their TOML files promise."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).resolve().parents[1] / "samples"


@dataclass(frozen=True, slots=True)
class Sample:
    """One capture of samples/ and its TOML file."""

    name: str
    capture: Path
    document: dict[str, Any]


def samples() -> list[Sample]:
    """All samples by name; a capture without TOML or a TOML without capture is an error."""
    found = []
    captures = {
        path.name.split(".")[0]: path for path in SAMPLES.iterdir() if path.suffix not in (".toml", ".md")
    }
    for toml in sorted(SAMPLES.glob("*.toml")):
        found.append(Sample(toml.stem, captures.pop(toml.stem), tomllib.loads(toml.read_text("utf-8"))))
    assert not captures, f"samples without a TOML file: {sorted(captures)}"
    return found


def sample(name: str) -> Path:
    """The capture of one sample."""
    return next(one.capture for one in samples() if one.name == name)
