"""What ``analyze`` is asked for, and how it begins.

Knows every option and what it is when it is not given. Must not know how the command line is written, nor
what does the work: that is loaded while the captures are read.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from pcapan.commands.redaction import Redaction
from pcapan.crew import cores
from pcapan.errors import ExitCode
from pcapan.interrupts import uninterrupted
from pcapan.reading import begin_reading


class AnalyzeRequest(Struct, frozen=True):
    """The command line of ``analyze``, as texts."""

    captures: Sequence[str]
    format: str = "text"
    servers: Sequence[str] = ()
    vips: Sequence[str] = ()
    balancers: Sequence[str] = ()
    limit: int | None = None
    recover: bool = False
    budget: float = 120.0
    rules: Sequence[str] = ()
    overrides: Sequence[str] = ()
    fail_on: Sequence[str] = ()
    quiet: bool = False
    verbose: bool = False
    no_color: bool = False
    folder: str | None = None
    force: bool = False
    tables: str = "csv"
    vendor: str | None = None
    zone: str | None = None
    redaction: Redaction = field(default_factory=Redaction)
    jobs: int | None = None
    hash_all: bool = False


def perform(request: AnalyzeRequest) -> ExitCode:
    """Analyse and print; raises PcapanError when nothing can be said."""
    # Loading the rest of the program takes as long as reading a big capture.
    begun = begin_reading(
        request.captures,
        jobs=request.jobs or cores(),
        keep=request.folder is not None,
        hash_all=request.hash_all or request.folder is not None,
    )
    with uninterrupted():
        from pcapan.commands.analyze import run

    return run(request, begun)
