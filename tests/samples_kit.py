"""The sample captures, what their TOML files promise, and how those made from text come about.

``python -m tests.samples_kit NAME ...`` writes the captures again that their TOML files describe as a
`conversation` (lines of `tests.kit.dsl`) or as a `variant` of another sample.
"""

from __future__ import annotations

import gzip
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kit.dsl import parse
from tests.kit.frames import pcap, read
from tests.robust.gateways import through_gateways
from tests.robust.variants import VARIANTS

SAMPLES = Path(__file__).resolve().parents[1] / "samples"


@dataclass(frozen=True, slots=True)
class Sample:
    """The capture files of one incident in samples/, and its TOML file."""

    name: str
    captures: tuple[Path, ...]
    document: dict[str, Any]

    @property
    def capture(self) -> Path:
        """The only capture."""
        assert len(self.captures) == 1, f"{self.name} has several captures"
        return self.captures[0]


def samples() -> list[Sample]:
    """All samples of one capture, by name."""
    return [one for one in incidents() if len(one.captures) == 1]


def incidents() -> list[Sample]:
    """All samples by name; a capture without TOML or a TOML without capture is an error.

    A TOML file may name captures of other samples with `files`: together they are one incident.
    """
    captures = {
        path.name.split(".")[0]: path for path in SAMPLES.iterdir() if path.suffix not in (".toml", ".md")
    }
    found, told = [], set()
    for toml in sorted(SAMPLES.glob("*.toml")):
        document = tomllib.loads(toml.read_text("utf-8"))
        names = document.get("files", [toml.stem])
        found.append(Sample(toml.stem, tuple(captures[name] for name in names), document))
        told |= {toml.stem} if "files" not in document else set()
    assert told == set(captures), f"samples without a TOML file: {sorted(set(captures) - told)}"
    return found


def sample(name: str) -> Path:
    """The capture of one sample."""
    return next(one.capture for one in samples() if one.name == name)


def made_again(document: dict[str, Any]) -> bytes | None:
    """The capture that the TOML file describes; None when it was recorded."""
    if "conversation" in document:
        return pcap(
            through_gateways(parse(document["conversation"]).frames, **document["gateways"]), nano=False
        )
    if "variant" in document:
        of = document["variant"]
        link, frames = read(sample(of["sample"]))
        files, _ = VARIANTS[of["name"]].make([frames], link, of["seed"])
        return pcap(files[0], link, nano=False)
    return None


def _write(name: str) -> None:
    document = tomllib.loads((SAMPLES / f"{name}.toml").read_text("utf-8"))
    data = made_again(document)
    assert data is not None, f"{name} was recorded and cannot be made again"
    zipped = len(data) > 100_000
    target = SAMPLES / (f"{name}.pcap.gz" if zipped else f"{name}.pcap")
    target.write_bytes(gzip.compress(data, mtime=0) if zipped else data)


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        _write(wanted)
