"""A captured frame with pseudonyms, from its link layer on.

Knows where link layers carry MAC addresses and what else of them names somebody: the interface and process of
PKTAP, positions in PPI, the channel identifier of MACsec. Must not know what is inside IP. A frame without an
IP packet keeps the bytes that tell what it is, and ARP its addresses as pseudonyms; its content goes.
"""

from __future__ import annotations

from pcapan.decode.link import LinkResult, find_ip
from pcapan.redact.names import Names
from pcapan.redact.packets import rewrite_ip

_ETHERNET, _WLAN = 1, 105
#: Linux cooked, v1 and v2: where eight bytes for an address begin; the byte before says how many are used.
_COOKED = {113: 6, 276: 12}
_RADIOTAP, _PPI, _PKTAP = 127, 192, 258
_MACSEC = b"\x88\xe5"
_MACSEC_WITH_CHANNEL = 0x20
#: Of ARP for IPv4 over MAC addresses of six bytes: hardware, protocol, both lengths (RFC 826).
_ARP = b"\x00\x01\x08\x00\x06\x04"
_ARP_LENGTH = 28
#: Bytes of a PKTAP header that are needed: its length, record type and link type.
_PKTAP_KEPT = 12


def rewrite_frame(link_type: int, data: bytes, names: Names, instead: bytes | None = None) -> bytes:
    """The captured bytes `data` with pseudonyms; the length stays. Never raises.

    `instead` is what the IP payload becomes where that is known, as of a fragment of a joined datagram.
    """
    found = find_ip(link_type, data)
    frame = bytearray(data)
    begin = _macs(link_type, frame, names)
    if found.offset >= 0:
        _channel(frame, found.offset, names)
        rewrite_ip(frame, found.offset, len(frame), names, instead)
        return bytes(frame)
    at = data.find(_ARP, begin) if found.reason == "arp" else -1
    if at >= 0 and len(data) >= at + _ARP_LENGTH:
        _arp(frame, at + len(_ARP) + 2, names)
        frame[at + _ARP_LENGTH :] = bytes(len(frame) - at - _ARP_LENGTH)
        return bytes(frame)
    return _least(link_type, bytes(frame), begin, found, names)


def _arp(frame: bytearray, at: int, names: Names) -> None:
    for host in (at, at + 10):
        frame[host : host + 6] = names.mac(bytes(frame[host : host + 6]))
        frame[host + 6 : host + 10] = names.address(bytes(frame[host + 6 : host + 10]))


def _least(link_type: int, frame: bytes, begin: int, found: LinkResult, names: Names) -> bytes:
    """Keep the fewest leading bytes (at least `begin`) with which the frame is still what it was."""
    for kept in range(min(begin, len(frame)), len(frame)):
        made = frame[:kept] + names.scrambled(frame[kept:])
        if find_ip(link_type, made) == found:
            return made
    return frame


def _macs(link_type: int, frame: bytearray, names: Names, at: int = 0) -> int:
    """Replace the MAC addresses of a link header; gives the place behind the last of them."""
    if link_type == _ETHERNET:
        return _replace(frame, (at, at + 6), names)
    if link_type in _COOKED:
        return _cooked(frame, at + _COOKED[link_type], names)
    if link_type == _WLAN:
        return _wlan(frame, at, names)
    if link_type == _RADIOTAP and len(frame) >= at + 8:
        return _macs(_WLAN, frame, names, _radiotap(frame, at))
    if link_type == _PPI and len(frame) >= at + 8 and not at:
        length = int.from_bytes(frame[2:4], "little")
        _empty(frame, 8, length)
        return _macs(int.from_bytes(frame[4:8], "little"), frame, names, max(length, 8))
    if link_type == _PKTAP and len(frame) >= at + _PKTAP_KEPT and not at:
        length = int.from_bytes(frame[0:4], "little")
        _empty(frame, _PKTAP_KEPT, length)
        return _macs(int.from_bytes(frame[8:12], "little"), frame, names, max(length, _PKTAP_KEPT))
    return at


def _replace(frame: bytearray, places: tuple[int, ...], names: Names) -> int:
    for at in places:
        part = bytes(frame[at : at + 6])
        # Of a frame cut within an address nothing is left of it.
        frame[at : at + 6] = names.mac(part) if len(part) == 6 else bytes(len(part))
    return min(places[-1] + 6, len(frame))


def _cooked(frame: bytearray, at: int, names: Names) -> int:
    if frame[at - 1 : at] == b"\x06":
        _replace(frame, (at,), names)
        _empty(frame, at + 6, at + 8)
    else:
        _empty(frame, at, at + 8)
    return min(at + 8, len(frame))


def _wlan(frame: bytearray, at: int, names: Names) -> int:
    places = [at + 4, at + 10, at + 16]
    if len(frame) > at + 1 and frame[at + 1] & 0x03 == 0x03:
        places.append(at + 24)
    return _replace(frame, tuple(place for place in places if place < len(frame)) or (at,), names)


def _radiotap(frame: bytearray, at: int) -> int:
    """Leave the presence words, the time and the flags; gives where 802.11 begins."""
    length = int.from_bytes(frame[at + 2 : at + 4], "little")
    field, word = at + 8, int.from_bytes(frame[at + 4 : at + 8], "little")
    while word & 0x80000000 and field + 4 <= at + length:
        word = int.from_bytes(frame[field : field + 4], "little")
        field += 4
    _empty(frame, field + 16, at + length)
    return at + max(length, 8)


def _empty(frame: bytearray, begin: int, end: int) -> None:
    begin, end = min(begin, len(frame)), min(end, len(frame))
    if begin < end:
        frame[begin:end] = bytes(end - begin)


def _channel(frame: bytearray, ip: int, names: Names) -> None:
    """The secure channel identifier of MACsec (IEEE 802.1AE) begins with a MAC address."""
    at = frame.find(_MACSEC, 12, ip)
    if at >= 0 and at + 14 <= ip and frame[at + 2] & _MACSEC_WITH_CHANNEL:
        _replace(frame, (at + 8,), names)
