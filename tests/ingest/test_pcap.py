"""pcap: every variant, and files that lie."""

from __future__ import annotations

import struct

import pytest

from pcapan.errors import UnreadableError

from .builders import NANO, SECOND, TIME, Row, frame, pcap_header, pcap_record, read_bytes, sample_pcap

MICRO = SECOND * 10**9 + 123_456_000


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("magic", "fraction", "extra", "name", "time"),
    [
        (0xA1B2C3D4, 123_456, b"", "pcap", MICRO),
        (0xA1B23C4D, NANO, b"", "pcap-ns", TIME),
        (0xA1B2CD34, 123_456, b"\0\0\0\2\0\x08\0\0", "pcap-modified", MICRO),
    ],
)
def test_variants(order: str, magic: int, fraction: int, extra: bytes, name: str, time: int) -> None:
    records = [pcap_record(frame(i), order=order, fraction=fraction, wire=99, extra=extra) for i in range(3)]
    read = read_bytes(pcap_header(magic, order, snaplen=96) + b"".join(records))
    assert read.capture.format == name
    assert read.rows == [Row(i + 1, frame(i), 99, time) for i in range(3)]
    assert read.capture.interfaces[0].snaplen == 96
    assert (read.codes, read.capture.damaged) == ([], False)


@pytest.mark.parametrize(
    ("network", "linktype"),
    [
        (1, 1),
        (101, 101),
        (276, 276),
        (12, 101),  # DLT_RAW of Linux
        (14, 101),  # DLT_RAW of OpenBSD
        (0x44000001, 1),  # two words of frame check sequence
        (182, 182),  # unknown to Wireshark, delivered all the same
    ],
)
def test_link_type(network: int, linktype: int) -> None:
    read = read_bytes(pcap_header(network=network) + pcap_record(frame(1)))
    assert read.capture.interfaces[0].link_type == linktype
    assert len(read.rows) == 1


@pytest.mark.parametrize(
    ("version", "captured", "wire", "expected"),
    [
        ((2, 4), 60, 99, (60, 99)),
        ((2, 3), 60, 99, (60, 99)),
        ((2, 3), 99, 60, (60, 99)),  # maybe swapped: told by what makes sense
        ((2, 2), 99, 60, (60, 99)),  # always swapped
        ((2, 2), 60, 60, (60, 60)),
        ((543, 0), 99, 60, (60, 99)),  # DG/UX
    ],
)
def test_order_of_lengths(
    version: tuple[int, int], captured: int, wire: int, expected: tuple[int, int]
) -> None:
    data = pcap_header(version=version) + pcap_record(frame(1), captured=captured, wire=wire) * 2
    rows = read_bytes(data).rows
    assert [(len(row.data), row.wire) for row in rows] == [expected] * 2


def test_captured_more_than_wire_is_kept_and_reported() -> None:
    read = read_bytes(pcap_header() + pcap_record(frame(1)) + pcap_record(frame(2), wire=0) * 2)
    assert [row.wire for row in read.rows] == [60, 60, 60]
    assert not read.capture.damaged
    (problem,) = read.capture.problems
    assert (problem.code, problem.frame, problem.count) == ("captured-longer-than-wire", 2, 2)


@pytest.mark.parametrize("captured", [262145, 0x7FFFFFFF, 0xFFFFFFFF])
def test_lying_length_ends_the_reading(captured: int) -> None:
    good = pcap_header() + pcap_record(frame(1))
    read = read_bytes(good + pcap_record(frame(2), captured=captured) + pcap_record(frame(3)))
    assert [row.data for row in read.rows] == [frame(1)]
    assert read.capture.damaged
    (problem,) = read.capture.problems
    assert (problem.code, problem.frame) == ("bad-record-length", 2)
    assert str(len(good)) in problem.example
    assert str(captured) in problem.example


def test_largest_frame_is_believed() -> None:
    big = frame(1, 262144)
    assert read_bytes(pcap_header() + pcap_record(big), 1 << 16).rows[0].data == big


def test_every_cut_delivers_what_precedes_it() -> None:
    data = sample_pcap(3)
    ends = [24]
    for i in range(3):
        ends.append(ends[-1] + 16 + 14 + 9 * i)
    for cut in range(24, len(data)):
        read = read_bytes(data[:cut])
        whole = sum(end <= cut for end in ends[1:])
        assert len(read.rows) == whole
        if cut in ends:
            assert read.codes == []
        else:
            assert read.codes == ["truncated-file"]
            assert read.capture.problems[0].frame == whole + 1
        assert read.capture.damaged == (cut not in ends)


@pytest.mark.parametrize("size", [4, 8, 23])
def test_cut_file_header(size: int) -> None:
    with pytest.raises(UnreadableError, match="cut inside its file header") as caught:
        read_bytes(pcap_header()[:size])
    assert len(str(caught.value).splitlines()) == 3


def test_version_nobody_wrote() -> None:
    with pytest.raises(UnreadableError, match=r"version 1\.9"):
        read_bytes(pcap_header(version=(1, 9)) + pcap_record(frame(1)))


def test_header_alone_is_no_error() -> None:
    read = read_bytes(pcap_header())
    assert (read.rows, read.codes, read.capture.damaged) == ([], [], False)


def test_time_is_unsigned() -> None:
    record = struct.pack("<IIII", 0xFFFFFFFF, 999_999, 0, 0)
    assert read_bytes(pcap_header() + record).rows[0].time == 0xFFFFFFFF * 10**9 + 999_999_000
