"""The IP header: addresses, protocol, fragment fields, and where the payload lies.

Knows IPv4 (RFC 791) and IPv6 with its extension headers (RFC 8200), and what captures do to them: frames
cut by the snap length, padding behind the packet, and length 0 left for the network card to fill in. Must
not know what the payload is, nor join fragments (see `fragments`).
"""

from __future__ import annotations

from typing import Final, NamedTuple

MAX_EXTENSION_HEADERS: Final = 16

#: IP-in-IP, IPv6-in-IP, GRE, IPIP, EtherIP, L2TPv3, MPLS-in-IP: another packet inside, not looked into.
TUNNEL_PROTOCOLS: Final = frozenset({4, 41, 47, 94, 97, 115, 137})

_FRAGMENT = 44
_AUTHENTICATION = 51
_NO_NEXT_HEADER = 59
#: Hop-by-hop, routing, destination options, mobility, HIP, Shim6: length in 8-byte units, less the first.
_PLAIN_EXTENSIONS = frozenset({0, 43, 60, 135, 139, 140})
_EXTENSIONS = _PLAIN_EXTENSIONS | {_FRAGMENT, _AUTHENTICATION}


class IpPacket(NamedTuple):
    """One IP packet, as positions in the buffer it was parsed from."""

    version: int
    """4 or 6."""
    src: bytes
    """4 or 16 bytes."""
    dst: bytes
    """4 or 16 bytes."""
    protocol: int
    """IANA protocol number of the payload (17 UDP, 50 ESP ...), for IPv6 after the extension headers.

    Of a fragment it is what the fragment header names, which may still be an extension header: see
    `skip_extension_headers`, to be called on the joined payload."""
    ttl: int
    """Time to live, or hop limit."""
    ip_id: int
    """IPv4 identification (16 bits), IPv6 fragment identification (32 bits), 0 without fragment header."""
    fragment_offset: int
    """Where the payload lies in the datagram it is a part of, in bytes."""
    more_fragments: bool
    dont_fragment: bool
    """The IPv4 flag; always False for IPv6."""
    payload_start: int
    """Index of the first byte of the payload in the buffer."""
    payload_end: int
    """Index behind the last captured byte of the payload: link-layer padding is left out."""
    wire_payload_length: int
    """Bytes the payload had on the wire; more than payload_end - payload_start when the capture cut it."""
    captured_whole: bool
    """False when the snap length, or the end of a quotation, cut the packet."""
    note: str
    """Empty, or a kebab-case word: ``tunnel``, ``short-extension-header``, ``too-many-extension-headers``,
    ``ip-length-zero`` (the length was left to the network card: the payload runs to the end of the frame)."""

    @property
    def is_fragment(self) -> bool:
        """Whether other packets carry the rest; an IPv6 atomic fragment (RFC 6946) is a whole packet."""
        return self.more_fragments or self.fragment_offset > 0


def parse_ip(data: bytes | bytearray, offset: int, end: int) -> IpPacket | str:
    """Read the IP header at `offset`; the captured bytes of the frame end before index `end`.

    Gives an `IpPacket`, or a problem code when there is no usable header: ``short-ip-header``,
    ``bad-ip-version``, ``bad-ip-header-length``, ``bad-ip-total-length``. Never raises.
    """
    end = min(end, len(data))
    if offset < 0 or offset >= end:
        return "short-ip-header"
    version = data[offset] >> 4
    if version == 4:
        return _parse_v4(data, offset, end)
    if version == 6:
        return _parse_v6(data, offset, end)
    return "bad-ip-version"


def _u16(data: bytes | bytearray, at: int) -> int:
    return (data[at] << 8) | data[at + 1]


def _parse_v4(data: bytes | bytearray, offset: int, end: int) -> IpPacket | str:
    available = end - offset
    if available < 20:
        return "short-ip-header"
    header = (data[offset] & 0x0F) * 4
    if header < 20:
        return "bad-ip-header-length"
    total = _u16(data, offset + 2)
    note = ""
    if total == 0:
        total = max(available, header)
        note = "ip-length-zero"
    elif total < header:
        return "bad-ip-total-length"
    flags = _u16(data, offset + 6)
    protocol = data[offset + 9]
    if protocol in TUNNEL_PROTOCOLS:
        note = "tunnel"
    return IpPacket(
        version=4,
        src=bytes(data[offset + 12 : offset + 16]),
        dst=bytes(data[offset + 16 : offset + 20]),
        protocol=protocol,
        ttl=data[offset + 8],
        ip_id=_u16(data, offset + 4),
        fragment_offset=(flags & 0x1FFF) * 8,
        more_fragments=bool(flags & 0x2000),
        dont_fragment=bool(flags & 0x4000),
        # When the capture ends within the options, who sent it to whom is still known.
        payload_start=min(offset + header, end),
        payload_end=min(offset + total, end),
        wire_payload_length=total - header,
        captured_whole=total <= available,
        note=note,
    )


def _parse_v6(data: bytes | bytearray, offset: int, end: int) -> IpPacket | str:
    if end - offset < 40:
        return "short-ip-header"
    payload_length = _u16(data, offset + 4)
    start = offset + 40
    next_header = data[offset + 6]
    note = ""
    if payload_length == 0 and next_header != _NO_NEXT_HEADER:
        # A jumbogram, or a large send whose length the card would have filled in.
        payload_length = end - start
        note = "ip-length-zero"
    payload_end = min(start + payload_length, end)
    captured_whole = start + payload_length <= end

    ip_id = fragment_offset = 0
    more_fragments = False
    headers = 0
    at = start
    while next_header in _EXTENSIONS:
        headers += 1
        if headers > MAX_EXTENSION_HEADERS:
            note = "too-many-extension-headers"
            break
        length = _extension_length(next_header, data, at, payload_end)
        if length < 0:
            note = "short-extension-header"
            break
        if next_header == _FRAGMENT:
            field = _u16(data, at + 2)
            fragment_offset = field & 0xFFF8
            more_fragments = bool(field & 1)
            ip_id = int.from_bytes(data[at + 4 : at + 8], "big")
        next_header = data[at]
        at += length
        if more_fragments or fragment_offset:
            break  # what follows belongs to the joined datagram, not to this packet
    if not note and next_header in TUNNEL_PROTOCOLS:
        note = "tunnel"
    return IpPacket(
        version=6,
        src=bytes(data[offset + 8 : offset + 24]),
        dst=bytes(data[offset + 24 : offset + 40]),
        protocol=next_header,
        ttl=data[offset + 7],
        ip_id=ip_id,
        fragment_offset=fragment_offset,
        more_fragments=more_fragments,
        dont_fragment=False,
        payload_start=at,
        payload_end=payload_end,
        wire_payload_length=start + payload_length - at,
        captured_whole=captured_whole,
        note=note,
    )


def _extension_length(kind: int, data: bytes | bytearray, at: int, end: int) -> int:
    """Bytes of the IPv6 extension header at `at`, or -1 when it does not fit before `end`."""
    if at + 8 > end:
        return -1
    if kind == _FRAGMENT:
        return 8
    length = (data[at + 1] + 2) * 4 if kind == _AUTHENTICATION else (data[at + 1] + 1) * 8
    return length if at + length <= end else -1


def skip_extension_headers(protocol: int, data: bytes | bytearray, start: int = 0) -> tuple[int, int]:
    """Walk the IPv6 extension headers at the head of a joined payload.

    `protocol` is the number the fragment header named and `start` where its header begins in `data`. Gives
    the number of the first header that is no extension header, and its index; when the chain is damaged, the
    number and index of the header that could not be read. Never raises.
    """
    at = start
    for _ in range(MAX_EXTENSION_HEADERS):
        if protocol != _AUTHENTICATION and protocol not in _PLAIN_EXTENSIONS:
            return protocol, at
        length = _extension_length(protocol, data, at, len(data))
        if length < 0:
            return protocol, at
        protocol = data[at]
        at += length
    return protocol, at
