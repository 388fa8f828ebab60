"""The short form of a result that stands in the manifest: enough for trends and for the index.

Knows which few facts of a result those need, and marks the findings it was made of. Must not know how they
are shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from pcapan.batch.parquet import month_of, servers_of
from pcapan.model import CaptureSummary, Counts, Finding, Result, Severity, Verdict
from pcapan.report.words import headline
from pcapan.tables.facts import Facts

#: Addresses of one claim that are kept; the rest is counted.
_ADDRESSES = 50
#: What judging again needs of the digest there is.
STABLE = ("month", "server", "first_ns", "last_ns", "mark")
#: Numbers of claims that tell how a cause develops.
_NUMBERS = ("sas_at_onset", "clients_at_once", "unanswered")


def digest_of(result: Result, facts: Facts, findings: bytes) -> dict[str, Any]:
    """What the manifest says about an incident; `findings` as they stand in its document."""
    times = [t for scan in facts.scans for t in (scan.first_ts, scan.last_ts) if t is not None]
    first = min(times, default=None)
    servers = list(result.capture.server)
    return {
        "month": month_of(first),
        "server": servers_of(servers),
        "servers": servers[:32],
        "first_ns": first,
        "last_ns": max(times, default=None),
        "bytes": sum(entry["bytes"] for entry in result.inputs),
        "packets": result.capture.counts.packets,
        "damaged": any(entry["damaged"] for entry in result.inputs),
        "busiest": _busiest(result),
        **_findings_digest(result, findings),
    }


def _busiest(result: Result) -> list[Any]:
    """The source that held most SAs at once, and how many; empty without sources."""
    if not result.sources:
        return []
    row = max(result.sources, key=lambda row: (row["sas_concurrent_max"], row["address"]))
    return [row["address"], row["sas_concurrent_max"]]


def judged_digest(found: Sequence[dict[str, Any]], counts: dict[str, Any], findings: bytes) -> dict[str, Any]:
    """The part of the digest that depends on rules, from findings and counts of packets of a document.

    Raises:
        ValueError, KeyError, TypeError: they are not what documents hold.
    """
    made = [
        Finding(**{**one, "verdict": Verdict(one["verdict"]), "severity": Severity(one["severity"])})
        for one in found
    ]
    capture = CaptureSummary([], "", Counts(**counts), [])
    return _findings_digest(Result({}, {}, [], capture, made, [], [], []), findings)


def findings_mark(findings: bytes) -> str:
    """What tells whether a document still holds the findings that its line was made of."""
    return hashlib.sha256(findings).hexdigest()[:16]


def _findings_digest(result: Result, findings: bytes) -> dict[str, Any]:
    verdict, sentence = headline(result)
    by_verdict: dict[Verdict, list[str]] = {}
    for finding in result.findings:
        by_verdict.setdefault(finding.verdict, []).append(finding.id)
    return {
        "verdict": verdict,
        "sentence": sentence[:500],
        "claims": [_claim(finding) for finding in result.findings if finding.verdict.reported],
        "not_observed": sorted(by_verdict.get(Verdict.NOT_OBSERVED, [])),
        "inconclusive": sorted(by_verdict.get(Verdict.INCONCLUSIVE, [])),
        "mark": findings_mark(findings),
    }


def _claim(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "verdict": str(finding.verdict),
        "severity": str(finding.severity),
        "title": finding.title,
        "addresses": finding.addresses[:_ADDRESSES],
        "more": max(0, len(finding.addresses) - _ADDRESSES),
        "numbers": {name: finding.numbers[name] for name in _NUMBERS if name in finding.numbers},
    }
