"""As much of a frame's headers as a trace reader needs: how long it was, and whether it is for IPsec.

Knows where an IP header lies in Ethernet, 802.11 and raw IP frames, and its length and addresses. A reader
of other containers is told these things; event traces leave them out. Must not know what IKE says:
`pcapan.decode` does.
"""

from __future__ import annotations

LINK_ETHERNET, LINK_RAW, LINK_WIFI = 1, 101, 105

_LLC = b"\xaa\xaa\x03\x00\x00"
_IPV4, _IPV6 = 0x0800, 0x86DD
_VLAN = (0x8100, 0x88A8)
_UDP, _ESP = 17, 50
_IKE_PORTS = (500, 4500)


def other_wire_length(data: bytes | bytearray, offset: int, length: int, link: int) -> int:
    """Bytes a frame that is not Ethernet had on the wire, see `gather.ethernet_wire_length`."""
    start = 0
    if link == LINK_WIFI:
        start = wifi_payload(data, offset, length)
        if start < 0:
            return length
    if length < start + 6:
        return length
    version = data[offset + start] >> 4
    if version == 4:
        return max(length, start + (data[offset + start + 2] << 8 | data[offset + start + 3]))
    if version == 6:
        payload = data[offset + start + 4] << 8 | data[offset + start + 5]
        return max(length, start + 40 + payload if payload else length)
    return length


def wifi_payload(data: bytes | bytearray, offset: int, length: int) -> int:
    """Where the IP header lies in an 802.11 data frame with LLC/SNAP, relative to `offset`; -1 if nowhere."""
    if length < 32 or data[offset] & 0x0F != 0x08:
        return -1
    start = 26 if data[offset] & 0x80 else 24
    if bytes(data[offset + start : offset + start + 5]) != _LLC:
        return -1
    return start + 8


def looks_like_wifi(data: bytes | bytearray, offset: int, length: int) -> bool:
    """Whether bytes that are said to be an 802.11 frame can be one: filter drivers say so of Ethernet."""
    if length < 10 or data[offset] & 0x03:
        return False
    if data[offset] & 0x0C != 0x08:
        return True
    if data[offset + 1] & 0x40:
        return True
    if data[offset] & 0x40:  # null function: no data
        return length <= 30
    return wifi_payload(data, offset, length) >= 0


def ip_start(data: bytes, link: int) -> int:
    """Where the IP header lies in a whole frame; -1 when there is none that can be found."""
    if link == LINK_WIFI:
        return wifi_payload(data, 0, len(data))
    if link == LINK_RAW:
        return 0 if data and data[0] >> 4 in (4, 6) else -1
    start = 12
    while len(data) >= start + 2:
        kind = data[start] << 8 | data[start + 1]
        if kind not in _VLAN:
            return start + 2 if kind in (_IPV4, _IPV6) else -1
        start += 4
    return -1


def ipsec_key(data: bytes | bytearray, start: int, end: int) -> bytes | None:
    """What tells one IPsec packet from another, from its IP header at `start`; None for other traffic.

    Addresses, identification and the beginning of the payload: equal wherever in the stack it is seen.
    Only UDP of port 500 or 4500 and ESP to or from a single host counts.
    """
    if end - start < 20:
        return None
    if data[start] >> 4 == 4:
        header = (data[start] & 15) * 4
        protocol = data[start + 9]
        payload = start + header
        identity = bytes(data[start + 4 : start + 6]) + bytes(data[start + 12 : start + 20])
        target = data[start + 16]
        if header < 20 or target >= 224 or target == 127:
            return None
        if data[start + 6] & 0x1F or data[start + 7]:
            return None  # a later fragment: its payload has no ports
    elif data[start] >> 4 == 6 and end - start >= 40:
        protocol = data[start + 6]
        payload = start + 40
        identity = bytes(data[start + 8 : start + 40])
        if data[start + 24] == 0xFF or identity[16:] == bytes(15) + b"\1":
            return None
    else:
        return None
    if end - payload < 8:
        return None
    if protocol == _UDP:
        ports = (data[payload] << 8 | data[payload + 1], data[payload + 2] << 8 | data[payload + 3])
        if ports[0] not in _IKE_PORTS and ports[1] not in _IKE_PORTS:
            return None
        # Without the checksum: the card or the stack fills it in on the way.
        return (
            identity + bytes(data[payload : payload + 6]) + bytes(data[payload + 8 : min(payload + 40, end)])
        )
    if protocol == _ESP:
        return identity + bytes(data[payload : payload + 8])
    return None
