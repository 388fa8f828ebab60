"""Opening: what is it, what is refused, compression, standard input, chunk boundaries, any bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import struct
import threading
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pcapan.errors import ExitCode, UnreadableError
from pcapan.ingest import compressed, wireshark
from pcapan.ingest.open import open_capture
from pcapan.ingest.stream import CHUNK_SIZE, StoredStream

from .builders import (
    Read,
    frame,
    pcap_header,
    pcap_record,
    read_all,
    read_bytes,
    sample_pcap,
    sample_pcapng,
)

SAMPLES = {"pcap": sample_pcap(), "pcapng": sample_pcapng()}


def zstd(data: bytes, **options: bool) -> bytes:
    return zstandard.ZstdCompressor(**options).compress(data)  # type: ignore[arg-type]


def zstd_stream(data: bytes) -> bytes:
    """Without the content size in the header."""
    made = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    return made.compress(data) + made.flush()


@pytest.fixture(autouse=True)
def no_tshark(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the tests that are about tshark may run it."""
    if "tshark" not in request.fixturenames:
        monkeypatch.setattr(wireshark, "find_tshark", lambda: None)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_chunk_boundary(name: str) -> None:
    data = SAMPLES[name]
    whole = read_bytes(data)
    assert len(whole.rows) >= 5
    for chunk_size in range(1, len(data) + 2):
        read = read_bytes(data, chunk_size)
        assert read.rows == whole.rows
        assert read.capture.interfaces == whole.capture.interfaces
        assert read.codes == whole.codes


class Slow(io.RawIOBase):
    """A pipe that gives a few bytes at a time and cannot seek."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data = data
        self._step = step

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._data[: min(self._step, len(buffer))]
        self._data = self._data[len(piece) :]
        buffer[: len(piece)] = piece
        return len(piece)


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd])
def test_file_pipe_and_stdin_are_one_path(name: str, pack: object, tmp_path: Path) -> None:
    assert callable(pack)
    stored: bytes = pack(SAMPLES[name])
    path = tmp_path / "misleading.txt"
    path.write_bytes(stored)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(stored,))
    writer.start()
    reads: list[Read] = [
        read_all(open_capture(str(path))),
        read_all(open_capture(str(pipe))),
        read_all(open_capture("-", stdin=io.BufferedReader(Slow(stored, 3)))),
        read_all(open_capture("-", stdin=io.BytesIO(stored))),
    ]
    writer.join()
    for read in reads:
        assert read.rows == read_bytes(SAMPLES[name]).rows
        assert read.capture.sha256 == hashlib.sha256(stored).hexdigest()
        assert (read.capture.size, read.capture.bytes_read) == (len(stored), len(stored))


def test_hash_and_size_after_damage_are_those_of_the_whole_file() -> None:
    bad = pcap_record(b"", captured=0xFFFFFFF) + os.urandom(5_000_000)
    stored = sample_pcap() + bad
    capture = read_bytes(stored, 4096).capture
    assert capture.damaged
    assert capture.sha256 == hashlib.sha256(stored).hexdigest()
    assert capture.size == capture.bytes_read == len(stored)


def test_hash_of_a_large_file(tmp_path: Path) -> None:
    stored = pcap_header() + b"".join(pcap_record(frame(i % 251, 1400)) for i in range(5000))
    path = tmp_path / "large"
    path.write_bytes(stored)
    read = read_all(open_capture(str(path)))
    assert len(read.rows) == 5000
    assert read.capture.sha256 == hashlib.sha256(stored).hexdigest()


@pytest.mark.parametrize("chunk_size", [300_000, 700_001, 2 << 20])
def test_hash_where_records_span_the_pieces_that_are_hashed_meanwhile(
    tmp_path: Path, chunk_size: int
) -> None:
    sizes = [60, 250_000, 9000, 61_000, 130_000] * 40
    stored = pcap_header() + b"".join(pcap_record(os.urandom(size)) for size in sizes)
    path = tmp_path / "large"
    path.write_bytes(stored)
    read = read_all(open_capture(str(path), chunk_size=chunk_size))
    assert len(read.rows) == len(sizes)
    assert read.capture.sha256 == hashlib.sha256(stored).hexdigest()
    assert [row.data for row in read.rows] == [row.data for row in read_all(open_capture(str(path))).rows]


def test_hash_of_one_memory_given_again_and_again() -> None:
    stored = os.urandom(7_000_001)
    stream = StoredStream(io.BytesIO(stored), size=None)
    memory = memoryview(bytearray(600_000))
    for count in [600_000, 500_000, 100, 400_000] * 6:
        stream.readinto(memory[:count])
    assert stream.sha256 == hashlib.sha256(stored[: stream.bytes_read]).hexdigest()
    stream.drain()
    assert stream.sha256 == hashlib.sha256(stored).hexdigest()


def test_a_stream_that_was_hashed_leaves_no_thread() -> None:
    before = set(threading.enumerate())  # those of other tests may end meanwhile
    stream = StoredStream(io.BytesIO(bytes(3_000_000)), size=None)
    stream.readinto(memoryview(bytearray(1_000_000)))
    [thread] = set(threading.enumerate()) - before
    del stream
    thread.join(20)
    assert not thread.is_alive()


def test_blocks_can_be_abandoned(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(sample_pcap())
    capture = open_capture(str(path), chunk_size=64)
    blocks = capture.blocks()
    next(blocks)
    capture.close()
    capture.close()
    assert list(open_capture(str(path)).blocks())


@pytest.mark.parametrize(
    ("packed", "name"),
    [
        (gzip.compress(SAMPLES["pcap"]), "pcap+gzip"),
        (gzip.compress(SAMPLES["pcap"][:50]) + gzip.compress(SAMPLES["pcap"][50:]), "pcap+gzip"),
        (gzip.compress(SAMPLES["pcap"]) + bytes(1024), "pcap+gzip"),
        (zstd(SAMPLES["pcap"]), "pcap+zstd"),
        (zstd(SAMPLES["pcap"], write_checksum=True), "pcap+zstd"),
        (zstd_stream(SAMPLES["pcap"]), "pcap+zstd"),
        (zstd(SAMPLES["pcap"][:50]) + zstd_stream(SAMPLES["pcap"][50:]), "pcap+zstd"),
        (b"\x50\x2a\x4d\x18\3\0\0\0abc" + zstd(SAMPLES["pcap"]) + b"\x5f\x2a\x4d\x18\0\0\0\0", "pcap+zstd"),
    ],
)
def test_compressed(packed: bytes, name: str) -> None:
    for chunk_size in (1, 100, 1 << 21):
        read = read_bytes(packed, chunk_size)
        assert read.capture.format == name
        assert read.rows == read_bytes(SAMPLES["pcap"]).rows
        assert (read.codes, read.capture.damaged) == ([], False)


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_bytes_after_the_compressed_stream_are_reported(pack: object) -> None:
    assert callable(pack)
    read = read_bytes(pack(SAMPLES["pcap"]) + b"something else")
    assert len(read.rows) == 5
    assert (read.codes, read.capture.damaged) == (["trailing-bytes"], False)


def large_pcap(count: int = 3000) -> bytes:
    return pcap_header() + b"".join(pcap_record(os.urandom(300) + bytes(200)) for i in range(count))


@pytest.mark.parametrize("pack", [gzip.compress, zstd, zstd_stream])
def test_cut_compression_delivers_what_it_holds(pack: object) -> None:
    assert callable(pack)
    data = large_pcap()
    packed: bytes = pack(data)
    whole = read_bytes(data).rows
    for cut in (len(packed) // 2, len(packed) - 3, len(packed) - 1):
        read = read_bytes(packed[:cut])
        assert read.rows == whole[: len(read.rows)]
        assert read.capture.damaged
        assert read.codes == ["truncated-compression"]
    assert len(read.rows) > len(whole) // 2


def test_corrupt_gzip_delivers_what_precedes_the_damage() -> None:
    data = pcap_header() + b"".join(pcap_record(os.urandom(250).hex().encode()) for _ in range(1000))
    packed = bytearray(gzip.compress(data))
    whole = read_bytes(data).rows
    middle = len(packed) // 2
    packed[middle : middle + 2000] = bytes(2000)
    read = read_bytes(bytes(packed))
    assert read.capture.damaged
    assert read.codes[-1] == "corrupt-compression"
    good = [a == b for a, b in zip(read.rows, whole, strict=False)]
    assert good[:400] == [True] * 400


def test_wrong_gzip_checksum_is_damage() -> None:
    packed = bytearray(gzip.compress(SAMPLES["pcap"]))
    packed[-5] ^= 1
    read = read_bytes(bytes(packed))
    assert len(read.rows) == 5
    assert (read.codes, read.capture.damaged) == (["corrupt-compression"], True)


def test_corrupt_zstd_is_damage() -> None:
    data = pcap_header() + b"".join(pcap_record(os.urandom(500)) for _ in range(1000))
    packed = bytearray(zstd(data, write_checksum=True))
    packed[-1] ^= 1
    read = read_bytes(bytes(packed))
    assert (read.codes, read.capture.damaged) == (["corrupt-compression"], True)
    assert len(read.rows) > 500


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_compression_bomb(pack: object, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(pack)
    monkeypatch.setattr(compressed, "FREE_OUTPUT", 10_000_000)
    record = pcap_record(bytes(262144))
    packed: bytes = pack(pcap_header() + record * 200)
    read = read_bytes(packed, 1 << 18)
    assert read.capture.damaged
    assert read.codes == ["compression-bomb"]
    assert 30 < len(read.rows) < 60
    assert read.capture.sha256 == hashlib.sha256(packed).hexdigest()


def test_zstd_bomb_of_one_small_piece_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed, "FREE_OUTPUT", 10_000_000)
    # Repeated-byte blocks: four stored bytes give 128 KiB each, so 256 KiB stored hold 8 GiB.
    frame_header = b"\x28\xb5\x2f\xfd\x00\x58"
    start = pcap_header()
    raw = struct.pack("<I", len(start) << 3)[:3] + start
    repeat = struct.pack("<I", (131072 << 3) | (1 << 1))[:3] + b"\0"
    packed = io.BytesIO(frame_header + raw + repeat * 65_536)
    capture = open_capture("-", stdin=packed)
    count = sum(len(one.data) <= 3 * CHUNK_SIZE and len(one) for one in capture.blocks())
    assert [problem.code for problem in capture.problems] == ["compression-bomb"]
    assert 0 < count < 4_000_000  # 200 times the 256 KiB piece, 16 bytes a record


REFUSED = {
    "nothing": (b"", "empty"),
    "gzip-of-nothing": (gzip.compress(b""), "nothing is inside"),
    "gzip-cut": (gzip.compress(SAMPLES["pcap"])[:9], "gzip stream is cut"),
    "zstd-cut": (zstd(SAMPLES["pcap"])[:9], "zstd stream is cut"),
    "gzip-header": (b"\x1f\x8b\x08\xff" + bytes(40), "gzip stream"),
    "gzip-twice": (gzip.compress(gzip.compress(SAMPLES["pcap"])), "more than once"),
    "gzip-in-zstd": (zstd(gzip.compress(SAMPLES["pcap"])), "more than once"),
    "gzip-of-a-cut-header": (gzip.compress(SAMPLES["pcap"][:20]), "cut inside its file header"),
    "zip": (b"PK\x03\x04" + bytes(60), "ZIP"),
    "cabinet": (b"MSCF" + bytes(60), "cabinet"),
    "words": (b"just some words\n", "text file"),
    "json": (b'{"frames": []}', "text file"),
    "html": ("<html>größe</html>".encode(), "text file"),
    "utf-16": ("text".encode("utf-16"), "text file"),
    "zeros": (bytes(200), "tshark is not installed"),
    "pcapng-header-of-zeros": (b"\n\r\r\n" + bytes(200), "tshark is not installed"),
}


@pytest.mark.parametrize(("stored", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(stored: bytes, message: str) -> None:
    with pytest.raises(UnreadableError, match=message) as caught:
        read_bytes(stored)
    assert len(str(caught.value).splitlines()) == 3
    assert caught.value.exit_code == ExitCode.UNREADABLE


def test_event_trace_is_recognised() -> None:
    head = bytearray(1024)
    head[0:4] = struct.pack("<I", 65536)
    head[0x36:0x38] = b"\x04\x00"
    head[0x4A:0x4C] = b"\x02\xc0"
    with pytest.raises(UnreadableError, match="event trace"):
        read_bytes(bytes(head))


@pytest.mark.parametrize("path", ["missing", "missing/deeper", ".", "nul\0byte", "x" * 5000])
def test_paths_that_cannot_be_opened(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnreadableError) as caught:
        open_capture(path)
    assert len(str(caught.value).splitlines()) == 3


def test_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.pcap"
    path.write_bytes(sample_pcap())

    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(UnreadableError, match="may not be read"):
        open_capture(str(path))


def test_device_is_refused() -> None:
    with pytest.raises(UnreadableError, match="device"):
        open_capture("/dev/zero")


def test_read_error_is_damage() -> None:
    class Broken(Slow):
        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            count = super().readinto(buffer)
            if not count:
                raise OSError(5, "Input/output error")
            return count

    data = SAMPLES["pcap"]
    read = read_all(open_capture("-", stdin=io.BufferedReader(Broken(data[:-1], 7))))
    assert len(read.rows) == 4
    assert read.codes == ["read-error"]
    assert read.capture.damaged


def _any(data: bytes) -> None:
    try:
        one = read_bytes(data)
    except UnreadableError as error:
        assert error.message and error.where and error.hint
        return
    for chunk_size in (1, 13):
        other = read_bytes(data, chunk_size)
        assert other.rows == one.rows
        assert other.codes == one.codes
        assert other.capture.damaged == one.capture.damaged


STARTS = (
    b"",
    pcap_header(),
    pcap_header(order=">"),
    SAMPLES["pcapng"][:200],
    b"\x1f\x8b\x08\0",
    zstd(b"abc")[:6],
)


@pytest.mark.parametrize("start", STARTS)
@settings(max_examples=150, deadline=None)
@given(tail=st.binary(max_size=300))
def test_any_bytes(start: bytes, tail: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wireshark, "find_tshark", lambda: None)
        _any(start + tail)


VALID = (*SAMPLES.values(), gzip.compress(SAMPLES["pcap"]), zstd(SAMPLES["pcapng"]))


@settings(max_examples=400, deadline=None)
@given(
    data=st.sampled_from(VALID),
    edits=st.lists(
        st.tuples(st.integers(0, 2000), st.binary(min_size=1, max_size=4)), min_size=1, max_size=4
    ),
    cut=st.integers(0, 2000),
)
def test_mutated_files(data: bytes, edits: list[tuple[int, bytes]], cut: int) -> None:
    changed = bytearray(data)
    for where, what in edits:
        where %= len(changed)
        changed[where : where + len(what)] = what
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wireshark, "find_tshark", lambda: None)
        _any(bytes(changed[: max(1, len(changed) - cut % 50)]))


def test_gzip_with_a_file_name() -> None:
    buffer = io.BytesIO()
    with gzip.GzipFile("a name.pcap", "wb", 1, buffer) as file:
        file.write(SAMPLES["pcap"])
    assert len(read_bytes(buffer.getvalue()).rows) == 5
