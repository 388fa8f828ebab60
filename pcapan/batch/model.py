"""What a batch is made of: captures, incidents, and what became of them.

Knows shapes only, and how they are written as JSON between processes. Must not know how anything is
found, read or stored.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

#: Between the path of an archive and the name of a capture in it.
INSIDE = "::"


@dataclass(frozen=True, slots=True)
class Member:
    """Where a capture lies in its archive."""

    archive: str
    """Path or URL of the archive."""
    kind: str
    """zip, tar, tar+gzip or tar+zstd."""
    index: int
    """Which member it is, from 0: names may occur twice."""
    offset: int = -1
    """Where its bytes begin in the (inflated) tar; -1 in a zip."""
    siblings: int = 1
    """Captures in the same archive: whether keeping it open or unpacked is worth while."""


@dataclass(frozen=True, slots=True)
class Input:
    """One capture that was found."""

    name: str
    """Path, URL, or ARCHIVE::NAME; any bytes of a file name that are no text are surrogates."""
    size: int
    """Bytes, of a member unpacked."""
    stamp: str
    """Changes when the content may have changed: size and time of change of the file or archive."""
    member: Member | None = None
    first_ns: int | None = None
    """Time of the first packet, where grouping had to know it."""

    def to_json(self) -> dict[str, Any]:
        """Plain values for another process."""
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> Input:
        """The reverse of `to_json`."""
        member = data["member"]
        return Input(**{**data, "member": Member(**member) if member else None})


@dataclass(frozen=True, slots=True)
class Item:
    """One incident: captures that are one timeline."""

    inputs: tuple[Input, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What identifies it in the manifest."""
        return tuple(entry.name for entry in self.inputs)

    @property
    def size(self) -> int:
        """Bytes of all its captures."""
        return sum(entry.size for entry in self.inputs)

    @property
    def archive(self) -> str:
        """The archive that its first capture is in; empty for files."""
        member = self.inputs[0].member
        return member.archive if member else ""


@dataclass(frozen=True, slots=True)
class Refused:
    """Something that looked like a capture and cannot become part of an incident."""

    name: str
    reason: str
    stamp: str = ""


@dataclass(slots=True)
class Found:
    """What an inventory found."""

    inputs: list[Input] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    other_files: int = 0
    """Files that are no captures and do not claim to be."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one task."""

    status: str
    """ok, failed, or full (no room on the disk: the run has to end)."""
    reason: str = ""
    seconds: float = 0.0
    answer: dict[str, Any] = field(default_factory=dict)
    """What the task gave, as plain values."""
