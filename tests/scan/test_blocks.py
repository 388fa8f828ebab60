"""Whatever the frames are: every packet is in one count, and how they are cut into blocks changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcapan.ingest.frames import NO_TIME, Interface
from pcapan.scan.columns import MARK_COPY, MARK_NO_TIME, FileScan
from pcapan.scan.scanner import Scanner
from tests.kit.dsl import parse
from tests.kit.frames import EPOCH, LINKS, Frame, blocks, relink, scan
from tests.scan.packets import MARKER, SA_INIT, check_sum, esp, frame4, kinds

TALK = parse(
    """
    host S 10.10.10.2
    host C 203.0.113.5
    host S6 2001:db8::2
    host C6 2001:db8:1::5
    0 C:31000 > S UP i=a1 r=b1 until=5 every=1
    0.5 C6 > S6 UP i=a2 r=b2 until=5 every=1
    1 C > S AUTH i=a3 r=b3 size=3000 mtu=1280
    1.1 C6 > S6 AUTH i=a4 r=b4 size=3000 mtu=1280
    1.2 C > S AUTH i=a3 r=b3 size=3000 mtu=1280 lose=2
    2 C > S KEEPALIVE copies=2
    2.1 C > S INIT i=a5 copies=2
    2.2 S > C UNREACH
    2.3 C > S ODD
    2.4 C > S OTHER
    2.5 C > S NATIVE spi=77 copies=2
    2.6 C > S V1 i=a6
    2.7 S > C ARP
    2.8 C > S INIT i=a7 snap=60
    """
)
VALID = TALK.frames


def everything(found: FileScan) -> dict[str, Any]:
    columns = {name: list(column) for name, column in vars(found.messages).items()}
    rest = {name: getattr(found, name) for name in FileScan.__fields__ if name != "messages"}
    return {**columns, **{name: repr(value) for name, value in rest.items()}}


def test_the_conversation_has_all_kinds() -> None:
    found = scan(VALID)
    check_sum(found)
    assert set(kinds(found)) == {"ike", "esp", "keepalive", "other", "copies", "ip-fragments-incomplete"}
    assert found.icmp and found.odd and found.natd and found.fragment_frames and found.link_neighbours


@pytest.mark.parametrize("cut", range(1, len(VALID)))
def test_two_blocks(cut: int) -> None:
    assert everything(scan(VALID, cuts=[cut])) == everything(scan(VALID))


@given(st.sets(st.integers(0, len(VALID)), max_size=12))
@settings(max_examples=40)
def test_any_blocks(cuts: set[int]) -> None:
    assert everything(scan(VALID, cuts=cuts)) == everything(scan(VALID))


def test_one_block_a_frame() -> None:
    assert everything(scan(VALID, cuts=range(len(VALID)))) == everything(scan(VALID))


_LINK_TYPES = st.sampled_from([0, 1, 9, 12, 50, 51, 101, 104, 105, 108, 113, 127, 147, 228, 229, 276, 65535])
_TIMES = st.one_of(st.just(NO_TIME), st.integers(-(2**62), 2**62), st.integers(EPOCH, EPOCH + 10**10))


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    """A valid frame with some bytes changed, cut or lengthened, on one of the links."""
    link = draw(st.sampled_from(sorted(LINKS)))
    frame = draw(st.sampled_from(VALID))
    moved = relink([frame], link) or [frame]
    data = bytearray(moved[0].data)
    for at, value in draw(st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=4)):
        data[at % len(data)] = value
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


_FRAMES = st.lists(
    st.builds(
        lambda ts, data, more: Frame(ts, data, len(data) + more if more else 0),
        _TIMES,
        st.one_of(_mutated(), st.binary(max_size=120)),
        st.sampled_from([0, 0, 0, 1, 5, 1400]),
    ),
    max_size=12,
)


def _check_any(found: FileScan) -> None:
    check_sum(found)
    rows = found.messages
    assert len({len(column) for column in vars(rows).values()}) == 1
    marked = sum(bool(mark & MARK_COPY) for mark in rows.marks)
    assert marked <= found.copies
    assert len(rows) - marked <= found.ike
    assert sum(flow.packets for flow in found.esp) <= found.esp_packets
    assert all(index < len(found.addresses) for index in (*rows.src, *rows.dst))
    assert all(0 < frame <= found.packets for frame in rows.frame)
    assert all(flow.first_ts <= flow.last_ts for flow in (*found.esp, *found.keepalives))
    if found.first_ts is not None and found.last_ts is not None:
        assert found.first_ts <= found.last_ts


@given(_FRAMES, _LINK_TYPES)
@settings(max_examples=400)
def test_any_frames_are_counted(frames: list[Frame], link: int) -> None:
    _check_any(scan(frames, link))


@given(_FRAMES, _LINK_TYPES, st.sets(st.integers(0, 12), max_size=4))
@settings(max_examples=100)
def test_any_frames_in_any_blocks(frames: list[Frame], link: int, cuts: set[int]) -> None:
    assert everything(scan(frames, link, cuts)) == everything(scan(frames, link))


def test_frames_without_a_time_take_the_time_before() -> None:
    times = [NO_TIME, EPOCH, NO_TIME, EPOCH + 5]
    found = scan([Frame(ts, frame4(SA_INIT, ip_id=n)) for n, ts in enumerate(times, 1)])
    assert list(found.messages.ts) == [0, EPOCH, EPOCH, EPOCH + 5]
    assert [bool(mark & MARK_NO_TIME) for mark in found.messages.marks] == [True, False, True, False]
    assert (found.untimed, found.out_of_order) == (2, 0)
    assert (found.first_ts, found.last_ts) == (EPOCH, EPOCH + 5)


def test_time_before_goes_on_over_blocks() -> None:
    frames = [Frame(EPOCH, frame4(SA_INIT)), Frame(NO_TIME, frame4(SA_INIT, ip_id=8))]
    assert list(scan(frames, cuts=[1]).messages.ts) == [EPOCH, EPOCH]


def test_interfaces_of_different_links() -> None:
    inside = frame4(SA_INIT)[14:]
    (block,) = blocks([Frame(EPOCH, frame4(SA_INIT)), Frame(EPOCH + 10**9, inside)])
    block.interfaces[1] = 1
    scanner = Scanner()
    scanner.feed(block, [Interface(1), Interface(101)])
    assert scanner.finish().ike == 2


def test_rows_do_not_grow_with_esp() -> None:
    packets = [frame4(esp(spi, n), 31000, 4500) for n in range(1, 2001) for spi in (5, 6)]
    frames = [Frame(EPOCH + n, packet) for n, packet in enumerate(packets)]
    found = scan(frames, cuts=range(0, 4000, 100))
    assert found.esp_packets == 4000
    sizes = {
        name: len(getattr(found, name))
        for name in FileScan.__fields__
        if hasattr(getattr(found, name), "__len__") and name != "ports"
    }
    assert sum(sizes.values()) <= 2 + 2 + 1, sizes  # two flows, two addresses, one sender on the link


def test_rows_do_not_grow_with_keepalives_and_other_packets() -> None:
    frames = [Frame(EPOCH + n, frame4(b"\xff", 31000, 4500, ip_id=n)) for n in range(1, 1000)]
    frames += [Frame(EPOCH + n, frame4(b"web", 31000, 443, ip_id=n)) for n in range(1000, 2000)]
    found = scan(frames)
    assert (len(found.keepalives), found.keepalive_packets, found.other) == (1, 999, 1000)
    assert len(found.talkers) == 1 and len(found.messages) == 0


def test_nothing() -> None:
    found = scan([])
    assert (found.packets, found.first_ts, kinds(found)) == (0, None, {})


def test_marker_only_on_4500() -> None:
    assert kinds(scan([Frame(EPOCH, frame4(MARKER, 4500, 4500))])) == {"other": 1}
