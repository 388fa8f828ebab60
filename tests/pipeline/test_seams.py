"""What batch hooks into: captures that are no files, facts handed to rules in another way, fingerprints."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pytest

from pcapan.detect.rule import Rule
from pcapan.detect.run import FactsStock
from pcapan.errors import UnreadableError
from pcapan.model import Evidence
from pcapan.pipeline import Options, analyze, built_in_rules, make_result, read_facts
from tests.pipeline.view import SAMPLES

GOOD = Path(SAMPLES["full-nat-3-clients"])


def test_opener_stands_in_for_the_file_system() -> None:
    name = "ticket.zip::no/such/file.pcap"
    facts, _ = read_facts(name, opener=lambda path: io.BytesIO(GOOD.read_bytes()) if path == name else None)
    plain, _ = read_facts(GOOD)
    assert facts.inputs[0].path == name
    assert facts.inputs[0].sha256 == plain.inputs[0].sha256
    assert facts.inputs[0].size == plain.inputs[0].size == GOOD.stat().st_size
    rules = built_in_rules(Options())
    told = [
        {f.id: (f.verdict, f.numbers) for f in make_result(one, rules, Options()).findings}
        for one in (facts, plain)
    ]
    assert told[0] == told[1]


def test_opener_may_refuse_and_may_decline() -> None:
    def refuse(path: str) -> io.BytesIO | None:
        if path == str(GOOD):
            return None
        raise UnreadableError("encrypted", where=path)

    facts, unreadable = read_facts([str(GOOD), "a.zip::b.pcap"], opener=refuse)
    assert len(facts.inputs) == 1
    assert [error.message for error in unreadable] == ["encrypted"]
    with pytest.raises(UnreadableError, match="encrypted"):
        read_facts("a.zip::b.pcap", opener=refuse)


def test_another_stock_is_asked_for_rows_and_evidence() -> None:
    class Noting(FactsStock):
        asked: list[tuple[str, tuple[int, ...]]] = []  # noqa: RUF012

        def evidence(self, rule: Rule, rows: Sequence[int]) -> list[Evidence]:
            self.asked.append((rule.id, tuple(rows)))
            return []

    facts, _ = read_facts(GOOD)
    result = make_result(facts, built_in_rules(Options()), Options(), stock=Noting(facts))
    reported = [finding for finding in result.findings if finding.verdict.reported]
    assert reported and all(finding.evidence == [] for finding in reported)
    assert sorted(name for name, _ in Noting.asked) == sorted(finding.id for finding in reported)
    assert [f.verdict for f in result.findings] == [f.verdict for f in analyze(GOOD).result.findings]


def test_a_rule_has_a_fingerprint_of_its_own() -> None:
    plain = built_in_rules(Options())
    changed = built_in_rules(Options(overrides={"full-nat.min_clients": "9"}))
    differs = {name for name, digest in plain.fingerprints.items() if changed.fingerprints[name] != digest}
    assert set(plain.fingerprints) == {rule.id for rule in plain}
    assert differs == {"full-nat"}
    assert plain.rules_hash != changed.rules_hash
