"""What it means that an example holds, and how samples are found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from pcapan.detect.rule import Example, Rule
from pcapan.detect.ruletest import find_samples, judge, run_examples
from pcapan.errors import UnreadableError
from pcapan.model import Finding, Severity, Verdict

from .rules_kit import good

C, S, N, U = Verdict.CONFIRMED, Verdict.SUSPECTED, Verdict.NOT_OBSERVED, Verdict.INCONCLUSIVE


def finding(verdict: Verdict, *addresses: str, rule_id: str = "sa-limit-exhaustion") -> Finding:
    return Finding(
        rule_id, "1.0.0", "t", verdict, Severity.HIGH, list(addresses), "s", {}, [], "", [], [], []
    )


CASES = [
    ("as expected", Example("x", C, ("a",)), [finding(C, "a")], True),
    ("any address", Example("x", C), [finding(C, "a")], True),
    ("another address", Example("x", C, ("a",)), [finding(C, "b")], False),
    ("one address too many", Example("x", C, ("a",)), [finding(C, "a", "b")], False),
    ("addresses of two findings", Example("x", C, ("a", "b")), [finding(C, "a"), finding(C, "b")], True),
    ("no address wanted", Example("x", C, ()), [finding(C, "a")], False),
    ("suspected is not confirmed", Example("x", C, ("a",)), [finding(S, "a")], False),
    ("confirmed is not suspected", Example("x", S, ("a",)), [finding(C, "a")], False),
    ("a second, weaker claim", Example("x", C, ("a",)), [finding(C, "a"), finding(S, "b")], True),
    ("negative", Example("x", N), [finding(N)], True),
    ("negative besides a claim", Example("x", N), [finding(N), finding(S, "a")], False),
    ("inconclusive is not negative", Example("x", N), [finding(U)], False),
    ("only another rule", Example("x", C), [finding(C, "a", rule_id="other")], False),
]


@pytest.mark.parametrize(("example", "findings", "passed"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_judge(example: Example, findings: list[Finding], passed: bool) -> None:
    assert judge(good(), example, findings).passed is passed


def test_each_sample_is_read_once_for_all_rules() -> None:
    first = good()
    second = replace(first, id="other")
    read: list[tuple[Sequence[Path], list[str]]] = []

    def findings_of(captures: Sequence[Path], rules: Sequence[Rule]) -> list[Finding]:
        read.append((captures, [rule.id for rule in rules]))
        return [finding(C, "10.10.10.1"), finding(C, "10.10.10.1", rule_id="other")]

    samples = {"sa-limit-8": [Path("a")], "healthy-dnat": [Path("b"), Path("c")]}
    results = list(run_examples([first, second], samples, findings_of))
    both = [first.id, "other"]
    assert read == [([Path("a")], both), ([Path("b"), Path("c")], both)]
    assert [(r.rule_id, r.sample, r.passed) for r in results] == [
        (rule_id, sample, sample == "sa-limit-8")
        for rule_id in both
        for sample in ("sa-limit-8", "healthy-dnat", "one-direction")
    ]
    assert results[2].got == "there is no capture one-direction.*"


def test_a_sample_that_cannot_be_read_fails_its_examples_only() -> None:
    def findings_of(captures: Sequence[Path], rules: Sequence[Rule]) -> list[Finding]:
        raise UnreadableError("the file is no capture")

    results = list(run_examples([good()], {"sa-limit-8": [Path("a")]}, findings_of))
    assert "the file is no capture" in results[0].got and not results[0].passed


def test_samples_are_found_by_the_name_before_the_first_dot(tmp_path: Path) -> None:
    names = ["one.pcap", "one.toml", "two.pcap.gz", "pair.1.pcapng", "pair.2.pcapng", "README.md", ".hidden"]
    for name in names:
        (tmp_path / name).write_text("title = 'x'\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "joined.toml").write_text('files = ["one", "two"]\n')
    (tmp_path / "lost.toml").write_text('files = ["one", "nowhere"]\n')
    (tmp_path / "broken.toml").write_text("files = [")
    (tmp_path / "numbers.toml").write_text("files = 3")
    found = {name: [path.name for path in paths] for name, paths in find_samples(tmp_path).items()}
    assert found == {
        "one": ["one.pcap"],
        "two": ["two.pcap.gz"],
        "pair": ["pair.1.pcapng", "pair.2.pcapng"],
        "joined": ["one.pcap", "two.pcap.gz"],
    }
