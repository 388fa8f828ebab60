"""An IKE message with pseudonyms: the same payloads of the same lengths, and nothing that names anybody.

Knows which parts of a message say something about its negotiation (they stay), which name somebody (they are
replaced), and treats everything else as unknown: scrambled. Must not know the packet around the message. What
`pcapan.decode.ike_walk` reads from the outcome is what it reads from the original, with the names replaced.

Sources: RFC 7296 section 3, RFC 7383 section 2.5, RFC 7427 section 4; for IKEv1 RFC 2408 section 3 and
RFC 2407 section 4.6.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pcapan.decode.ike_walk import (
    HEADER_LENGTH,
    MAX_PAYLOADS,
    V1_FLAG_ENCRYPTED,
    V1_PAYLOAD_NONCE,
    V1_PAYLOAD_NOTIFY,
    V1_PAYLOAD_SA,
    V1_PAYLOAD_VENDOR_ID,
)
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
from pcapan.redact.names import End, Names

_SIGNATURE_HASH_ALGORITHMS = 16431
_PAYLOAD_CERTREQ = 38
_V1_PAYLOAD_KE = 4
#: Domain of interpretation and situation, RFC 2407 section 4.6.1.
_V1_SA_HEADER = 8
_ALGORITHM_ATTRIBUTE = 0x8000
#: Notifies whose data are numbers of algorithms.
_TELLING: Final = frozenset({INVALID_KE_PAYLOAD, _SIGNATURE_HASH_ALGORITHMS})


class _Message:
    """One message in the making."""

    def __init__(self, data: bytearray, names: Names, ends: Sequence[End]) -> None:
        self.data = data
        self.names = names
        self.ends = ends
        self.spi_i = int.from_bytes(data[0:8], "big")
        self.spi_r = int.from_bytes(data[8:16], "big")

    def scramble(self, begin: int, end: int) -> None:
        self.data[begin:end] = self.names.scrambled(bytes(self.data[begin:end]))

    def randomise(self, begin: int, end: int) -> None:
        self.data[begin:end] = self.names.random_like(bytes(self.data[begin:end]))


_Kinds = dict[int, Callable[[_Message, int, int], None]]
"""Payload type -> what rewrites its body, from index to index."""


def rewrite_ike(octets: bytes, names: Names, ends: Sequence[End]) -> bytes:
    """The message `octets` (what the capture kept of it) with pseudonyms.

    `ends` are the addresses and ports of the packet around it. Never raises; the length stays.
    """
    data = bytearray(octets)
    if len(data) < 8:
        return names.scrambled(octets)
    message = _Message(data, names, ends)
    data[0:8] = names.ike_spi(message.spi_i).to_bytes(8, "big")
    if len(data) < 16:
        message.scramble(8, len(data))
        return bytes(data)
    data[8:16] = names.ike_spi(message.spi_r).to_bytes(8, "big")
    if len(data) < HEADER_LENGTH:
        return bytes(data)
    length = int.from_bytes(data[24:28], "big")
    last = min(len(data), max(length, HEADER_LENGTH))
    if data[17] >> 4 == 2:
        stop = _walk(message, last, _V2)
    elif data[19] & V1_FLAG_ENCRYPTED:
        stop = HEADER_LENGTH
    else:
        stop = _walk(message, last, _V1)
    message.scramble(stop, last)
    message.scramble(last, len(data))
    return bytes(data)


def rewrite_sa(body: bytes, names: Names, *, is_v2: bool) -> bytes:
    """The body of an SA payload, as `rewrite_ike` leaves it."""
    message = _Message(bytearray(body), names, ())
    (_proposals if is_v2 else _v1_sa)(message, 0, len(body))
    return bytes(message.data)


def _walk(message: _Message, end: int, kinds: _Kinds) -> int:
    """Rewrite the chain of payloads; gives the place from which on nothing is understood."""
    data = message.data
    kind, at = data[16], HEADER_LENGTH
    for _ in range(MAX_PAYLOADS):
        if kind == 0 or end - at < 4:
            return at
        length = (data[at + 2] << 8) | data[at + 3]
        if length < 4 or length > end - at:
            return at + 4
        rewrite = kinds.get(kind, _unknown)
        rewrite(message, at + 4, at + length)
        if kinds is _V2 and kind in (PAYLOAD_ENCRYPTED, PAYLOAD_ENCRYPTED_FRAGMENT):
            return at + length
        kind, at = data[at], at + length
    return at


def _unknown(message: _Message, body: int, stop: int) -> None:
    message.scramble(body, stop)


def _random(message: _Message, body: int, stop: int) -> None:
    message.randomise(body, stop)


def _key_exchange(message: _Message, body: int, stop: int) -> None:
    message.randomise(min(body + 4, stop), stop)  # behind the group


def _certificate_request(message: _Message, body: int, stop: int) -> None:
    message.randomise(min(body + 1, stop), stop)  # behind the encoding: hashes of an organisation's own CAs


def _fragment(message: _Message, body: int, stop: int) -> None:
    message.scramble(min(body + 4, stop), stop)  # behind fragment number and total


def _vendor_id(message: _Message, body: int, stop: int) -> None:
    message.data[body:stop] = message.names.vendor_id(bytes(message.data[body:stop]))


def _notify(message: _Message, body: int, stop: int) -> None:
    data = message.data
    if stop - body < 4:
        message.scramble(body, stop)
        return
    kind = (data[body + 2] << 8) | data[body + 3]
    begin = min(body + 4 + data[body + 1], stop)
    _spi(message, body + 4, begin)
    content = bytes(data[begin:stop])
    if kind in (NAT_DETECTION_SOURCE_IP, NAT_DETECTION_DESTINATION_IP):
        data[begin:stop] = message.names.natd(content, message.spi_i, message.spi_r, message.ends)
    elif kind not in _TELLING:
        message.randomise(begin, stop)


def _spi(message: _Message, begin: int, end: int) -> None:
    """An SPI inside a payload: its length tells whose it is."""
    value = int.from_bytes(message.data[begin:end], "big")
    if end - begin == 4:
        message.data[begin:end] = message.names.esp_spi(value).to_bytes(4, "big")
    elif end - begin == 8:
        message.data[begin:end] = message.names.ike_spi(value).to_bytes(8, "big")
    else:
        message.scramble(begin, end)


def _proposals(message: _Message, body: int, stop: int) -> None:
    """RFC 7296 section 3.3.1; one of IKEv1 (RFC 2408 section 3.5) has its numbers in the same places."""
    data = message.data
    at = body
    while stop - at >= 8:
        length = (data[at + 2] << 8) | data[at + 3]
        if length < 8 or length > stop - at:
            break
        transforms = min(at + 8 + data[at + 6], at + length)
        _spi(message, at + 8, transforms)
        _transforms(message, transforms, at + length)
        at += length
    message.scramble(at, stop)


def _transforms(message: _Message, at: int, stop: int) -> None:
    data = message.data
    while stop - at >= 8:
        length = (data[at + 2] << 8) | data[at + 3]
        if length < 8 or length > stop - at:
            break
        _attributes(message, at + 8, at + length)
        at += length
    message.scramble(at, stop)


def _attributes(message: _Message, at: int, stop: int) -> None:
    """Key lengths and the like stay; a value of any length could say anything."""
    data = message.data
    while stop - at >= 4:
        kind, value = (data[at] << 8) | data[at + 1], (data[at + 2] << 8) | data[at + 3]
        at += 4
        if not kind & _ALGORITHM_ATTRIBUTE:
            if value > stop - at:
                break
            if value > 4:  # four bytes are a lifetime
                message.scramble(at, at + value)
            at += value
    message.scramble(at, stop)


def _v1_sa(message: _Message, body: int, stop: int) -> None:
    begin = body + _V1_SA_HEADER
    if begin > stop:
        message.scramble(body, stop)
    else:
        _proposals(message, begin, stop)


def _v1_notify(message: _Message, body: int, stop: int) -> None:
    message.scramble(min(body + 8, stop), stop)  # behind domain, protocol, SPI size and type


_V2: Final[_Kinds] = {
    PAYLOAD_SA: _proposals,
    PAYLOAD_KE: _key_exchange,
    _PAYLOAD_CERTREQ: _certificate_request,
    PAYLOAD_NONCE: _random,
    PAYLOAD_NOTIFY: _notify,
    PAYLOAD_VENDOR_ID: _vendor_id,
    PAYLOAD_ENCRYPTED_FRAGMENT: _fragment,
}
_V1: Final[_Kinds] = {
    V1_PAYLOAD_SA: _v1_sa,
    _V1_PAYLOAD_KE: _random,
    V1_PAYLOAD_NONCE: _random,
    V1_PAYLOAD_NOTIFY: _v1_notify,
    V1_PAYLOAD_VENDOR_ID: _vendor_id,
}
