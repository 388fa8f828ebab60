"""A copy is the capture's doing, a retransmission the sender's: what tells them apart."""

from __future__ import annotations

import pytest

from pcapan.scan.columns import MARK_COPY
from pcapan.scan.copies import ESP_WINDOW, REMEMBERED, RecentPackets
from tests.kit.frames import EPOCH, Frame, scan, scan_packets
from tests.scan.packets import KEEPALIVE, MARKER, SA_INIT, check_sum, esp, frame4, frame6, kinds

MS = 1_000_000


def twice(one: bytes, other: bytes, apart: int) -> dict[str, int]:
    found = scan([Frame(EPOCH, one), Frame(EPOCH + apart, other)])
    check_sum(found)
    assert len(found.messages) == 2  # copies are rows as well, marked
    assert [mark & MARK_COPY for mark in found.messages.marks] == [0, MARK_COPY if found.copies else 0]
    return kinds(found)


COPY, SENT_AGAIN = {"ike": 1, "copies": 1}, {"ike": 2}


@pytest.mark.parametrize(
    ("ids", "apart", "expected"),
    [
        ((7, 7), 0, COPY),
        ((7, 7), 50 * MS, COPY),
        ((7, 7), 51 * MS, SENT_AGAIN),
        ((7, 8), 0, SENT_AGAIN),
        ((0, 0), 1 * MS, COPY),
        ((0, 0), 2 * MS, SENT_AGAIN),
    ],
)
def test_ipv4_identification(ids: tuple[int, int], apart: int, expected: dict[str, int]) -> None:
    assert twice(frame4(SA_INIT, ip_id=ids[0]), frame4(SA_INIT, ip_id=ids[1]), apart) == expected


@pytest.mark.parametrize(("apart", "expected"), [(1 * MS, COPY), (2 * MS, SENT_AGAIN)])
def test_ipv6(apart: int, expected: dict[str, int]) -> None:
    assert twice(frame6(SA_INIT), frame6(SA_INIT), apart) == expected


@pytest.mark.parametrize(("alone", "copies"), [(9, 1), (10, 0)])
@pytest.mark.parametrize("port", [500, 4500])
def test_a_lone_copy_without_identification(alone: int, copies: int, port: int) -> None:
    """Where fewer than one message in ten is there twice, it was sent twice: by a stack or a network."""
    marker = MARKER if port == 4500 else b""
    others = [frame6(marker + SA_INIT[:-1] + bytes([n]), port, port) for n in range(alone - 1)]
    sent = [*others, frame6(marker + SA_INIT, port, port), frame6(marker + SA_INIT, port, port)]
    found = scan([Frame(EPOCH + n, data) for n, data in enumerate(sent)])
    check_sum(found)
    assert kinds(found) == {"ike": alone + 1 - copies} | ({"copies": 1} if copies else {})
    assert sum(mark & MARK_COPY != 0 for mark in found.messages.marks) == copies
    assert found.ports[port] == alone + 1 - copies


def test_copies_with_an_identification_stay() -> None:
    ids = 30
    sent = [*(frame4(SA_INIT, ip_id=n + 1) for n in range(ids)), frame4(SA_INIT, ip_id=ids)]
    assert kinds(scan([Frame(EPOCH + n, data) for n, data in enumerate(sent)])) == {"ike": ids, "copies": 1}


def test_copy_behind_a_router() -> None:
    """Other addresses of the link, one hop less to live: still the same packet."""
    one = frame4(SA_INIT)
    other = bytes(12) + one[12:22] + bytes([one[22] - 1]) + one[23:]
    assert twice(one, other, MS) == COPY


def test_another_sender_is_no_copy() -> None:
    one = frame4(SA_INIT)
    other = one[:29] + bytes([one[29] ^ 1]) + one[30:]
    assert twice(one, other, 0) == SENT_AGAIN


def test_other_bytes_are_no_copy() -> None:
    one = frame4(SA_INIT)
    assert twice(one, one[:-1] + b"\0", 0) == SENT_AGAIN


def test_three_copies() -> None:
    found = scan([Frame(EPOCH + n, frame4(SA_INIT)) for n in range(4)])
    assert kinds(found) == {"ike": 1, "copies": 3}
    assert found.ports == {500: 1, 4500: 0}


def test_copy_of_an_older_time() -> None:
    assert twice(frame4(SA_INIT), frame4(SA_INIT), -10 * MS) == COPY


@pytest.mark.parametrize("payload", [KEEPALIVE, b"\x07" * 19])
def test_copies_of_everything_else(payload: bytes) -> None:
    frame = frame4(payload, 31000, 500)
    found = scan([Frame(EPOCH, frame), Frame(EPOCH + MS, frame)])
    assert found.copies == 1
    assert found.packets == 2
    check_sum(found)
    assert len(found.odd) + sum(flow.packets for flow in found.keepalives) == 1


class TestEsp:
    """ESP never repeats a sequence number, so time and identification do not matter."""

    def test_copy_at_any_time(self) -> None:
        found = scan(
            [Frame(EPOCH, frame4(esp(), 1, 4500)), Frame(EPOCH + 10**9, frame4(esp(), 1, 4500, ip_id=9))]
        )
        assert kinds(found) == {"esp": 1, "copies": 1}
        assert (found.esp[0].packets, found.esp[0].copies) == (1, 1)

    @pytest.mark.parametrize(
        ("sequences", "new"),
        [
            ([1, 2, 3], 3),
            ([3, 1, 2], 3),
            ([3, 1, 2, 1, 2, 3], 3),
            ([100, 100 - ESP_WINDOW + 1, 100 - ESP_WINDOW + 1], 2),
            ([100, 100 - ESP_WINDOW, 100 - ESP_WINDOW], 3),  # behind the window nothing is remembered
            ([1, 1 + ESP_WINDOW - 1, 1], 2),
            ([1, 1 + ESP_WINDOW, 1 + ESP_WINDOW], 2),
            ([5, 2**32 - 1, 5], 3),
        ],
    )
    @pytest.mark.parametrize("link", ["hot", "general"])
    def test_window(self, sequences: list[int], new: int, link: str) -> None:
        size = 80 if link == "hot" else 0
        found = scan_packets(*[frame4(esp(sequence=n, size=size), 1, 4500) for n in sequences])
        assert (found.esp_packets, found.copies) == (new, len(sequences) - new)
        assert (found.esp[0].lowest_sequence, found.esp[0].highest_sequence) == (
            min(sequences),
            max(sequences),
        )
        check_sum(found)

    def test_same_number_of_another_spi(self) -> None:
        found = scan_packets(frame4(esp(1), 1, 4500), frame4(esp(2), 1, 4500))
        assert kinds(found) == {"esp": 2}


def test_marker_with_ike_is_no_esp() -> None:
    frame = frame4(MARKER + SA_INIT, 4500, 4500)
    assert twice(frame, frame, 10 * MS) == COPY


def test_memory_is_bounded() -> None:
    recent = RecentPackets()
    for number in range(1, 10 * REMEMBERED):
        assert not recent.is_copy(number, True, number)
    assert recent.is_copy(10 * REMEMBERED - REMEMBERED, True, 10 * REMEMBERED)
    assert not recent.is_copy(1, True, 1)
