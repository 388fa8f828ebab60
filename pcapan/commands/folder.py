"""``pcapan analyze -o DIR``: reports, the result, the cited frames and all tables in one folder.

Knows which files there are. Must not know how any of them is made.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pcapan.commands.aside import PageMaker
from pcapan.commands.files import check_new_folder, new_folder
from pcapan.commands.redaction import redacted_evidence
from pcapan.commands.render import Look, check_format, rendered
from pcapan.commands.tables import check_parquet, write_table
from pcapan.memory import without_collection
from pcapan.pipeline import Analysis
from pcapan.report.evidence import Origin, gather_evidence, write_evidence
from pcapan.report.story import Wanted
from pcapan.tables.facts import Facts
from pcapan.tables.registry import TABLES

if TYPE_CHECKING:
    from pcapan.redact.incident import Redactor

#: Every report and its format.
PAGE = "report.html"
REPORTS = {PAGE: "html", "report.md": "markdown", "result.json": "json"}
EVIDENCE = "evidence.pcapng"


def check_folder(path: str, tables: str, *, force: bool) -> None:
    """Find out before hours of reading whether the folder can be written; raises UsageError."""
    check_format("html")
    if tables == "parquet":
        check_parquet()
    check_new_folder(path, force=force)


@without_collection
def write_folder(
    path: str,
    analysis: Analysis,
    wanted: Wanted,
    pages: PageMaker,
    tables: str,
    inputs: Sequence[str],
    *,
    force: bool,
    redactor: Redactor | None = None,
) -> None:
    """Write everything, whole or not at all; `analysis` was made with `keep`, and with this `redactor`."""
    facts = analysis.facts
    with new_folder(path, inputs, force=force) as folder:
        pages.begin(analysis.result, Look(REPORTS[PAGE], wanted=wanted))
        for name, form in REPORTS.items():
            if name != PAGE:
                (folder / name).write_bytes(rendered(analysis.result, Look(form, wanted=wanted)))
        sources = origins(facts)
        frames = gather_evidence(analysis.result, sources)
        if redactor is not None:
            frames = redacted_evidence(frames, sources, redactor)
        with (folder / EVIDENCE).open("wb") as file:
            write_evidence(file, analysis.result, sources, frames)
        (folder / "tables").mkdir()
        for name in TABLES:
            with (folder / "tables" / f"{name}.{tables}").open("wb") as file:
                write_table(name, facts, tables, file)
        (folder / PAGE).write_bytes(pages.page())
    _drop_older(Path(path) / "tables", tables)


def origins(facts: Facts) -> list[Origin]:
    """How the evidence of every input is read again, with the fragments that a cited datagram came in."""
    found = []
    for entry, scan in zip(facts.inputs, facts.scans, strict=True):
        assert entry.recall is not None, "the facts were not gathered with `keep`"
        fragments = {scan.messages.frame[row]: frames for row, frames in scan.fragment_frames.items()}
        fragments |= {datagram.frames[0]: datagram.frames for datagram in scan.incomplete}
        found.append(Origin(entry.recall, entry.interfaces, fragments))
    return found


def _drop_older(folder: Path, tables: str) -> None:
    """Tables of a former run in the other format would tell of another capture."""
    for other in {"csv", "parquet"} - {tables}:
        for name in TABLES:
            with contextlib.suppress(OSError):
                (folder / f"{name}.{other}").unlink(missing_ok=True)
