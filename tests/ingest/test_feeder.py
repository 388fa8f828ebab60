"""Pieces follow each other without a gap, whether the next one is read ahead or not."""

from __future__ import annotations

import io
import random
import threading
from ctypes import addressof, c_char

import pytest

from pcapan.errors import UnreadableError
from pcapan.ingest.feeder import Feeder
from pcapan.ingest.stream import ByteStream, StoredStream
from pcapan.ingest.stretch import ALIGNMENT, lead

STORED = random.Random(4).randbytes(3_000_000)


def taken(feeder: Feeder, choice: random.Random, longest: int) -> bytes:
    """Everything, in records of random lengths; a record's bytes must be whole in memory."""
    parts = []
    so_far = 0
    while True:
        size = choice.randrange(1, longest)
        if not feeder.need(size):
            size = feeder.available
        parts.append(bytes(feeder.data[feeder.position : feeder.position + size]))
        assert feeder.offset == so_far
        feeder.position += size
        so_far += size
        if not size:
            return b"".join(parts)


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize(("chunk", "longest"), [(1000, 300), (65536, 5000), (65536, 600_000), (4_000_000, 9)])
def test_all_bytes_in_order(ahead: bool, chunk: int, longest: int) -> None:
    content = STORED[: 200_000 if longest < 1000 else None]
    feeder = Feeder(StoredStream(io.BytesIO(content), size=len(content)), chunk)
    if ahead:
        feeder.read_ahead()
    assert taken(feeder, random.Random(chunk), longest) == content
    assert not feeder.more()
    feeder.stop()
    assert not feeder.more()


def test_memory_stays_until_two_pieces_later() -> None:
    """A block of frames points into it."""
    feeder = Feeder(StoredStream(io.BytesIO(STORED), size=len(STORED)), 100_000)
    feeder.read_ahead()
    held: list[tuple[bytearray, bytes]] = []
    while feeder.more():
        for memory, copy in held[-1:]:
            assert bytes(memory[: len(copy)]) == copy
        held.append((feeder.data, bytes(feeder.data[: feeder.end])))
        feeder.position = feeder.end
    assert len(held) == 30


def test_jumps_meet_what_was_read_ahead() -> None:
    feeder = Feeder(StoredStream(io.BytesIO(STORED), size=len(STORED)), 10_000)
    feeder.read_ahead()
    assert feeder.need(20)
    for offset in (5, 9_990, 10_010, 777_777, 2_999_999):
        assert feeder.jump(offset)
        assert feeder.need(1)
        assert feeder.data[feeder.position] == STORED[offset]
    assert not feeder.jump(100)
    assert not feeder.jump(4_000_000)


def test_an_error_of_the_stream_comes_out_where_bytes_are_asked_for() -> None:
    class Failing(ByteStream):
        def _fill(self, view: memoryview) -> int:
            if threading.current_thread() is threading.main_thread():
                return len(view)
            raise UnreadableError("no room", where="here", hint="make some")

    feeder = Feeder(Failing(), 100)
    feeder.read_ahead()
    assert feeder.more()
    feeder.position = feeder.end
    with pytest.raises(UnreadableError, match="no room"):
        feeder.more()
    feeder.stop()


def test_stopping_leaves_no_thread_and_no_reading() -> None:
    stream = StoredStream(io.BytesIO(STORED), size=len(STORED))
    feeder = Feeder(stream, 1000)
    before = set(threading.enumerate())
    feeder.read_ahead()
    assert feeder.more()
    [thread] = set(threading.enumerate()) - before
    feeder.stop()
    thread.join(20)
    assert not thread.is_alive()
    read = stream.bytes_read
    assert read == 2000
    assert stream.sha256


@pytest.mark.parametrize("size", [256 * 1024, 256 * 1024 + 1, 3_000_000])
def test_a_big_piece_begins_where_copying_is_fast(size: int) -> None:
    for memory in [bytearray(size) for _ in range(5)]:
        begin = lead(memory)
        assert 0 <= begin < ALIGNMENT
        assert addressof(c_char.from_buffer(memory, begin)) % ALIGNMENT == 0
    assert lead(bytearray(1000)) == 0
