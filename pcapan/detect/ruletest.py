"""The examples of rules, run on sample captures.

Knows how a sample is found by its name and what it means that an example holds. Must not know how
captures are read: whoever calls hands in a function from capture files to findings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from pcapan.detect.issues import RuleIssue
from pcapan.detect.rule import Example, Rule
from pcapan.detect.tomltext import parse_toml, read_text
from pcapan.errors import PcapanError
from pcapan.model import Finding

Samples = Mapping[str, Sequence[Path]]
"""Sample name to its captures; several are one incident, such as the captures of two servers."""

Findings = Callable[[Sequence[Path], Sequence[Rule]], Sequence[Finding]]

NO_CAPTURE = frozenset({".toml", ".md", ".txt", ".json"})
"""Endings of files that describe a sample."""


class ExampleResult(Struct, frozen=True):
    """One example and what came of it."""

    rule_id: str
    sample: str
    expected: str
    got: str
    passed: bool


def find_samples(folder: Path) -> dict[str, list[Path]]:
    """The captures of a folder by sample name: everything up to the first dot of the file name.

    A description NAME.toml without a capture may join other samples: files = ["one", "other"].
    """
    found: dict[str, list[Path]] = {}
    described: list[Path] = []
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.name.startswith("."):
            continue
        if path.suffix.lower() not in NO_CAPTURE:
            found.setdefault(path.name.partition(".")[0], []).append(path)
        elif path.suffix.lower() == ".toml":
            described.append(path)
    joined = {path.stem: _parts(path) for path in described if path.stem not in found}
    for name, parts in joined.items():
        captures = [capture for part in parts for capture in found.get(part, [])]
        if captures and all(part in found for part in parts):
            found[name] = captures
    return found


def _parts(description: Path) -> list[str]:
    """The samples that a description joins; none when it says nothing of that kind."""
    issues: list[RuleIssue] = []
    text = read_text(description, issues)
    document = None if text is None else parse_toml(text, str(description), issues)
    parts = (document or {}).get("files")
    return [part for part in parts if isinstance(part, str)] if isinstance(parts, list) else []


def run_examples(rules: Iterable[Rule], samples: Samples, findings_of: Findings) -> Iterator[ExampleResult]:
    """Run every example of every rule; each sample is read once, for all rules that name it."""
    listed = list(rules)
    asking: dict[str, list[Rule]] = {}
    for rule in listed:
        for example in rule.examples:
            asking.setdefault(example.sample, []).append(rule)
    read: dict[str, Sequence[Finding] | str] = {}
    for rule in listed:
        for example in rule.examples:
            name = example.sample
            if name not in read:
                read[name] = _read(name, samples, asking[name], findings_of)
            yield judge(rule, example, read[name])


def _read(
    name: str, samples: Samples, rules: Sequence[Rule], findings_of: Findings
) -> Sequence[Finding] | str:
    """The findings of a sample, or why there are none."""
    if name not in samples:
        return f"there is no capture {name}.*"
    try:
        return findings_of(samples[name], rules)
    except PcapanError as error:
        return f"the sample cannot be analysed: {error.message}"


def judge(rule: Rule, example: Example, findings: Sequence[Finding] | str) -> ExampleResult:
    """Whether an example holds: its verdict was given, to just its addresses, and no claim besides."""
    expected = _spoken(example.verdict.value, example.addresses)
    if isinstance(findings, str):
        return ExampleResult(rule.id, example.sample, expected, findings, False)
    own = [finding for finding in findings if finding.id == rule.id]
    fitting = [finding for finding in own if finding.verdict is example.verdict]
    passed = bool(fitting)
    if example.addresses is not None:
        named = {address for finding in fitting for address in finding.addresses}
        passed = passed and named == set(example.addresses)
    if not example.verdict.reported:
        passed = passed and not any(finding.verdict.reported for finding in own)
    got = "; ".join(_spoken(finding.verdict.value, finding.addresses) for finding in own) or "no finding"
    return ExampleResult(rule.id, example.sample, expected, got, passed)


def _spoken(verdict: str, addresses: Sequence[str] | None) -> str:
    return f"{verdict} ({', '.join(addresses)})" if addresses else verdict
