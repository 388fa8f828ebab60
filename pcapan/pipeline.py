"""From capture files to the result: the one module that knows every room.

Knows the order of the steps and what goes into the result document. Must not know formats, packets
or rules themselves.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from msgspec import Struct, field

import pcapan
from pcapan.compiled import engine
from pcapan.detect.ruleset import RuleSet
from pcapan.detect.rulestore import load_built_in
from pcapan.detect.run import FactsStock, Stock, judge, rule_schema
from pcapan.errors import PcapanError, UnreadableError, UsageError
from pcapan.ingest.inputs import InputFacts
from pcapan.memory import without_collection
from pcapan.model import CaptureSummary, Counts, LateRows, Problem, Result
from pcapan.reading import Opener, Progress, Reading, read_files
from pcapan.scan.columns import FileScan
from pcapan.tables.declare import Rows
from pcapan.tables.facts import Facts, Site, gather_facts
from pcapan.tables.ladders import answer_time_rows, ladder_rows
from pcapan.tables.limits import capture_limits, direction
from pcapan.tables.registry import frame_of
from pcapan.tables.series import series_rows
from pcapan.tables.times import iso_time

if TYPE_CHECKING:
    import pandas as pd

    from pcapan.redact.incident import Redactor

SearchProgress = Callable[[int, int], None]
"""Called with (units done, units in all) while NAT detection hashes are searched."""


class Options(Struct, frozen=True):
    """What the user asked for; everything has a default that fits most captures."""

    site: Site = field(default_factory=Site)
    rules: tuple[str, ...] = ()
    """Folders or files of rules that add to or override the built-in ones."""
    overrides: dict[str, str] = field(default_factory=dict)
    """``RULE.PARAM`` -> value."""
    redactor: Redactor | None = None
    """Puts pseudonyms in place of names before anything is concluded or shown; None leaves names."""

    def as_dict(self) -> dict[str, Any]:
        """The options for the result document."""
        site, rules, overrides = self.site, list(self.rules), dict(self.overrides)
        if self.redactor is not None:
            site = self.redactor.site(site)
            rules = [self.redactor.labels.path("rules", path) for path in rules]
            overrides = {key: self.redactor.texts.redact(value) for key, value in overrides.items()}
        return {
            "server": list(site.servers),
            "vip": list(site.vips),
            "balancer": list(site.balancers),
            "limit": site.limit,
            "recover_seconds": site.recover_seconds,
            "rules": rules,
            "set": overrides,
            "redact": self.redactor is not None,
        }


class Analysis(Struct):
    """The result document and, while the process lives, the tables behind it."""

    result: Result
    facts: Facts
    unreadable: list[UnreadableError]
    """Inputs that could not be read at all, when others could."""

    @property
    def partial(self) -> bool:
        """Whether something was cut, damaged or could not be read."""
        return bool(self.unreadable) or any(entry.damaged for entry in self.facts.inputs)

    def forget(self) -> None:
        """Let go of what was kept to read frames again. May be called twice."""
        for entry in self.facts.inputs:
            if entry.recall is not None:
                entry.recall.forget()

    def table(self, name: str) -> pd.DataFrame:
        """A table (messages, attempts, sas, esp, sources, ...) as a pandas DataFrame."""
        return frame_of(name, self.facts)


@without_collection
def analyze(
    paths: str | Path | Sequence[str | Path],
    options: Options | None = None,
    *,
    stdin: BinaryIO | None = None,
    progress: Progress | None = None,
    search_progress: SearchProgress | None = None,
    keep: bool = False,
    jobs: int = 1,
    hash_all: bool = True,
    begun: Reading | None = None,
) -> Analysis:
    """Analyse one incident: one capture, or several that are one timeline.

    With `keep`, frames can be read again afterwards (`InputFacts.recall`), also of what can be read only
    once; end with the analysis' `forget()`. With more `jobs`, as many cores are used; processes may be
    started then, so a script keeps its own start behind ``if __name__ == "__main__"``. Without `hash_all`,
    the SHA-256 of big files is not computed: it takes longer than the analysis. `begun` is a reading of
    the same `paths`, begun in the same way.

    Raises:
        UnreadableError: when none of the inputs can be read.
        RuleError: when a rule file is wrong.
        UsageError: when no input is named, or the same one twice.
    """
    options = options or Options()
    rules = built_in_rules(options)
    facts, unreadable = read_facts(
        paths,
        options,
        stdin=stdin,
        progress=progress,
        search_progress=search_progress,
        keep=keep,
        jobs=jobs,
        hash_all=hash_all,
        begun=begun,
    )
    told: Sequence[PcapanError] = unreadable
    if options.redactor is not None:
        told = [options.redactor.error(error) for error in unreadable]
    return Analysis(make_result(facts, rules, options, told), facts, unreadable)


def built_in_rules(options: Options) -> RuleSet:
    """The rules of the program with the user's additions and overrides."""
    return load_built_in(options.rules, rule_schema, overrides=options.overrides)


@without_collection
def read_facts(
    paths: str | Path | Sequence[str | Path],
    options: Options | None = None,
    *,
    stdin: BinaryIO | None = None,
    opener: Opener | None = None,
    progress: Progress | None = None,
    search_progress: SearchProgress | None = None,
    keep: bool = False,
    jobs: int = 1,
    hash_all: bool = True,
    begun: Reading | None = None,
) -> tuple[Facts, list[UnreadableError]]:
    """Read and track the files without judging them; what is asked and errors as with `analyze`."""
    named = [paths] if isinstance(paths, str | Path) else list(paths)
    texts = [str(path) for path in named]
    if not texts:
        raise UsageError("no capture was named", hint="name at least one file, or - for standard input")
    if len(set(texts)) < len(texts):
        twice = next(text for text in texts if texts.count(text) > 1)
        raise UsageError("a capture is named twice", where=twice, hint="name every file once")
    inputs: list[InputFacts] = []
    scans: list[FileScan] = []
    unreadable: list[UnreadableError] = []
    if begun is not None:
        reads = begun.result(progress)
    else:
        reads = read_files(
            texts, jobs=jobs, stdin=stdin, opener=opener, progress=progress, keep=keep, hash_all=hash_all
        )
    for read in reads:
        if isinstance(read, UnreadableError):
            unreadable.append(read)
        else:
            inputs.append(read[0])
            scans.append(read[1])
    if not inputs:
        raise unreadable[0]
    options = options or Options()
    if options.redactor is not None:
        facts = _redacted_facts(inputs, scans, options.site, options.redactor, search_progress, jobs)
        return facts, unreadable
    return gather_facts(inputs, scans, options.site, search_progress, jobs=jobs), unreadable


def _redacted_facts(
    inputs: list[InputFacts],
    scans: list[FileScan],
    site: Site,
    redactor: Redactor,
    search_progress: SearchProgress | None,
    jobs: int,
) -> Facts:
    """Facts about pseudonyms: names end here, between the scan and everything that concludes from it."""
    redactor.learn(inputs, scans, site)
    recovery = None
    if site.recover_seconds is not None:  # only the true hashes can be searched
        found = gather_facts(inputs, scans, site, search_progress, jobs=jobs)
        assert found.recovery is not None
        redactor.learn_recovered(found.recovery, found.track.attempts)
        recovery = redactor.recovery(found.recovery)
    return gather_facts(
        [redactor.input(entry) for entry in inputs],
        [redactor.scan(scan) for scan in scans],
        redactor.site(site),
        recovery=recovery,
    )


def _now() -> int:
    """Seconds since 1970; SOURCE_DATE_EPOCH stands in where output has to be reproducible."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH", "")
    return int(fixed) if fixed.isdecimal() and len(fixed) < 12 else int(datetime.now(UTC).timestamp())


def run_record(rules: RuleSet, options: Options) -> dict[str, Any]:
    """What the result document says about the run."""
    return {
        "options": options.as_dict(),
        "rules_hash": rules.rules_hash,
        "started": iso_time(_now() * 1_000_000_000),
        "engine": engine(),
    }


@without_collection
def make_result(
    facts: Facts,
    rules: RuleSet,
    options: Options,
    unreadable: Sequence[PcapanError] = (),
    stock: Stock | None = None,
) -> Result:
    """Judge the facts and write the result document; `stock` hands the facts to the rules in its own way."""
    stock = stock or FactsStock(facts)
    return Result(
        tool={"name": "pcapan", "version": pcapan.__version__},
        run=run_record(rules, options),
        inputs=[_input_row(entry, scan) for entry, scan in zip(facts.inputs, facts.scans, strict=True)],
        capture=CaptureSummary(
            server=list(facts.track.roles.servers),
            direction=direction(facts),
            counts=_counts(facts),
            limits=capture_limits(facts),
        ),
        findings=judge(stock, rules),
        sources=LateRows(lambda: _plain(stock.rows("sources"))),
        series=LateRows(lambda: series_rows(facts)),
        answer_times=answer_time_rows(facts),
        ladders=ladder_rows(facts),
        problems=_problems(facts, unreadable),
    )


def _plain(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return rows.plain() if isinstance(rows, Rows) else [dict(row) for row in rows]


#: A silence of the whole network card is told from here on: a tunnel behind a NAT sends a keepalive at
#: least every 20 seconds (RFC 3948, section 4), so this is rarely a live one's silence.
_PAUSE_TOLD_NS = 30_000_000_000


def _pause(scan: FileScan) -> dict[str, str] | None:
    """The longest time without any frame, where it is worth telling."""
    if scan.longest_pause < _PAUSE_TOLD_NS:
        return None
    return {"from": iso_time(scan.pause_from), "to": iso_time(scan.pause_from + scan.longest_pause)}


def _input_row(entry: InputFacts, scan: FileScan) -> dict[str, Any]:
    return {
        "path": entry.path,
        "sha256": entry.sha256 or None,
        "bytes": entry.size,
        "format": entry.format,
        "packets": scan.packets,
        "first": iso_time(scan.first_ts) if scan.first_ts is not None else None,
        "last": iso_time(scan.last_ts) if scan.last_ts is not None else None,
        "pause": _pause(scan),
        "merged_copies": entry.side.merged_copies,
        "damaged": entry.damaged,
        "interfaces": [
            {
                "link_type": interface.link_type,
                "name": interface.name,
                "description": interface.description,
                "snaplen": interface.snaplen,
                "filter": interface.capture_filter,
                "dropped": interface.dropped,
            }
            for interface in entry.interfaces
        ],
        "comments": entry.comments,
    }


def _counts(facts: Facts) -> Counts:
    scans = facts.scans
    undecoded: dict[str, int] = {}
    for scan in scans:
        for reason, count in scan.undecoded.items():
            undecoded[reason] = undecoded.get(reason, 0) + count
    copies = sum(scan.copies for scan in scans)
    return Counts(
        packets=sum(scan.packets for scan in scans) - copies,
        ike=sum(scan.ike for scan in scans),
        esp=sum(scan.esp_packets for scan in scans),
        keepalive=sum(scan.keepalive_packets for scan in scans),
        other=sum(scan.other for scan in scans),
        undecoded=dict(sorted(undecoded.items())),
        copies=copies + sum(entry.side.merged_copies for entry in facts.inputs),
    )


def _problems(facts: Facts, unreadable: Sequence[PcapanError]) -> list[Problem]:
    problems = [
        Problem("ingest", "unreadable", error.where, 0, 1, f"{error.message}; {error.hint}".strip("; "))
        for error in unreadable
    ]
    for entry, scan in zip(facts.inputs, facts.scans, strict=True):
        problems += [
            Problem("ingest", p.code, entry.path, p.frame, p.count, p.example) for p in entry.problems
        ]
        problems += [Problem("scan", p.code, entry.path, p.frame, p.count, p.example) for p in scan.problems]
    for message in facts.track.stray_answers[:1]:
        problems.append(
            Problem(
                "track",
                "answer-without-request",
                facts.inputs[message.file - 1].path,
                message.frame,
                len(facts.track.stray_answers),
                f"IKE_SA_INIT response from {message.src} whose request is not in the capture",
            )
        )
    for message in facts.track.odd_requests[:1]:
        problems.append(
            Problem(
                "track",
                "no-client-request",
                facts.inputs[message.file - 1].path,
                message.frame,
                len(facts.track.odd_requests),
                f"IKE_SA_INIT from {message.src} that no client sends: "
                f"{message.shape.problem or 'no payloads'}",
            )
        )
    return problems
