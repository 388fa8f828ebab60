"""Buffers, records, clocks: what is whole is read, what is torn costs only itself."""

from __future__ import annotations

import gzip
import io
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pcapan.errors import UnreadableError
from pcapan.ingest.capture import Capture
from pcapan.ingest.etl import preview, xpress
from pcapan.ingest.etl.xpress import inflate
from pcapan.ingest.open import open_capture
from tests.etl.conftest import Write
from tests.etl.fixtures import Packet, ndis_trace, pktmon_trace
from tests.etl.writer import Trace
from tests.etl.xpress_writer import deflate
from tests.kit.sources import source_of

#: As loaded, byte by byte as it is compiled (or would be), and by runs as without a compiler.
WAYS = (inflate, xpress.expand, source_of(xpress).expand, source_of(xpress).inflate)

START = 1_700_000_000_000_000_000


def packets(count: int = 40, size: int = 90) -> list[Packet]:
    """UDP frames that all differ."""
    made = []
    for number in range(count):
        payload = struct.pack(">HHHH", 500, 500, 8 + size, 0) + bytes([number % 251]) * size
        header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), number, 0, 64, 17, 0,
                             bytes((198, 51, 100, 7)), bytes((10, 0, 0, 1)))  # fmt: skip
        data = bytes(12) + b"\x08\x00" + header + payload
        made.append(Packet(START + number * 10_000_000, data, len(data), 1, number % 3 != 0))
    return made


def read(reader: Capture) -> list[tuple[int, bytes, bool]]:
    """Time, bytes and direction of every frame."""
    return [
        (time, bytes(block.data[offset : offset + length]), direction == 1)
        for block in reader.blocks()
        for time, offset, length, direction in zip(
            block.times, block.offsets, block.lengths, block.directions, strict=True
        )
    ]


def rows(made: list[Packet]) -> list[tuple[int, bytes, bool]]:
    """What `read` must give."""
    return [(packet.time, packet.data, packet.inbound) for packet in made]


@given(st.lists(st.sampled_from([b"a", b"ab" * 30, bytes(300), b"\x01\x02\x03\x04\x05", b"xyz" * 3000])))
def test_compression_is_undone(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    for way in WAYS:
        assert way(deflate(data), len(data)) == (bytearray(data), True)
        assert way(deflate(data) + b"what follows", len(data)) == (bytearray(data), True)


@given(st.binary(max_size=200), st.integers(0, 2000))
@example(b"\0\0\0\x20\0\0\0\x01", 1)
def test_any_bytes_inflate_to_no_more_than_announced(data: bytes, size: int) -> None:
    out, whole = inflate(data, size)
    assert len(out) <= size
    assert whole == (len(out) == size)
    for way in WAYS:
        assert way(data, size) == (out, whole)


@given(st.data(), st.sampled_from([b"ab" * 500, b"abcde" * 40 + bytes(300), bytes(range(256)) * 3]))
def test_damaged_streams_inflate_alike(made: st.DataObject, plain: bytes) -> None:
    packed = bytearray(deflate(plain))
    for _ in range(made.draw(st.integers(0, 4))):
        packed[made.draw(st.integers(0, len(packed) - 1))] = made.draw(st.integers(0, 255))
    del packed[made.draw(st.integers(0, len(packed))) :]
    size = made.draw(st.integers(0, len(plain) + 50))
    first, *others = [way(bytes(packed), size) for way in WAYS]
    assert all(other == first for other in others)


def test_a_match_of_four_gigabytes_is_refused() -> None:
    for way in WAYS:
        out, whole = way(b"\0\0\0\x40" + b"a" + b"\x07\0\xff\xff\0\0\xff\xff\xff\xff", 100_000)
        assert (bytes(out[:1]), whole) == (b"a", False)
        assert len(out) <= 100_000


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"compressed": True},
        {"wide": False},
        {"clock": 2},
        {"clock": 3},
        {"frequency": 2_648_447},
        {"frequency": 10_000_000, "processors": 8, "buffer_size": 0x1000},
    ],
)
@pytest.mark.parametrize("make", ["ndis", "pktmon"])
def test_every_shape_of_a_session(settings: dict[str, Any], make: str, write: Write) -> None:
    made = packets()
    trace = ndis_trace(made, **settings) if make == "ndis" else pktmon_trace(made, old=True, **settings)
    reader = open_capture(str(write(trace)))
    got = read(reader)
    assert not reader.damaged, reader.problems
    assert [row[1:] for row in got] == [row[1:] for row in rows(made)]
    # A clock that does not count in 100 ns rounds.
    assert all(abs(a[0] - b[0]) <= 500 for a, b in zip(got, rows(made), strict=True))
    if settings.get("frequency", 10_000_000) == 10_000_000:
        assert got == rows(made)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_pipe_and_a_compressed_file(compressed: bool, tmp_path: Path) -> None:
    made = packets()
    data = pktmon_trace(made, old=False, compressed=compressed).build_file()
    assert read(open_capture("-", stdin=io.BytesIO(data))) == rows(made)
    path = tmp_path / "x.etl.gz"
    path.write_bytes(gzip.compress(data))
    reader = open_capture(str(path))
    assert read(reader) == rows(made)
    assert reader.format == "etl+gzip"
    assert reader.size == reader.bytes_read == path.stat().st_size


def _buffers(trace: Trace) -> tuple[bytes, list[bytes]]:
    """Header buffer and the others."""
    data = trace.build_file()
    pieces = []
    position = 0
    while position < len(data):
        (size,) = struct.unpack_from("<I", data, position)
        pieces.append(data[position : position + size])
        position += size
    return pieces[0], pieces[1:]


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("fault", ["size", "garbage", "zero", "records", "cut"])
def test_a_torn_buffer_costs_only_itself(compressed: bool, fault: str, write: Write) -> None:
    made = packets(200)
    head, others = _buffers(ndis_trace(made, compressed=compressed, buffer_size=0x2000, processors=1))
    assert len(others) > 3
    torn = bytearray(others[1])
    if fault == "size":
        torn[0:4] = b"\xff\xff\xff\x7f"
    elif fault == "garbage":
        torn[:0x60] = bytes(range(0x60))
    elif fault == "zero":
        torn[:] = bytes(len(torn))
    elif fault == "records":
        torn[0x48 + 200 : 0x48 + 260] = b"\xaa" * 60
    else:
        others = others[:-1]
        torn = bytearray(others[1])
        others.append(others[-1][: len(others[-1]) // 2])
    others[1] = bytes(torn)
    reader = open_capture(str(write(head + b"".join(others))))
    got = read(reader)
    wanted = rows(made)
    assert fault == "records" or all(row in wanted for row in got)
    assert len(got) > len(made) // 2
    assert got[0] == wanted[0]
    if fault != "cut":
        assert got[-1] == wanted[-1]
    assert reader.damaged
    assert reader.problems


def test_circular_files_wrap_anywhere(write: Write) -> None:
    """The oldest buffers are overwritten: the file begins with the newest."""
    made = packets(300)
    head, others = _buffers(ndis_trace(made, buffer_size=0x1000, processors=1))
    reader = open_capture(str(write(head + b"".join(others[5:] + others[:5]))))
    assert read(reader) == rows(made)


def test_losses_are_told(write: Write) -> None:
    reader = open_capture(str(write(ndis_trace(packets(), events_lost=7, buffers_lost=2))))
    read(reader)
    assert [problem.code for problem in reader.problems] == ["events-lost", "buffers-lost"]
    assert [interface.dropped for interface in reader.interfaces] == [9]
    assert not reader.damaged


def test_absurd_sizes_take_no_memory(write: Write) -> None:
    """Every buffer claims to inflate to 32 MiB."""
    head, others = _buffers(pktmon_trace(packets(300), old=True, buffer_size=0x1000))
    lying = []
    for piece in others:
        changed = bytearray(piece)
        changed[0x30:0x34] = struct.pack("<I", 32 * 1024 * 1024)
        lying.append(bytes(changed))
    path = write(head + b"".join(lying) * 20)
    try:
        reader = open_capture(str(path))
        read(reader)
        assert reader.damaged
    except UnreadableError:
        pass


def test_a_header_that_is_cut_is_unreadable(write: Write) -> None:
    data = ndis_trace(packets()).build_file()
    for size in (0x50, 0x80, 0x100, 0x150):
        with pytest.raises(UnreadableError):
            read(open_capture(str(write(data[:size]))))


@pytest.mark.parametrize("right", [True, False])
def test_a_big_compressed_trace_is_looked_at_from_its_end(
    right: bool, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = packets(400)
    path = write(pktmon_trace(made, old=False, buffer_size=0x2000))
    monkeypatch.setattr(preview, "_WORTH_IT", 0)
    if not right:  # nothing of what the first look says is true
        monkeypatch.setattr("pcapan.ingest.etl.reader.preview", lambda _trace: frozenset((77,)))
    reader = open_capture(str(path))
    assert read(reader) == rows(made)
    assert reader.side.merged_copies == 2 * len(made)
    assert not reader.damaged


def test_no_room_for_a_temporary_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    data = pktmon_trace(packets(), old=True).build_file()
    monkeypatch.setattr("tempfile.SpooledTemporaryFile", refuse)
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    for reader in (open_capture(str(write(data))), open_capture("-", stdin=io.BytesIO(data))):
        with pytest.raises(UnreadableError, match="No space left"):
            read(reader)


def test_a_file_that_goes_away(write: Write) -> None:
    path = write(ndis_trace(packets()))
    reader = open_capture(str(path))
    path.unlink()
    with pytest.raises(UnreadableError, match="second time"):
        read(reader)
