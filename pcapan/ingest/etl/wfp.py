"""Provider Microsoft-Windows-WFP: what the Windows IKE service itself received, sent and gave up.

Knows the fields of events 1024 and 1025 (an IKE packet sent, received) up to the ports, as the provider's
manifest lists them, and counts the events that report failures. No trace with these events was at hand;
one whose strings or numbers do not add up is left out.
"""

from __future__ import annotations

import struct
from struct import Struct

from pcapan.ingest.etl.ndis import wide_string
from pcapan.ingest.etl.records import EVENT_FIELDS, EVENT_HEADER, user_data
from pcapan.ingest.frames import ServiceMessage

SENT, RECEIVED = 1024, 1025
#: Events that tell of a failure, and what failed.
FAILURES = {
    1005: "main mode failed",
    1007: "quick mode failed",
    1009: "extended mode failed",
    1003: "IPsec dropped a packet",
}

#: Messages kept of one file.
MAX_MESSAGES = 200_000

_U32 = Struct("<I").unpack_from
_PORTS = Struct("<II").unpack_from


class WfpEvents:
    """Collects what the IKE service says about its messages."""

    def __init__(self) -> None:
        self.messages: list[tuple[int, ServiceMessage]] = []
        """(raw time stamp, message); the time in the message is set later."""
        self.failures: dict[int, int] = {}
        """Event id -> count."""
        self.bad = 0

    def event(self, data: bytes | bytearray, position: int, size: int, origin: int) -> None:
        """Take one event of the provider."""
        flags, _thread, _process, stamp, kind, _version, _opcode, _keyword = EVENT_FIELDS(data, position)
        if kind in FAILURES:
            self.failures[kind] = self.failures.get(kind, 0) + 1
            return
        if kind not in (SENT, RECEIVED) or len(self.messages) >= MAX_MESSAGES:
            return
        start = user_data(data, position, size, flags) if flags & 1 else position + EVENT_HEADER
        message = _message(bytes(data[start : position + size]), sent=kind == SENT)
        if message is None:
            self.bad += 1
        else:
            self.messages.append((stamp, message))


def _message(data: bytes, *, sent: bool) -> ServiceMessage | None:
    """Read the fields; None when they do not add up."""
    try:
        spi_i, at = _text(data, 0)
        spi_r, at = _text(data, at)
        exchange, at = _text(data, at)
        (length,) = _U32(data, at)
        _next_payload, at = _text(data, at + 4)
        flags = data[at]
        (message_id,) = _U32(data, at + 1)
        local, at = _wide(data, at + 5)
        local_port, _protocol = _PORTS(data, at)
        remote, at = _wide(data, at + 8)
        remote_port, _protocol = _PORTS(data, at)
        if local_port > 0xFFFF or remote_port > 0xFFFF:
            return None
        return ServiceMessage(
            time=0,
            sent=sent,
            spi_i=_cookie(spi_i),
            spi_r=_cookie(spi_r),
            exchange=exchange[:64],
            message_id=message_id,
            flags=flags,
            length=length,
            local=local[:64],
            local_port=local_port,
            remote=remote[:64],
            remote_port=remote_port,
        )
    except (ValueError, IndexError, struct.error):
        return None


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(b"\0", at)
    return data[at:end].decode("ascii"), end + 1


def _wide(data: bytes, at: int) -> tuple[str, int]:
    found = wide_string(data, at, len(data))
    if found is None:
        raise ValueError("no end of string")
    return found


def _cookie(written: str) -> int:
    """An SPI as the service prints it: hexadecimal, perhaps with 0x, dashes or spaces."""
    digits = written.lower().removeprefix("0x").replace("-", "").replace(" ", "").replace(":", "")
    value = int(digits or "0", 16)
    if value >= 1 << 64:
        raise ValueError("more than 64 bits")
    return value
