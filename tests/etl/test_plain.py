"""Plain events are taken at once where that is compiled, and nothing that is read differs for it."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from uuid import uuid5

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pcapan.errors import UnreadableError
from pcapan.ingest.etl import plain, tracepass
from pcapan.ingest.etl.container import Container
from pcapan.ingest.etl.store import Store
from pcapan.ingest.etl.tracepass import TracePass
from pcapan.ingest.feeder import Feeder
from pcapan.ingest.open import open_capture
from pcapan.ingest.stream import StoredStream
from tests.etl.fixtures import Packet, add_drop, add_service_message, ndis_trace, pktmon_trace
from tests.etl.test_container import START, packets, read
from tests.etl.test_mutations import _bases, _mutate
from tests.etl.writer import NDIS, TCPIP, Trace
from tests.kit.sources import source_of

#: Without a compiler both are the source.
KERNELS = (plain, source_of(plain))


def _pass(data: bytes, kernel: ModuleType | None, wanted: frozenset[int] | None = None) -> list[object]:
    """Everything one pass learns."""
    with pytest.MonkeyPatch.context() as patch:
        if kernel is None:
            patch.setattr(plain, "COMPILED", False)
        else:
            patch.setattr(kernel, "COMPILED", True)
            patch.setattr(tracepass, "plain", kernel)
        container = Container(Feeder(StoredStream(io.BytesIO(data), size=None)), lambda code, said: None)
        done = TracePass(container, Store(None), wanted)
        assert (done._plain is None) == (kernel is None)
        for buffer in container.buffers():
            done.buffer(buffer)
        done.finish()
    spooled = done._store._pending
    return [
        *((index.stamps, index.places, index.lengths, index.wires, index.sources, index.directions)
          for index in (done.ndis.index, done.pktmon.index)),
        (done.pktmon.groups, done.pktmon.numbers, done.pktmon.appearances),
        (done.pktmon.seen, done.pktmon.events, done.pktmon.bad),
        (done.ndis.events, done.ndis.sources, done.ndis.bad),
        dict(done.events), done.event_count, done.broken, done.ndis.orphans, b"".join(spooled),
    ]  # fmt: skip


def _mixed() -> Trace:
    """Frames of several layers, media and directions, in parts and whole, among foreign events."""
    trace = ndis_trace(packets(6), buffer_size=0x2000)
    for number, packet in enumerate(packets(60)):
        layer = 8 + number % 3
        payload = struct.pack("<III", 8, layer, len(packet.data)) + packet.data
        keyword = (0xC0000000, 0x1C0000000, 0x2C0000000, 0x2C0010000, 0x2C0000200, 0x40000000, 0x80000000)
        items = ((1, bytes(16)),) if number % 11 == 0 else ()
        trace.event(NDIS, 1001, packet.time, payload, keyword=keyword[number % 7], items=items)
        if number % 9 == 0:
            trace.event(NDIS, 1001, packet.time, payload[:11], keyword=0xC0000000)
            trace.event(NDIS, 1001, packet.time, payload[:40], keyword=0xC0000000)
            trace.event(NDIS, 1002, packet.time, bytes(30))
        trace.noise(packet.time, 2)
    return trace


def _providers(count: int) -> Trace:
    trace = ndis_trace(packets(3), buffer_size=0x4000)
    for number in range(count):
        trace.event(uuid5(TCPIP, str(number % 150)), 1, START, bytes(8))
    return trace


def _pktmon(*, old: bool, compressed: bool) -> Trace:
    made = packets(40)
    made += [Packet(p.time + 1, p.data[14:], len(p.data) - 14, 101, p.inbound) for p in made[:6]]
    trace = pktmon_trace(made, old=old, compressed=compressed, buffer_size=0x2000)
    for packet in made[:20]:
        add_drop(trace, packet, 1409)
        add_service_message(trace, packet.time, sent=True, spi_i=7, local="10.0.0.1", remote="198.51.100.7")
    return trace


TRACES: dict[str, Callable[[], Trace]] = {
    "ndis": lambda: ndis_trace(packets(), buffer_size=0x2000),
    "ndis compressed": lambda: ndis_trace(packets(), buffer_size=0x2000, compressed=True),
    "mixed": _mixed,
    "providers": lambda: _providers(400),
    "pktmon": lambda: _pktmon(old=True, compressed=False),
    "pktmon compressed": lambda: _pktmon(old=False, compressed=True),
}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", TRACES)
def test_one_pass_learns_the_same(name: str, kernel: ModuleType) -> None:
    data = TRACES[name]().build_file()
    expected = _pass(data, None)
    assert _pass(data, kernel) == expected
    if name in ("ndis", "pktmon"):
        assert expected[-1] == b"", "what lies in the file is not copied"
    assert any(map(len, (expected[0][0], expected[1][0]))), "the trace has packets"  # type: ignore[index]


@pytest.mark.parametrize("room", [3, 1000])
def test_little_room(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = KERNELS[1]
    monkeypatch.setattr(kernel, "_ROOM", room)
    monkeypatch.setattr(kernel, "_SPOOL", 700)
    for name in ("ndis compressed", "pktmon compressed"):
        data = TRACES[name]().build_file()
        assert _pass(data, kernel) == _pass(data, None)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("wanted", [frozenset[int](), frozenset({10}), frozenset({10, 65535})])
def test_wanted_components(kernel: ModuleType, wanted: frozenset[int]) -> None:
    for name in ("pktmon", "pktmon compressed"):
        data = TRACES[name]().build_file()
        assert _pass(data, kernel, wanted) == _pass(data, None, wanted)


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(base=st.integers(0, 4), seed=st.integers(0, 2**32))
def test_one_pass_over_a_mutated_trace(base: int, seed: int) -> None:
    data = _mutate(_bases()[base], random.Random(seed))
    expected = _pass(data, None)
    for kernel in KERNELS:
        assert _pass(data, kernel) == expected


def _told(path: Path) -> object:
    try:
        capture = open_capture(str(path))
        frames = read(capture)
    except UnreadableError as error:
        return str(error)
    return frames, capture.interfaces, capture.problems, capture.side, capture.damaged


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(base=st.integers(0, 4), seed=st.integers(0, 2**32))
def test_a_mutated_trace_reads_the_same(base: int, seed: int, tmp_path: Path) -> None:
    path = tmp_path / "x.etl"
    data = _mutate(_bases()[base], random.Random(seed))
    path.write_bytes(data)
    told = []
    for compiled in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(plain, "COMPILED", compiled)
            told.append(_told(path))
    assert told[0] == told[1]
