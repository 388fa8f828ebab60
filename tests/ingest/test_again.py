"""Frames read once more by number are the frames of the first reading, whatever the file is."""

from __future__ import annotations

import errno
import gzip
import io
import pickle
import random
from pathlib import Path

import pytest
import zstandard

from pcapan.errors import UnreadableError
from pcapan.ingest import capture as capture_module
from pcapan.ingest.again import Recall, frame_of
from pcapan.ingest.capture import Capture
from pcapan.ingest.frames import Frame
from pcapan.ingest.open import open_capture
from tests.samples_kit import SAMPLES

from .builders import epb, frame, idb, isb, option, pcap_header, pcap_record, sample_pcap, sample_pcapng, shb
from .test_wireshark import snoop

CAPTURES = sorted(path for path in SAMPLES.iterdir() if path.suffix not in (".toml", ".md"))


@pytest.fixture(params=[256 * 1024, 0], ids=["sparse", "dense"])
def marks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Marks as they are, and one with every block."""
    monkeypatch.setattr(capture_module, "MARK_EVERY", request.param)


def read(capture: Capture) -> dict[int, Frame]:
    """Everything, frame by frame."""
    return {
        one.number: one
        for block in capture.blocks()
        for one in (frame_of(block, index) for index in range(len(block)))
    }


def kept(path: str, stdin: bytes | None = None, chunk_size: int = 4096) -> tuple[Capture, dict[int, Frame]]:
    stream = None if stdin is None else io.BytesIO(stdin)
    capture = open_capture(path, stdin=stream, chunk_size=chunk_size, keep=True)
    return capture, read(capture)


def compare(capture: Capture, frames: dict[int, Frame]) -> None:
    """Few, all, and none of the frames."""
    draw = random.Random(len(frames))
    recall = Recall.of(capture)
    for numbers in ([], draw.sample(sorted(frames), min(len(frames), 9)), list(frames)):
        assert list(recall.frames(numbers)) == [frames[number] for number in sorted(numbers)]
    with pytest.raises(UnreadableError, match=f"frame {max(frames, default=0) + 1} "):
        list(recall.frames([max(frames, default=0) + 1]))
    recall.forget()
    recall.forget()


def test_what_lies_in_a_file_is_recalled_by_another_process(tmp_path: Path) -> None:
    for make in (sample_pcap, sample_pcapng):
        path = tmp_path / make.__name__
        path.write_bytes(gzip.compress(make()))
        capture, frames = kept(str(path))
        recall = pickle.loads(pickle.dumps(Recall.of(capture)))
        assert list(recall.frames(frames)) == list(frames.values())


@pytest.mark.usefixtures("marks")
@pytest.mark.parametrize("how", ["file", "stdin"])
@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_samples(path: Path, how: str) -> None:
    compare(*(kept(str(path)) if how == "file" else kept("-", path.read_bytes())))


@pytest.mark.usefixtures("marks")
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstd"])
@pytest.mark.parametrize("chunk", [1, 100, 4096])
@pytest.mark.parametrize("make", [sample_pcap, sample_pcapng], ids=["pcap", "pcapng"])
def test_sections_and_blocks_cut_anywhere(make: object, chunk: int, pack: object, tmp_path: Path) -> None:
    data = pack(make())  # type: ignore[operator]
    path = tmp_path / "x"
    path.write_bytes(data)
    compare(*kept(str(path), chunk_size=chunk))
    compare(*kept("-", data, chunk_size=chunk))


@pytest.mark.usefixtures("marks")
def test_interfaces_described_between_packets(tmp_path: Path) -> None:
    nano = option(9, b"\x09")
    data = shb() + b"".join(
        idb(link=index % 200 + 1, options=nano if index % 2 else b"") + epb(frame(index), interface=index)
        for index in range(300)
    )
    data += isb(option(5, b"\7" + bytes(7)), interface=4) + shb(">") + idb(">", link=113)
    data += b"".join(epb(frame(index), ">") for index in range(50))
    path = tmp_path / "x"
    path.write_bytes(data)
    capture, frames = kept(str(path), chunk_size=700)
    assert frames[350].interface == 300 and len(capture.interfaces) == 301
    compare(capture, frames)
    assert len(capture.interfaces) == 301 and capture.interfaces[4].dropped == 7


def test_comments_of_frames() -> None:
    data = shb(options=option(1, b"of the file")) + idb(options=option(1, b"of the card"))
    data += epb(frame(1)) + epb(frame(2), options=option(1, b"one") + option(1, b"two"))
    capture, frames = kept("-", data)
    assert [frames[number].comments for number in (1, 2)] == [(), ("one", "two")]
    assert capture.comments == ["of the file", "of the card", "one", "two"]
    assert capture.own_comments == ["of the file", "of the card"]
    compare(capture, frames)


@pytest.mark.tshark
@pytest.mark.parametrize("how", ["file", "stdin", "gzip"])
def test_formats_of_wireshark(how: str, tshark: str, tmp_path: Path) -> None:
    assert tshark
    data = snoop(40)
    path = tmp_path / "x"
    path.write_bytes(gzip.compress(data) if how == "gzip" else data)
    capture, frames = kept("-", data) if how == "stdin" else kept(str(path))
    assert len(frames) == 40
    compare(capture, frames)


def test_few_marks_are_kept_and_little_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    path.write_bytes(pcap_header() + pcap_record(bytes(1000)) * 20_000)
    capture, _ = kept(str(path))
    assert 60 < len(capture.marks) < 90
    walked = 0

    def counting(number: int, *_: object) -> None:
        nonlocal walked
        walked += 1

    monkeypatch.setattr(Capture, "mark", lambda self, number, *rest: counting(number))
    assert [one.number for one in Recall.of(capture).frames([15_000])] == [15_000]
    assert walked < 5


@pytest.mark.parametrize("change", ["gone", "replaced", "cut"])
def test_a_file_that_does_not_stay_is_told(change: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(sample_pcap())
    capture, _ = kept(str(path))
    if change == "gone":
        path.unlink()
    elif change == "replaced":
        other = tmp_path / "y"
        other.write_bytes(sample_pcap())
        other.replace(path)
    else:
        path.write_bytes(sample_pcap(2))
    with pytest.raises(UnreadableError) as told:
        list(Recall.of(capture).frames([5]))
    assert told.value.where == str(path) and told.value.hint


def test_a_file_that_grows_is_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(sample_pcap(3))
    capture, frames = kept(str(path))
    path.write_bytes(sample_pcap(5))
    assert list(Recall.of(capture).frames([2])) == [frames[2]]


@pytest.mark.shared
@pytest.mark.parametrize("folder", ["ike", "derived", "negative", "hostile"])
def test_corpus(folder: str, shared_dir: Path) -> None:
    for path in sorted((shared_dir / "corpus" / folder).iterdir()):
        if path.suffix == ".jsonl":
            continue
        try:
            capture, frames = kept(str(path))
        except UnreadableError:
            continue
        draw = random.Random(path.name)
        numbers = draw.sample(sorted(frames), min(len(frames), 20))
        again = list(Recall.of(capture).frames(numbers))
        assert again == [frames[number] for number in sorted(numbers)], path.name
        Recall.of(capture).forget()


def test_no_room_for_what_can_be_read_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.SpooledTemporaryFile.write", full)
    with pytest.raises(UnreadableError, match="No space left") as told:
        kept("-", sample_pcap())
    assert "TMPDIR" in told.value.hint
    assert len(read(open_capture("-", stdin=io.BytesIO(sample_pcap())))) == 5
