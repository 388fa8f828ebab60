"""Fragments are joined within bounds, copies never look like losses, and nothing is lost silently."""

from __future__ import annotations

from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.decode.fragments import (
    FRAGMENT_COST,
    MAX_DATAGRAM,
    MAX_FIRST_FRAGMENT,
    MAX_FRAGMENTS,
    Datagram,
    FragmentKey,
    Outcome,
    Reassembler,
)

SECOND = 10**9
NO_TIME = -(2**63)


def key(ident: int = 1) -> FragmentKey:
    return (b"\x0a\0\0\x01", b"\x0a\0\0\x02", 17, ident)


BODY = bytes(range(256)) * 14  # 3584 bytes, as an IKE_AUTH with certificates
PARTS = [(0, True, BODY[:1480]), (1480, True, BODY[1480:2960]), (2960, False, BODY[2960:])]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_joins_in_any_order(order: tuple[int, ...]) -> None:
    reassembler = Reassembler()
    done: Datagram | None = None
    for frame, index in enumerate(order, start=10):
        offset, more, payload = PARTS[index]
        assert done is None
        done = reassembler.add(key(), offset, more, payload, frame, frame * 1000)
    assert done is not None
    assert done.payload == BODY
    assert done.total_length == len(BODY)
    assert done.captured_whole
    assert done.frames == (10, 11, 12)
    assert done.completing_frame == 12
    assert (done.first_ns, done.last_ns) == (10_000, 12_000)
    assert done.in_order == (order == (0, 1, 2))
    assert done.problems == ()
    assert done.copies == ()
    assert reassembler.last_outcome is Outcome.COMPLETED
    assert len(reassembler) == reassembler.bytes_held == 0
    assert reassembler.drain() == []


def test_other_ids_and_addresses_do_not_mix() -> None:
    reassembler = Reassembler()
    assert reassembler.add(key(1), *PARTS[0], 1, 0) is None
    assert reassembler.add(key(2), *PARTS[1], 2, 0) is None
    assert reassembler.add((b"\x0a\0\0\x03", b"\x0a\0\0\x02", 17, 1), *PARTS[2], 3, 0) is None
    assert len(reassembler.drain()) == 3


def test_atomic_fragment_is_a_datagram_at_once() -> None:
    done = Reassembler().add(key(), 0, False, b"whole", 7, 5)
    assert done is not None
    assert (done.payload, done.frames, done.completing_frame) == (b"whole", (7,), 7)


def test_every_frame_captured_twice() -> None:
    """The copy of the last fragment comes after completion and must not open a datagram of its own."""
    reassembler = Reassembler()
    done = []
    frame = 0
    for part in PARTS:
        for _ in range(2):
            frame += 1
            datagram = reassembler.add(key(), *part, frame, frame)
            if datagram:
                done.append(datagram)
    assert len(done) == 1
    assert done[0].frames == (1, 3, 5)
    assert done[0].copies == (2, 4)
    assert reassembler.last_outcome is Outcome.COPY
    assert reassembler.copies == 3
    assert reassembler.drain() == []


def test_same_id_with_other_bytes_is_a_new_datagram() -> None:
    reassembler = Reassembler()
    for part in PARTS:
        reassembler.add(key(), *part, 1, 0)
    offset, more, payload = PARTS[0]
    assert reassembler.add(key(), offset, more, payload[::-1], 9, 1) is None
    assert reassembler.last_outcome is Outcome.HELD
    assert [one.frames for one in reassembler.drain()] == [(9,)]


def test_same_bytes_after_the_timeout_are_a_new_datagram() -> None:
    reassembler = Reassembler()
    for part in PARTS:
        reassembler.add(key(), *part, 1, 0)
    assert reassembler.add(key(), *PARTS[0], 9, 31 * SECOND) is None
    assert reassembler.last_outcome is Outcome.HELD


def test_overlap_keeps_the_first_bytes() -> None:
    reassembler = Reassembler()
    assert reassembler.add(key(), 0, True, b"A" * 16, 1, 0) is None
    assert reassembler.add(key(), 8, True, b"B" * 16, 2, 0) is None
    done = reassembler.add(key(), 24, False, b"C" * 3, 3, 0)
    assert done is not None
    assert done.payload == b"A" * 16 + b"B" * 8 + b"C" * 3
    assert done.problems == ("fragment-overlap",)


def test_overlap_fills_the_gaps_only() -> None:
    reassembler = Reassembler()
    reassembler.add(key(), 8, True, b"1" * 8, 1, 0)
    reassembler.add(key(), 24, True, b"2" * 8, 2, 0)
    done = reassembler.add(key(), 0, False, b"x" * 40, 3, 0)
    assert done is not None, "offset 0 without more is whole by itself"
    assert done.payload == b"x" * 40
    done = reassembler.add(key(), 16, False, b"y" * 24, 4, 0)
    assert done is None
    done = reassembler.add(key(), 0, True, b"z" * 24, 5, 0)
    assert done is not None
    assert done.payload == b"z" * 8 + b"1" * 8 + b"y" * 8 + b"2" * 8 + b"y" * 8
    assert not done.in_order


@pytest.mark.parametrize("late", [False, True])
def test_lengths_that_contradict_each_other(late: bool) -> None:
    reassembler = Reassembler()
    beyond = (24, True, b"b" * 8)
    if not late:
        reassembler.add(key(), *beyond, 1, 0)
    reassembler.add(key(), 8, False, b"e" * 8, 2, 0)
    if late:
        reassembler.add(key(), *beyond, 3, 0)
    done = reassembler.add(key(), 0, True, b"s" * 8, 4, 0)
    assert done is not None
    assert done.payload == b"s" * 8 + b"e" * 8
    assert done.problems == ("fragment-length-conflict",)


def test_two_different_ends() -> None:
    reassembler = Reassembler()
    reassembler.add(key(), 8, False, b"e" * 8, 1, 0)
    reassembler.add(key(), 16, False, b"f" * 8, 2, 0)
    done = reassembler.add(key(), 0, True, b"s" * 8, 3, 0)
    assert done is not None
    assert done.payload == b"s" * 8 + b"e" * 8
    assert done.problems == ("fragment-length-conflict",)


def test_odd_length_in_the_middle_is_noted() -> None:
    reassembler = Reassembler()
    reassembler.add(key(), 0, True, b"1234567", 1, 0)
    assert reassembler.drain()[0].problems == ("fragment-unaligned",)


def test_snap_length_is_no_loss() -> None:
    """96 captured bytes of each fragment: the datagram arrived, only its bytes were not kept."""
    reassembler = Reassembler()
    done = None
    for frame, (offset, more, payload) in enumerate(PARTS):
        done = reassembler.add(key(), offset, more, payload[:96], frame, 0, wire_length=len(payload))
    assert done is not None
    assert done.total_length == len(BODY)
    assert done.payload == BODY[:96], "up to the first byte that is missing"
    assert not done.captured_whole


def test_incomplete_datagrams_say_what_is_there() -> None:
    reassembler = Reassembler()
    reassembler.add(key(), *PARTS[0], 1, 5 * SECOND)
    reassembler.add(key(), *PARTS[0], 2, 5 * SECOND)
    reassembler.add(key(), *PARTS[2], 3, 6 * SECOND)
    (lost,) = reassembler.drain()
    assert lost.key == key()
    assert lost.frames == (1, 3)
    assert lost.copies == (2,)
    assert (lost.first_ns, lost.last_ns) == (5 * SECOND, 6 * SECOND)
    assert lost.have == ((0, 1480), (2960, len(BODY)))
    assert lost.first_fragment == BODY[:1480]
    assert lost.total_length == len(BODY)
    assert lost.why == "capture-end"


def test_incomplete_without_first_or_last_fragment() -> None:
    reassembler = Reassembler()
    reassembler.add(key(), *PARTS[1], 1, 0)
    (lost,) = reassembler.drain()
    assert lost.first_fragment is None
    assert lost.total_length is None
    reassembler.add(key(), 0, True, bytes(9000), 2, 0)
    first = reassembler.drain()[0].first_fragment
    assert first is not None
    assert len(first) == MAX_FIRST_FRAGMENT


def test_timeout_counts_from_the_first_fragment() -> None:
    reassembler = Reassembler(timeout_ns=30 * SECOND)
    reassembler.add(key(), *PARTS[0], 1, 0)
    reassembler.add(key(), *PARTS[1], 2, 29 * SECOND)
    assert reassembler.take_incomplete() == []
    assert reassembler.add(key(), *PARTS[2], 3, 31 * SECOND) is None
    (lost,) = reassembler.take_incomplete()
    assert (lost.frames, lost.why) == ((1, 2), "timeout")
    assert reassembler.take_incomplete() == []
    assert [one.frames for one in reassembler.drain()] == [(3,)]


def test_capture_whose_times_go_backwards() -> None:
    reassembler = Reassembler()
    reassembler.add(key(1), *PARTS[2], 1, 100 * SECOND)
    reassembler.add(key(2), *PARTS[2], 2, 50 * SECOND)
    reassembler.add(key(1), *PARTS[1], 3, 99 * SECOND)
    assert reassembler.add(key(1), *PARTS[0], 4, 98 * SECOND) is not None
    assert [one.frames for one in reassembler.drain()] == [(2,)]


def test_same_key_long_before_is_another_datagram() -> None:
    reassembler = Reassembler()
    reassembler.add(key(), *PARTS[0], 1, 100 * SECOND)
    reassembler.add(key(), *PARTS[1], 2, 10 * SECOND)
    assert len(reassembler.drain()) == 2


def test_frames_without_time_stamp() -> None:
    reassembler = Reassembler()
    done = None
    for frame, part in enumerate(PARTS):
        done = reassembler.add(key(), *part, frame, NO_TIME)
    assert done is not None
    reassembler.add(key(), *PARTS[0], 9, 10**18)
    assert reassembler.last_outcome is Outcome.COPY


def test_number_of_open_datagrams_is_bounded() -> None:
    reassembler = Reassembler(max_open=4)
    for ident in range(6):
        reassembler.add(key(ident), *PARTS[0], ident, 0)
    assert len(reassembler) == 4
    evicted = reassembler.take_incomplete()
    assert [one.key[3] for one in evicted] == [0, 1]
    assert {one.why for one in evicted} == {"evicted"}


def test_untaken_incomplete_ones_are_bounded_and_counted() -> None:
    reassembler = Reassembler(max_open=4)
    for ident in range(20):
        reassembler.add(key(ident), *PARTS[0], ident, 0)
    assert len(reassembler.take_incomplete()) == 4
    assert reassembler.incomplete_lost == 12


def test_bytes_are_bounded() -> None:
    reassembler = Reassembler(max_bytes=1_000_000)
    for ident in range(40):
        reassembler.add(key(ident), 65000, True, bytes(512), ident, 0)
        assert reassembler.bytes_held <= 1_000_000
    assert len(reassembler) == 1_000_000 // (65512 + FRAGMENT_COST)


def test_tiny_fragments_are_bounded() -> None:
    reassembler = Reassembler()
    for index in range(MAX_FRAGMENTS):
        reassembler.add(key(), 16 * index, True, bytes(8), index, 0)
    reassembler.add(key(), 8, True, bytes(8), 1, 0)
    assert reassembler.last_outcome is Outcome.REJECTED_TOO_MANY
    assert len(reassembler.drain()[0].have) == MAX_FRAGMENTS


@pytest.mark.parametrize(
    ("offset", "length", "outcome"),
    [
        (8, 0, Outcome.REJECTED_EMPTY),
        (MAX_DATAGRAM - 7, 7, Outcome.HELD),
        (MAX_DATAGRAM - 7, 8, Outcome.REJECTED_TOO_LONG),
        (-8, 16, Outcome.REJECTED_TOO_LONG),
    ],
)
def test_impossible_fragments_are_refused(offset: int, length: int, outcome: Outcome) -> None:
    reassembler = Reassembler()
    assert reassembler.add(key(), offset, True, bytes(length), 1, 0) is None
    assert reassembler.last_outcome is outcome
    assert len(reassembler) == (outcome is Outcome.HELD)


FRAGMENTS = st.tuples(
    st.integers(0, 3),  # id
    st.integers(0, 12).map(lambda unit: unit * 8),
    st.booleans(),
    st.binary(max_size=40),
    st.one_of(st.integers(0, 90).map(lambda seconds: seconds * SECOND), st.just(NO_TIME)),
    st.one_of(st.none(), st.integers(0, 80)),
)


@given(st.lists(FRAGMENTS, max_size=40))
def test_every_fragment_is_accounted_for(
    fragments: list[tuple[int, int, bool, bytes, int, int | None]],
) -> None:
    """Each frame is held, a copy or refused; what was held turns up once, whole or incomplete."""
    reassembler = Reassembler(max_open=3)
    kept: list[int] = []
    found: list[int] = []
    incomplete = 0
    for frame, (ident, offset, more, payload, ts_ns, wire) in enumerate(fragments):
        done = reassembler.add(key(ident), offset, more, payload, frame, ts_ns, wire)
        if reassembler.last_outcome in (Outcome.HELD, Outcome.COMPLETED):
            kept.append(frame)
        assert (done is not None) == (reassembler.last_outcome is Outcome.COMPLETED)
        if done is not None:
            found += done.frames
            assert len(done.payload) <= done.total_length
            assert done.completing_frame == frame
        assert len(reassembler) <= 3
        assert reassembler.bytes_held >= 0
        for lost in reassembler.take_incomplete():
            found += lost.frames
            incomplete += 1
    for lost in reassembler.drain():
        found += lost.frames
        assert all(start < end for start, end in lost.have)
        assert all(first[1] < second[0] for first, second in pairwise(lost.have))
    assert sorted(found) == kept
    assert reassembler.bytes_held == 0


@given(st.binary(min_size=9, max_size=400), st.data())
def test_any_cut_in_any_order_gives_the_bytes_back(body: bytes, data: st.DataObject) -> None:
    cuts = data.draw(
        st.sets(st.integers(1, (len(body) - 1) // 8)).map(lambda units: [unit * 8 for unit in units])
    )
    edges = [0, *sorted(cuts), len(body)]
    pieces = [(start, end < len(body), body[start:end]) for start, end in pairwise(edges)]
    reassembler = Reassembler()
    done = None
    for frame, (offset, more, payload) in enumerate(data.draw(st.permutations(pieces))):
        assert done is None
        done = reassembler.add(key(), offset, more, payload, frame, frame)
    assert done is not None
    assert done.payload == body
    assert done.problems == ()
