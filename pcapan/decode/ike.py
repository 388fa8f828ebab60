"""The IKE payload walker: the only place that reads an IKE header and its chain of payloads.

Knows RFC 7296 section 3 (header, generic payload header), RFC 7383 (SKF) and, as far as the chain
goes, RFC 2408 (IKEv1). Must not know addresses, ports, time or other messages: those belong to
`pcapan.scan` and `pcapan.track`. Any bytes give a message or None, never an exception.
"""

from __future__ import annotations

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

HEADER_LENGTH = 28
#: A chain longer than this is an attack or damage; Windows sends about a dozen payloads.
MAX_PAYLOADS = 64
#: IKE lets a message claim 4 GiB; no datagram holds more than 64 KiB.
MAX_LENGTH = 65535

V1_PAYLOAD_SA, V1_PAYLOAD_NONCE, V1_PAYLOAD_NOTIFY, V1_PAYLOAD_VENDOR_ID = 1, 10, 11, 13
V1_FLAG_ENCRYPTED = 0x01

_V1_LAST_EXCHANGE = 34
"""IKEv1 numbers its exchanges 0-33 and, AuthIP, from 243 (see `pcapan.decode.numbers`)."""


class IkeMessage:
    """What the clear part of one IKE message says. Numbers are as on the wire; -1 = cut away."""

    __slots__ = (
        "complete",
        "encrypted_length",
        "exchange",
        "flags",
        "fragment_number",
        "fragment_total",
        "invalid_ke_group",
        "ke_group",
        "length",
        "message_id",
        "natd_destination",
        "natd_source",
        "next_payload",
        "nonce_length",
        "notifies",
        "notify_data",
        "payloads",
        "problem",
        "sa_body",
        "spi_i",
        "spi_r",
        "vendor_ids",
        "version",
    )

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


def looks_like_ike(data: bytes | bytearray, start: int, end: int, *, exact: bool) -> bool:
    """Whether the bytes carry an IKE header: version 1.x or 2.x, known exchange, possible length.

    `exact` also wants the header's length to be that of the datagram: for places where another
    protocol is the ordinary one (port 4500 without the non-ESP marker of RFC 3948).
    """
    if end - start < HEADER_LENGTH:
        return False
    version = data[start + 17] >> 4
    exchange = data[start + 18]
    if version == 2:
        if not (34 <= exchange <= 44 or exchange >= 240):
            return False
    elif version == 1:
        if not (exchange <= 6 or 31 < exchange < _V1_LAST_EXCHANGE or exchange >= 240):
            return False
    else:
        return False
    length = int.from_bytes(data[start + 24 : start + 28], "big")
    if exact:
        return length == end - start
    return HEADER_LENGTH <= length <= MAX_LENGTH


def parse_ike(data: bytes | bytearray, start: int, end: int, wire_end: int) -> IkeMessage | None:
    """Read the message at ``data[start:end]``; `wire_end` is where it ended before snaplen cut it.

    Returns None when these bytes are no IKE message. A header that only the snap length cut is
    read as far as it goes: its fields then stay at -1.
    """
    if end - start < HEADER_LENGTH:
        return _cut_header(data, start, end) if wire_end - start >= HEADER_LENGTH else None
    if not looks_like_ike(data, start, end, exact=False):
        return None
    message = IkeMessage()
    message.spi_i = int.from_bytes(data[start : start + 8], "big")
    message.spi_r = int.from_bytes(data[start + 8 : start + 16], "big")
    message.next_payload = data[start + 16]
    message.version = data[start + 17]
    message.exchange = data[start + 18]
    message.flags = data[start + 19]
    message.message_id = int.from_bytes(data[start + 20 : start + 24], "big")
    message.length = int.from_bytes(data[start + 24 : start + 28], "big")
    if start + message.length > wire_end:
        message.problem = "ike-length-beyond-datagram"
    elif start + message.length < wire_end:
        message.problem = "ike-length-short-of-datagram"
    last = min(end, start + message.length)
    if message.version >> 4 == 2:
        _walk_v2(message, data, start + HEADER_LENGTH, last)
    else:
        _walk_v1(message, data, start + HEADER_LENGTH, last)
    return message


def _cut_header(data: bytes | bytearray, start: int, end: int) -> IkeMessage | None:
    """A header of which the snap length left 8 to 27 bytes."""
    kept = end - start
    if kept < 8:
        return None
    if kept >= 18 and data[start + 17] >> 4 not in (1, 2):
        return None
    message = IkeMessage()
    message.problem = "ike-header-cut"
    message.spi_i = int.from_bytes(data[start : start + 8], "big")
    if kept >= 16:
        message.spi_r = int.from_bytes(data[start + 8 : start + 16], "big")
    if kept >= 18:
        message.next_payload = data[start + 16]
        message.version = data[start + 17]
    if kept >= 20:
        message.exchange = data[start + 18]
        message.flags = data[start + 19]
    if kept >= 24:
        message.message_id = int.from_bytes(data[start + 20 : start + 24], "big")
    return message


def _walk_v2(message: IkeMessage, data: bytes | bytearray, position: int, end: int) -> None:
    """Follow the chain of RFC 7296 section 3.2 from `position` to `end`."""
    kind = message.next_payload
    count = 0
    while kind != 0:
        if count == MAX_PAYLOADS:
            message.problem = message.problem or "ike-too-many-payloads"
            return
        if end - position < 4:
            message.problem = message.problem or "ike-chain-cut"
            return
        length = (data[position + 2] << 8) | data[position + 3]
        if length < 4 or length > end - position:
            message.problem = message.problem or ("ike-payload-length" if length < 4 else "ike-chain-cut")
            message.payloads.append(kind)
            return
        message.payloads.append(kind)
        body = position + 4
        stop = position + length
        if kind == PAYLOAD_NOTIFY:
            _notify(message, data, body, stop)
        elif kind == PAYLOAD_VENDOR_ID:
            message.vendor_ids.append(bytes(data[body:stop]))
        elif kind == PAYLOAD_SA:
            if not message.sa_body:
                message.sa_body = bytes(data[body:stop])
        elif kind == PAYLOAD_KE:
            if stop - body >= 4 and not message.ke_group:
                message.ke_group = (data[body] << 8) | data[body + 1]
        elif kind == PAYLOAD_NONCE:
            message.nonce_length = stop - body
        elif kind == PAYLOAD_ENCRYPTED:
            # The chain ends here: the next-payload field names the first payload inside.
            message.encrypted_length = stop - body
            message.complete = True
            return
        elif kind == PAYLOAD_ENCRYPTED_FRAGMENT:
            if stop - body < 4:
                message.problem = message.problem or "ike-fragment-header"
                return
            message.fragment_number = (data[body] << 8) | data[body + 1]
            message.fragment_total = (data[body + 2] << 8) | data[body + 3]
            message.encrypted_length = stop - body - 4
            message.complete = True
            return
        kind = data[position]
        position = stop
        count += 1
    message.complete = True


def _notify(message: IkeMessage, data: bytes | bytearray, body: int, stop: int) -> None:
    """RFC 7296 section 3.10: protocol, SPI size, type, SPI, data."""
    if stop - body < 4:
        message.problem = message.problem or "ike-notify-short"
        return
    kind = (data[body + 2] << 8) | data[body + 3]
    content = bytes(data[min(body + 4 + data[body + 1], stop) : stop])
    message.notifies.append(kind)
    message.notify_data.append(content)
    if kind == NAT_DETECTION_SOURCE_IP:
        message.natd_source.append(content)
    elif kind == NAT_DETECTION_DESTINATION_IP:
        message.natd_destination.append(content)
    elif kind == INVALID_KE_PAYLOAD and len(content) == 2:
        message.invalid_ke_group = (content[0] << 8) | content[1]


def _walk_v1(message: IkeMessage, data: bytes | bytearray, position: int, end: int) -> None:
    """Follow the chain of RFC 2408 section 3.2; only what an observer needs of IKEv1 and AuthIP."""
    if message.flags & V1_FLAG_ENCRYPTED:
        message.encrypted_length = max(0, end - position)
        message.complete = True
        return
    kind = message.next_payload
    count = 0
    while kind != 0:
        if count == MAX_PAYLOADS or end - position < 4:
            message.problem = message.problem or "ike-chain-cut"
            return
        length = (data[position + 2] << 8) | data[position + 3]
        message.payloads.append(kind)
        if length < 4 or length > end - position:
            message.problem = message.problem or "ike-chain-cut"
            return
        body = position + 4
        stop = position + length
        if kind == V1_PAYLOAD_VENDOR_ID:
            message.vendor_ids.append(bytes(data[body:stop]))
        elif kind == V1_PAYLOAD_NOTIFY and stop - body >= 8:
            message.notifies.append((data[body + 6] << 8) | data[body + 7])
        elif kind == V1_PAYLOAD_NONCE:
            message.nonce_length = stop - body
        elif kind == V1_PAYLOAD_SA and not message.sa_body:
            message.sa_body = bytes(data[body:stop])
        kind = data[position]
        position = stop
        count += 1
    message.complete = True
