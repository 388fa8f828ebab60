"""What may be said about a variant of a capture whose truth is known."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from typing import Any

from pcapan.detect.ruleset import RuleSet
from pcapan.model import Finding, Verdict
from pcapan.pipeline import Options, built_in_rules, make_result
from pcapan.reading import scan_file
from pcapan.tables.facts import gather_facts
from tests.kit.frames import pcap
from tests.robust.variants import Files, Variant

#: Findings that accuse an address: naming any other is a false claim.
ACCUSING = ("full-nat", "sa-limit-exhaustion")
#: What they say is not gone with a packet in a hundred, nor with the clock or the addresses.
_LASTING = ("full-nat", "sa-limit-exhaustion", "shared-source", "server-silent")


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known about a capture."""

    expected: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Finding -> the addresses it must name (none: any)."""
    forbidden: frozenset[str] = frozenset()
    unproved: frozenset[str] = frozenset()
    """Findings that must not be confirmed."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Truth:
        """From one capture's part of EXPECT.json, or from the TOML file of a sample."""
        reported = [e for e in document["expect"] if e.get("verdict") in _REPORTED]
        return cls(
            {e["id"]: frozenset(e.get("addresses", ())) for e in reported},
            frozenset(document["forbid"]),
            frozenset(document.get("not_confirmed", ())),
        )


_REPORTED = (None, "confirmed", "suspected", "reported")


@dataclass(frozen=True, slots=True)
class Hit:
    """Something said about a variant that may be wrong."""

    kind: str
    """confirmed, accused, suspected, denied"""
    finding: str
    detail: str

    @property
    def grave(self) -> bool:
        """Whether it is a false claim; the others only deserve a look."""
        return self.kind in ("confirmed", "accused")


@cache
def _rules() -> RuleSet:
    return built_in_rules(Options())


def findings_of(files: Files, link: int) -> list[Finding]:
    """What the program says about frames in memory."""
    read = [scan_file("-", stdin=io.BytesIO(pcap(frames, link))) for frames in files]
    facts = gather_facts([entry for entry, _ in read], [scan for _, scan in read], Options().site)
    return make_result(facts, _rules(), Options()).findings


def judge(
    truth: Truth,
    variant: Variant,
    found: Sequence[Finding],
    before: Sequence[Finding],
    mapping: Callable[[bytes], bytes],
) -> list[Hit]:
    """Everything that the truth does not cover; `before` is what was said about the capture unchanged."""

    def renamed(text: str) -> str:
        return str(ip_address(mapping(ip_address(text).packed)))

    hits = []
    told = {(f.id, a) for f in before if f.verdict.reported for a in f.addresses}
    known = {f.id for f in before if f.verdict.reported}
    for finding in found:
        if not finding.verdict.reported or finding.id in variant.may_become:
            continue
        if finding.id in truth.forbidden or finding.id in truth.unproved:
            detail = f"{', '.join(finding.addresses[:4])}: {finding.summary}"
            if finding.verdict == Verdict.CONFIRMED:
                hits.append(Hit("confirmed", finding.id, detail))
            elif finding.id not in known:
                hits.append(Hit("suspected", finding.id, detail))
        if finding.id in ACCUSING:
            right = {renamed(a) for a in truth.expected.get(finding.id, ())} or {
                renamed(a) for i, a in told if i == finding.id and finding.id not in truth.forbidden
            }
            others = sorted(set(finding.addresses) - right)
            if others:
                hits.append(Hit("accused", finding.id, f"{finding.verdict} {', '.join(others[:4])}"))
    denied = {f.id for f in found if f.verdict == Verdict.NOT_OBSERVED} & known & set(truth.expected)
    for name in sorted(denied & set(_LASTING)):
        hits.append(Hit("denied", name, "not observed"))
    return hits
