"""A comparison for a terminal, and as plain text for a pipe or a file.

Knows the comparison. Must not know how it was judged.
"""

from __future__ import annotations

from typing import TextIO

from pcapan.report.clock import Clock
from pcapan.report.compare import told
from pcapan.report.compare.judge import Change, Comparison, Outcome
from pcapan.report.lines import Lines, Paper, make_paper
from pcapan.report.safe import clean
from pcapan.report.terminal import Detail

_STYLES = {
    Outcome.WORKED: "bold green",
    Outcome.NO_TROUBLE: "bold green",
    Outcome.IN_PART: "bold yellow",
    Outcome.NEW_TROUBLE: "bold red",
    Outcome.FAILED: "bold red",
    Outcome.CANNOT_TELL: "bold magenta",
}
_SOURCES_SHOWN = 12
_NUMBERS_SHOWN = 6


def print_comparison(
    comparison: Comparison,
    file: TextIO,
    *,
    clock: Clock,
    detail: Detail = Detail.NORMAL,
    color: bool = True,
    width: int | None = None,
) -> None:
    """Print a comparison; `width` in characters, that of the terminal when not given."""
    reconfigure = getattr(file, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
    _Printer(comparison, make_paper(file, color=color, width=width), clock, detail).print()


class _Printer(Lines):
    def __init__(self, comparison: Comparison, paper: Paper, clock: Clock, detail: Detail) -> None:
        super().__init__(paper)
        self.comparison = comparison
        self.clock = clock
        self.detail = detail
        self.everything = detail is Detail.ALL

    def print(self) -> None:
        self._verdict()
        if self.detail is Detail.LINE:
            return
        for number, change in enumerate(self._shown(), 1):
            self._change(number, change)
        self._others()
        self._numbers()
        self._sources()
        self._caveats()

    def _verdict(self) -> None:
        outcome = self.comparison.outcome
        line = [
            ("Change: ", "bold"),
            (told.OUTCOME_WORDS[outcome].upper(), _STYLES[outcome]),
            (f" - {clean(self.comparison.sentence)}", "bold"),
        ]
        if self.detail is Detail.LINE:
            self.paper.line(line)
            return
        self.put(line)
        for side, verdict, sentence in told.headlines(self.comparison):
            self.line(f"{side}: {verdict.upper()} - {sentence}")

    def _shown(self) -> list[Change]:
        return [one for one in self.comparison.changes if one.trouble or self.everything]

    def _change(self, number: int, change: Change) -> None:
        self.blank()
        self.heading(f"{number}. {change.title}: {told.state_word(change)}")
        self.line(f"{told.step(change)}; severity {change.severity}, rule {change.id}", 3)
        where = told.addresses(change)
        if where:
            self.line(f"For: {where}", 3)
        self.line(change.reason, 3)
        numbers = told.numbers_text(change, None if self.everything else _NUMBERS_SHOWN)
        if numbers:
            self.line(f"Numbers: {numbers}", 3)

    def _others(self) -> None:
        if self.everything:
            return
        others = [one for one in self.comparison.changes if not one.trouble]
        if others:
            self.blank()
            self.heading("About the captures, and harmless by itself (-v tells more)")
            for one in others:
                self.item(f"{one.id}: {told.state_word(one)} ({told.step(one)})", indent=2)

    def _numbers(self) -> None:
        rows = [told.total_texts(total) for total in self.comparison.totals]
        self.blank()
        self._table(("", "Before", "After"), rows)

    def _sources(self) -> None:
        rows = self.comparison.sources
        if not rows:
            return
        self.blank()
        self.heading("Sources: before -> after")
        shown = rows if self.everything else rows[:_SOURCES_SHOWN]
        for row in shown:
            self.item(f"{row['address']}: {told.source_text(row)}", indent=2)
        if len(rows) > len(shown):
            self.line(f"{len(rows) - len(shown)} more with -v or in the JSON", 2)

    def _caveats(self) -> None:
        if self.comparison.caveats:
            self.blank()
            self.heading("Keep in mind")
            for text in self.comparison.caveats:
                self.item(text, indent=2)
        self.blank()
        for name, result in (("Before", self.comparison.before), ("After", self.comparison.after)):
            self.line(f"{name}: {told.side_text(result, self.clock)}")

    def _table(self, heads: tuple[str, str, str], rows: list[tuple[str, str, str]]) -> None:
        widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(3)]
        for number, (name, old, new) in enumerate([heads, *rows]):
            text = f"{name:<{widths[0]}}  {old:>{widths[1]}}  {new:>{widths[2]}}"
            self.put([(clean(text), "bold" if number == 0 else "")], 2)
