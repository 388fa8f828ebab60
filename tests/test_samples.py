"""Every sample capture gives the findings that its TOML file promises, and its packets add up."""

from __future__ import annotations

import gzip
from functools import cache
from typing import Any

import pytest

from pcapan.detect.rule import Example
from pcapan.errors import ExitCode
from pcapan.pipeline import Analysis, Options, analyze, built_in_rules
from tests.samples_kit import SAMPLES, Sample, incidents, made_again

ALL = incidents()
REPORTED = ("confirmed", "suspected")
VERDICTS = (*REPORTED, "not_observed", "inconclusive", "not_applicable", "reported")
each_sample = pytest.mark.parametrize("sample", ALL, ids=[sample.name for sample in ALL])


@cache
def _analysed(*paths: str) -> Analysis:
    return analyze(paths)


def _analysis(sample: Sample) -> Analysis:
    return _analysed(*map(str, sample.captures))


def _document(sample: Sample) -> dict[str, Any]:
    return _analysis(sample).result.to_dict()


@each_sample
def test_expected_findings_are_made(sample: Sample) -> None:
    findings = _document(sample)["findings"]
    for wanted in sample.document["expect"]:
        of_rule = [finding for finding in findings if finding["id"] == wanted["id"]]
        allowed = REPORTED if wanted["verdict"] == "reported" else (wanted["verdict"],)
        fitting = [finding for finding in of_rule if finding["verdict"] in allowed]
        assert fitting, f"{wanted['id']}: {[finding['verdict'] for finding in of_rule]}"
        if "addresses" in wanted:
            assert {a for finding in fitting for a in finding["addresses"]} == set(wanted["addresses"])
        for name, value in wanted.get("numbers", {}).items():
            assert [finding["numbers"].get(name) for finding in fitting] == [value]
        if wanted["verdict"] not in REPORTED and wanted["verdict"] != "reported":
            assert not [finding for finding in of_rule if finding["verdict"] in REPORTED]


@each_sample
def test_nothing_forbidden_is_reported(sample: Sample) -> None:
    reported = {finding["id"] for finding in _document(sample)["findings"] if finding["verdict"] in REPORTED}
    assert not reported & set(sample.document["forbid"])
    confirmed = {f["id"] for f in _document(sample)["findings"] if f["verdict"] == "confirmed"}
    assert not confirmed & set(sample.document.get("not_confirmed", []))


@each_sample
def test_every_packet_is_counted_once(sample: Sample) -> None:
    document = _document(sample)
    counts = document["capture"]["counts"]
    kinds = counts["ike"] + counts["esp"] + counts["keepalive"] + counts["other"]
    assert kinds + sum(counts["undecoded"].values()) == counts["packets"]
    assert counts["packets"] + counts["copies"] == sum(
        entry["packets"] + entry["merged_copies"] for entry in document["inputs"]
    )


@each_sample
def test_exit_status_tells_damage(sample: Sample) -> None:
    partial = _analysis(sample).partial
    assert partial == (sample.document.get("exit", ExitCode.OK) == ExitCode.PARTIAL)


@each_sample
def test_the_description_is_complete(sample: Sample) -> None:
    for key in ("title", "origin", "made", "licence"):
        assert sample.document[key].strip()
    assert sample.document["expect"]
    for wanted in sample.document["expect"]:
        assert wanted["verdict"] in VERDICTS


def test_samples_stay_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLES.iterdir()) < 6 * 1024 * 1024
    assert len(ALL) >= 10


@each_sample
def test_what_was_made_can_be_made_again(sample: Sample) -> None:
    made = made_again(sample.document)
    if made is None:
        assert "made" in sample.document  # recorded: its toml says how
        return
    held = sample.capture.read_bytes()
    assert made == (gzip.decompress(held) if sample.capture.suffix == ".gz" else held)


RULES = built_in_rules(Options()).rules
EXAMPLES = [(rule.id, example) for rule in RULES for example in rule.examples]


@pytest.mark.parametrize(
    ("rule", "example"), EXAMPLES, ids=[f"{rule}-{example.sample}" for rule, example in EXAMPLES]
)
def test_every_rule_says_of_its_examples_what_it_promises(rule: str, example: Example) -> None:
    named = [sample for sample in ALL if sample.name == example.sample]
    assert named, f"there is no sample {example.sample}"
    found = [finding for finding in _document(named[0])["findings"] if finding["id"] == rule]
    fitting = [finding for finding in found if finding["verdict"] == example.verdict]
    assert fitting, [finding["verdict"] for finding in found]
    if example.addresses is not None:
        assert {a for finding in fitting for a in finding["addresses"]} == set(example.addresses)
    if example.verdict not in REPORTED:
        assert len(fitting) == len(found)


def test_two_halves_are_one_timeline(tmp_path: object) -> None:
    """A ring buffer cuts a capture anywhere: both files together say what the whole says."""
    import struct
    from pathlib import Path

    whole = (SAMPLES / "sa-limit-8.pcap").read_bytes()
    at, packets = 24, 0
    while packets < 300:
        at += 16 + struct.unpack_from("<I", whole, at + 8)[0]
        packets += 1
    folder = Path(str(tmp_path))
    (folder / "first.pcap").write_bytes(whole[:at])
    (folder / "second.pcap").write_bytes(whole[:24] + whole[at:])
    halves = analyze([folder / "second.pcap", folder / "first.pcap"]).result
    expected = _analysed(str(SAMPLES / "sa-limit-8.pcap")).result
    assert [(f.id, f.verdict, f.addresses, f.numbers) for f in halves.findings] == [
        (f.id, f.verdict, f.addresses, f.numbers) for f in expected.findings
    ]
