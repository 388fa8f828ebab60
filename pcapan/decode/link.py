"""From a captured frame to its IP header, for every link type that can carry one.

Knows link-layer headers: Ethernet with VLAN tags, PPPoE and MPLS, 802.3 LLC/SNAP, BSD loopback, PPP, Cisco
HDLC, Linux cooked (v1 and v2), raw IP, 802.11 (bare, radiotap or PPI), PKTAP. Must not know what is inside
IP: it looks at one nibble of the IP header, to check the version, and nowhere further. Lengths that a link
layer declares (802.3, PPPoE) are not applied; the caller cuts at the IP total length, which is what drops
Ethernet trailer padding.

All of it is byte arithmetic. dpkt decodes some of these link types, but it builds the whole object tree up
to TCP for each frame, raises on truncated ones and guesses at transports: for the one number wanted here
it would be slower and less predictable than reading a few bytes.

Link type numbers are the LINKTYPE_ values of https://www.tcpdump.org/linktypes.html
"""

from __future__ import annotations

from typing import Final, NamedTuple

MAX_VLAN_TAGS: Final = 8
MAX_MPLS_LABELS: Final = 16
MAX_NESTED_LINKS: Final = 2
"""PPI and PKTAP headers name another link type; more than one such step is not a real capture."""


class LinkResult(NamedTuple):
    """Where the IP packet of a frame begins, or why there is none."""

    offset: int
    """Index of the first byte of the IP header in the frame; -1 when there is no IP packet."""
    version: int
    """4 or 6, read from the IP header and in agreement with the link layer; 0 when there is no IP packet."""
    reason: str
    """Empty when there is an IP packet, else one kebab-case word (``arp``, ``short-frame`` ...)."""
    vlan: tuple[int, ...]
    """VLAN ids (0-4095), outermost first; also when no IP packet was found."""


_ETHERTYPE_IPV4 = 0x0800
_ETHERTYPE_IPV6 = 0x86DD
_VLAN_TAGS = frozenset({0x8100, 0x88A8, 0x9100, 0x9200})
_MPLS = frozenset({0x8847, 0x8848})
_PPPOE_SESSION = 0x8864
_MACSEC = 0x88E5

_ETHERTYPE_REASONS: dict[int, str] = {
    0x0806: "arp",
    0x8035: "rarp",
    0x809B: "appletalk",
    0x80F3: "appletalk-arp",
    0x8137: "ipx",
    0x8808: "ethernet-flow-control",
    0x8809: "slow-protocols",
    0x8863: "pppoe-discovery",
    0x886F: "network-load-balancing",
    0x888E: "eapol",
    0x88CC: "lldp",
    0x88F5: "mvrp",
    0x88F7: "ptp",
    0x8902: "cfm",
    0x9000: "loopback-test",
}

_LLC_REASONS: dict[int, str] = {0x42: "spanning-tree", 0xE0: "ipx", 0xF0: "netbios", 0xFE: "osi", 0xFF: "ipx"}

#: Address family numbers of IPv6: Linux; Windows; NetBSD and OpenBSD; FreeBSD; macOS.
_AF_INET6 = frozenset({10, 23, 24, 28, 30})
_AF_INET = 2


def find_ip(link_type: int, data: bytes | bytearray) -> LinkResult:
    """Find the IP header in one captured frame.

    `link_type` is the LINKTYPE_ number of the capture interface, `data` the captured bytes of the frame.
    Total: any number and any bytes give a result, never an exception.
    """
    return _find(link_type, data, 0, 0)


def _find(link_type: int, data: bytes | bytearray, at: int, depth: int) -> LinkResult:
    if link_type == 1:
        return _ethernet(data, at)
    if link_type in (12, 14, 101):
        return _ip(data, at, 0, ())
    if link_type in (0, 108):
        return _loopback(data, at)
    if link_type == 228:
        return _ip(data, at, 4, ())
    if link_type == 229:
        return _ip(data, at, 6, ())
    if link_type == 113:
        return _cooked(data, at, header=16, protocol_at=14)
    if link_type == 276:
        return _cooked(data, at, header=20, protocol_at=0)
    if link_type in (9, 50):
        return _ppp_framed(data, at)
    if link_type == 204:  # PPP_WITH_DIR: one byte that says sent or received comes first
        return _ppp_framed(data, at + 1)
    if link_type == 51:
        return _pppoe(data, at, ())
    if link_type == 104:
        return _cisco_hdlc(data, at)
    if link_type == 100:  # ATM_RFC1483: what follows is LLC
        return _llc(data, at, ())
    if link_type == 105:
        return _wlan(data, at, padded=False)
    if link_type == 127:
        return _radiotap(data, at)
    if link_type == 192:
        return _ppi(data, at, depth)
    if link_type == 258:
        return _pktap(data, at, depth)
    return _nothing("unsupported-link-type", ())


def _nothing(reason: str, vlan: tuple[int, ...]) -> LinkResult:
    return LinkResult(-1, 0, reason, vlan)


def _u16(data: bytes | bytearray, at: int) -> int:
    return (data[at] << 8) | data[at + 1]


def _ip(data: bytes | bytearray, at: int, expected: int, vlan: tuple[int, ...]) -> LinkResult:
    """The IP header should begin at `at`; `expected`: the version the link layer announced, 0 = either."""
    if at >= len(data):
        return _nothing("short-frame", vlan)
    version = data[at] >> 4
    if version not in (4, 6):
        return _nothing("bad-ip-version", vlan)
    if expected not in (0, version):
        return _nothing("ip-version-mismatch", vlan)
    return LinkResult(at, version, "", vlan)


def _ethernet(data: bytes | bytearray, at: int) -> LinkResult:
    if len(data) < at + 14:
        return _nothing("short-frame", ())
    return _typed(data, at + 12, ())


def _typed(data: bytes | bytearray, at: int, vlan: tuple[int, ...]) -> LinkResult:
    """What follows the EtherType (or 802.3 length) at `at`, through VLAN tags."""
    while True:
        if len(data) < at + 2:
            return _nothing("short-frame", vlan)
        ether_type = _u16(data, at)
        at += 2
        if ether_type not in _VLAN_TAGS:
            return _network(ether_type, data, at, vlan)
        if len(vlan) >= MAX_VLAN_TAGS:
            return _nothing("too-many-vlan-tags", vlan)
        if len(data) < at + 2:
            return _nothing("short-frame", vlan)
        vlan = (*vlan, _u16(data, at) & 0x0FFF)
        at += 2


def _network(ether_type: int, data: bytes | bytearray, at: int, vlan: tuple[int, ...]) -> LinkResult:
    """The payload at `at` of a frame whose EtherType is known and is no VLAN tag."""
    if ether_type == _ETHERTYPE_IPV4:
        return _ip(data, at, 4, vlan)
    if ether_type == _ETHERTYPE_IPV6:
        return _ip(data, at, 6, vlan)
    if ether_type == _PPPOE_SESSION:
        return _pppoe(data, at, vlan)
    if ether_type == _MACSEC:
        return _macsec(data, at, vlan)
    if ether_type in _MPLS:
        return _mpls(data, at, vlan)
    if ether_type <= 1500:  # IEEE 802.3: a length, and LLC follows
        return _llc(data, at, vlan)
    return _nothing(_ETHERTYPE_REASONS.get(ether_type, "unknown-ethertype"), vlan)


def _llc(data: bytes | bytearray, at: int, vlan: tuple[int, ...]) -> LinkResult:
    """IEEE 802.2 LLC, and SNAP (RFC 1042) within it."""
    if len(data) < at + 3:
        return _nothing("short-frame", vlan)
    destination, source, control = data[at], data[at + 1], data[at + 2]
    if destination == 0xAA and source == 0xAA and control == 0x03:
        if len(data) < at + 8:
            return _nothing("short-frame", vlan)
        # 00-00-00 is RFC 1042; 00-00-F8 is the bridge-tunnel form (802.1H), its numbers mean the same.
        if data[at + 3 : at + 6] not in (b"\x00\x00\x00", b"\x00\x00\xf8"):
            return _nothing("snap-of-a-vendor", vlan)
        if _u16(data, at + 6) <= 1500:  # no LLC inside SNAP: it could nest without end
            return _nothing("unknown-ethertype", vlan)
        return _typed(data, at + 6, vlan)
    if destination == 0x06 and source == 0x06 and control == 0x03:
        return _ip(data, at + 3, 4, vlan)
    return _nothing(_LLC_REASONS.get(destination, "llc"), vlan)


def _mpls(data: bytes | bytearray, at: int, vlan: tuple[int, ...]) -> LinkResult:
    """RFC 3032 label stack. Only the first nibble tells what is below it."""
    for _ in range(MAX_MPLS_LABELS):
        if len(data) < at + 4:
            return _nothing("short-frame", vlan)
        bottom = data[at + 2] & 0x01
        at += 4
        if bottom:
            found = _ip(data, at, 0, vlan)
            return _nothing("mpls-not-ip", vlan) if found.reason == "bad-ip-version" else found
    return _nothing("too-many-mpls-labels", vlan)


def _macsec(data: bytes | bytearray, at: int, vlan: tuple[int, ...]) -> LinkResult:
    """IEEE 802.1AE security tag: unless it says encrypted or changed, the frame goes on in the clear."""
    if len(data) < at + 6:
        return _nothing("short-frame", vlan)
    control = data[at]
    if control & 0x0C:
        return _nothing("macsec", vlan)
    at += 14 if control & 0x20 else 6  # with or without the explicit channel identifier
    # Neither a second tag nor LLC, which could lead to one: they could nest without end.
    if len(data) >= at + 2 and (_u16(data, at) == _MACSEC or _u16(data, at) <= 1500):
        return _nothing("macsec", vlan)
    return _typed(data, at, vlan)


def _pppoe(data: bytes | bytearray, at: int, vlan: tuple[int, ...]) -> LinkResult:
    """RFC 2516 session packet: version and type (1/1), code 0, session id, length, then PPP."""
    if len(data) < at + 6:
        return _nothing("short-frame", vlan)
    if data[at] != 0x11:
        return _nothing("bad-pppoe-header", vlan)
    if data[at + 1] != 0:
        return _nothing("pppoe-discovery", vlan)
    if _u16(data, at + 4) < 2:  # shorter than the PPP protocol number: what follows is padding
        return _nothing("bad-pppoe-length", vlan)
    return _ppp(data, at + 6, vlan)


def _ppp_framed(data: bytes | bytearray, at: int) -> LinkResult:
    """RFC 1662 PPP, with or without address and control bytes; serial lines may carry Cisco HDLC instead."""
    if len(data) < at + 2:
        return _nothing("short-frame", ())
    if data[at] == 0xFF and data[at + 1] == 0x03:
        return _ppp(data, at + 2, ())
    if data[at] in (0x0F, 0x8F) and data[at + 1] == 0x00:
        return _cisco_hdlc(data, at)
    return _ppp(data, at, ())


def _ppp(data: bytes | bytearray, at: int, vlan: tuple[int, ...]) -> LinkResult:
    """PPP from its protocol number on, which may be compressed to one (odd) byte, RFC 1661 section 6.5."""
    if len(data) <= at:
        return _nothing("short-frame", vlan)
    if data[at] & 1:
        protocol = data[at]
        at += 1
    else:
        if len(data) < at + 2:
            return _nothing("short-frame", vlan)
        protocol = _u16(data, at)
        at += 2
    if protocol == 0x0021:
        return _ip(data, at, 4, vlan)
    if protocol == 0x0057:
        return _ip(data, at, 6, vlan)
    if protocol == 0x0281 or protocol == 0x0283:
        return _mpls(data, at, vlan)
    if protocol >= 0x8000:  # network and link control protocols: LCP, IPCP, CHAP ...
        return _nothing("ppp-control", vlan)
    return _nothing("unknown-ppp-protocol", vlan)


def _cisco_hdlc(data: bytes | bytearray, at: int) -> LinkResult:
    """Address, control, then a protocol number out of the EtherType space."""
    if len(data) < at + 4:
        return _nothing("short-frame", ())
    protocol = _u16(data, at + 2)
    if protocol == 0x8035:  # here the number is SLARP, not reverse ARP
        return _nothing("cisco-slarp", ())
    if protocol <= 1500:
        return _nothing("unknown-ethertype", ())
    return _typed(data, at + 2, ())


def _loopback(data: bytes | bytearray, at: int) -> LinkResult:
    """BSD loopback: an address family in the byte order of the machine that captured, or in network order."""
    if len(data) < at + 4:
        return _nothing("short-frame", ())
    big = int.from_bytes(data[at : at + 4], "big")
    little = int.from_bytes(data[at : at + 4], "little")
    for family in (little, big):
        if family == _AF_INET:
            return _ip(data, at + 4, 4, ())
        if family in _AF_INET6:
            return _ip(data, at + 4, 6, ())
    return _nothing("unknown-address-family", ())


def _cooked(data: bytes | bytearray, at: int, header: int, protocol_at: int) -> LinkResult:
    """Linux cooked capture: SLL has the protocol at the end of 16 bytes, SLL2 at the start of 20."""
    if len(data) < at + header:
        return _nothing("short-frame", ())
    protocol = _u16(data, at + protocol_at)
    at += header
    if protocol in _VLAN_TAGS:
        if len(data) < at + 4:
            return _nothing("short-frame", ())
        return _typed(data, at + 2, (_u16(data, at) & 0x0FFF,))
    if protocol == 0x0004:  # ETH_P_802_2: LLC follows
        return _llc(data, at, ())
    if protocol <= 1500:  # other numbers of this range are kernel-internal, not lengths
        return _nothing("unknown-ethertype", ())
    return _network(protocol, data, at, ())


def _wlan(data: bytes | bytearray, at: int, padded: bool) -> LinkResult:
    """IEEE 802.11 data frame; `padded`: the capturing card aligned the body to four bytes."""
    if len(data) < at + 24:
        return _nothing("short-frame", ())
    kind, flags = data[at], data[at + 1]
    if kind & 0x0C != 0x08:
        return _nothing("wlan-not-data", ())
    if kind & 0x40:
        return _nothing("wlan-no-payload", ())
    header = 24
    if flags & 0x03 == 0x03:  # to and from the distribution system: a fourth address
        header += 6
    if kind & 0x80:  # quality of service
        if len(data) < at + header + 2:
            return _nothing("short-frame", ())
        if data[at + header] & 0x80:
            return _nothing("wlan-aggregate", ())
        header += 2
        if flags & 0x80:  # HT control
            header += 4
    if padded:
        header = (header + 3) & ~3
    body = at + header
    # The protected flag stays set in captures whose payload was decrypted: believe the LLC header instead.
    if flags & 0x40 and data[body : body + 3] != b"\xaa\xaa\x03":
        return _nothing("wlan-encrypted", ())
    return _llc(data, body, ())


def _radiotap(data: bytes | bytearray, at: int) -> LinkResult:
    """Radiotap header (little-endian, with its own length), then 802.11. https://www.radiotap.org"""
    if len(data) < at + 8:
        return _nothing("short-frame", ())
    length = data[at + 2] | (data[at + 3] << 8)
    if length < 8:
        return _nothing("bad-radiotap-length", ())
    present = int.from_bytes(data[at + 4 : at + 8], "little")
    field = 8
    word = present
    while word & 0x80000000 and field + 4 <= length:  # more presence words follow
        word = int.from_bytes(data[at + field : at + field + 4], "little")
        field += 4
    if present & 0x01:  # TSFT: 8 bytes, aligned to 8
        field = ((field + 7) & ~7) + 8
    padded = bool(present & 0x02 and field < length and at + field < len(data) and data[at + field] & 0x20)
    return _wlan(data, at + length, padded)


def _ppi(data: bytes | bytearray, at: int, depth: int) -> LinkResult:
    """Per-Packet Information header (little-endian): version, flags, length, and the real link type."""
    if len(data) < at + 8:
        return _nothing("short-frame", ())
    length = data[at + 2] | (data[at + 3] << 8)
    if length < 8:
        return _nothing("bad-ppi-length", ())
    if depth + 1 >= MAX_NESTED_LINKS:
        return _nothing("unsupported-link-type", ())
    return _find(int.from_bytes(data[at + 4 : at + 8], "little"), data, at + length, depth + 1)


def _pktap(data: bytes | bytearray, at: int, depth: int) -> LinkResult:
    """macOS packet tap header (little-endian): its length, a record type, and the real link type."""
    if len(data) < at + 12:
        return _nothing("short-frame", ())
    length = int.from_bytes(data[at : at + 4], "little")
    if length < 12 or length > len(data):
        return _nothing("bad-pktap-length", ())
    if depth + 1 >= MAX_NESTED_LINKS:
        return _nothing("unsupported-link-type", ())
    return _find(int.from_bytes(data[at + 8 : at + 12], "little"), data, at + length, depth + 1)
