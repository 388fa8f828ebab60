"""The result documents of a dataset: how they lie on disk, and how one finding in them is replaced.

Knows that a document is written on one line with its keys in the model's order, so that `run` and
`findings` can be cut out and put back without reading the rest. What does not look like that is refused.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pcapan.detect.run import rank
from pcapan.model import Severity, Verdict
from pcapan.report.jsontext import json_bytes, json_text

# Inside a text of JSON every quotation mark follows a backslash, so none of these can stand in one.
_RUN, _INPUTS = b', "run": ', b', "inputs": '
_FINDINGS, _SOURCES = b', "findings": ', b', "sources": ['


def encoded(value: Any) -> bytes:
    """JSON on one line: documents lie in a dataset like that, and `pcapan report` reads them."""
    return json_bytes(json_text(value, indent=None))


@dataclass(slots=True)
class Pieces:
    """A document cut where it may change."""

    head: bytes
    run: bytes
    middle: bytes
    findings: bytes
    tail: bytes

    @staticmethod
    def cut(data: bytes) -> Pieces:
        """Cut a document; raises ValueError when it is none of ours."""
        head, found_run, rest = data.partition(_RUN)
        run, found_inputs, rest = rest.partition(_INPUTS)
        middle, found_findings, rest = rest.partition(_FINDINGS)
        findings, found_sources, tail = rest.partition(_SOURCES)
        if not (found_run and found_inputs and found_findings and found_sources):
            raise ValueError("no result document of a dataset")
        return Pieces(head, run, middle, findings, tail)

    def counts(self) -> dict[str, Any]:
        """How many packets of each kind there were; raises ValueError, KeyError or TypeError."""
        counts = json.loads(b'{"inputs": ' + self.middle + b"}")["capture"]["counts"]
        return {str(name): count for name, count in counts.items()}

    def joined(self) -> bytes:
        """The document."""
        return b"".join(
            (self.head, _RUN, self.run, _INPUTS, self.middle, _FINDINGS, self.findings, _SOURCES, self.tail)
        )


def says_the_same(findings: bytes, new: Sequence[dict[str, Any]], asked: Iterable[str]) -> bool:
    """Whether findings as they lie in a document hold `new` and nothing else of the rules in `asked`.

    The same finding is always written in the same bytes, so nothing has to be read for this.
    """
    number = Counter(finding["id"] for finding in new)
    return all(findings.count(encoded({"id": rule})[:-1]) == number[rule] for rule in asked) and all(
        encoded(finding) in findings for finding in new
    )


def merged(
    old: Iterable[dict[str, Any]],
    new: Iterable[dict[str, Any]],
    replaced: frozenset[str],
    order: Sequence[str],
) -> list[dict[str, Any]]:
    """The findings with those of the rules in `replaced` exchanged for the new ones, in their order.

    `order` lists all rules there are now; findings of others go.
    """
    by_rule: dict[str, list[dict[str, Any]]] = {rule: [] for rule in order}
    for finding in old:
        if finding["id"] not in replaced and finding["id"] in by_rule:
            by_rule[finding["id"]].append(finding)
    for finding in new:
        by_rule[finding["id"]].append(finding)
    found = [finding for findings in by_rule.values() for finding in findings]
    found.sort(key=lambda one: rank(Verdict(one["verdict"]), Severity(one["severity"]), one["id"]))
    return found
