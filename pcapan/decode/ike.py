"""One IKE message as an object, for whoever looks at few of them.

Knows how what `pcapan.decode.ike_walk` found becomes lists and octets. Must not read a message itself.
"""

from __future__ import annotations

from pcapan.decode.ike_walk import PROBLEMS, IkeWalk
from pcapan.decode.numbers import NAT_DETECTION_DESTINATION_IP, NAT_DETECTION_SOURCE_IP
from pcapan.octets import Octets


class IkeMessage:
    """What the clear part of one IKE message says. Numbers are as on the wire; -1 = cut away."""

    def __init__(self, walk: IkeWalk, data: Octets) -> None:
        """`walk` has just read the message in `data`."""
        self.spi_i = walk.spi_i
        self.spi_r = walk.spi_r
        self.next_payload = walk.next_payload
        self.version = walk.version
        """Version octet: major in the high, minor in the low four bits."""
        self.exchange = walk.exchange
        self.flags = walk.flags
        self.message_id = walk.message_id
        self.length = walk.length
        self.payloads = walk.payload_types()
        """Payload types in the order of the chain, the encrypted one last."""
        self.notifies = walk.notify_types()
        self.notify_data = walk.notify_data(data)
        self.vendor_ids = walk.vendor_ids(data)
        self.natd_source = self._notified(NAT_DETECTION_SOURCE_IP)
        """Data of each NAT_DETECTION_SOURCE_IP notify (RFC 7296 section 2.23), 20 bytes each."""
        self.natd_destination = self._notified(NAT_DETECTION_DESTINATION_IP)
        self.sa_body = walk.sa_body(data)
        """Body of the first SA payload: see `pcapan.decode.proposals`."""
        self.ke_group = walk.ke_group
        self.invalid_ke_group = walk.invalid_ke_group
        """Group that an INVALID_KE_PAYLOAD notify asks for."""
        self.nonce_length = walk.nonce_length
        self.encrypted_length = walk.encrypted_length
        """Bytes inside SK or SKF including IV, padding and checksum; 0 = nothing encrypted."""
        self.fragment_number = walk.fragment_number
        self.fragment_total = walk.fragment_total
        """Fragment Number and Total Fragments of an SKF payload (RFC 7383 section 2.5); 0 = none."""
        self.complete = bool(walk.complete)
        """Whether the whole payload chain was there and well-formed."""
        self.problem = PROBLEMS[walk.problem]
        """Kebab-case word for the first thing wrong with the message; empty = nothing."""

    @property
    def major_version(self) -> int:
        """1 for IKEv1 and AuthIP, 2 for IKEv2, -1 when the header is cut before it."""
        return self.version >> 4 if self.version >= 0 else -1

    def _notified(self, wanted: int) -> list[bytes]:
        if self.major_version != 2:
            return []
        both = zip(self.notifies, self.notify_data, strict=True)
        return [content for kind, content in both if kind == wanted]


def parse_ike(data: Octets, start: int, end: int, wire_end: int) -> IkeMessage | None:
    """Read the message at ``data[start:end]``; see `IkeWalk.read`. None when it is no IKE message."""
    walk = IkeWalk()
    return IkeMessage(walk, data) if walk.read(data, start, end, wire_end) else None
