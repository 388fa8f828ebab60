"""Every link type leads to the IP header, or says why not."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.decode.link import MAX_VLAN_TAGS, LinkResult, find_ip

from .builders import IPV4, IPV6, MAC, ether, ipv4, ipv6, pppoe, snap, udp, vlan

V4 = ipv4(udp(b"x"))
V6 = ipv6(udp(b"x"))
LINK_TYPES = (0, 1, 9, 12, 14, 50, 51, 100, 101, 104, 105, 108, 113, 127, 192, 204, 228, 229, 258, 276)


def sll(protocol: int, payload: bytes) -> bytes:
    return struct.pack("!HHH8sH", 0, 1, 6, b"\x02" * 8, protocol) + payload


def sll2(protocol: int, payload: bytes) -> bytes:
    return struct.pack("!HHIHBB8s", protocol, 0, 2, 1, 0, 6, b"\x02" * 8) + payload


def wlan(body: bytes, kind: int = 0x08, flags: int = 0x01, extra: bytes = b"") -> bytes:
    return bytes([kind, flags]) + bytes(22) + extra + body


FOUND = {
    "ethernet v4": (1, ether(IPV4, V4), 14, 4, ()),
    "ethernet v6": (1, ether(IPV6, V6), 14, 6, ()),
    "vlan": (1, ether(0x8100, vlan(100, IPV4, V4, priority=5)), 18, 4, (100,)),
    "qinq": (1, ether(0x88A8, vlan(7, 0x8100, vlan(4095, IPV6, V6))), 22, 6, (7, 4095)),
    "old qinq": (1, ether(0x9100, vlan(1, 0x9200, vlan(0, IPV4, V4))), 22, 4, (1, 0)),
    "pppoe": (1, ether(0x8864, pppoe(V4)), 22, 4, ()),
    "pppoe in vlan, v6": (1, ether(0x8100, vlan(3, 0x8864, pppoe(V6, 0x57))), 26, 6, (3,)),
    "mpls, two labels": (1, ether(0x8847, bytes.fromhex("0001004000011140") + V4), 22, 4, ()),
    "snap": (1, MAC + struct.pack("!H", len(V4) + 8) + snap(IPV4, V4), 22, 4, ()),
    "snap, 802.1H": (1, MAC + b"\x00\x40" + snap(IPV6, V6, b"\0\0\xf8"), 22, 6, ()),
    "snap, vlan inside": (1, MAC + b"\x00\x40" + snap(0x8100, vlan(9, IPV4, V4)), 26, 4, (9,)),
    "llc ip": (1, MAC + b"\x00\x40\x06\x06\x03" + V4, 17, 4, ()),
    "null little": (0, struct.pack("<I", 2) + V4, 4, 4, ()),
    "null big": (0, struct.pack(">I", 2) + V4, 4, 4, ()),
    "loop": (108, struct.pack(">I", 2) + V4, 4, 4, ()),
    **{f"null v6 {af} {order}": (0, struct.pack(order + "I", af) + V6, 4, 6, ())
       for af in (10, 23, 24, 28, 30) for order in "<>"},
    "ppp framed": (9, b"\xff\x03\x00\x21" + V4, 4, 4, ()),
    "ppp bare": (9, b"\x00\x57" + V6, 2, 6, ()),
    "ppp compressed": (9, b"\x21" + V4, 1, 4, ()),
    "ppp hdlc": (50, b"\xff\x03\x00\x21" + V4, 4, 4, ()),
    "ppp hdlc, cisco": (50, b"\x0f\x00\x08\x00" + V4, 4, 4, ()),
    "ppp with direction": (204, b"\x01\xff\x03\x00\x21" + V4, 5, 4, ()),
    "ppp ether": (51, pppoe(V4), 8, 4, ()),
    "cisco hdlc": (104, b"\x8f\x00\x86\xdd" + V6, 4, 6, ()),
    "rfc 1483": (100, snap(IPV4, V4), 8, 4, ()),
    "raw v4": (101, V4, 0, 4, ()),
    "raw v6": (12, V6, 0, 6, ()),
    "openbsd raw": (14, V4, 0, 4, ()),
    "ipv4": (228, V4, 0, 4, ()),
    "ipv6": (229, V6, 0, 6, ()),
    "sll": (113, sll(IPV4, V4), 16, 4, ()),
    "sll vlan": (113, sll(0x8100, vlan(12, IPV6, V6)), 20, 6, (12,)),
    "sll llc": (113, sll(4, snap(IPV4, V4)), 24, 4, ()),
    "sll2": (276, sll2(IPV6, V6), 20, 6, ()),
    "802.11": (105, wlan(snap(IPV4, V4)), 32, 4, ()),
    "802.11 qos, decrypted": (105, wlan(snap(IPV4, V4), 0x88, 0x41, b"\0\0"), 34, 4, ()),
    "802.11 four addresses": (105, wlan(snap(IPV4, V4), 0x08, 0x03, bytes(6)), 38, 4, ()),
    "802.11 ht control": (105, wlan(snap(IPV4, V4), 0x88, 0x81, bytes(6)), 38, 4, ()),
    "radiotap": (127, struct.pack("<BBHI", 0, 0, 8, 0) + wlan(snap(IPV4, V4)), 40, 4, ()),
    "radiotap, padded": (
        127,
        struct.pack("<BBHIQB", 0, 0, 17, 0x03, 0, 0x20) + wlan(snap(IPV4, V4), 0x88, 0x01, bytes(4)),
        17 + 28 + 8, 4, (),
    ),
    "macsec, not encrypted": (1, ether(0x88E5, bytes(6) + struct.pack("!H", IPV4) + V4), 22, 4, ()),
    "macsec with channel": (1, ether(0x88E5, b"\x20" + bytes(13) + struct.pack("!H", IPV4) + V4), 30, 4, ()),
    "pktap": (258, struct.pack("<III", 16, 1, 1) + bytes(4) + ether(IPV6, V6), 30, 6, ()),
    "ppi ethernet": (192, struct.pack("<BBHI", 0, 0, 8, 1) + ether(IPV4, V4), 22, 4, ()),
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_finds_the_ip_header(name: str) -> None:
    link_type, data, offset, version, tags = FOUND[name]
    assert find_ip(link_type, data) == LinkResult(offset, version, "", tags)
    assert find_ip(link_type, data[: offset + 1]).offset == offset, "one byte of IP is enough"
    for cut in range(offset + 1):
        assert find_ip(link_type, data[:cut]).offset == -1


NOT_FOUND = {
    "arp": (1, ether(0x0806, bytes(28)), "arp", ()),
    "arp in vlan": (1, ether(0x8100, vlan(5, 0x0806, bytes(28))), "arp", (5,)),
    "lldp": (1, ether(0x88CC, bytes(40)), "lldp", ()),
    "unknown": (1, ether(0xABCD, bytes(40)), "unknown-ethertype", ()),
    "between length and type": (1, ether(0x05DD, bytes(40)), "unknown-ethertype", ()),
    "stp": (1, MAC + b"\x00\x26\x42\x42\x03" + bytes(35), "spanning-tree", ()),
    "vendor snap": (1, MAC + b"\x00\x26" + snap(0x2000, bytes(9), b"\0\0\x0c"), "snap-of-a-vendor", ()),
    "pppoe discovery": (1, ether(0x8863, bytes(40)), "pppoe-discovery", ()),
    "pppoe control code": (1, ether(0x8864, pppoe(V4, code=0xA7)), "pppoe-discovery", ()),
    "pppoe, no payload": (1, ether(0x8864, pppoe(V4, length=1)), "bad-pppoe-length", ()),
    "pppoe lcp": (1, ether(0x8864, pppoe(bytes(10), 0xC021)), "ppp-control", ()),
    "pppoe other": (1, ether(0x8864, pppoe(bytes(10), 0x1234)), "unknown-ppp-protocol", ()),
    "pppoe version": (1, ether(0x8864, b"\x21" + pppoe(V4)[1:]), "bad-pppoe-header", ()),
    "mpls pseudowire": (1, ether(0x8847, bytes.fromhex("00010140") + bytes(20)), "mpls-not-ip", ()),
    "v6 under the v4 type": (1, ether(IPV4, V6), "ip-version-mismatch", ()),
    "nonsense under the v4 type": (1, ether(IPV4, b"\x00" * 40), "bad-ip-version", ()),
    "null family": (0, struct.pack("<I", 7) + V4, "unknown-address-family", ()),
    "raw nonsense": (101, b"\xff" * 40, "bad-ip-version", ()),
    "sll arp": (113, sll(0x0806, bytes(28)), "arp", ()),
    "sll internal": (113, sll(0x000C, V4), "unknown-ethertype", ()),
    "802.11 beacon": (105, wlan(bytes(40), kind=0x80), "wlan-not-data", ()),
    "802.11 null": (105, wlan(b"", kind=0x48), "wlan-no-payload", ()),
    "802.11 encrypted": (105, wlan(bytes(40), flags=0x41), "wlan-encrypted", ()),
    "802.11 aggregate": (105, wlan(bytes(40), 0x88, 0x01, b"\x80\0"), "wlan-aggregate", ()),
    "slarp": (104, b"\x8f\x00\x80\x35" + bytes(14), "cisco-slarp", ()),
    "netlink": (253, sll(IPV4, V4), "unsupported-link-type", ()),
    "ppi in ppi": (192, struct.pack("<BBHI", 0, 0, 8, 192) * 2 + V4, "unsupported-link-type", ()),
    "macsec": (1, ether(0x88E5, b"\x0c" + bytes(60)), "macsec", ()),
    "macsec again and again": (1, ether(0x88E5, (bytes(6) + b"\x88\xe5") * 9999), "macsec", ()),
    "pktap beyond the frame": (258, struct.pack("<III", 999, 1, 1) + V4, "bad-pktap-length", ()),
    "empty": (1, b"", "short-frame", ()),
}


@pytest.mark.parametrize("name", NOT_FOUND)
def test_says_why_there_is_none(name: str) -> None:
    link_type, data, reason, tags = NOT_FOUND[name]
    assert find_ip(link_type, data) == LinkResult(-1, 0, reason, tags)


@pytest.mark.parametrize(("tags", "reason"), [(MAX_VLAN_TAGS, ""), (MAX_VLAN_TAGS + 1, "too-many-vlan-tags")])
def test_vlan_tags_are_bounded(tags: int, reason: str) -> None:
    data = MAC + b"".join(struct.pack("!HH", 0x8100, number) for number in range(tags))
    found = find_ip(1, data + struct.pack("!H", IPV4) + V4)
    assert found.reason == reason
    assert found.vlan == tuple(range(MAX_VLAN_TAGS))


def test_endless_label_stack_ends() -> None:
    assert find_ip(1, ether(0x8847, bytes(4000))).reason == "too-many-mpls-labels"


@given(st.one_of(st.sampled_from(LINK_TYPES), st.integers()), st.binary(max_size=120))
def test_any_bytes_give_a_result(link_type: int, data: bytes) -> None:
    check(find_ip(link_type, data), data)


@given(
    st.sampled_from([0x8100, 0x88A8, 0x8864, 0x8847, 0x0800, 0x86DD, 0x0020]),
    st.binary(max_size=80),
)
def test_any_bytes_behind_a_known_ethertype(ether_type: int, data: bytes) -> None:
    frame = ether(ether_type, data)
    check(find_ip(1, frame), frame)
    assert find_ip(1, bytearray(frame)) == find_ip(1, frame)


def check(found: LinkResult, data: bytes) -> None:
    assert (found.offset >= 0) == (found.reason == "") == (found.version in (4, 6))
    if found.offset >= 0:
        assert data[found.offset] >> 4 == found.version
    else:
        assert found.version == 0
    assert len(found.vlan) <= MAX_VLAN_TAGS
