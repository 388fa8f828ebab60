"""Rewritten frames mean the same: their scan is the scan of the original with the names replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from pcapan.errors import UnreadableError
from pcapan.redact.scans import redact_scan
from tests.redact.frames import columns, learned, load, rewritten, scan_blocks
from tests.samples_kit import Sample, samples

ALL = samples()
#: Crafted so that one and the same packet has several lengths: afterwards its copies are told apart.
UNLIKE = {"the-tcpdump-group__tcpdump__tests_babel_update_oobr.pcap"}
LARGEST = 4_000_000


def check(path: Path) -> None:
    interfaces, blocks = load(path)
    names = learned(blocks, interfaces)
    made = rewritten(blocks, interfaces, names)
    wanted = columns(redact_scan(scan_blocks(blocks, interfaces), names))
    told = columns(scan_blocks(made, interfaces))
    for name, column in wanted.items():
        assert told[name] == column, f"{path.name}: {name}"


@pytest.mark.parametrize("sample", ALL, ids=[sample.name for sample in ALL])
def test_the_scan_of_rewritten_samples_is_the_rewritten_scan(sample: Sample) -> None:
    check(sample.capture)


@pytest.mark.shared
@pytest.mark.heavy
@pytest.mark.parametrize("folder", ["lab/captures", "corpus/ike", "corpus/derived", "corpus/negative"])
def test_so_it_is_for_lab_and_corpus(shared_dir: Path, folder: str) -> None:
    paths = [path for path in sorted((shared_dir / folder).rglob("*")) if path.is_file()]
    checked = 0
    for path in paths:
        if path.suffix in (".json", ".jsonl", ".md") or path.stat().st_size > LARGEST:
            continue
        try:
            check(path)
        except UnreadableError:
            continue
        checked += 1
    assert checked > 30


@pytest.mark.shared
@pytest.mark.heavy
def test_hostile_captures_are_rewritten_without_a_word(shared_dir: Path) -> None:
    for path in sorted((shared_dir / "corpus/hostile").rglob("*")):
        if path.is_file() and path.suffix != ".jsonl" and path.stat().st_size < LARGEST:
            try:
                load(path)
            except UnreadableError:
                continue
            if path.name not in UNLIKE:
                check(path)
