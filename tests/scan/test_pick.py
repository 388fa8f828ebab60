"""Frames that concern an address or an SPI: directions, fragments, quotations, links, and look-alikes."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from pcapan.ingest.frames import Interface
from pcapan.scan.pick import FramePick, ike_frames, sa_frames, sa_initiators
from pcapan.scan.scanner import Scanner
from tests.kit.dsl import parse
from tests.kit.frames import EPOCH, ETHERNET, Frame, blocks

HOSTS = """
host C1 203.0.113.7
host C2 203.0.113.8
host C6 2001:db8::7
host S6 2001:db8::20
host S 198.51.100.20
server S
"""


def frames(text: str) -> list[Frame]:
    return parse(HOSTS + text).frames


def picked(
    made: Sequence[Frame], addresses: Sequence[str] = (), spis: Sequence[int] = (), cuts: Sequence[int] = ()
) -> list[int]:
    pick = FramePick([ip_address(address).packed for address in addresses], spis)
    for block in blocks(made, cuts):
        pick.see(block, [Interface(ETHERNET)])
    if pick.open_fragments:
        for block in blocks(made, cuts):
            pick.see_fragments(block, [Interface(ETHERNET)])
    assert list(pick.by_address) == sorted(pick.by_address)
    return sorted({*pick.by_address, *pick.by_spi})


TALK = """
0.0 C1 > S INIT i=a1
0.1 S > C1 INIT-R i=a1 r=b1
0.2 C1:4500 > S:4500 AUTH i=a1 r=b1 size=2000 mtu=1400
0.3 S:4500 > C1:4500 AUTH-R i=a1 r=b1
0.4 C2 > S INIT i=a2
0.5 S > C2 UNREACH
0.6 C1:4500 > S:4500 KEEPALIVE
0.7 C1:4500 > S:4500 ESP spi=c1c1c1c1 seq=1
0.8 C2:4500 > S:4500 ESP spi=d1d1d1d1 seq=1
0.9 C1 > S OTHER
"""


def test_an_address_both_directions_with_fragments_and_quotations() -> None:
    made = frames(TALK)
    assert len(made) == 11
    assert picked(made, ["203.0.113.7"]) == [1, 2, 3, 4, 5, 8, 9, 11]
    assert picked(made, ["203.0.113.8"]) == [6, 7, 10]
    assert picked(made, ["203.0.113.7", "203.0.113.8"]) == list(range(1, 12))
    assert picked(made, ["192.0.2.1"]) == []


def test_an_error_that_quotes_an_address_concerns_it() -> None:
    made = frames("0.4 C2 > S INIT i=a2\n0.5 S > C2 UNREACH")
    # A router tells somebody: the error quotes a packet of C2 and is from and to others.
    data = bytearray(made[1].data)
    data[26:34] = ip_address("192.0.2.9").packed + ip_address("192.0.2.10").packed
    made[1] = Frame(made[1].ts, bytes(data))
    assert picked(made, ["203.0.113.8"]) == [1, 2]
    assert picked(made, ["192.0.2.9"]) == [2]


def test_bytes_that_only_look_like_the_address_are_no_packet_of_it() -> None:
    made = frames("0.0 C1:4500 > S:4500 ESP spi=cb007108 seq=1\n0.1 C1 > S INIT i=cb007108cb007108")
    assert picked(made, ["203.0.113.8"]) == []  # cb 00 71 08


def test_ipv6() -> None:
    made = frames("0.0 C6 > S6 INIT i=a1\n0.1 S6 > C6 INIT-R i=a1 r=b1\n0.2 C1 > S INIT i=a2")
    assert picked(made, ["2001:db8::7"]) == [1, 2]


@pytest.mark.parametrize("cuts", [(), (1, 2, 3, 4)])
def test_esp_by_spi(cuts: Sequence[int]) -> None:
    made = frames(TALK + "1.0 C1 > S NATIVE spi=c1c1c1c1 seq=2\n1.1 C1 > S NATIVE spi=c1c1c1c2 seq=2")
    assert picked(made, spis=[0xC1C1C1C1], cuts=cuts) == [9, 12]
    assert picked(made, ["203.0.113.7"], [0xD1D1D1D1], cuts) == [1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13]


def test_fragments_of_esp_also_when_the_later_one_comes_first() -> None:
    fragments = frames("0.7 C1:4500 > S:4500 ESP spi=c1c1c1c1 seq=1 size=2000 mtu=1400 ipid=77")
    assert len(fragments) == 2
    other = frames("0.8 C1:4500 > S:4500 ESP spi=c1c1c1c2 seq=1 size=2000 mtu=1400 ipid=78")
    late = [Frame(frame.ts + 60 * 10**9, frame.data) for frame in fragments[1:]]
    made = [fragments[1], other[0], fragments[0], other[1], *late]
    assert picked(made, spis=[0xC1C1C1C1]) == [1, 3]


def test_an_ike_message_on_port_4500_without_marker_is_no_esp() -> None:
    made = frames("0.1 C1:4500 > S:4500 AUTH i=c1c1c1c1c1c1c1c1 r=b1")
    start = made[0].data.index(bytes(4) + b"\xc1" * 8)
    data = bytearray(made[0].data[:start] + made[0].data[start + 4 :])
    for at in (16, 38):  # the lengths of IP and UDP
        data[at : at + 2] = (int.from_bytes(data[at : at + 2], "big") - 4).to_bytes(2, "big")
    assert picked([Frame(EPOCH, bytes(data))], spis=[0xC1C1C1C1]) == []


def test_messages_of_an_sa_by_either_spi() -> None:
    made = frames(TALK + "1.0 C1 > S INIT i=b1 \n1.2 C1 > S UNREACH")
    scanner = Scanner()
    for block in blocks(made):
        scanner.feed(block, [Interface(ETHERNET)])
    scan = scanner.finish()
    a1, b1, a2 = (int(text * 8, 16) for text in ("a1", "b1", "a2"))
    assert sa_initiators([scan], a1) == {a1}
    assert sa_initiators([scan], b1) == {a1, b1}
    assert sa_initiators([scan], 1) == set()
    assert sa_frames(scan, {a1}) == {1, 2, 3, 4, 5, 13}  # the last one quotes what S sent
    assert sa_frames(scan, {a2}) == {6, 7}
    assert ike_frames(scan) == {1, 2, 3, 4, 5, 6, 7, 12, 13}


def test_datagrams_that_never_became_whole() -> None:
    made = frames(
        """
        0.0 C1 > S INIT i=a1
        0.1 S > C1 INIT-R i=a1 r=b1
        0.2 C1:4500 > S:4500 AUTH i=a1 r=b1 size=2000 mtu=1400 lose=2
        1.2 C1:4500 > S:4500 AUTH i=a1 r=b1 size=2000 mtu=1400 lose=1
        2.2 C2:4500 > S:4500 AUTH i=a2 r=b2 size=2000 mtu=1400 lose=1
        3.0 C1:4500 > S:4500 ESP spi=c1c1c1c1 seq=1 size=2000 mtu=1400 lose=2
        60 C1 > S INIT i=a3
        """
    )
    scanner = Scanner()
    for block in blocks(made):
        scanner.feed(block, [Interface(ETHERNET)])
    scan = scanner.finish()
    assert ike_frames(scan) == {1, 2, 3, 4, 7}
    assert sa_frames(scan, {int("a1" * 8, 16)}) == {1, 2, 3}
