"""What is wrong with a rule: where it is written, what it is, and what to write instead.

Knows how one or many faults become the error that ends a run with exit status 4. Must not know
what a rule contains.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from pcapan.errors import RuleError

SHOWN = 40
"""Faults printed before the rest is only counted."""


class RuleIssue(Struct, frozen=True, order=True):
    """One fault in a rule file. `line` counts from 1."""

    path: str
    line: int
    message: str
    recommendation: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message} {self.recommendation}".rstrip()


class TextError(RuleError):
    """A fault inside one expression or template; line and column count from 1 within that text."""

    def __init__(self, message: str, *, line: int = 1, column: int = 1, hint: str = "") -> None:
        super().__init__(message, where=f"line {line}, column {column}", hint=hint)
        self.line = line
        self.column = column


class RulesInvalidError(RuleError):
    """Rule files cannot be used; `issues` holds every fault found, in file and line order."""

    def __init__(self, issues: Iterable[RuleIssue]) -> None:
        self.issues: tuple[RuleIssue, ...] = tuple(sorted(set(issues)))
        if len(self.issues) == 1:
            only = self.issues[0]
            super().__init__(only.message, where=f"{only.path}:{only.line}", hint=only.recommendation)
            return
        files = len({issue.path for issue in self.issues})
        shown = [str(issue) for issue in self.issues[:SHOWN]]
        if len(self.issues) > SHOWN:
            shown.append(f"... and {len(self.issues) - SHOWN} more")
        super().__init__(
            f"{len(self.issues)} faults in {files} rule {'file' if files == 1 else 'files'}:",
            where="\n".join(shown),
            hint="Correct these lines; nothing was analysed.",
        )


def did_you_mean(word: str, known: Iterable[str], *, what: str = "names") -> str:
    """A sentence that offers the nearest known words, or lists what there is."""
    import difflib  # only for who has to be told of a fault

    choices: Sequence[str] = sorted(set(known))
    near = difflib.get_close_matches(word[:80], choices, n=3, cutoff=0.6)
    if near:
        return f"Did you mean {' or '.join(repr(name) for name in near)}?"
    if not choices:
        return f"There are no {what} to choose from."
    listed = ", ".join(choices[:12]) + (", ..." if len(choices) > 12 else "")
    return f"Known {what}: {listed}."
