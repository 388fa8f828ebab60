"""IKE in IP fragments: one message, at the frame that completed it, and every fragment counted."""

from __future__ import annotations

from itertools import permutations

import pytest

from pcapan.scan.columns import MARK_CUT, MARK_FRAGMENTED, MARK_NON_ESP, FileScan
from tests.kit.dsl import parse
from tests.kit.frames import Frame, relink, scan
from tests.scan.packets import check_sum, kinds

HOSTS = """
host S 10.10.10.2
host C 203.0.113.5
host S6 2001:db8::2
host C6 2001:db8:1::5
"""
BIG = "0 {} > {} AUTH i=a1 r=b1 size=3000 mtu=1280"
PAIRS = [("C", "S"), ("C6", "S6")]


def fragments(line: str) -> list[Frame]:
    frames = parse(HOSTS + line).frames
    return [frame._replace(ts=frame.ts + index * 1000) for index, frame in enumerate(frames)]


def only_message(found: FileScan) -> tuple[int, tuple[int, ...]]:
    check_sum(found)
    assert len(found.messages) == 1
    return found.messages.frame[0], found.fragment_frames[0]


@pytest.mark.parametrize("pair", PAIRS)
def test_whole(pair: tuple[str, str]) -> None:
    found = scan(fragments(BIG.format(*pair)))
    assert only_message(found) == (3, (1, 2, 3))
    assert kinds(found) == {"ike": 3}
    assert found.messages.marks[0] == MARK_FRAGMENTED | MARK_NON_ESP
    assert found.messages.encrypted[0] == 3000
    assert (found.fragments, found.tail_fragments) == (3, 2)
    assert found.incomplete == [] and found.problems == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_any_order(order: tuple[int, ...]) -> None:
    frames = fragments(BIG.format("C", "S"))
    found = scan([frames[index] for index in order])
    assert only_message(found) == (3, (1, 2, 3))
    assert found.messages.encrypted[0] == 3000


def test_another_link() -> None:
    assert only_message(scan(relink(fragments(BIG.format("C", "S")), "raw"), 101)) == (3, (1, 2, 3))


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("lost", [1, 2, 3])
def test_incomplete(lost: int, pair: tuple[str, str]) -> None:
    found = scan(fragments(BIG.format(*pair) + f" lose={lost}"))
    check_sum(found)
    assert kinds(found) == {"ip-fragments-incomplete": 2}
    assert len(found.messages) == 0
    (missing,) = found.incomplete
    assert missing.frames == (1, 2)
    assert (missing.first_fragment is None) == (lost == 1)
    assert found.fragments == 2 and found.tail_fragments == (2 if lost == 1 else 1)


def test_copies_of_fragments() -> None:
    one, two, three = fragments(BIG.format("C", "S"))
    found = scan([one, one, two, two, three, three])
    assert only_message(found) == (5, (1, 3, 5))
    assert kinds(found) == {"ike": 3, "copies": 3}


def test_cut_fragments_are_a_cut_message_at_the_header() -> None:
    found = scan(fragments(BIG.format("C", "S") + " snap=100"))
    assert only_message(found) == (1, (1, 2, 3))
    assert found.messages.marks[0] & MARK_CUT
    assert kinds(found) == {"ike": 3}


def test_same_identification_of_two_senders() -> None:
    one = fragments(BIG.format("C", "S") + " ipid=9")
    other = fragments("0 S > C AUTH-R i=a1 r=b1 size=3000 mtu=1280 ipid=9")
    found = scan([frame for pair in zip(one, other, strict=True) for frame in pair])
    assert list(found.messages.frame) == [5, 6]
    assert kinds(found) == {"ike": 6}


def test_a_retransmission_with_a_new_identification() -> None:
    frames = fragments("*2 0+1 C > S AUTH i=a1 r=b1 size=3000 mtu=1280")
    found = scan(frames)
    assert list(found.messages.frame) == [3, 6]
    assert found.messages.digest[0] == found.messages.digest[1]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("0 C > S ESP spi=e1 size=3000 mtu=1280", "esp"),
        ("0 C > S ODD size=3000 mtu=1280", "other"),
        ("0 C > S OTHER size=3000 mtu=1280", "other"),
        ("0 C > S NATIVE spi=e1 size=3000 mtu=1280", "esp"),
    ],
)
def test_fragments_of_something_else(line: str, kind: str) -> None:
    found = scan(fragments(line))
    check_sum(found)
    assert kinds(found) == {kind: 3}
    assert len(found.messages) == 0
