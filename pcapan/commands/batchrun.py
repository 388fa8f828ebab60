"""``pcapan batch run``: options become a request, progress becomes lines or a bar, a summary ends it.

Knows the terminal and the words. Must not know how a run works.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pcapan.batch.engine import Engine, LocalEngine
from pcapan.batch.grouping import Grouping
from pcapan.batch.manifest import Line
from pcapan.batch.progress import State
from pcapan.batch.run import Request, Summary, Watch
from pcapan.batch.run import run as run_batch
from pcapan.batch.settings import Settings
from pcapan.commands.guard import say
from pcapan.commands.options import addresses, settings
from pcapan.commands.output import write_out
from pcapan.commands.progress import PATIENCE
from pcapan.commands.tables import check_parquet
from pcapan.errors import ExitCode, UsageError
from pcapan.report.jsontext import json_bytes, json_text
from pcapan.report.safe import clean

#: Seconds between two lines of progress in a log.
_EVERY = 10.0
#: Failed incidents that the summary names; status and the manifest have them all.
_NAMED = 20


@dataclass(frozen=True, slots=True)
class RunRequest:
    """The command line of ``batch run``."""

    sources: Sequence[str]
    output: str
    group: str
    engine: str
    scheduler: str | None
    workers: int | None
    memory_mb: int
    seconds: float
    servers: Sequence[str]
    vips: Sequence[str]
    balancers: Sequence[str]
    limit: int | None
    rules: Sequence[str]
    overrides: Sequence[str]
    json_log: bool
    quiet: bool


def run(request: RunRequest) -> ExitCode:
    """Run and summarise; raises PcapanError when there is nothing to run on."""
    check_parquet()
    if request.scheduler is not None and request.engine != "dask":
        raise UsageError(
            "a scheduler without the engine that uses it",
            where=f"--scheduler {request.scheduler}",
            hint="add --engine dask, or leave this option out",
        )
    made = Settings(
        root=os.path.abspath(request.output),  # noqa: PTH100
        servers=addresses(request.servers),
        vips=addresses(request.vips, "--vip"),
        balancers=addresses(request.balancers, "--balancer"),
        limit=request.limit,
        rules=tuple(request.rules),
        overrides=settings(request.overrides),
        memory_mb=request.memory_mb,
        seconds=request.seconds,
    )
    watch = _watch(request)
    try:
        summary = run_batch(Request(request.sources, made, Grouping(request.group), _engine(request)), watch)
    finally:
        watch.stop()
    if request.json_log:
        write_out(json_bytes(json_text(_summary_event(summary), indent=None)) + b"\n")
    else:
        write_out((_summary_text(summary, request.output) + "\n").encode("utf-8", "backslashreplace"))
    return ExitCode.PARTIAL if summary.failed or summary.damaged else ExitCode.OK


def _engine(request: RunRequest) -> Callable[[Settings], Engine]:
    workers = request.workers or cores()
    if request.engine == "dask":
        from pcapan.batch.dask_engine import DaskEngine, check_dask

        check_dask()
        return lambda made: DaskEngine(made, request.scheduler, workers)
    return lambda made: LocalEngine(made, workers)


def cores() -> int:
    """Processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


class _Teller(Watch):
    """A watch that has something to put away at the end."""

    def stop(self) -> None:
        """Put it away."""


def _watch(request: RunRequest) -> _Teller:
    if request.quiet:
        return _Teller()
    if request.json_log:
        return _JsonLines()
    return _Bar() if sys.stderr.isatty() else _Lines()


class _JsonLines(_Teller):
    """One JSON object a line on standard error."""

    def __init__(self) -> None:
        self._last = ("", 0.0)

    def state(self, state: State) -> None:
        now = time.monotonic()
        if state.phase != self._last[0] or now - self._last[1] >= 1 or state.state != "running":
            self._last = (state.phase, now)
            _event("progress", asdict(state))

    def item(self, line: Line) -> None:
        _event("item", {name: line[name] for name in ("inputs", "status", "reason", "seconds", "key")})


def _event(kind: str, values: dict[str, Any]) -> None:
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    say(json.dumps({"time": moment, "event": kind, **values}))


class _Lines(_Teller):
    """Lines for a log: phases, what failed, and from time to time how far it is."""

    def __init__(self) -> None:
        self._phase = ""
        self._told = time.monotonic()

    def state(self, state: State) -> None:
        now = time.monotonic()
        begins = state.phase != self._phase
        if state.total and (begins or now - self._told >= _EVERY or state.done == state.total):
            self._told = now
            self._phase = state.phase
            _log(progress_text(state))

    def item(self, line: Line) -> None:
        if line["status"] != "ok":
            _log(f"failed: {clean(_shown(line['inputs']))}: {clean(line['reason'])}")


def _log(text: str) -> None:
    say(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}")


class _Bar(_Teller):
    """A bar on a terminal; what fails is printed above it."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._shown: Any = None
        self._task: Any = None

    def state(self, state: State) -> None:
        if self._shown is None:
            if not state.total or time.monotonic() - self._began < PATIENCE:
                return
            self._shown, self._task = _start_bar()
        self._shown.update(
            self._task,
            description=state.phase,
            completed=state.done,
            total=state.total or None,
            told=_rates(state),
        )

    def item(self, line: Line) -> None:
        if line["status"] != "ok":
            text = f"failed: {clean(_shown(line['inputs']))}: {clean(line['reason'])}"
            if self._shown is None:
                say(text)
            else:
                self._shown.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def stop(self) -> None:
        if self._shown is not None:
            self._shown.stop()
            self._shown = None


def _start_bar() -> tuple[Any, Any]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )
    bar.start()
    return bar, bar.add_task("", total=None, told="")


def progress_text(state: State) -> str:
    """How far a run is, in words."""
    failed = f", {state.failed:,} failed" if state.failed else ""
    return f"{state.phase}: {state.done:,} of {state.total:,}{failed}{_rates(state, ', ')}"


def _rates(state: State, before: str = "") -> str:
    if not state.per_second or state.seconds_left is None:
        return ""
    size = f", {state.bytes_per_second / 1e6:,.1f} MB/s" if state.bytes_per_second else ""
    return f"{before}{state.per_second:,.1f} a second{size}, {duration_text(state.seconds_left)} left"


def duration_text(seconds: float) -> str:
    """A duration for people."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]}{more}"


def _summary_event(summary: Summary) -> dict[str, Any]:
    failed = [{"inputs": list(names), "reason": reason} for names, reason in summary.failed]
    return {"event": "summary", **asdict(summary), "failed": failed}


def _summary_text(summary: Summary, output: str) -> str:
    total = summary.ok + len(summary.failed)
    did = [
        f"{count:,} {word}"
        for count, word in (
            (summary.analysed, "analysed"),
            (summary.judged, "judged again"),
            (summary.unchanged, "unchanged"),
        )
        if count
    ]
    lines = [
        f"{total:,} incident{'s' * (total != 1)}: {', '.join(did) or 'none could be read'}; "
        f"{summary.bytes / 1e9:,.2f} GB in {duration_text(summary.seconds)}."
    ]
    if summary.damaged:
        lines.append(
            f"{summary.damaged:,} were cut, damaged or partly unreadable; their results cover the rest."
        )
    if summary.failed:
        lines.append(f"{len(summary.failed):,} could not be read:")
        for reason, names in _reasons(summary):
            count = f"{len(names):,} x " if len(names) > 1 else ""
            lines.append(f"  {count}{clean(reason)}")
            lines += [f"    {clean(_shown(one))}" for one in names[:3]]
            if len(names) > 3:
                lines.append(f"    and {len(names) - 3:,} more")
    if summary.other_files:
        lines.append(f"{summary.other_files:,} files are no captures and were left alone.")
    lines.append(f"Next: pcapan batch report {clean(output)}")
    return "\n".join(lines)


def _reasons(summary: Summary) -> list[tuple[str, list[tuple[str, ...]]]]:
    """Reasons, the most frequent first, with what failed for them."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for names, reason in summary.failed:
        found.setdefault(reason, []).append(names)
    ranked = sorted(found.items(), key=lambda pair: -len(pair[1]))
    left = ranked[_NAMED:]
    if left:
        ranked = [*ranked[:_NAMED], ("for other reasons", [names for _, many in left for names in many])]
    return ranked
