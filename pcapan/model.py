"""The result document: what an analysis says, and the only thing a renderer may read.

Knows the shape of the answer (findings.md calls it the border between analysis and every
renderer); must not know how the answer is found. Keys are never removed within a major version of
`SCHEMA_VERSION`. Times are ISO 8601 UTC strings here; inside the analysis they are integers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, overload

from msgspec import Struct, field
from msgspec.structs import asdict

SCHEMA_VERSION = "1.2"


class Verdict(StrEnum):
    """Was it seen? "Not seen" and "could not be seen" never share a word."""

    CONFIRMED = "confirmed"
    SUSPECTED = "suspected"
    NOT_OBSERVED = "not_observed"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not_applicable"

    @property
    def reported(self) -> bool:
        """Whether the finding claims that something is there."""
        return self in (Verdict.CONFIRMED, Verdict.SUSPECTED)


class Severity(StrEnum):
    """How harmful it is when it is there."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Evidence(Struct, frozen=True):
    """One frame that speaks for a finding, and the filter that shows it in Wireshark."""

    file: str
    frame: int
    time: str
    what: str
    display_filter: str


class Fix(Struct, frozen=True):
    """What to change: for whom (a vendor, or "all"), and the steps in order."""

    vendor: str
    title: str
    steps: list[str]
    source: str = ""
    """Where the advice comes from, or "unverified"."""


class Reference(Struct, frozen=True):
    """A public document that backs a finding."""

    title: str
    url: str = ""


class Finding(Struct, frozen=True):
    """What one rule concluded; `addresses` are all the sources it holds for."""

    id: str
    rule_version: str
    title: str
    verdict: Verdict
    severity: Severity
    addresses: list[str]
    summary: str
    numbers: dict[str, Any]
    evidence: list[Evidence]
    why: str
    fix: list[Fix]
    cannot_show: list[str]
    references: list[Reference]


class Problem(Struct, frozen=True):
    """Something odd that did not stop the analysis. `stage`: ingest, scan, decode or track."""

    stage: str
    code: str
    file: str
    frame: int
    count: int
    example: str


class Counts(Struct, frozen=True):
    """Where every packet went: packets = ike + esp + keepalive + other + sum(undecoded)."""

    packets: int
    ike: int
    esp: int
    keepalive: int
    other: int
    undecoded: dict[str, int]
    copies: int
    """The same packet captured more than once; not part of `packets`."""


class CaptureSummary(Struct, frozen=True):
    """What kind of view the capture gives."""

    server: list[str]
    direction: str
    """both, to-server, from-server, or unknown."""
    counts: Counts
    limits: list[str]
    """Sentences: what this capture cannot show."""


class LateRows(Sequence[dict[str, Any]]):
    """Rows of the document that are made when somebody first looks at them: a verdict line needs none."""

    def __init__(self, make: Callable[[], list[dict[str, Any]]]) -> None:
        self._make = make
        self._made: list[dict[str, Any]] | None = None

    def rows(self) -> list[dict[str, Any]]:
        """All of them."""
        if self._made is None:
            self._made = self._make()
        return self._made

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        return self.rows()[index]

    def __len__(self) -> int:
        return len(self.rows())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self.rows() == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[type[list[Any]], tuple[list[dict[str, Any]]]]:
        return list, (self.rows(),)  # what makes them stays in its process


class Result(Struct, frozen=True):
    """The whole answer. `to_dict` gives the JSON document."""

    tool: dict[str, str]
    run: dict[str, Any]
    inputs: list[dict[str, Any]]
    capture: CaptureSummary
    findings: list[Finding]
    sources: Sequence[dict[str, Any]]
    series: Sequence[dict[str, Any]]
    problems: list[Problem]
    answer_times: list[dict[str, Any]] = field(default_factory=list)
    """Since 1.1: how long answers to IKE_SA_INIT took, everybody's and the worst source's."""
    ladders: list[dict[str, Any]] = field(default_factory=list)
    """Since 1.1: one failed and one healthy handshake step by step, where there are such."""
    schema_version: str = SCHEMA_VERSION

    def to_dict(self) -> dict[str, Any]:
        """The document as plain dictionaries and lists, keys in the documented order.

        Its rows are the result's own where they are plain already: change neither.
        """
        return {
            "schema_version": self.schema_version,
            "tool": self.tool,
            "run": self.run,
            "inputs": self.inputs,
            "capture": {**asdict(self.capture), "counts": asdict(self.capture.counts)},
            "findings": [finding_dict(finding) for finding in self.findings],
            "sources": list(self.sources),
            "series": list(self.series),
            "answer_times": self.answer_times,
            "ladders": self.ladders,
            "problems": [asdict(problem) for problem in self.problems],
        }


def finding_dict(finding: Finding) -> dict[str, Any]:
    """A finding as it stands in the document."""
    made = asdict(finding)
    for name in ("evidence", "fix", "references"):
        made[name] = [asdict(one) for one in made[name]]
    return made
