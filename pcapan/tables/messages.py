"""Table `messages`: one row an IKE message, in the order of the capture.

Knows how a message is shown in a row; names for its numbers come from `pcapan.decode.names`.
"""

from __future__ import annotations

from functools import lru_cache

from pcapan.decode.names import exchange_name, notify_name, payload_name
from pcapan.decode.proposals import decode_proposals, describe
from pcapan.decode.vendor_ids import vendor_name
from pcapan.scan.columns import MARK_NON_ESP
from pcapan.tables.declare import Table
from pcapan.track.timeline import Message

MESSAGES = Table("messages", "IKE message")


@MESSAGES.column()
def file_no(message: Message) -> int:
    """Number of the file, 1-based in the order the files were named."""
    return message.file


@MESSAGES.column()
def frame_no(message: Message) -> int:
    """Frame number as Wireshark shows it; of a fragmented datagram the frame that completed it."""
    return message.frame


@MESSAGES.column("ns since 1970-01-01 UTC")
def ts_ns(message: Message) -> int:
    """Time of the frame."""
    return message.ts


@MESSAGES.column()
def src(message: Message) -> str:
    """Source address."""
    return message.src


@MESSAGES.column()
def dst(message: Message) -> str:
    """Destination address."""
    return message.dst


@MESSAGES.column()
def sport(message: Message) -> int:
    """UDP source port."""
    return message.sport


@MESSAGES.column()
def dport(message: Message) -> int:
    """UDP destination port."""
    return message.dport


@MESSAGES.column()
def spi_i(message: Message) -> str:
    """Initiator SPI, 16 hex digits."""
    return f"{message.spi_i:016x}"


@MESSAGES.column()
def spi_r(message: Message) -> str:
    """Responder SPI, 16 hex digits; zero in an initial IKE_SA_INIT request."""
    return f"{message.spi_r:016x}"


@MESSAGES.column()
def version(message: Message) -> int | None:
    """Version octet (32 = IKEv2, 16 = IKEv1 or AuthIP); unknown when the header was cut before it."""
    return message.version if message.version >= 0 else None


@MESSAGES.column()
def exchange(message: Message) -> int | None:
    """Exchange type; unknown when the header was cut before it."""
    return message.exchange if message.exchange >= 0 else None


@MESSAGES.column()
def exchange_text(message: Message) -> str | None:
    """Exchange type by name (IANA ikev2-parameters)."""
    return exchange_name(message.major, message.exchange) if message.exchange >= 0 else None


@MESSAGES.column()
def flags(message: Message) -> int | None:
    """Flags octet of the header."""
    return message.flags if message.flags >= 0 else None


@MESSAGES.column()
def msgid(message: Message) -> int | None:
    """Message ID."""
    return message.message_id if message.message_id >= 0 else None


@MESSAGES.column("bytes")
def length(message: Message) -> int | None:
    """Length field of the IKE header."""
    return message.length if message.length >= 0 else None


@MESSAGES.column()
def payloads(message: Message) -> list[int]:
    """Payload types in order."""
    return list(message.shape.payloads)


@MESSAGES.column()
def payload_text(message: Message) -> list[str]:
    """Payload types by name."""
    return list(_payload_names(message.major, message.shape.payloads))


@MESSAGES.column()
def notifies(message: Message) -> list[int]:
    """Notify message types in order."""
    return list(message.shape.notifies)


@MESSAGES.column()
def notify_text(message: Message) -> list[str]:
    """Notify message types by name."""
    return list(_notify_names(message.shape.notifies))


@lru_cache(1024)
def _payload_names(major: int, kinds: tuple[int, ...]) -> tuple[str, ...]:
    """Clients of one kind send the same list again and again."""
    return tuple(payload_name(major, kind) for kind in kinds)


@lru_cache(1024)
def _notify_names(kinds: tuple[int, ...]) -> tuple[str, ...]:
    """As with payloads."""
    return tuple(notify_name(kind) for kind in kinds)


@lru_cache(1024)
def _vendor_names(vendor_ids: tuple[bytes, ...]) -> tuple[str, ...]:
    """As with payloads."""
    return tuple(vendor_name(vid) or vid.hex() for vid in vendor_ids)


@lru_cache(1024)
def _proposal_texts(sa_body: bytes) -> tuple[str, ...]:
    """As with vendor IDs: a few kinds of clients, many messages."""
    return tuple(describe(proposal) for proposal in decode_proposals(sa_body))


@MESSAGES.column()
def vendor_ids(message: Message) -> list[str]:
    """Vendor IDs in hex, in order."""
    return [vid.hex() for vid in message.shape.vendor_ids]


@MESSAGES.column()
def vendors(message: Message) -> list[str]:
    """Vendor IDs by name; the hex digits of those not known."""
    return list(_vendor_names(message.shape.vendor_ids))


@MESSAGES.column()
def proposals(message: Message) -> list[str]:
    """SA proposals: transforms with key lengths."""
    if message.major != 2:
        return []
    return list(_proposal_texts(message.shape.sa_body))


@MESSAGES.column()
def ke_group(message: Message) -> int | None:
    """Diffie-Hellman group of the KE payload."""
    return message.shape.ke_group or None


@MESSAGES.column("bytes")
def nonce_length(message: Message) -> int | None:
    """Length of the nonce."""
    return message.shape.nonce_length or None


@MESSAGES.column("bytes")
def encrypted_length(message: Message) -> int:
    """Encrypted bytes (IV, padding and checksum included); 0 = nothing encrypted."""
    return message.encrypted


@MESSAGES.column()
def fragment_number(message: Message) -> int | None:
    """Fragment Number of RFC 7383; unknown = sent whole."""
    return message.fragment_number or None


@MESSAGES.column()
def fragment_total(message: Message) -> int | None:
    """Total Fragments of RFC 7383."""
    return message.fragment_total or None


@MESSAGES.column()
def natd_source(message: Message) -> list[str]:
    """Data of NAT_DETECTION_SOURCE_IP, hex."""
    return [data.hex() for data in message.natd_source]


@MESSAGES.column()
def natd_destination(message: Message) -> list[str]:
    """Data of NAT_DETECTION_DESTINATION_IP, hex."""
    return [data.hex() for data in message.natd_destination]


@MESSAGES.column()
def non_esp_marker(message: Message) -> bool:
    """The four-byte non-ESP marker of RFC 3948 stood before the header."""
    return bool(message.marks & MARK_NON_ESP)


@MESSAGES.column()
def ttl(message: Message) -> int:
    """Time to live, or hop limit."""
    return message.ttl


@MESSAGES.column()
def ip_id(message: Message) -> int:
    """IP identification; 0 for IPv6 without fragment header."""
    return message.ip_id


@MESSAGES.column()
def ip_fragments(message: Message) -> list[int]:
    """Frames of all IP fragments of the datagram; empty = it came whole."""
    return list(message.frames)


@MESSAGES.column()
def copy(message: Message) -> bool:
    """The same packet was captured before (mirror port, several capture points)."""
    return message.is_copy


@MESSAGES.column()
def cut(message: Message) -> bool:
    """The snap length cut the packet."""
    return message.is_cut


@MESSAGES.column()
def problem(message: Message) -> str | None:
    """What is wrong with the message, as a word; unknown = nothing."""
    return message.shape.problem or None
