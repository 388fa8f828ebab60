"""What is known of one input file when it has been read, besides its frames.

Knows nothing but these facts; the readers find them, the tables and the result document tell them.
"""

from __future__ import annotations

from msgspec import Struct, field

from pcapan.ingest.again import Recall
from pcapan.ingest.frames import InputProblem, Interface, SideEvidence


class InputFacts(Struct):
    """One input file: what it is and how reading it went."""

    path: str
    format: str
    size: int
    sha256: str
    interfaces: list[Interface]
    comments: list[str]
    problems: list[InputProblem]
    damaged: bool
    side: SideEvidence = field(default_factory=SideEvidence)
    """What the container tells besides frames."""
    recall: Recall | None = None
    """Reads frames again, when that was asked for before reading."""
