"""What an IP packet carries, with pseudonyms: UDP with IKE, ESP and keepalives, TCP, ICMP and its quotations.

Knows how the scan sorts datagrams (`pcapan.scan.general`), so that each is of the same sort afterwards: IKE
stays IKE, ESP keeps SPI and sequence number, whatever is not understood loses its content. Must not know link
layers, nor fragments.

ESP becomes zeros behind its sequence number: what is encrypted today may be read one day.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pcapan.decode.icmp import parse_icmp
from pcapan.decode.ike_walk import HEADER_LENGTH, looks_like_ike
from pcapan.decode.numbers import IKE_PORT, NAT_T_PORT
from pcapan.redact.checksums import is_right, renewed, total
from pcapan.redact.ike import rewrite_ike
from pcapan.redact.names import Names

_ICMP, _TCP, _UDP, _ESP, _AH, _ICMPV6 = 1, 6, 17, 50, 51, 58
_UDP_HEADER, _TCP_HEADER, _ICMP_HEADER = 8, 20, 8
_UDP_CHECKSUM, _TCP_CHECKSUM, _ICMP_CHECKSUM = 6, 16, 2
#: A TCP option for experiments (RFC 6994): takes the place of all options, so that packets stay different.
_TCP_EXPERIMENT = 253
_MARKER = bytes(4)


class Around(NamedTuple):
    """The IP packet around a payload."""

    version: int
    protocol: int
    src: bytes
    dst: bytes
    wire_length: int
    """Bytes the payload had on the wire."""

    def pseudo_header(self, src: bytes, dst: bytes) -> bytes:
        """What checksums cover besides the payload (RFC 9293 section 3.1, RFC 8200 section 8.1)."""
        length = self.wire_length.to_bytes(4, "big")
        return src + dst + length + bytes((0, 0, 0, self.protocol))


Quote = Callable[[bytearray, int, int, Names], None]
"""Rewrites the IP packet that an ICMP error quotes, in place, from index to index."""


def rewrite_payload(payload: bytes, around: Around, names: Names, quote: Quote) -> bytes:
    """The payload of a whole IP packet (or what the capture kept of it); the length stays. Never raises."""
    whole = len(payload) == around.wire_length
    if around.protocol == _UDP:
        made = bytearray(_udp(payload, around, names))
        place = _UDP_CHECKSUM
    elif around.protocol == _TCP:
        made = bytearray(_tcp(payload, names))
        place = _TCP_CHECKSUM
    elif around.protocol in (_ICMP, _ICMPV6):
        made = bytearray(_icmp(payload, around, names, quote))
        place = _ICMP_CHECKSUM
    elif around.protocol == _ESP:
        return _esp(payload, names)
    else:
        return names.scrambled(payload)
    _checksum(payload, made, place, around, names, whole=whole)
    return bytes(made)


def _checksum(
    payload: bytes, made: bytearray, place: int, around: Around, names: Names, *, whole: bool
) -> None:
    if len(made) < place + 2:
        return
    was = int.from_bytes(payload[place : place + 2], "big")
    before = after = b""
    if around.protocol != _ICMP:
        before = around.pseudo_header(around.src, around.dst)
        after = around.pseudo_header(names.address(around.src), names.address(around.dst))
    made[place : place + 2] = bytes(2)
    # Of a cut packet nobody can tell: it gets the sum of what is there, and nothing of the old one is left.
    was_right = not whole or is_right(before, payload)
    field = renewed(was, was_right, total(after, made), zero_means_none=around.protocol == _UDP)
    made[place : place + 2] = field.to_bytes(2, "big")


def _esp(data: bytes, names: Names) -> bytes:
    if len(data) < 4:
        return names.scrambled(data)
    spi = names.esp_spi(int.from_bytes(data[0:4], "big")).to_bytes(4, "big")
    return spi + data[4:8] + bytes(max(0, len(data) - 8))


def _udp(payload: bytes, around: Around, names: Names) -> bytes:
    if len(payload) < _UDP_HEADER:
        return payload[:4] + names.scrambled(payload[4:])
    sport, dport = (payload[0] << 8) | payload[1], (payload[2] << 8) | payload[3]
    head = payload[:_UDP_HEADER]
    ports = {sport, dport}
    if not ports & {IKE_PORT, NAT_T_PORT}:
        return head + names.scrambled(payload[_UDP_HEADER:])
    length = (payload[4] << 8) | payload[5]
    wire_end = length if _UDP_HEADER <= length <= around.wire_length else around.wire_length
    end = min(len(payload), wire_end)
    nat_t = NAT_T_PORT in ports
    start = _ike_start(payload, end, wire_end, nat_t=nat_t)
    if start:
        ends = ((around.src, sport), (around.dst, dport))
        body = payload[_UDP_HEADER:start] + rewrite_ike(payload[start:end], names, ends)
    else:
        body = _not_ike(payload[_UDP_HEADER:end], names, nat_t=nat_t)
    return head + body + names.scrambled(payload[end:])


def _ike_start(payload: bytes, end: int, wire_end: int, *, nat_t: bool) -> int:
    """Where IKE begins, as `pcapan.scan.general` decides it; 0 = it is something else."""
    if not nat_t and looks_like_ike(payload, 8, end, exact=False):
        return 8
    marker = payload[8:12] == _MARKER and end >= 12
    if marker and looks_like_ike(payload, 12, end, exact=False):
        return 12
    if nat_t and looks_like_ike(payload, 8, end, exact=True):
        return 8
    if end < wire_end and end - 8 < HEADER_LENGTH + 4:
        return (12 if marker else 0) if nat_t else 8
    return 0


def _not_ike(data: bytes, names: Names, *, nat_t: bool) -> bytes:
    """A keepalive, ESP or something else; one byte names nobody."""
    if len(data) < 2:
        return data
    if nat_t and data[:4] == _MARKER:
        return data[:4] + names.scrambled(data[4:])
    return _esp(data, names) if nat_t and len(data) >= 8 else names.scrambled(data)


def _tcp(payload: bytes, names: Names) -> bytes:
    if len(payload) < _TCP_HEADER:
        return payload[:4] + names.scrambled(payload[4:])
    begin = min(max(_TCP_HEADER, (payload[12] >> 4) * 4), len(payload))
    options = payload[_TCP_HEADER:begin]
    if len(options) >= 2:
        options = bytes((_TCP_EXPERIMENT, len(options))) + names.scrambled(options)[: len(options) - 2]
    return payload[:_TCP_HEADER] + options + names.scrambled(payload[begin:])


def _icmp(payload: bytes, around: Around, names: Names, quote: Quote) -> bytes:
    version = 4 if around.protocol == _ICMP else 6
    if version != around.version or parse_icmp(version, payload) is None:
        return payload[:4] + names.scrambled(payload[4:])
    made = bytearray(payload)
    if version == 4 and payload[0] == 5:  # a redirect names a gateway
        made[4:8] = names.address(payload[4:8])
    end = len(payload)
    words = payload[5] * 4 if version == 4 and payload[0] in (3, 11, 12) else 0
    if version == 6 and payload[0] in (1, 3):
        words = payload[4] * 8
    if words >= 128:  # RFC 4884: extensions follow
        end = min(end, _ICMP_HEADER + words)
    quote(made, _ICMP_HEADER, end, names)
    made[end:] = names.scrambled(payload[end:])
    return bytes(made)
