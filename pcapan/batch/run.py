"""A run: find captures, make incidents of them, have each analysed, keep the manifest.

Knows the order of the steps and what makes an item part of the dataset: its line in the manifest, which is
written only after everything else of it lies durably in its place. Must not know formats, terminals, or how
workers work.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pcapan.batch import stored
from pcapan.batch.catalogue import Catalogue, found_from_json
from pcapan.batch.engine import Engine, Task
from pcapan.batch.grouping import Grouping, group, to_be_timed
from pcapan.batch.inventory import walk
from pcapan.batch.layout import Layout, told
from pcapan.batch.lock import locked
from pcapan.batch.manifest import Line, Manifest
from pcapan.batch.model import Found, Input, Item, Outcome, Refused
from pcapan.batch.plan import Current, Names, Plan, make_plan
from pcapan.batch.progress import Meter, State, read_state
from pcapan.batch.rulebook import keep_fingerprints, note_judging, read_judging
from pcapan.batch.settings import Settings
from pcapan.batch.work import reader_version
from pcapan.errors import PcapanError, UnreadableError
from pcapan.pipeline import built_in_rules

#: Lines that wait for each other, so that a flood of small incidents costs few writes; and for how long.
_TOGETHER, _WAIT = 2000, 1.0


@dataclass(slots=True)
class Request:
    """What a run is asked for."""

    sources: Sequence[str]
    settings: Settings
    grouping: Grouping
    engine: Callable[[Settings], Engine]


@dataclass(slots=True)
class Summary:
    """What a run did, and what the incidents it was asked about are now."""

    analysed: int = 0
    judged: int = 0
    unchanged: int = 0
    ok: int = 0
    damaged: int = 0
    """Of those ok: parts were cut, damaged or could not be read."""
    failed: list[tuple[Names, str]] = field(default_factory=list)
    other_files: int = 0
    bytes: int = 0
    seconds: float = 0.0


class Watch:
    """What a run tells while it goes on; by default nobody listens."""

    def state(self, state: State) -> None:
        """Something moved."""

    def item(self, line: Line) -> None:
        """A line was added to the manifest."""


def run(request: Request, watch: Watch) -> Summary:
    """Bring a dataset up to date with its sources.

    Raises:
        UnreadableError: a source does not exist, or there is no capture in any.
        UsageError: the dataset is locked, is something else, or cannot be written.
        RuleError: a rule file is wrong.
        PcapanError: the disk is full.
    """
    began = time.monotonic()
    layout = Layout(request.settings.root)
    rules = built_in_rules(request.settings.options)
    layout.create()
    with told(layout.root), locked(layout.lock):
        clean = _left_clean(layout)
        layout.clear_temporary()
        manifest = Manifest.read(layout.manifest)
        manifest.repair()
        keep_fingerprints(layout, rules.rules_hash, rules.fingerprints)
        engine = request.engine(request.settings)
        meter = Meter(layout.progress, engine.workers, watch.state)
        ended = "failed"
        try:
            one = _Run(request, layout, manifest, engine, meter, watch)
            current = Current(
                rules.rules_hash,
                request.settings.site,
                stored.version(),
                reader_version(),
                read_judging(layout),
            )
            summary = one.all(current)
            one.tidy(clean=clean)
            ended = "done"
        except KeyboardInterrupt:
            ended = "interrupted"
            raise
        finally:
            engine.close()
            meter.end(ended)
    summary.seconds = time.monotonic() - began
    return summary


def _left_clean(layout: Layout) -> bool:
    """Whether the last run came to its end, so that no files without a manifest line lie about."""
    state = read_state(layout.progress)
    return state is not None and state.state == "done"


class _Run:
    def __init__(
        self,
        request: Request,
        layout: Layout,
        manifest: Manifest,
        engine: Engine,
        meter: Meter,
        watch: Watch,
    ) -> None:
        self._request = request
        self._layout = layout
        self._manifest = manifest
        self._engine = engine
        self._meter = meter
        self._watch = watch
        self._waiting: list[Line] = []
        self._waiting_since = 0.0
        self._dropped_keys = False

    def all(self, current: Current) -> Summary:
        """Everything from looking for captures to the last line of the manifest."""
        found = self._find()
        items = self._group(found.inputs)
        if not items and not found.refused:
            raise UnreadableError(
                "there is no capture at any of these places",
                where=", ".join(self._request.sources),
                hint="name folders, files, patterns or archives with captures",
            )
        plan = make_plan(items, found.refused, self._manifest, current, self._request.sources)
        for names in plan.replaced:
            self._drop(names)
        self._meter.phase(
            "analysing",
            total=len(plan.analyse) + len(plan.judge),
            size=sum(item.size for item in (*plan.analyse, *(item for item, _ in plan.judge))),
            unchanged=len(plan.kept),
        )
        self._refuse(plan.refused)
        self._work(plan, current)
        return self._summary(plan, items, found.other_files)

    def tidy(self, *, clean: bool) -> None:
        """One line an item in the manifest, and no files of items that are not in it."""
        self._manifest.compact()
        if clean and not self._dropped_keys:
            return
        keys = self._manifest.keys
        for key, path in self._layout.stored():
            if key not in keys:
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()

    def _find(self) -> Found:
        walked = walk(self._request.sources)
        catalogue = Catalogue(self._layout)
        found, unknown = walked.found, []
        for entry in walked.unknown:
            known = catalogue.inside(entry.name, entry.stamp)
            if known is None:
                unknown.append(entry)
            else:
                _add(found, known)
        self._meter.phase("looking into files", total=len(unknown), size=sum(entry.size for entry in unknown))
        tasks = [
            Task(
                {
                    "do": "inspect",
                    "unknown": {n: getattr(entry, n) for n in ("name", "size", "stamp", "named")},
                }
            )
            for entry in unknown
        ]
        for number, outcome in self._engine.run(tasks):
            entry = unknown[number]
            self._meter.step(entry.size, failed=outcome.status != "ok")
            if outcome.status == "ok":
                catalogue.keep(entry.name, entry.stamp, outcome.answer)
                _add(found, found_from_json(outcome.answer))
            else:
                self._stop_if_full(outcome)
                found.refused.append(Refused(entry.name, outcome.reason, entry.stamp))
        if self._request.grouping is Grouping.AUTO:
            self._tell_times(found, catalogue)
        catalogue.save()
        found.inputs.sort(key=lambda entry: entry.name)
        return found

    def _tell_times(self, found: Found, catalogue: Catalogue) -> None:
        """Find out when captures begin that may be nodes of one incident."""
        times: dict[str, int | None] = {}
        unknown = []
        for entry in to_be_timed(found.inputs):
            known = catalogue.began(entry)
            if known is None:
                unknown.append(entry)
            else:
                times[entry.name] = known[0]
        tasks = [Task({"do": "time", "input": entry.to_json()}, Item((entry,)).archive) for entry in unknown]
        for number, outcome in self._engine.run(tasks):
            first_ns = outcome.answer.get("first_ns")
            times[unknown[number].name] = first_ns
            if outcome.status == "ok":
                catalogue.keep_began(unknown[number], first_ns)
        found.inputs[:] = [
            replace(entry, first_ns=times[entry.name]) if entry.name in times else entry
            for entry in found.inputs
        ]

    def _group(self, inputs: list[Input]) -> list[Item]:
        distinct = list({entry.name: entry for entry in reversed(inputs)}.values())
        return group(sorted(distinct, key=lambda entry: entry.name), self._request.grouping)

    def _drop(self, names: Names) -> None:
        self._manifest.drop(names)
        self._dropped_keys = True

    def _refuse(self, refused: Sequence[Refused]) -> None:
        for entry in refused:
            line = {
                "inputs": [entry.name],
                "status": "failed",
                "reason": entry.reason,
                "seconds": 0.0,
                "key": "",
                "stamps": [entry.stamp],
            }
            before = self._manifest.lines.get((entry.name,))
            if before is None or before["reason"] != entry.reason or before["key"]:
                self._add(line)
        self._flush()

    def _work(self, plan: Plan, current: Current) -> None:
        if plan.judge:
            note_judging(self._layout, current.unfinished | {current.rules_hash})
        doubted = {n for n, line in self._manifest.lines.items() if line["key"] and current.doubts(line)}
        items = [*plan.analyse, *(item for item, _ in plan.judge)]
        lines = [*(None for _ in plan.analyse), *(line for _, line in plan.judge)]
        stale: list[Item] = []
        for number, outcome in self._each(plan.tasks()):
            if outcome.status == "stale":  # its stored facts are of no use: back to the captures
                stale.append(items[number])
                continue
            self._done(items[number], outcome, current, lines[number])
        if stale:
            tasks = Plan(analyse=stale).tasks()
            for number, outcome in self._each(tasks):
                self._done(stale[number], outcome, current)
        if plan.judge or current.unfinished:  # items of other sources may still be what a killed run left
            elsewhere = doubted - {item.names for item in items} - set(plan.replaced)
            note_judging(self._layout, current.unfinished if elsewhere else frozenset())

    def _each(self, tasks: list[Task]) -> Iterator[tuple[int, Outcome]]:
        try:
            yield from self._engine.run(tasks)
        finally:
            self._flush()

    def _done(self, item: Item, outcome: Outcome, current: Current, judged: Line | None = None) -> None:
        """Write down what became of an item; `judged` is its line of before where only rules were asked."""
        self._stop_if_full(outcome)
        self._meter.step(item.size, failed=outcome.status != "ok")
        line: dict[str, Any] = {
            "inputs": list(item.names),
            "status": outcome.status,
            "reason": outcome.reason,
            "seconds": round(outcome.seconds, 4),
            "key": "",
            "stamps": [entry.stamp for entry in item.inputs],
        }
        if outcome.status == "ok":
            line |= {
                "key": outcome.answer["key"],
                "rules": current.rules_hash,
                "site": current.site,
                "version": current.version,
                "digest": {**(judged["digest"] if judged else {}), **outcome.answer["digest"]},
            }
            line["reason"] = judged["reason"] if judged else outcome.reason
        elif "final" in outcome.answer:
            line["final"] = outcome.answer["final"]
        before = self._manifest.lines.get(item.names)
        if before is not None:
            if before["key"] and before["key"] != line["key"]:
                self._dropped_keys = True
            told = ("status", "reason", "stamps", "final")
            if not line["key"] and [before.get(name) for name in told] == [line.get(name) for name in told]:
                return  # it failed once more, as before: nothing new to write down
        self._add(line)

    def _add(self, line: Line) -> None:
        if not self._waiting:
            self._waiting_since = time.monotonic()
        self._waiting.append(line)
        if len(self._waiting) >= _TOGETHER or time.monotonic() - self._waiting_since > _WAIT:
            self._flush()

    def _flush(self) -> None:
        lines, self._waiting = self._waiting, []
        if lines:
            self._layout.sync()
        self._manifest.append(lines)
        for line in lines:
            self._watch.item(line)

    def _stop_if_full(self, outcome: Outcome) -> None:
        if outcome.status == "full":
            raise PcapanError(
                outcome.reason,
                where=str(self._layout.root),
                hint="make room and run the same command again: it goes on where it stopped",
            )

    def _summary(self, plan: Plan, items: Sequence[Item], other_files: int) -> Summary:
        summary = Summary(
            analysed=len(plan.analyse),
            judged=len(plan.judge),
            unchanged=len(plan.kept),
            other_files=other_files,
            bytes=sum(item.size for item in plan.analyse),
        )
        for names in [*(item.names for item in items), *((entry.name,) for entry in plan.refused)]:
            line = self._manifest.lines[names]
            if line["status"] == "ok":
                summary.ok += 1
                summary.damaged += bool(line["reason"])
            else:
                summary.failed.append((names, line["reason"]))
        return summary


def _add(found: Found, more: Found) -> None:
    found.inputs += more.inputs
    found.refused += more.refused
    found.other_files += more.other_files
