"""``pcapan analyze -o DIR``: reports, the result and all tables in one folder.

Knows which files there are. Must not know how any of them is made.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from pcapan.commands.files import check_new_folder, new_folder
from pcapan.commands.render import Look, check_format, rendered
from pcapan.commands.tables import check_parquet, write_table
from pcapan.pipeline import Analysis
from pcapan.report.story import Wanted
from pcapan.tables.registry import TABLES

#: Every report and its format.
REPORTS = {"report.html": "html", "report.md": "markdown", "result.json": "json"}


def check_folder(path: str, tables: str, *, force: bool) -> None:
    """Find out before hours of reading whether the folder can be written; raises UsageError."""
    check_format("html")
    if tables == "parquet":
        check_parquet()
    check_new_folder(path, force=force)


def write_folder(
    path: str, analysis: Analysis, wanted: Wanted, tables: str, inputs: Sequence[str], *, force: bool
) -> None:
    """Write everything, whole or not at all."""
    with new_folder(path, inputs, force=force) as folder:
        for name, form in REPORTS.items():
            (folder / name).write_bytes(rendered(analysis.result, Look(form, wanted=wanted)))
        (folder / "tables").mkdir()
        for name in TABLES:
            with (folder / "tables" / f"{name}.{tables}").open("wb") as file:
                write_table(name, analysis.facts, tables, file)
    _drop_older(Path(path) / "tables", tables)


def _drop_older(folder: Path, tables: str) -> None:
    """Tables of a former run in the other format would tell of another capture."""
    for other in {"csv", "parquet"} - {tables}:
        for name in TABLES:
            with contextlib.suppress(OSError):
                (folder / f"{name}.{other}").unlink(missing_ok=True)
