"""A result for a terminal, and as plain text for a pipe or a file.

Knows the result document. Must not know how anything was found. Colour is decoration: the
text says everything without it. Everything printed passes `clean`, because file names, vendor ids
and comments are strangers' text.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, TextIO

from pcapan.model import Evidence, Finding, Fix, Result
from pcapan.report import words
from pcapan.report.lines import Lines, Paper, make_paper
from pcapan.report.safe import clean
from pcapan.report.story import Wanted

_ADDRESSES_SHOWN = 12
_EVIDENCE_SHOWN = 4
_VENDORS_SHOWN = 2
_WHY_SHOWN = 2
_PROBLEMS_SHOWN = 20

_STYLES = {
    "confirmed": "bold red",
    "suspected": "bold yellow",
    "inconclusive": "bold magenta",
    "no problem observed": "bold green",
}


class Detail(Enum):
    """How much is printed."""

    LINE = "the verdict line only"
    NORMAL = "what a person needs"
    ALL = "everything the result holds"


def print_result(
    result: Result,
    file: TextIO,
    *,
    detail: Detail = Detail.NORMAL,
    color: bool = True,
    width: int | None = None,
    wanted: Wanted | None = None,
) -> None:
    """Print a result; `width` in characters, that of the terminal when not given."""
    reconfigure = getattr(file, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
    _Printer(result, make_paper(file, color=color, width=width), detail, wanted or Wanted()).print()


class _Printer(Lines):
    def __init__(self, result: Result, paper: Paper, detail: Detail, wanted: Wanted) -> None:
        self.wanted = wanted
        self.result = result
        super().__init__(paper)
        self.detail = detail
        self.everything = detail is Detail.ALL
        self.groups = words.grouped(result)
        self.names = words.file_names([str(entry["path"]) for entry in result.inputs])

    def print(self) -> None:
        self._verdict()
        if self.detail is Detail.LINE:
            return
        shown = self.groups.clients + self.groups.capture
        if self.everything:
            shown += self.groups.notes
        for number, finding in enumerate(shown, 1):
            self._finding(number, finding)
        self._notes()
        self._inconclusive()
        self._not_observed()
        if self.everything:
            self._sources()
        self._capture()
        self._problems()
        if self.everything:
            self._provenance()

    # The parts, in the order they are printed.

    def _verdict(self) -> None:
        verdict, sentence = words.headline(self.result)
        more = words.also(self.result)
        told = f" - {sentence}"
        if more and self.detail is Detail.LINE:
            told += f" Also: {more}."
        line = [
            ("Verdict: ", "bold"),
            (verdict.upper(), _STYLES.get(verdict, "bold")),
            (clean(told), "bold"),
        ]
        if self.detail is Detail.LINE:
            # One line for a script or a log, however long.
            self.paper.line(line)
            return
        self.put(line)
        if more:
            self.line(f"Also: {more}.")
        if note := words.pseudonyms_note(self.result):
            self.line(note)

    def _finding(self, number: int, finding: Finding) -> None:
        self.blank()
        verdict = words.VERDICT_WORDS[finding.verdict]
        self.heading(f"{number}. {finding.title}")
        state = f"{verdict}, severity {finding.severity}, rule {finding.id} {finding.rule_version}"
        self.put([(clean(state), _STYLES.get(verdict, ""))], 3)
        if finding.addresses:
            self.line(f"For: {self._addresses(finding)}", 3)
        self.line(finding.summary, 3)
        self._numbers(finding)
        self._evidence(finding.evidence)
        self._why(finding)
        self._fixes(finding.fix)
        if finding.cannot_show:
            self.label("What this cannot show")
            for sentence in finding.cannot_show:
                self.item(sentence)
        if self.everything and finding.references:
            self.label("See also")
            for reference in finding.references:
                self.item(f"{reference.title} {reference.url}".strip())

    def _addresses(self, finding: Finding) -> str:
        return words.listed(
            finding.addresses, most=len(finding.addresses) if self.everything else _ADDRESSES_SHOWN
        )

    def _notes(self) -> None:
        """What is there and harms nobody: a line each, unless everything is asked for."""
        if self.everything or not self.groups.notes:
            return
        self.blank()
        self.heading("Also seen, harmless by itself (-v tells more)")
        for finding in self.groups.notes:
            verdict = words.VERDICT_WORDS[finding.verdict]
            where = f" for {self._addresses(finding)}" if finding.addresses else ""
            self.item(f"{finding.id} {verdict}{where}: {finding.summary}", indent=2)

    def _numbers(self, finding: Finding) -> None:
        pairs = words.key_numbers(finding, everything=self.everything)
        if pairs:
            self.line("Numbers: " + "; ".join(f"{name}: {value}" for name, value in pairs), 3)
        by_address = finding.numbers.get("by_address")
        if self.everything and isinstance(by_address, dict):
            for address, numbers in by_address.items():
                told = "; ".join(
                    f"{words.number_name(key)}: {words.number_text(key, value)}"
                    for key, value in numbers.items()
                )
                self.item(f"{address}: {told}")

    def _evidence(self, evidence: Sequence[Evidence]) -> None:
        if not evidence:
            return
        most = len(evidence) if self.everything else _EVIDENCE_SHOWN
        shown = words.chosen_evidence(evidence, most)
        left = len(evidence) - len(shown)
        self.label(f"Evidence ({left} more with -v or in the JSON)" if left else "Evidence")
        for row in shown:
            place = (
                f"{self.names.get(row.file, row.file)} frame {row.frame}, {self.wanted.clock.both(row.time)}"
            )
            self.item(place)
            self.line(row.what, 7)
            if row.display_filter:
                self.whole(f"filter: {row.display_filter}", 7)

    def _why(self, finding: Finding) -> None:
        parts = words.paragraphs(finding.why)
        shown = parts if self.everything else parts[:_WHY_SHOWN]
        if shown:
            self.label("Why")
        for part in shown:
            self.line(part, 5)

    def _fixes(self, fixes: Sequence[Fix]) -> None:
        own, others = words.vendor_fixes(fixes, self.wanted.vendor)
        shown, left = words.chosen_fixes(own, len(own) if self.everything else _VENDORS_SHOWN)
        left += others
        if not shown:
            return
        self.label("What to change")
        for fix in shown:
            self.line(fix.title, 5)
            for number, step in enumerate(fix.steps, 1):
                self.item(step, mark=f"{number}.", indent=7)
            if self.everything and fix.source:
                self.line(f"Source: {fix.source}", 7)
        if left:
            makers = list(dict.fromkeys(fix.vendor for fix in left))
            how = "without --vendor" if others else "with -v"
            self.line(f"More {how}, for {words.listed(makers, most=12)}", 5)

    def _inconclusive(self) -> None:
        if not self.groups.inconclusive:
            return
        self.blank()
        self.heading("Cannot be told from this capture")
        reasons: dict[str, list[str]] = {}
        for finding in self.groups.inconclusive:
            parts = words.paragraphs(finding.why)
            reasons.setdefault(parts[0] if parts else finding.summary, []).append(finding.id)
        for reason, ids in reasons.items():
            self.item(f"{', '.join(ids)}: {reason}", indent=2)

    def _not_observed(self) -> None:
        for label, group in (
            ("Checked and not observed", self.groups.not_observed),
            ("Does not apply here", self.groups.not_applicable),
        ):
            if group:
                self.blank()
                self.line(f"{label}: {', '.join(finding.id for finding in group)}.")

    def _sources(self) -> None:
        if not self.result.sources:
            return
        self.blank()
        self.heading("Sources")
        keys = ("attempts", "answered", "unanswered", "sas_concurrent_max")
        for row in self.result.sources:
            told = ", ".join(f"{words.number_name(key)} {row.get(key)}" for key in keys)
            self.item(f"{row.get('address')} ({row.get('address_class')}): {told}", indent=2)

    def _capture(self) -> None:
        capture = self.result.capture
        self.blank()
        self.heading("Capture")
        for entry in self.result.inputs:
            self.line(self._input(entry), 2)
        self.line(words.packets_text(self.result), 2)
        servers = ", ".join(capture.server) or "none seen"
        self.line(f"VPN server: {servers}; direction: {capture.direction}", 2)
        for limit in capture.limits:
            self.line(f"Limit: {limit}", 2)

    def _input(self, entry: dict[str, Any]) -> str:
        span = "no times"
        if entry.get("first") and entry.get("last"):
            span = f"{self.wanted.clock.both(entry['first'])} to {self.wanted.clock.both(entry['last'])}"
        cut = ", cut or damaged" if entry.get("damaged") else ""
        return f"{entry['path']}: {entry['format']}, {entry['packets']} packets{cut}, {span}"

    def _problems(self) -> None:
        problems = self.result.problems
        if not problems:
            return
        if not self.everything:
            count = sum(problem.count for problem in problems)
            kinds = ", ".join(sorted({problem.code for problem in problems}))
            self.line(f"Noted on the way (-v tells more): {count} x {kinds}", 2)
            return
        self.blank()
        self.heading("Noted on the way")
        for problem in problems[:_PROBLEMS_SHOWN]:
            where = f" frame {problem.frame}" if problem.frame else ""
            name = self.names.get(problem.file, problem.file)
            self.item(
                f"{problem.code}, {problem.count} x, first in {name}{where}: {problem.example}", indent=2
            )
        if len(problems) > _PROBLEMS_SHOWN:
            self.line(f"... and {len(problems) - _PROBLEMS_SHOWN} more in the JSON", 2)

    def _provenance(self) -> None:
        self.blank()
        self.heading("Provenance")
        tool, run = self.result.tool, self.result.run
        started = self.wanted.clock.both(str(run.get("started")))
        self.line(f"{tool.get('name')} {tool.get('version')}, run {started}", 2)
        self.line(f"rules {run.get('rules_hash')}", 2)
        asked = "; ".join(f"{key}: {value}" for key, value in run.get("options", {}).items() if value)
        self.line(f"options: {asked or 'none'}", 2)
        for entry in self.result.inputs:
            self.line(f"{entry['path']}: {entry['bytes']} bytes, {words.digest_text(self.result, entry)}", 2)
