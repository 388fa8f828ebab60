"""IP packets with pseudonyms, in place: addresses, options, extension headers, checksums, padding.

Knows IPv4 and IPv6 headers. Must not know link layers; what a packet carries is for `datagrams`. What
`pcapan.decode.ip` reads from the outcome is what it reads from the original, with the addresses replaced.
"""

from __future__ import annotations

from pcapan.decode.ip import IpPacket, parse_ip, skip_extension_headers
from pcapan.redact.checksums import is_right, renewed, total
from pcapan.redact.datagrams import Around, rewrite_payload
from pcapan.redact.names import Names

_V4_HEADER, _V6_HEADER = 20, 40
#: As much of a damaged header as decides what is wrong with it: version, lengths.
_DAMAGED_KEPT = 4
_ROUTING, _FRAGMENT, _AUTHENTICATION = 43, 44, 51
_CUT_HEADERS = frozenset({0, 43, 51, 60, 135, 139, 140})
#: Bytes of an extension header that say where the next one begins; the rest names options and addresses.
_KEPT = {_ROUTING: 4, _FRAGMENT: 8, _AUTHENTICATION: 12}
_NO_DATAGRAM_IS_LONGER = 65535


def rewrite_ip(frame: bytearray, offset: int, end: int, names: Names, instead: bytes | None = None) -> None:
    """Rewrite ``frame[offset:end]`` in place; never raises.

    `instead` is what the payload becomes where that is known, as of a fragment of a joined datagram.
    """
    packet = parse_ip(frame, offset, end)
    if isinstance(packet, str):
        kept = min(offset + _DAMAGED_KEPT, end)
        frame[kept:end] = names.scrambled(bytes(frame[kept:end]))
        return
    begin, stop = packet.payload_start, packet.payload_end
    header = bytes(frame[offset:begin])
    payload = bytes(frame[begin:stop])
    if packet.version == 4:
        _v4_header(frame, offset, packet, header, names)
    else:
        _v6_header(frame, offset, packet, header[6], names)
    frame[begin:stop] = instead if instead is not None else _payload(payload, packet, names)
    frame[stop:end] = bytes(end - stop)  # padding, often old memory


def _v4_header(frame: bytearray, offset: int, packet: IpPacket, header: bytes, names: Names) -> None:
    frame[offset + 12 : offset + 20] = names.address(packet.src) + names.address(packet.dst)
    frame[offset + _V4_HEADER : packet.payload_start] = bytes(len(header) - _V4_HEADER)  # options: routes
    whole = len(header) == (header[0] & 0x0F) * 4
    was = int.from_bytes(header[10:12], "big")
    frame[offset + 10 : offset + 12] = bytes(2)
    made = renewed(was, not whole or is_right(header), total(frame[offset : packet.payload_start]))
    frame[offset + 10 : offset + 12] = made.to_bytes(2, "big")


def _v6_header(frame: bytearray, offset: int, packet: IpPacket, following: int, names: Names) -> None:
    frame[offset + 1 : offset + 4] = bytes((frame[offset + 1] & 0xF0, 0, 0))  # the flow label
    frame[offset + 8 : offset + 40] = names.address(packet.src) + names.address(packet.dst)
    _extension_headers(frame, offset + _V6_HEADER, packet.payload_start, following, names)


def _extension_headers(data: bytearray, at: int, stop: int, kind: int, names: Names) -> None:
    """Empty the IPv6 extension headers from `at` to `stop`, of which the first is of this kind."""
    while at < stop:
        following = data[at]
        if kind == _FRAGMENT:
            length = 8
        elif kind == _AUTHENTICATION:
            length = (data[at + 1] + 2) * 4
            spi = names.esp_spi(int.from_bytes(data[at + 4 : at + 8], "big"))
            data[at + 4 : at + 8] = spi.to_bytes(4, "big")
        else:
            length = (data[at + 1] + 1) * 8
        kept = at + _KEPT.get(kind, 2)
        data[kept : at + length] = bytes(at + length - kept)
        kind, at = following, at + length


def _payload(payload: bytes, packet: IpPacket, names: Names) -> bytes:
    if packet.fragment_offset:
        return names.scrambled(payload)
    wire = packet.wire_payload_length
    if packet.is_fragment:  # the first one: the rest of the datagram is somewhere else
        wire = _NO_DATAGRAM_IS_LONGER
    return rewrite_datagram(payload, packet.version, packet.protocol, (packet.src, packet.dst), wire, names)


def rewrite_datagram(
    payload: bytes, version: int, protocol: int, ends: tuple[bytes, bytes], wire: int, names: Names
) -> bytes:
    """The payload of a packet, or of a datagram joined from fragments; `wire` is its length on the wire."""
    made = bytearray(payload)
    start = 0
    if version == 6:
        first = protocol
        protocol, start = skip_extension_headers(first, payload)
        _extension_headers(made, 0, start, first, names)
    rest = payload[start:]
    if version == 6 and protocol in _CUT_HEADERS:  # a damaged header: its first two bytes decide how
        return bytes(made[:start]) + rest[:2] + names.scrambled(rest[2:])
    around = Around(version, protocol, *ends, wire - start)
    return bytes(made[:start]) + rewrite_payload(rest, around, names, rewrite_ip)
