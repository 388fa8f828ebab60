"""A capture cut into files gives the findings, sources, series and counts of the whole.

One exception, by design: the memory of packets seen and of open IP fragments is one file's, because files
may be named in any order and a ring buffer rarely changes files within a millisecond. A cut between two
copies of a packet, or between two fragments of a datagram, is therefore not tried here; what such a cut
does is told by the tests at the end.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pcapan.pipeline import analyze
from tests.kit.dsl import parse
from tests.kit.frames import Frame, split
from tests.pipeline.view import SAMPLES, differences, frames_of, judge, whole

each_sample = pytest.mark.parametrize("name", [name for name in SAMPLES if name != "no-packets"])


def _may_cut(frames: list[Frame], at: int) -> bool:
    """Not between copies (the same IP packet within 50 ms) and not behind a fragment that others follow."""
    before, after = frames[at - 1], frames[at]
    if before.data[12:14] == b"\x08\x00" and before.data[20] & 0x20:
        return False
    near = [f for f in frames[max(0, at - 8) : at] if after.ts - f.ts <= 50_000_000]
    return all(f.data[18:22] != after.data[18:22] or f.data[26:] != after.data[26:] for f in near)


def _parts(frames: list[Frame], cuts: list[int]) -> list[list[Frame]]:
    edges = [0, *sorted({at for at in cuts if 0 < at < len(frames) and _may_cut(frames, at)})]
    return [frames[begin:end] for begin, end in zip(edges, [*edges[1:], len(frames)], strict=True)]


@each_sample
@pytest.mark.parametrize("seventh", range(1, 7))
def test_two_files(name: str, seventh: int) -> None:
    link, frames = frames_of(name)
    parts = _parts(frames, [len(frames) * seventh // 7])
    assert differences(whole(name), judge(parts, link)) == []


@each_sample
@pytest.mark.parametrize("count", [3, 8])
def test_many_files(name: str, count: int) -> None:
    link, frames = frames_of(name)
    places = [at for at in range(1, len(frames)) if _may_cut(frames, at)]
    parts = _parts(frames, Random(f"{name} {count}").sample(places, count))
    assert len(parts) == count + 1
    assert differences(whole(name), judge(parts, link)) == []


@each_sample
def test_files_named_in_another_order(name: str) -> None:
    link, frames = frames_of(name)
    parts = _parts(frames, [len(frames) // 3, 2 * len(frames) // 3])
    Random(name).shuffle(parts)
    result = judge(parts, link)
    # Rows come in the order of time, so only the order of the inputs themselves may differ.
    assert differences(whole(name), result) == []


@pytest.mark.parametrize("name", ["sa-limit-8", "full-nat-3-clients", "server-silent"])
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_files(name: str, data: st.DataObject) -> None:
    link, frames = frames_of(name)
    cuts = data.draw(st.lists(st.integers(1, len(frames) - 1), min_size=1, max_size=5))
    assert differences(whole(name), judge(_parts(frames, cuts), link)) == []


@pytest.mark.parametrize("name", ["sa-limit-8", "half-open", "server-silent"])
def test_files_on_disk(name: str, tmp_path: Path) -> None:
    _, frames = frames_of(name)
    paths = split(SAMPLES[name], tmp_path, [len(frames) // 4, len(frames) // 2])
    analysis = analyze(list(reversed(paths)))
    assert differences(whole(name), analysis.result) == []
    assert [entry["packets"] for entry in analysis.result.inputs] == [
        len(frames) - len(frames) // 2,
        len(frames) // 2 - len(frames) // 4,
        len(frames) // 4,
    ]
    assert not analysis.partial


def test_empty_files_change_nothing() -> None:
    link, frames = frames_of("sa-limit-8")
    assert differences(whole("sa-limit-8"), judge([[], frames, []], link)) == []


HOSTS = """
host S 10.10.10.2
host C 203.0.113.5
0 C > S INIT i=a1
0.01 S > C INIT-R i=a1 r=b1
"""


def test_a_cut_between_two_copies_leaves_both_in_the_counts() -> None:
    frames = parse(
        HOSTS + "1 C > S INIT i=a2 copies=2\n1.01 S > C INIT-R i=a2 r=b2\n9 C > S KEEPALIVE"
    ).frames
    one, two = judge([frames], 1), judge([frames[:3], frames[3:]], 1)
    assert (one.capture.counts.copies, two.capture.counts.copies) == (1, 0)
    assert (one.capture.counts.ike, two.capture.counts.ike) == (4, 5)
    assert one.sources == two.sources  # the tracker takes the copy for the same send


def test_a_cut_within_a_datagram_leaves_its_fragments_open() -> None:
    frames = parse(HOSTS + "1 C > S AUTH i=a1 r=b1 size=2000 mtu=1280\n9 C > S KEEPALIVE").frames
    one, two = judge([frames], 1), judge([frames[:3], frames[3:]], 1)
    assert one.capture.counts.undecoded == {}
    assert two.capture.counts.undecoded == {"ip-fragments-incomplete": 2}
    assert one.capture.counts.packets == two.capture.counts.packets == 5
