"""Big files are read past the blocks, in stretches: the same is found, and their ends leave nothing out."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pcapan.ingest.open import open_capture
from pcapan.scan.scanner import Scanner
from tests.kit.frames import Frame, pcap, pcapng
from tests.kit.scan_rows import both_ways, told
from tests.samples_kit import SAMPLES
from tests.scan.test_engines import mutated


@pytest.fixture(autouse=True)
def big(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is big enough not to be hashed, as only those are read in stretches."""
    monkeypatch.setattr("pcapan.ingest.open.HASH_LIMIT", 0)


def stretched(path: Path, piece: int) -> int:
    """How many frames came in stretches."""
    frames = 0

    class Counted(Scanner):
        def stretch(self, *asked: object) -> int:
            nonlocal frames
            number = super().stretch(*asked)  # type: ignore[arg-type]
            frames += number - asked[2]  # type: ignore[operator]
            return number

    capture = open_capture(str(path), hash_all=False, chunk_size=piece)
    capture.scanning = scanner = Counted()
    for block in capture.blocks():
        scanner.feed(block, capture.interfaces)
    return frames


FRAMES = mutated(400, 5)
FORMS = {
    "pcap": pcap(FRAMES),
    "swapped": pcap(FRAMES, order=">", nano=False),
    "pcapng": pcapng(FRAMES),
    "big-endian-pcapng": pcapng(FRAMES, order=">"),
}


@pytest.mark.parametrize("content", FORMS.values(), ids=list(FORMS))
def test_the_end_may_be_anywhere(content: bytes, tmp_path: Path) -> None:
    choice = random.Random(7)
    path = tmp_path / "cut"
    for end in (len(content), *(choice.randrange(30, len(content)) for _ in range(25))):
        path.write_bytes(content[:end])
        said = both_ways(str(path))
        assert ", but " not in said, f"{end} of {len(content)} bytes: {said}"


@pytest.mark.parametrize("form", ["pcap", "swapped"])
def test_most_frames_come_in_stretches(form: str, tmp_path: Path) -> None:
    path = tmp_path / form
    path.write_bytes(FORMS[form])
    assert stretched(path, 5000) > 0.8 * len(FRAMES)


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.pcap*")), ids=lambda path: path.name)
def test_samples(path: Path) -> None:
    assert ", but " not in both_ways(str(path))


def test_a_record_longer_than_the_room_for_it(tmp_path: Path) -> None:
    long = Frame(FRAMES[0].ts, bytes(200_000), 0)
    path = tmp_path / "long.pcap"
    path.write_bytes(pcap([*FRAMES[:50], long, *FRAMES[50:60], long, long, *FRAMES[60:]]))
    assert told(str(path), 5000) == told(str(path), 1 << 20) == told(str(path))


def test_who_wants_blocks_gets_them_all(tmp_path: Path) -> None:
    path = tmp_path / "blocks.pcap"
    path.write_bytes(FORMS["pcap"])
    with_nobody = open_capture(str(path), hash_all=False, chunk_size=5000)
    assert sum(map(len, with_nobody.blocks())) == len(FRAMES)
    kept = open_capture(str(path), hash_all=False, chunk_size=5000, keep=True)
    kept.scanning = Scanner()
    assert sum(map(len, kept.blocks())) == len(FRAMES)
