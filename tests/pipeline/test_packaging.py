"""The same packets in another container or on another link give the same findings."""

from __future__ import annotations

from pathlib import Path

import pytest

from pcapan.pipeline import analyze
from tests.kit.frames import CONTAINERS, LINKS, relink
from tests.pipeline.view import differences, frames_of, judge, whole

NAMES = ["full-nat-3-clients", "sa-limit-8", "healthy-dnat-ipv6", "server-silent", "health-probes"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("container", CONTAINERS)
def test_container(container: str, name: str, tmp_path: Path) -> None:
    link, frames = frames_of(name)
    # pcap keeps microseconds: the expected result is made from them as well
    rounded = [frame._replace(ts=frame.ts // 1000 * 1000) for frame in frames]
    path = tmp_path / "capture"
    path.write_bytes(CONTAINERS[container](rounded, link))
    analysis = analyze(path)
    assert differences(judge([rounded], link), analysis.result) == []
    assert analysis.result.inputs[0]["sha256"] != ""
    assert ("gzip" in container) == analysis.result.inputs[0]["format"].endswith("+gzip")


@pytest.mark.parametrize("name", NAMES)
def test_containers_of_different_kind_are_one_timeline(name: str, tmp_path: Path) -> None:
    link, frames = frames_of(name)
    middle = len(frames) // 2
    (tmp_path / "a").write_bytes(CONTAINERS["pcapng, gzip"](frames[middle:], link))
    (tmp_path / "b").write_bytes(CONTAINERS["pcap, big endian, ns"](frames[:middle], link))
    assert differences(whole(name), analyze([tmp_path / "a", tmp_path / "b"]).result) == []


#: Rules that ask for the addresses of the link layer, which these links do not have (or not both).
WITH_MACS = ("asymmetric-return",)
WITHOUT_MACS = ("sll", "sll2", "raw", "null")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("link", [name for name in LINKS if name != "ethernet"])
def test_link(link: str, name: str) -> None:
    """Without ARP on either side: no other link tells neighbours.

    The frames are put on a new Ethernet first, so that the MAC addresses are alike as well.
    """
    _, frames = frames_of(name)
    expected = judge([relink(frames, "ethernet")], 1)
    moved = judge([relink(frames, link)], LINKS[link][0])
    assert differences(expected, moved, but=WITH_MACS if link in WITHOUT_MACS else ()) == []
