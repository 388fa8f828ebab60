"""The general path finds in any packaging what the hot path finds in plain Ethernet."""

from __future__ import annotations

from typing import Any

import pytest

from pcapan.scan.columns import FileScan
from pcapan.scan.general import GeneralPath
from tests.decode.builders import IPV4, IPV6, ether, extension, ipv4, ipv6, udp
from tests.kit import ike
from tests.kit.dsl import parse
from tests.kit.frames import EPOCH, LINKS, Frame, relink, scan
from tests.scan.packets import (
    ENCRYPTED,
    KEEPALIVE,
    MARKER,
    SA_INIT,
    addresses,
    check_sum,
    esp,
    packet4,
    packet6,
)

TALK = parse(
    """
    host S 10.10.10.2 vip=198.51.100.1
    host C 203.0.113.5 inner=192.168.1.7
    0 C:31000 > S UP i=a1 r=b1 until=30 every=0.5
    5 S > C:31000 INFO i=a1 r=b1 id=0
    5.1 C:31000 > S INFO-R i=a1 r=b1 id=0
    6 C:31000 > S KEEPALIVE
    7 C:31000 > S ESP spi=ea1 seq=400
    7.1 C:31000 > S ESP spi=ea1 seq=3ff
    7.2 C:31000 > S ESP spi=ea1 seq=3ff
    8 C:31000 > S ODD size=40
    9 C > S NATIVE spi=77
    10 C > S OTHER
    """
)
TALK6 = parse(
    """
    host S 2001:db8::2
    host C 2001:db8:1::5
    0 C > S UP i=a1 r=b1 until=30 every=0.5
    6 C > S KEEPALIVE
    10 C > S OTHER
    """
)


def rows(found: FileScan) -> dict[str, Any]:
    """Everything a scan says that has nothing to do with the link layer."""
    columns = vars(found.messages)
    plain = {name: list(column) for name, column in columns.items() if name != "macs"}
    return {
        "messages": plain,
        "addresses": addresses(found),
        "shapes": found.shapes,
        "natd": found.natd,
        "flows": [sorted(map(str, found.esp)), sorted(map(str, found.keepalives))],
        "odd": found.odd,
        "counts": (found.ike, found.esp_packets, found.keepalive_packets, found.other, found.copies),
        "undecoded": found.undecoded,
        "ports": found.ports,
        "times": (found.first_ts, found.last_ts, found.longest_pause, found.out_of_order),
    }


@pytest.mark.parametrize("talk", [TALK, TALK6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("link", LINKS)
def test_every_link_gives_the_same_rows(link: str, talk: Any) -> None:
    expected, found = scan(talk.frames), scan(relink(talk.frames, link), LINKS[link][0])
    assert rows(found) == rows(expected)
    assert found.esp_packets > 50
    check_sum(found)


def _with_options(packet: bytes) -> bytes:
    """The same IPv4 packet with a router-alert option."""
    size = int.from_bytes(packet[2:4], "big") + 4
    head = bytes([0x46]) + packet[1:2] + size.to_bytes(2, "big") + packet[4:20]
    return head + b"\x94\x04\0\0" + packet[20:]


def test_ip_options() -> None:
    frames = [Frame(f.ts, f.data[:14] + _with_options(f.data[14:])) for f in TALK.frames]
    assert rows(scan(frames)) == rows(scan(TALK.frames))


def test_extension_headers() -> None:
    def extended(frame: Frame) -> Frame:
        packet = frame.data[14:]
        payload = extension(packet[6], packet[40:], units=1)
        size = len(payload).to_bytes(2, "big")
        return Frame(frame.ts, frame.data[:14] + packet[:4] + size + bytes([0]) + packet[7:40] + payload)

    assert rows(scan([extended(frame) for frame in TALK6.frames])) == rows(scan(TALK6.frames))


def test_padding_of_short_frames() -> None:
    frames = [Frame(f.ts, f.data + bytes(max(0, 60 - len(f.data)))) for f in TALK.frames]
    assert rows(scan(frames)) == rows(scan(TALK.frames))


def test_trailer_behind_the_ip_packet() -> None:
    frames = [Frame(f.ts, f.data + b"\xfc" * 40) for f in TALK.frames]
    assert rows(scan(frames)) == rows(scan(TALK.frames))


def test_plain_esp_never_takes_the_general_path(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    general = GeneralPath.frame

    def spy(self: GeneralPath, *arguments: Any) -> None:
        seen.append(arguments[6])
        general(self, *arguments)

    monkeypatch.setattr(GeneralPath, "frame", spy)
    frames = [frame for frame in TALK.frames if frame.data[23] == 17 and len(frame.data) == 130]
    assert scan(frames).esp_packets > 100
    assert seen == []


#: What the hot path must leave to the general one, though it is UDP on port 4500.
DELICATE = {
    "ike without marker": packet4(ENCRYPTED, 4500, 4500),
    "keepalive": packet4(KEEPALIVE + bytes(40), 4500, 4500),
    "marker": packet4(MARKER + SA_INIT, 4500, 4500),
    "udp length 0": ipv4(b"\x79\x18\x11\x94\0\0\0\0" + esp()),
    "udp length too small": ipv4(b"\x79\x18\x11\x94\0\x20\0\0" + esp()),
    "udp length too large": ipv4(b"\x79\x18\x11\x94\x0f\xff\0\0" + esp()),
    "ip length 0": ipv4(udp(esp(), 31000, 4500), total=0),
    "ip length too large": ipv4(udp(esp(), 31000, 4500), total=4000),
    "tcp on 4500": ipv4(udp(esp(), 31000, 4500), protocol=6),
    "first fragment": ipv4(udp(esp(), 31000, 4500), more=True),
    "last fragment": ipv4(udp(esp(), 31000, 4500), offset=1480),
    "do not fragment": ipv4(udp(esp(), 31000, 4500), dont_fragment=True),
}


@pytest.mark.parametrize("packet", DELICATE.values(), ids=list(DELICATE))
def test_both_paths_agree(packet: bytes) -> None:
    plain, tagged = (
        scan(relink([Frame(EPOCH, ether(IPV4, packet))], link), LINKS[link][0])
        for link in ("ethernet", "vlan")
    )
    assert rows(plain) == rows(tagged)


def test_ipv6_and_ipv4_flows_stay_apart() -> None:
    found = scan(
        [
            Frame(EPOCH, ether(IPV4, packet4(esp(), 1, 4500))),
            Frame(EPOCH, ether(IPV6, packet6(esp(), 1, 4500))),
        ]
    )
    assert len(found.esp) == 2


def test_tunnels_are_not_looked_into() -> None:
    inside = ipv6(udp(SA_INIT, 500, 500))
    assert scan([Frame(EPOCH, ether(IPV4, ipv4(inside, protocol=41)))]).ike == 0
    assert ike.INIT == 34
