"""What a rule is, once its file has been read and checked.

Knows the parts of a rule as frozen data. Must not know TOML, files, or how a rule is evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from pcapan.detect.expression import Expression
from pcapan.detect.schema import ColumnType, Value
from pcapan.detect.tomlplace import Places
from pcapan.detect.wording import Template
from pcapan.model import Fix, Reference, Severity, Verdict

GROUP_NAMES: Mapping[str, ColumnType] = {
    "addresses": ColumnType.STR,
    "address_count": ColumnType.INT,
    "row_count": ColumnType.INT,
}
"""Names only texts know: what a finding as a whole covers."""


class Lifecycle(StrEnum):
    """How much a rule may be relied on."""

    EXPERIMENTAL = "experimental"
    STABLE = "stable"
    DEPRECATED = "deprecated"


class Origin(StrEnum):
    """Where the value of a name comes from."""

    ROW = "row"
    CAPTURE = "capture"
    PARAM = "param"
    LET = "let"


class Name(Struct, frozen=True):
    """One name a rule may use."""

    type: ColumnType
    origin: Origin
    meaning: str = ""
    leaves: tuple[str, ...] = ()
    """For a let: the columns it rests on in the end."""
    capture_wide: bool = False
    """Whether its value is the same for all rows."""


class Need(Struct, frozen=True):
    """A gate: when `when` is not true, the rule cannot judge and says `reason`."""

    when: Expression
    verdict: Verdict
    reason: Template


class Param(Struct, frozen=True):
    """A number, word or switch the user may override, and why it has this value."""

    name: str
    value: bool | int | float | str
    unit: str
    why: str
    type: ColumnType


class Let(Struct, frozen=True):
    """A named calculation."""

    name: str
    expression: Expression


class Outcome(Struct, frozen=True):
    """A verdict and the condition it is given on."""

    verdict: Verdict
    when: Expression
    reason: Template | None = None
    severity: Severity | None = None


class EvidencePlan(Struct, frozen=True):
    """Which evidence selectors to run, how many frames to keep, and the filter that shows them."""

    frames: tuple[str, ...] = ()
    limit: int = 12
    filter: Template | None = None


class Signal(Struct, frozen=True):
    """A sentence that belongs into the explanation when its condition holds."""

    when: Expression
    text: Template


class ReportPlan(Struct, frozen=True):
    """The words of a finding."""

    summary: Mapping[Verdict, Template]
    why: Template | None = None
    cannot_show: tuple[Template, ...] = ()
    numbers: tuple[str, ...] = ()
    signals: tuple[Signal, ...] = ()
    refutes: tuple[Signal, ...] = ()


class Example(Struct, frozen=True):
    """A sample and what the rule must say about it."""

    sample: str
    verdict: Verdict
    addresses: tuple[str, ...] | None = None


class Rule(Struct, frozen=True):
    """One rule file."""

    id: str
    version: str
    title: str
    lifecycle: Lifecycle
    severity: Severity
    table: str
    question: str
    motivation: str
    """What goes wrong there and how it shows, for `pcapan explain`."""
    address: str
    """The column whose values become the addresses of a finding; empty when there is none."""
    group_by: str
    order_by: str
    needs: tuple[Need, ...]
    params: Mapping[str, Param]
    lets: tuple[Let, ...]
    outcomes: tuple[Outcome, ...]
    evidence: EvidencePlan
    report: ReportPlan
    use_fixes: tuple[str, ...]
    """Shared fixes by name, as the file has them."""
    fixes: tuple[Fix, ...]
    """Its own, then the shared ones."""
    references: tuple[Reference, ...]
    examples: tuple[Example, ...]
    names: Mapping[str, Name]
    """Every name its expressions may use."""
    judges_capture: bool
    """Whether its table is the one-row table of the capture itself."""
    path: str
    places: Places
    """Where each key is written."""

    def line(self, *key: str | int) -> int:
        """The line of a key, or of the nearest key around it."""
        while key and key not in self.places:
            key = key[:-1]
        return self.places[key].line if key in self.places else 1

    def verdicts(self) -> frozenset[Verdict]:
        """Every verdict this rule can give; any rule may find no row, or a value nobody knows."""
        given = {outcome.verdict for outcome in self.outcomes} | {need.verdict for need in self.needs}
        return frozenset(given | {Verdict.NOT_OBSERVED, Verdict.INCONCLUSIVE})

    def param_values(self) -> dict[str, Value]:
        """The parameters by name."""
        return {name: param.value for name, param in self.params.items()}
