"""pcapng: sections, interfaces, clocks, packet blocks, and files that lie."""

from __future__ import annotations

import struct

import pytest

from pcapan.errors import UnreadableError
from pcapan.ingest import pcapng, pcapng_meta
from pcapan.ingest.frames import NO_TIME

from .builders import (
    NANO,
    SECOND,
    TIME,
    Row,
    block,
    epb,
    frame,
    idb,
    isb,
    option,
    read_bytes,
    sample_pcapng,
    shb,
    spb,
)

MICRO = SECOND * 10**9 + 123_456_000


@pytest.mark.parametrize("order", ["<", ">"])
def test_byte_orders(order: str) -> None:
    read = read_bytes(shb(order) + idb(order, link=113, snaplen=96) + epb(frame(1), order, wire=99))
    assert read.capture.format == "pcapng"
    assert read.rows == [Row(1, frame(1), 99, MICRO)]
    assert (read.capture.interfaces[0].link_type, read.capture.interfaces[0].snaplen) == (113, 96)


def test_sections_number_interfaces_through() -> None:
    first = shb() + idb(link=1) + idb(link=101) + epb(frame(1), interface=1)
    second = shb(">") + idb(">", link=113) + epb(frame(2), ">", interface=0)
    read = read_bytes(first + second)
    assert [(row.number, row.interface, row.data) for row in read.rows] == [
        (1, 1, frame(1)),
        (2, 2, frame(2)),
    ]
    assert [found.link_type for found in read.capture.interfaces] == [1, 101, 113]


def test_section_forgets_the_interfaces_of_the_one_before() -> None:
    read = read_bytes(shb() + idb() + idb() + shb() + idb() + epb(frame(1), interface=1))
    assert (read.rows, read.codes) == ([], ["undefined-interface"])


@pytest.mark.parametrize(
    ("resolution", "offset", "ticks", "time"),
    [
        (None, 0, SECOND * 10**6 + 123_456, MICRO),
        (6, 0, SECOND * 10**6 + 123_456, MICRO),
        (9, 0, TIME, TIME),
        (7, 0, TIME // 100, TIME // 100 * 100),
        (0, 0, SECOND, SECOND * 10**9),
        (3, 0, SECOND * 1000 + 123, SECOND * 10**9 + 123_000_000),
        (10, 0, 19, 1),  # 1.9 ns: rounded down
        (12, 0, 5_999, 5),
        (19, 0, 2**64 - 1, 1_844_674_407),
        (0x80, 0, SECOND, SECOND * 10**9),
        (0x80 | 10, 0, SECOND * 1024 + 1, SECOND * 10**9 + 976_562),
        (0x80 | 30, 0, (SECOND << 30) + 1, SECOND * 10**9),
        (0x80 | 63, 0, 3 << 62, 1_500_000_000),
        (None, SECOND, 123_456, MICRO),
        (9, -1, TIME, TIME - 10**9),
        (9, -SECOND - 1, TIME, NANO - 10**9),
    ],
)
def test_clocks(resolution: int | None, offset: int, ticks: int, time: int) -> None:
    options = b"" if resolution is None else option(9, bytes((resolution,)))
    if offset:
        options += option(14, struct.pack("<q", offset))
    assert read_bytes(shb() + idb(options=options) + epb(b"x", ticks=ticks)).rows[0].time == time


@pytest.mark.parametrize("resolution", [20, 127, 0x80 | 64, 0xFF])
def test_clock_beyond_64_bits(resolution: int) -> None:
    read = read_bytes(shb() + idb(options=option(9, bytes((resolution,)))) + epb(b"x"))
    assert (read.rows, read.codes, read.capture.damaged) == ([], ["bad-time-resolution"], True)


@pytest.mark.parametrize(("resolution", "offset"), [(0, 0), (9, 2**62), (9, -(2**62)), (0x80 | 3, 0)])
def test_time_that_64_bits_do_not_hold(resolution: int, offset: int) -> None:
    options = option(9, bytes((resolution,))) + option(14, struct.pack("<q", offset))
    read = read_bytes(shb() + idb(options=options) + epb(b"x", ticks=2**63) * 2)
    assert [row.time for row in read.rows] == [NO_TIME, NO_TIME]
    assert [(p.code, p.frame, p.count) for p in read.capture.problems] == [("time-out-of-range", 1, 2)]
    assert not read.capture.damaged


@pytest.mark.parametrize(
    ("snaplen", "wire", "stored", "captured"),
    [
        (0, 60, 60, 60),
        (96, 200, 96, 96),
        (96, 50, 50, 50),
        (0, 61, 61, 61),
        (0, 200, 100, 100),
        (10, 60, 60, 10),
    ],
)
def test_simple_packet(snaplen: int, wire: int, stored: int, captured: int) -> None:
    data = frame(1, stored)
    read = read_bytes(shb() + idb(link=1, snaplen=snaplen) + idb(link=101) + spb(data, wire=wire))
    assert read.rows == [Row(1, data[:captured], wire, NO_TIME)]


@pytest.mark.parametrize("order", ["<", ">"])
def test_obsolete_packet_block(order: str) -> None:
    ticks = SECOND * 10**6
    body = struct.pack(order + "HHIIII", 1, 0xFFFF, ticks >> 32, ticks & 0xFFFFFFFF, 5, 70) + b"hello"
    read = read_bytes(shb(order) + idb(order) * 2 + block(2, body, order) * 2)
    assert read.rows == [Row(n, b"hello", 70, SECOND * 10**9, 1) for n in (1, 2)]


@pytest.mark.parametrize(("flags", "direction"), [(0, 0), (1, 1), (2, 2), (3, 0), (0xFFFFFFFD, 1)])
@pytest.mark.parametrize("order", ["<", ">"])
def test_direction(flags: int, direction: int, order: str) -> None:
    options = option(1, b"a comment", order) + option(2, struct.pack(order + "I", flags), order)
    read = read_bytes(
        shb(order) + idb(order) + epb(frame(1, 61), order, options=options + option(0, b"", order))
    )
    assert read.rows[0].direction == direction
    assert read.capture.comments == ["a comment"]


def test_what_interfaces_and_sections_say() -> None:
    text = [
        option(code, value)
        for code, value in ((2, b"eth0"), (3, b"Ethernet 2"), (12, b"Windows"), (15, b"I226"))
    ]
    options = b"".join(text) + option(11, b"\0udp port 500") + option(0, b"")
    header = option(1, b"first") + option(2, b"Xeon") + option(3, b"Server 2022") + option(4, b"pktmon")
    counters = (
        option(4, struct.pack("<Q", 2**40))
        + option(5, struct.pack("<Q", 7))
        + option(7, struct.pack("<Q", 3))
    )
    data = shb(options=header) + idb(options=options) + idb(options=option(11, b"\1\0\0")) + isb(counters)
    capture = read_bytes(data).capture
    first, second = capture.interfaces
    assert (first.name, first.description, first.operating_system) == ("eth0", "Ethernet 2", "Windows")
    assert (first.hardware, first.capture_filter) == ("I226", "udp port 500")
    assert (first.received, first.dropped) == (2**40, 10)
    assert (second.capture_filter, second.received, second.dropped) == ("", None, None)
    assert (capture.hardware, capture.operating_system, capture.application) == (
        "Xeon",
        "Server 2022",
        "pktmon",
    )
    assert capture.comments == ["first"]


def test_comments_are_bounded_and_decoded() -> None:
    packets = b"".join(epb(b"x", options=option(1, b"\xff%d\0" % i)) for i in range(150))
    comments = read_bytes(shb() + idb() + packets).capture.comments
    assert len(comments) == 100
    assert comments[7] == "\ufffd7"


def test_unknown_blocks_are_skipped_and_numbered_as_wireshark_does() -> None:
    data = shb() + idb() + epb(frame(1)) + block(4, b"names!!!") + block(0x77, b"") + epb(frame(2))
    data += block(0xBAD, b"\0\0\0\1custom") + epb(frame(3)) + block(9, b"journal") * 2 + epb(frame(4))
    read = read_bytes(data)
    assert [(row.number, row.data) for row in read.rows] == [
        (n, frame(i)) for n, i in ((1, 1), (2, 2), (4, 3), (7, 4))
    ]
    assert [(p.code, p.frame, p.count) for p in read.capture.problems] == [("not-a-packet", 3, 3)]


def test_length_without_padding_is_allowed() -> None:
    body = struct.pack("<IIIII", 0, 0, 5, 3, 3) + b"abc"
    total = 12 + len(body)
    packet = struct.pack("<II", 6, total) + body + b"\0" + struct.pack("<I", total)
    read = read_bytes(shb() + idb() + packet + epb(frame(2)))
    assert [row.data for row in read.rows] == [b"abc", frame(2)]


GOOD = shb() + idb() + epb(frame(1))
AFTER = epb(frame(2))


def _lengths(kind: int, first: int, last: int) -> bytes:
    return struct.pack("<II", kind, first) + bytes(20) + struct.pack("<I", last)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (epb(frame(1), interface=7), "undefined-interface"),
        (epb(frame(1), captured=61), "bad-record-length"),
        (epb(frame(1), captured=0xFFFFFFFF), "bad-record-length"),
        (epb(frame(1, 262145)), "bad-record-length"),
        (_lengths(6, 32, 36), "bad-block-length"),
        (_lengths(6, 28, 28), "bad-block-length"),
        (_lengths(0x77, 32, 28), "bad-block-length"),
        (_lengths(0x77, 8, 8), "bad-block-length"),
        (_lengths(0x77, 0, 0), "bad-block-length"),
        (_lengths(6, 0xFFFFFFF0, 32), "bad-block-length"),
        (_lengths(1, 0xFFFFFFFF, 32), "bad-block-length"),
        (_lengths(0x77, 0xFFFFFFFF, 32), "truncated-file"),
        (_lengths(0x0A0D0D0A, 32, 32), "bad-section-header"),
        (block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 9, 0, -1)), "bad-section-header"),
        (block(1, b"\1\0"), "bad-block-length"),
        (block(3, b""), "undefined-interface"),
    ],
)
def test_lies_end_the_reading(bad: bytes, code: str) -> None:
    for chunk_size in (1, 7, 1 << 21):
        read = read_bytes(GOOD + bad + AFTER, chunk_size)
        assert [row.data for row in read.rows] == [frame(1)]
        assert read.capture.damaged
        (problem,) = read.capture.problems
        assert (problem.code, problem.frame) == (code, 2)
        assert f"byte {len(GOOD)}" in problem.example


def test_simple_packet_without_interface() -> None:
    assert read_bytes(shb() + spb(frame(1))).codes == ["undefined-interface"]


def test_large_unknown_block_is_streamed_past(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcapng, "MAX_BLOCK", 4096)
    big = block(0x77, bytes(100_000))
    for chunk_size in (1000, 1 << 21):
        assert [row.data for row in read_bytes(GOOD + big + AFTER, chunk_size).rows] == [frame(1), frame(2)]
        broken = big[:-4] + b"\0\0\0\0"
        assert read_bytes(GOOD + broken + AFTER, chunk_size).codes[0] == "bad-block-length"
        assert read_bytes(GOOD + big[:-1], chunk_size).codes == ["truncated-file"]


def test_options_that_do_not_fit_cost_only_themselves() -> None:
    for bad in (b"\1\0\xff\xff", b"\2\0\4\0", b"\1\0\3\0ab"):
        read = read_bytes(shb() + idb() + epb(frame(1), options=bad) + AFTER)
        assert [row.data for row in read.rows] == [frame(1), frame(2)]
        assert not read.capture.damaged


def test_every_cut_delivers_what_precedes_it() -> None:
    data = sample_pcapng()
    whole = read_bytes(data)
    head = len(shb("<", option(4, b"writer")))
    boundaries = [0]
    position = 0
    while position < len(data):
        order = ">" if data[position + 4] == 0 else "<"
        position += struct.unpack_from(order + "I", data, position + 4)[0]
        boundaries.append(position)
    for cut in range(head, len(data)):
        read = read_bytes(data[:cut])
        assert read.rows == whole.rows[: len(read.rows)]
        assert read.capture.damaged == (cut not in boundaries)
    for cut in range(12, head):
        with pytest.raises(UnreadableError, match="section header"):
            read_bytes(data[:cut])


def test_interfaces_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcapng_meta, "MAX_INTERFACES", 3)
    read = read_bytes(shb() + idb() * 4 + epb(b"x"))
    assert read.codes == ["too-many-interfaces"]
    assert len(read.capture.interfaces) == 3
