# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""The IKE payload walker: the only place that reads an IKE header and its chain of payloads.

Knows RFC 7296 section 3 (header, generic payload header), RFC 7383 (SKF) and, as far as the chain
goes, RFC 2408 (IKEv1). Must not know addresses, ports, time or other messages: those belong to
`pcapan.scan` and `pcapan.track`. Any bytes are a message or none, never an exception. What is found are
numbers and places in the octets: no Python object is made, so that a million messages cost none. Cython
compiles this source where it can (see `pcapan.compiled`).
"""

from __future__ import annotations

from array import array

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

TYPE_CHECKING = False  # as in `typing`, which takes long to load
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

#: What can be wrong with a message; `IkeWalk.problem` is an index.
PROBLEMS = (
    "",
    "ike-length-beyond-datagram",
    "ike-length-short-of-datagram",
    "ike-header-cut",
    "ike-too-many-payloads",
    "ike-chain-cut",
    "ike-payload-length",
    "ike-fragment-header",
    "ike-notify-short",
)
_LONG, _SHORT, _HEADER_CUT, _TOO_MANY, _CHAIN_CUT, _PAYLOAD_LENGTH, _FRAGMENT, _SHORT_NOTIFY = range(1, 9)


class IkeWalk:
    """What the clear part of one IKE message says, and where; used again for the next one.

    Numbers are as on the wire; -1 = cut away. Places are indexes into the octets that were given to `read`.
    """

    def __init__(self) -> None:
        self.spi_i = 0
        self.spi_r = 0
        self.next_payload = -1
        self.version = -1
        self.exchange = -1
        self.flags = -1
        self.message_id = -1
        self.length = -1
        self.kinds = array("B", bytes(MAX_PAYLOADS))
        """Payload types in the order of the chain, the encrypted one last."""
        self.payloads = 0
        """How many of them there are."""
        self.notify_kinds = array("H", bytes(2 * MAX_PAYLOADS))
        self.notify_begins = array("Q", bytes(8 * MAX_PAYLOADS))
        """Where the data of each notify lies."""
        self.notify_ends = array("Q", bytes(8 * MAX_PAYLOADS))
        self.notifies = 0
        self.natd_octets = 0
        """Octets in the data of all NAT_DETECTION notifies (RFC 7296 section 2.23)."""
        self.natd_hashes = 0
        """How many of these notifies there are."""
        self.vendor_begins = array("Q", bytes(8 * MAX_PAYLOADS))
        self.vendor_ends = array("Q", bytes(8 * MAX_PAYLOADS))
        self.vendors = 0
        self.sa_begin = 0
        """Where the body of the first SA payload lies that is not empty; empty when there is none."""
        self.sa_end = 0
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
        self.problem = 0
        """The first thing wrong with the message, see `PROBLEMS`."""

    def read(self, data: Octets, start: int, end: int, wire_end: int) -> bool:
        """Read the message at ``data[start:end]``; `wire_end` is where it ended before snaplen cut it.

        Returns False when these bytes are no IKE message. A header that only the snap length cut is
        read as far as it goes: its fields then stay at -1.
        """
        self._clear()
        if end < start + _HEADER:
            return wire_end >= start + _HEADER and self._cut_header(data, start, end)
        if not looks_like_ike(data, start, end, False):
            return False
        self.spi_i = u64(data, start)
        self.spi_r = u64(data, start + 8)
        self.next_payload = data[start + 16]
        self.version = data[start + 17]
        self.exchange = data[start + 18]
        self.flags = data[start + 19]
        self.message_id = u32(data, start + 20)
        self.length = u32(data, start + 24)
        length = self.length
        if start + length > wire_end:
            self.problem = _LONG
        elif start + length < wire_end:
            self.problem = _SHORT
        last = end if end < start + length else start + length
        if self.version >> 4 == 2:
            self._walk_v2(data, start + _HEADER, last)
        else:
            self._walk_v1(data, start + _HEADER, last)
        return True

    def payload_types(self) -> list[int]:
        """Payload types in the order of the chain, the encrypted one last."""
        return [self.kinds[index] for index in range(self.payloads)]

    def notify_types(self) -> list[int]:
        """Types of the notifies, in order."""
        return [self.notify_kinds[index] for index in range(self.notifies)]

    def notify_data(self, data: Octets) -> list[bytes]:
        """What the notifies of IKEv2 hold; `data` as it was read."""
        if self.version >> 4 != 2:
            return []
        return [cut(data, self.notify_begins[at], self.notify_ends[at]) for at in range(self.notifies)]

    def vendor_ids(self, data: Octets) -> list[bytes]:
        """The vendor ids; `data` as it was read."""
        return [cut(data, self.vendor_begins[at], self.vendor_ends[at]) for at in range(self.vendors)]

    def sa_body(self, data: Octets) -> bytes:
        """Body of the first SA payload that is not empty; `data` as it was read."""
        return cut(data, self.sa_begin, self.sa_end)

    def _clear(self) -> None:
        self.spi_i = self.spi_r = 0
        self.next_payload = self.version = self.exchange = self.flags = -1
        self.message_id = self.length = -1
        self.payloads = self.notifies = self.vendors = 0
        self.natd_octets = self.natd_hashes = 0
        self.sa_begin = self.sa_end = 0
        self.ke_group = self.invalid_ke_group = self.nonce_length = 0
        self.encrypted_length = self.fragment_number = self.fragment_total = 0
        self.complete = False
        self.problem = 0

    def _note(self, problem: int) -> None:
        if self.problem == 0:
            self.problem = problem

    def _cut_header(self, data: Octets, start: int, end: int) -> bool:
        """A header of which the snap length left 8 to 27 bytes."""
        if end < start + 8:
            return False
        kept = end - start
        if kept >= 18 and data[start + 17] >> 4 not in (1, 2):
            return False
        self.problem = _HEADER_CUT
        self.spi_i = u64(data, start)
        if kept >= 16:
            self.spi_r = u64(data, start + 8)
        if kept >= 18:
            self.next_payload = data[start + 16]
            self.version = data[start + 17]
        if kept >= 20:
            self.exchange = data[start + 18]
            self.flags = data[start + 19]
        if kept >= 24:
            self.message_id = u32(data, start + 20)
        return True

    def _walk_v2(self, data: Octets, position: int, end: int) -> None:
        """Follow the chain of RFC 7296 section 3.2 from `position` to `end`."""
        kind = self.next_payload
        while kind != 0:
            if self.payloads == _PAYLOADS:
                self._note(_TOO_MANY)
                break
            if end - position < 4:
                self._note(_CHAIN_CUT)
                break
            length = u16(data, position + 2)
            self._payload(kind)
            if length < 4 or length > end - position:
                self._note(_PAYLOAD_LENGTH if length < 4 else _CHAIN_CUT)
                break
            body = position + 4
            stop = position + length
            if kind == _NOTIFY:
                self._notify(data, body, stop)
            elif kind == _VENDOR:
                self._vendor(body, stop)
            elif kind == _SA:
                if self.sa_begin == self.sa_end:
                    self.sa_begin = body
                    self.sa_end = stop
            elif kind == _KE:
                if stop - body >= 4 and self.ke_group == 0:
                    self.ke_group = u16(data, body)
            elif kind == _NONCE:
                self.nonce_length = stop - body
            elif kind in (_SK, _SKF):
                # The chain ends here: the next-payload field names the first payload inside.
                self._encrypted(data, body, stop, kind == _SKF)
                break
            kind = data[position]
            position = stop
        else:
            self.complete = True

    def _encrypted(self, data: Octets, body: int, stop: int, is_fragment: bool) -> None:
        if not is_fragment:
            self.encrypted_length = stop - body
            self.complete = True
        elif stop - body < 4:
            self._note(_FRAGMENT)
        else:
            self.fragment_number = u16(data, body)
            self.fragment_total = u16(data, body + 2)
            self.encrypted_length = stop - body - 4
            self.complete = True

    def _payload(self, kind: int) -> None:
        self.kinds[self.payloads] = kind
        self.payloads += 1

    def _vendor(self, body: int, stop: int) -> None:
        self.vendor_begins[self.vendors] = body
        self.vendor_ends[self.vendors] = stop
        self.vendors += 1

    def _notify(self, data: Octets, body: int, stop: int) -> None:
        """RFC 7296 section 3.10: protocol, SPI size, type, SPI, data."""
        if stop - body < 4:
            self._note(_SHORT_NOTIFY)
        else:
            kind = u16(data, body + 2)
            begin = body + 4 + data[body + 1]
            if begin > stop:
                begin = stop
            self._said(kind, begin, stop)
            if kind in (_NATD_SOURCE, _NATD_DESTINATION):
                self.natd_hashes += 1
                self.natd_octets += stop - begin
            elif kind == _INVALID_KE and stop - begin == 2:
                self.invalid_ke_group = u16(data, begin)

    def _said(self, kind: int, begin: int, stop: int) -> None:
        """Note a notify."""
        self.notify_kinds[self.notifies] = kind
        self.notify_begins[self.notifies] = begin
        self.notify_ends[self.notifies] = stop
        self.notifies += 1

    def _walk_v1(self, data: Octets, position: int, end: int) -> None:
        """Follow the chain of RFC 2408 section 3.2; only what an observer needs of IKEv1 and AuthIP."""
        kind = self.next_payload
        if self.flags & _V1_ENCRYPTED:
            self.encrypted_length = end - position if end > position else 0
            kind = 0  # what can be read ends here
        while kind != 0:
            if self.payloads == _PAYLOADS or end - position < 4:
                self._note(_CHAIN_CUT)
                break
            length = u16(data, position + 2)
            self._payload(kind)
            if length < 4 or length > end - position:
                self._note(_CHAIN_CUT)
                break
            body = position + 4
            stop = position + length
            if kind == _V1_VENDOR:
                self._vendor(body, stop)
            elif kind == _V1_NOTIFY and stop - body >= 8:
                self._said(u16(data, body + 6), stop, stop)
            elif kind == _V1_NONCE:
                self.nonce_length = stop - body
            elif kind == _V1_SA and self.sa_begin == self.sa_end:
                self.sa_begin = body
                self.sa_end = stop
            kind = data[position]
            position = stop
        else:
            self.complete = True


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
