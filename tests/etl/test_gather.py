"""Frames put in order of time and brought together: against what Python says in a line."""

from __future__ import annotations

import struct
from array import array
from itertools import pairwise
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.ingest.etl import gather
from pcapan.ingest.etl.store import FrameIndex
from tests.kit.sources import source_of

KERNELS = (gather, source_of(gather))
each_kernel = pytest.mark.parametrize("kernel", KERNELS)

stamps = st.lists(st.one_of(st.integers(0, 9), st.integers(-(2**63), 2**63 - 1)), max_size=70)

places = st.integers(0, 400) | st.integers(2**62, 2**62 + 300)


@each_kernel
@given(made=stamps)
def test_chosen_by_time(kernel: ModuleType, made: list[int]) -> None:
    sources = array("I", [number * 7 % 5 << 3 for number in range(len(made))])
    taken = bytes((1, 0, 1, 1, 0))
    chosen = [number for number in range(len(made)) if taken[sources[number] >> 3]]
    order = kernel.chosen_by_time(array("q", made), sources, 3, taken)
    assert list(order) == sorted(chosen, key=made.__getitem__)


@each_kernel
@given(frames=st.lists(st.tuples(places, st.integers(0, 30)), max_size=40))
def test_pieces_hold_every_frame(kernel: ModuleType, frames: list[tuple[int, int]]) -> None:
    places, lengths = zip(*frames, strict=True) if frames else ((), ())
    offsets, pieces = kernel.pieces(array("Q", places), array("I", lengths), 20)
    memory = [place for begin, size in pieces for place in range(begin, begin + size)]
    for offset, (place, length) in zip(offsets, frames, strict=True):
        assert memory[offset : offset + length] == list(range(place, place + length))
    for (begin, size), (after, _) in pairwise(pieces):
        assert after - (begin + size) > 20


def _ethernet(kind: int, rest: bytes, tags: tuple[int, ...] = ()) -> bytes:
    return bytes(12) + b"".join(struct.pack(">HH", tag, 5) for tag in tags) + struct.pack(">H", kind) + rest


FOUR = struct.pack(">BBH", 0x45, 0, 1400) + bytes(16)
SIX = struct.pack(">IHBB", 6 << 28, 1300, 17, 64) + bytes(32)
WIRES = [
    (_ethernet(0x0800, FOUR), 1414),
    (_ethernet(0x0800, FOUR, (0x8100,)), 1418),
    (_ethernet(0x0800, FOUR, (0x88A8, 0x8100)), 1422),
    (_ethernet(0x86DD, SIX), 1354),
    (_ethernet(0x86DD, SIX, (0x8100,)), 1358),
    (_ethernet(0x86DD, bytes(40)), 54),
    (_ethernet(0x0800, bytes(20)), 34),
    (_ethernet(0x0800, FOUR[:5]), 19),
    (_ethernet(0x0800, FOUR + bytes(2000)), 2034),
    (_ethernet(0x0806, bytes(28)), 42),
    (_ethernet(0x8100, b"", (0x8100,)), 18),
    (_ethernet(0x8100, bytes(4), (0x8100,)), 22),
    (b"", 0),
]


@each_kernel
@pytest.mark.parametrize(("frame", "wire"), WIRES)
def test_wire_length_of_ethernet(kernel: ModuleType, frame: bytes, wire: int) -> None:
    assert kernel.ethernet_wire_length(b"xyz" + frame + bytes(8), 3, len(frame)) == wire


@each_kernel
def test_columns_of_a_block(kernel: ModuleType) -> None:
    index = FrameIndex()
    for number in range(10):
        index.add(100 - number, 1000 * number, 10 + number, 20 + number, (7, 3, 9)[number % 3], number % 3)
    order = kernel.chosen_by_time(index.stamps, index.sources, 0, bytes((0, 0, 0, 1, 0, 0, 0, 1, 0, 0)))
    assert list(order) == [9, 7, 6, 4, 3, 1, 0]
    made = kernel.Gather(index, order, [3, 7], [1, 105])
    assert made.block_end(0, 3, 10**9) == 3
    assert made.block_end(5, 3, 10**9) == 7
    assert made.block_end(0, 100, 20) == 2
    made.take(1, 4)
    assert list(made.places) == [7000, 6000, 4000]
    assert list(made.lengths) == [17, 16, 14]
    assert list(made.wires) == [27, 26, 24]
    assert list(made.interfaces) == [0, 1, 0]
    assert list(made.directions) == [1, 0, 1]
    assert list(made.times) == [93, 94, 96]
    assert made.tell_times(7, 10_300)
    assert list(made.times) == [10_000, 10_100, 10_300]


@each_kernel
@pytest.mark.parametrize("base", [2**62, -(2**62), 2**63, -(2**80), 5_000])
def test_times_that_do_not_fit_are_left(kernel: ModuleType, base: int) -> None:
    index = FrameIndex()
    index.add(2**62 if base == 5_000 else 5, 0, 1, 1, 0, 0)
    made = kernel.Gather(index, kernel.chosen_by_time(index.stamps, index.sources, 0, b"\1"), [0], [1])
    made.take(0, 1)
    before = list(made.times)
    assert not made.tell_times(base, 2**63 - 1)
    assert list(made.times) == before


@each_kernel
def test_other_links_are_asked_about(kernel: ModuleType) -> None:
    index = FrameIndex()
    for source in (0, 1, 0):
        index.add(0, 0, 34, 0, source, 0)
    order = kernel.chosen_by_time(index.stamps, index.sources, 0, b"\1\1")
    made = kernel.Gather(index, order, [0, 1], [105, 1])
    made.take(0, 3)
    data = bytearray(WIRES[0][0])
    made.infer_wires(data, array("Q", [0, 0, 0]), lambda whole, offset, length, link: length + link)
    assert list(made.wires) == [139, 1414, 139]
