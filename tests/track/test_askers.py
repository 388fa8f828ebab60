"""Who asks whom: each once, in the order of first appearance."""

from __future__ import annotations

from pcapan.track.timeline import Timeline
from tests.kit.dsl import parse
from tests.kit.frames import scan

TALK = parse(
    """
    host S 10.10.10.2
    host S2 10.10.10.3
    host C 203.0.113.5
    host D 203.0.113.6
    0 C > S INIT i=a1
    0.1 S > C INIT-R i=a1 r=b1
    1 C > S INIT i=a2
    1.1 S2 > C INIT-R i=a2 r=b2
    2 D > S INIT i=a3
    3 C > S INIT i=a4
    3.1 S > C INIT-R i=a9 r=b9
    """
)


def test_each_once_with_who_was_asked() -> None:
    timeline = Timeline([scan(TALK.frames)])
    s, s2, c, d = "10.10.10.2", "10.10.10.3", "203.0.113.5", "203.0.113.6"
    assert timeline.inits() == [
        (c, s, False, s),
        (s, c, True, s),
        (s2, c, True, s),  # another address of the server answers
        (d, s, False, s),
    ]
    assert timeline.inits(only=1) == timeline.inits()
    assert timeline.inits(only=2) == []


def test_files_are_told_apart() -> None:
    timeline = Timeline([scan(TALK.frames[:2]), scan(TALK.frames[2:4])])
    assert timeline.inits(only=1) == [
        ("203.0.113.5", "10.10.10.2", False, "10.10.10.2"),
        ("10.10.10.2", "203.0.113.5", True, "10.10.10.2"),
    ]
    assert [one[:2] for one in timeline.inits(only=2)] == [
        ("203.0.113.5", "10.10.10.2"),
        ("10.10.10.3", "203.0.113.5"),
    ]


def test_senders_are_told_once_with_their_flags() -> None:
    timeline = Timeline([scan(TALK.frames)])
    pairs = timeline.pairs()
    assert len(pairs) == len(set(pairs)) == 4
    assert {pair[0] for pair in pairs} == {1}
