"""``pcapan batch report``: reports of the incidents, lists of them, and the index over all.

Knows the steps and the words. Must not know how pages look.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from pcapan.batch.engine import LocalEngine, Task
from pcapan.batch.layout import Layout, told
from pcapan.batch.manifest import Manifest
from pcapan.batch.pages import Links, Overview, write_pages
from pcapan.batch.reports import plan_reports
from pcapan.batch.settings import Settings
from pcapan.commands.batchrun import cores
from pcapan.commands.guard import say
from pcapan.commands.output import write_out
from pcapan.commands.progress import progress_bar
from pcapan.errors import ExitCode, PcapanError, UnreadableError
from pcapan.report.pages import check_libraries
from pcapan.report.safe import clean


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """The command line of ``batch report``."""

    out: str
    pages: int
    workers: int | None
    quiet: bool


def run(request: ReportRequest) -> ExitCode:
    """Write the pages; raises UnreadableError when there is no dataset or nothing in it."""
    check_libraries()
    layout = Layout(request.out)
    layout.check()
    overview = Overview.of(list(Manifest.read(layout.manifest).lines.values()))
    if not overview.incidents and not overview.failed:
        raise UnreadableError(
            "the dataset is empty", where=request.out, hint="fill it with pcapan batch run SOURCE... -o OUT"
        )
    with told(layout.root):
        plan = plan_reports(layout, overview.worst, overview.causes, request.pages)
        with progress_bar(quiet=request.quiet) as progress:
            failed = _render(layout, plan.tasks, request.workers, progress)
        links = Links({key: place for key, place in plan.links.items() if key not in failed})
        for name, text in write_pages(overview, links, layout.root.resolve().name):
            layout.write(layout.root / name, text.encode("utf-8", "backslashreplace"))
        layout.sync()
    if failed and not request.quiet:
        say(f"pcapan: {len(failed):,} reports could not be written: {clean(next(iter(failed.values())))}")
    write_out(f"{layout.index}\n".encode("utf-8", "backslashreplace"))
    return ExitCode.PARTIAL if failed else ExitCode.OK


def _render(
    layout: Layout, tasks: list[Task], workers: int | None, progress: Callable[[str, int, int], None] | None
) -> dict[str, str]:
    """Have reports written; returns why which were not, by key."""
    if not tasks:
        return {}
    failed: dict[str, str] = {}
    engine = LocalEngine(Settings(os.path.abspath(layout.root)), min(workers or cores(), len(tasks)))  # noqa: PTH100
    total, done = sum(len(task.what["keys"]) for task in tasks), 0
    try:
        for number, outcome in engine.run(tasks):
            keys = tasks[number].what["keys"]
            done += len(keys)
            if outcome.status == "full":
                raise PcapanError(outcome.reason, where=str(layout.root), hint="make room and run it again")
            if outcome.status != "ok":
                failed |= dict.fromkeys(keys, outcome.reason)
            failed |= outcome.answer.get("failed", {})
            if progress is not None:
                progress("writing reports", done, total)
    finally:
        engine.close()
    return failed
