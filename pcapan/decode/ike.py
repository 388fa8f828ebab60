# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""The IKE payload walker: the only place that reads an IKE header and its chain of payloads.

Knows RFC 7296 section 3 (header, generic payload header), RFC 7383 (SKF) and, as far as the chain
goes, RFC 2408 (IKEv1). Must not know addresses, ports, time or other messages: those belong to
`pcapan.scan` and `pcapan.track`. Any bytes give a message or None, never an exception. Cython compiles
this source where it can (see `pcapan.compiled`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pcapan.decode.numbers import (
    INVALID_KE_PAYLOAD,
    NAT_DETECTION_DESTINATION_IP,
    NAT_DETECTION_SOURCE_IP,
    PAYLOAD_ENCRYPTED,
    PAYLOAD_ENCRYPTED_FRAGMENT,
    PAYLOAD_KE,
    PAYLOAD_NONCE,
    PAYLOAD_NOTIFY,
    PAYLOAD_SA,
    PAYLOAD_VENDOR_ID,
)

if TYPE_CHECKING:
    from pcapan import shadow as cython
    from pcapan.octets import Octets
else:
    try:
        import cython
    except ImportError:
        from pcapan import shadow as cython
if not cython.compiled:
    from pcapan.octets import cut, u16, u32, u64

HEADER_LENGTH = 28
#: A chain longer than this is an attack or damage; Windows sends about a dozen payloads.
MAX_PAYLOADS = 64
#: IKE lets a message claim 4 GiB; no datagram holds more than 64 KiB.
MAX_LENGTH = 65535

# The same numbers where compiled code finds them fastest.
_HEADER, _PAYLOADS, _LENGTH = HEADER_LENGTH, MAX_PAYLOADS, MAX_LENGTH
_SA, _KE, _NONCE, _NOTIFY, _VENDOR = PAYLOAD_SA, PAYLOAD_KE, PAYLOAD_NONCE, PAYLOAD_NOTIFY, PAYLOAD_VENDOR_ID
_SK, _SKF = PAYLOAD_ENCRYPTED, PAYLOAD_ENCRYPTED_FRAGMENT
_NATD_SOURCE, _NATD_DESTINATION = NAT_DETECTION_SOURCE_IP, NAT_DETECTION_DESTINATION_IP
_INVALID_KE = INVALID_KE_PAYLOAD

V1_PAYLOAD_SA, V1_PAYLOAD_NONCE, V1_PAYLOAD_NOTIFY, V1_PAYLOAD_VENDOR_ID = 1, 10, 11, 13
V1_FLAG_ENCRYPTED = 0x01

_V1_LAST_EXCHANGE = 34
"""IKEv1 numbers its exchanges 0-33 and, AuthIP, from 243 (see `pcapan.decode.numbers`)."""

_V1_SA, _V1_NONCE, _V1_NOTIFY = V1_PAYLOAD_SA, V1_PAYLOAD_NONCE, V1_PAYLOAD_NOTIFY
_V1_VENDOR, _V1_ENCRYPTED, _V1_LAST = V1_PAYLOAD_VENDOR_ID, V1_FLAG_ENCRYPTED, _V1_LAST_EXCHANGE


class IkeMessage:
    """What the clear part of one IKE message says. Numbers are as on the wire; -1 = cut away."""

    def __init__(self) -> None:
        self.spi_i = 0
        self.spi_r = 0
        self.next_payload = -1
        self.version = -1
        """Version octet: major in the high, minor in the low four bits."""
        self.exchange = -1
        self.flags = -1
        self.message_id = -1
        self.length = -1
        self.payloads: list[int] = []
        """Payload types in the order of the chain, the encrypted one last."""
        self.notifies: list[int] = []
        self.notify_data: list[bytes] = []
        self.vendor_ids: list[bytes] = []
        self.natd_source: list[bytes] = []
        """Data of each NAT_DETECTION_SOURCE_IP notify (RFC 7296 section 2.23), 20 bytes each."""
        self.natd_destination: list[bytes] = []
        self.sa_body = b""
        """Body of the first SA payload: see `pcapan.decode.proposals`."""
        self.ke_group = 0
        self.invalid_ke_group = 0
        """Group that an INVALID_KE_PAYLOAD notify asks for."""
        self.nonce_length = 0
        self.encrypted_length = 0
        """Bytes inside SK or SKF including IV, padding and checksum; 0 = nothing encrypted."""
        self.fragment_number = 0
        self.fragment_total = 0
        """Fragment Number and Total Fragments of an SKF payload (RFC 7383 section 2.5); 0 = none."""
        self.complete = False
        """Whether the whole payload chain was there and well-formed."""
        self.problem = ""
        """Kebab-case word for the first thing wrong with the message; empty = nothing."""

    @property
    def major_version(self) -> int:
        """1 for IKEv1 and AuthIP, 2 for IKEv2, -1 when the header is cut before it."""
        return self.version >> 4 if self.version >= 0 else -1


def looks_like_ike(data: Octets, start: int, end: int, exact: bool) -> bool:
    """Whether the bytes carry an IKE header: version 1.x or 2.x, known exchange, possible length.

    `exact` also wants the header's length to be that of the datagram: for places where another
    protocol is the ordinary one (port 4500 without the non-ESP marker of RFC 3948).
    """
    if end < start + _HEADER or end > len(data):
        return False
    version = data[start + 17] >> 4
    exchange = data[start + 18]
    if version == 2:
        if not (34 <= exchange <= 44 or exchange >= 240):
            return False
    elif version == 1:
        if not (exchange <= 6 or 31 < exchange < _V1_LAST or exchange >= 240):
            return False
    else:
        return False
    length = u32(data, start + 24)
    if exact:
        return length == end - start
    return _HEADER <= length <= _LENGTH


def parse_ike(data: Octets, start: int, end: int, wire_end: int) -> IkeMessage | None:
    """Read the message at ``data[start:end]``; `wire_end` is where it ended before snaplen cut it.

    Returns None when these bytes are no IKE message. A header that only the snap length cut is
    read as far as it goes: its fields then stay at -1.
    """
    if end < start + _HEADER:
        return _cut_header(data, start, end) if wire_end >= start + _HEADER else None
    if not looks_like_ike(data, start, end, False):
        return None
    message = IkeMessage()
    message.spi_i = u64(data, start)
    message.spi_r = u64(data, start + 8)
    message.next_payload = data[start + 16]
    message.version = data[start + 17]
    message.exchange = data[start + 18]
    message.flags = data[start + 19]
    message.message_id = u32(data, start + 20)
    message.length = u32(data, start + 24)
    length = message.length
    if start + length > wire_end:
        message.problem = "ike-length-beyond-datagram"
    elif start + length < wire_end:
        message.problem = "ike-length-short-of-datagram"
    last = end if end < start + length else start + length
    if message.version >> 4 == 2:
        _walk_v2(message, data, start + _HEADER, last)
    else:
        _walk_v1(message, data, start + _HEADER, last)
    return message


def _cut_header(data: Octets, start: int, end: int) -> IkeMessage | None:
    """A header of which the snap length left 8 to 27 bytes."""
    if end < start + 8:
        return None
    kept = end - start
    if kept >= 18 and data[start + 17] >> 4 not in (1, 2):
        return None
    message = IkeMessage()
    message.problem = "ike-header-cut"
    message.spi_i = u64(data, start)
    if kept >= 16:
        message.spi_r = u64(data, start + 8)
    if kept >= 18:
        message.next_payload = data[start + 16]
        message.version = data[start + 17]
    if kept >= 20:
        message.exchange = data[start + 18]
        message.flags = data[start + 19]
    if kept >= 24:
        message.message_id = u32(data, start + 20)
    return message


def _walk_v2(message: IkeMessage, data: Octets, position: int, end: int) -> None:
    """Follow the chain of RFC 7296 section 3.2 from `position` to `end`."""
    kind = message.next_payload
    count = 0
    while kind != 0:
        if count == _PAYLOADS:
            message.problem = message.problem or "ike-too-many-payloads"
            return
        if end - position < 4:
            message.problem = message.problem or "ike-chain-cut"
            return
        length = u16(data, position + 2)
        if length < 4 or length > end - position:
            message.problem = message.problem or ("ike-payload-length" if length < 4 else "ike-chain-cut")
            message.payloads.append(kind)
            return
        message.payloads.append(kind)
        body = position + 4
        stop = position + length
        if kind == _NOTIFY:
            _notify(message, data, body, stop)
        elif kind == _VENDOR:
            message.vendor_ids.append(cut(data, body, stop))
        elif kind == _SA:
            if not message.sa_body:
                message.sa_body = cut(data, body, stop)
        elif kind == _KE:
            if stop - body >= 4 and not message.ke_group:
                message.ke_group = u16(data, body)
        elif kind == _NONCE:
            message.nonce_length = stop - body
        elif kind == _SK:
            # The chain ends here: the next-payload field names the first payload inside.
            message.encrypted_length = stop - body
            message.complete = True
            return
        elif kind == _SKF:
            if stop - body < 4:
                message.problem = message.problem or "ike-fragment-header"
                return
            message.fragment_number = u16(data, body)
            message.fragment_total = u16(data, body + 2)
            message.encrypted_length = stop - body - 4
            message.complete = True
            return
        kind = data[position]
        position = stop
        count += 1
    message.complete = True


def _notify(message: IkeMessage, data: Octets, body: int, stop: int) -> None:
    """RFC 7296 section 3.10: protocol, SPI size, type, SPI, data."""
    if stop - body < 4:
        message.problem = message.problem or "ike-notify-short"
        return
    kind = u16(data, body + 2)
    begin = body + 4 + data[body + 1]
    content = cut(data, begin if begin < stop else stop, stop)
    message.notifies.append(kind)
    message.notify_data.append(content)
    if kind == _NATD_SOURCE:
        message.natd_source.append(content)
    elif kind == _NATD_DESTINATION:
        message.natd_destination.append(content)
    elif kind == _INVALID_KE and len(content) == 2:
        message.invalid_ke_group = (content[0] << 8) | content[1]


def _walk_v1(message: IkeMessage, data: Octets, position: int, end: int) -> None:
    """Follow the chain of RFC 2408 section 3.2; only what an observer needs of IKEv1 and AuthIP."""
    if message.flags & _V1_ENCRYPTED:
        message.encrypted_length = end - position if end > position else 0
        message.complete = True
        return
    kind = message.next_payload
    count = 0
    while kind != 0:
        if count == _PAYLOADS or end - position < 4:
            message.problem = message.problem or "ike-chain-cut"
            return
        length = u16(data, position + 2)
        message.payloads.append(kind)
        if length < 4 or length > end - position:
            message.problem = message.problem or "ike-chain-cut"
            return
        body = position + 4
        stop = position + length
        if kind == _V1_VENDOR:
            message.vendor_ids.append(cut(data, body, stop))
        elif kind == _V1_NOTIFY and stop - body >= 8:
            message.notifies.append(u16(data, body + 6))
        elif kind == _V1_NONCE:
            message.nonce_length = stop - body
        elif kind == _V1_SA and not message.sa_body:
            message.sa_body = cut(data, body, stop)
        kind = data[position]
        position = stop
        count += 1
    message.complete = True
