"""Is this a capture, an archive, or something else: by its first bytes, and by its name where they say
nothing.

Knows which beginnings and endings there are. Must not open anything itself.
"""

from __future__ import annotations

import re
from enum import StrEnum

from pcapan.ingest import compressed
from pcapan.ingest.open import formats

#: Bytes of a beginning that are enough to tell; tar's magic stands at 257.
HEAD = 4096

#: tcpdump -C and -W write name.pcap1, name.pcap02, ...
_CAPTURE_NAME = re.compile(
    r"\.(?:pcap|pcapng|ntar|cap|dmp|etl|snoop|erf|trc|enc|ncf|tr1|wpc|wpz|acp|bfr|pkt|tpc)\d{0,6}$",
    re.IGNORECASE,
)
_PACKED_NAME = re.compile(r"\.(?:gz|zst|zstd)$", re.IGNORECASE)
#: First bytes of captures that only Wireshark reads: snoop, NetMon 1 and 2, Sniffer, LANalyzer, btsnoop.
_WIRESHARK_HEADS = (b"snoop\0\0\0", b"RTSS", b"GMBU", b"TRSNIFF", b"XCP\0", b"btsnoop\0")
_UNREADABLE_PACKING = (
    (b"MSCF", "a Windows cabinet archive is not opened; unpack it"),
    (b"\xfd7zXZ\0", "files packed with xz are not opened; unpack it"),
    (b"BZh", "files packed with bzip2 are not opened; unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip archives are not opened; unpack it"),
    (b"Rar!\x1a\x07", "RAR archives are not opened; unpack it"),
)


class Kind(StrEnum):
    """What a beginning of a file looks like."""

    CAPTURE = "capture"
    ZIP = "zip"
    TAR = "tar"
    GZIP = "gzip"
    ZSTD = "zstd"
    PACKED = "packed"
    """An archive or compression that pcapan does not open."""
    OTHER = "other"


def kind_of(head: bytes) -> Kind:
    """What the first `HEAD` bytes look like."""
    if any(format_.recognise(head) is not None for format_ in formats()) or head.startswith(_WIRESHARK_HEADS):
        return Kind.CAPTURE
    codec = compressed.codec(head)
    if codec is not None:
        return Kind.GZIP if codec == "gzip" else Kind.ZSTD
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return Kind.ZIP
    if head[257:262] == b"ustar":
        return Kind.TAR
    if any(head.startswith(magic) for magic, _ in _UNREADABLE_PACKING):
        return Kind.PACKED
    return Kind.OTHER


def packed_reason(head: bytes) -> str:
    """Why a file of kind PACKED is left closed."""
    return next(reason for magic, reason in _UNREADABLE_PACKING if head.startswith(magic))


def named_as_capture(name: str) -> bool:
    """Whether the name claims a capture: .pcap, .pcapng, .cap, .etl, ..., also with .gz or .zst."""
    return _CAPTURE_NAME.search(_PACKED_NAME.sub("", name)) is not None


def named_as_plain_capture(name: str) -> bool:
    """Whether the name claims a capture that is not packed, so that nobody need look into it to list it."""
    return _CAPTURE_NAME.search(name) is not None
