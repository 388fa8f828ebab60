"""Whatever is done to a trace: frames, or the project's own error; no hang, no memory without bound."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pcapan.errors import UnreadableError
from pcapan.ingest.etl.container import recognise
from pcapan.ingest.open import open_capture
from tests.etl.fixtures import add_drop, add_rundown, add_service_message, ndis_trace, pktmon_trace
from tests.etl.test_container import packets

_EDGES = (b"\xff\xff\xff\xff", bytes(4), b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\x01\0\0\0")
#: Longest that reading one mutated trace may take, seconds of processor time.
_LIMIT = 2.0


@cache
def _bases() -> tuple[bytes, ...]:
    made = packets(24)
    full = pktmon_trace(made, old=True, buffer_size=0x2000, rundown=False)
    for packet in made:
        add_drop(full, packet, 1409)
        add_service_message(full, packet.time, sent=False, spi_i=7, local="10.0.0.1", remote="198.51.100.7")
    add_rundown(full, made[-1].time)
    return (
        ndis_trace(made, buffer_size=0x2000).build_file(),
        ndis_trace(made, buffer_size=0x2000, compressed=True, wide=False).build_file(),
        pktmon_trace(made, old=False, buffer_size=0x2000).build_file(),
        pktmon_trace(made, old=True, buffer_size=0x2000, rundown=False).build_file(),
        full.build_file(),
    )


def _flip(data: bytearray, at: int, rng: random.Random) -> None:
    data[at] ^= 1 << rng.randrange(8)


def _edge(data: bytearray, at: int, rng: random.Random) -> None:
    data[at : at + 4] = rng.choice(_EDGES)


def _noise(data: bytearray, at: int, rng: random.Random) -> None:
    data[at : at + 8] = rng.randbytes(8)


def _cut_out(data: bytearray, at: int, rng: random.Random) -> None:
    del data[at : at + rng.randrange(1, 300)]


def _put_in(data: bytearray, at: int, rng: random.Random) -> None:
    data[at:at] = rng.randbytes(rng.randrange(1, 100))


def _move(data: bytearray, at: int, rng: random.Random) -> None:
    source, size = rng.randrange(len(data)), rng.randrange(1, 3000)
    data[at : at + size] = data[source : source + size]


def _end(data: bytearray, at: int, rng: random.Random) -> None:
    del data[max(at, 200) :]


_CHANGES: tuple[Callable[[bytearray, int, random.Random], None], ...] = (
    _flip, _flip, _edge, _edge, _noise, _cut_out, _put_in, _move, _end,
)  # fmt: skip


def _mutate(base: bytes, rng: random.Random) -> bytes:
    data = bytearray(base)
    for _ in range(rng.choice((1, 1, 2, 4, 12))):
        at = rng.randrange(len(data)) if rng.random() < 0.6 else rng.choice((0, 0x48, 0x400, 0x448, 0x2000))
        at = min(at + rng.randrange(0x60), len(data) - 1)
        rng.choice(_CHANGES)(data, at, rng)
        if not data:
            break
    return bytes(data)


def _read(path: Path, data: bytes) -> None:
    if recognise(data[:4096]) is None:
        return  # no trace any more: another reader's business
    path.write_bytes(data)
    began = time.process_time()
    try:
        reader = open_capture(str(path))
        for block in reader.blocks():
            for offset, length, wire in zip(block.offsets, block.lengths, block.wire_lengths, strict=True):
                assert offset + length <= len(block.data)
                assert length <= wire
    except UnreadableError as error:
        assert error.message
        assert error.hint
    assert time.process_time() - began < _LIMIT


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(base=st.integers(0, 4), seed=st.integers(0, 2**32))
def test_a_mutated_trace_never_raises_anything_else(base: int, seed: int, tmp_path: Path) -> None:
    _read(tmp_path / "x.etl", _mutate(_bases()[base], random.Random(seed)))


@pytest.mark.heavy
def test_a_hundred_thousand_mutated_traces(tmp_path: Path) -> None:
    rng = random.Random(20261123)
    for _ in range(100_000):
        _read(tmp_path / "x.etl", _mutate(rng.choice(_bases()), rng))


@given(data=st.binary(max_size=600))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_behind_a_good_header(data: bytes, tmp_path: Path) -> None:
    head = ndis_trace(packets(1), buffer_size=0x400).build_file()[:0x400]
    _read(tmp_path / "x.etl", head + data)
