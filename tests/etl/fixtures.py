"""Builds traces of both capture providers from the frames of any capture."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pcapan.ingest.open import open_capture
from tests.etl.writer import NDIS, PKTMON, WFP, Trace, wide

NIC, FILTER, PROTOCOL = 10, 20, 30
_KEYWORD = 0x80000600C0000000
_RAW_LINKS = (12, 14, 101, 228, 229)


@dataclass(frozen=True, slots=True)
class Packet:
    """One frame to be logged."""

    time: int
    """UTC nanoseconds."""
    data: bytes
    wire: int
    link: int = 1
    inbound: bool = True


def packets_of(path: Path | str) -> list[Packet]:
    """The frames of a capture by time; what is from port 500 or 4500 or the server counts as sent."""
    found: list[Packet] = []
    reader = open_capture(str(path))
    for block in reader.blocks():
        for offset, length, wire, time, source in zip(
            block.offsets, block.lengths, block.wire_lengths, block.times, block.interfaces, strict=True
        ):
            data = bytes(block.data[offset : offset + length])
            link = reader.interfaces[source].link_type
            if link in (0, 108):  # BSD loopback has no place in a trace: what is inside is raw IP
                data, wire, link = data[4:], wire - 4, 101
            found.append(Packet(time // 100 * 100, data, wire, link, len(found) % 3 != 0))
    return sorted(found, key=lambda packet: packet.time)


def _trace(packets: Sequence[Packet], **settings: object) -> Trace:
    start = min((packet.time for packet in packets), default=0) - 1_000_000_000
    trace = Trace(start, **settings)  # type: ignore[arg-type]
    trace.bookkeeping()
    trace.noise(start, 3)
    return trace


def ndis_trace(packets: Sequence[Packet], *, tail: bool = True, noise: int = 0, **settings: object) -> Trace:
    """A ``netsh trace`` of the packets; `tail` as Windows 10 1809 and later log them."""
    trace = _trace(packets, **settings)
    for packet in packets:
        payload = struct.pack("<III", 8, 8, len(packet.data)) + packet.data + bytes(16 if tail else 0)
        keyword = _KEYWORD | {1: 1, 105: 0x10000}.get(packet.link, 0x200)
        keyword |= 0x2_0000_0000 if packet.inbound else 0x1_0000_0000
        trace.event(NDIS, 1001, packet.time, payload, keyword=keyword)
        if noise:
            trace.noise(packet.time, noise)
    trace.noise(trace.start, 3)
    return trace


def pktmon_payload(
    packet: Packet,
    component: int,
    *,
    group: int,
    appearance: int = 0,
    reason: int = 0,
    location: int = 0,
    pkt_size: int = 0,
    data: bytes | None = None,
) -> bytes:
    """The user data of event 160 or 170."""
    body = packet.data if data is None else data
    kind = 3 if packet.link in _RAW_LINKS else 2 if packet.link == 105 else 1
    logged = body[:pkt_size] if pkt_size else body
    original = max(packet.wire, len(body)) & 0xFFFF
    head = struct.pack("<QHHHHHHHIIHH", group, 1, appearance, 3 if packet.inbound else 4, kind, component,
                       1, 0, reason, location, original, len(logged))  # fmt: skip
    return head + logged


def pktmon_trace(
    packets: Sequence[Packet],
    *,
    old: bool,
    rundown: bool = True,
    pkt_size: int = 0,
    **settings: object,
) -> Trace:
    """A pktmon log with every packet at three components.

    `old`: the events of a packet share a group and count their appearances, as up to build 20348;
    otherwise each event has a group of its own, as from build 26100 on.
    """
    settings.setdefault("compressed", True)
    settings.setdefault("buffer_size", 0x40000)
    settings.setdefault("build", 20348 if old else 26100)
    trace = _trace(packets, **settings)
    group = 0x105A26
    for number, packet in enumerate(packets):
        stack = (NIC, FILTER, PROTOCOL) if packet.inbound else (PROTOCOL, FILTER, NIC)
        group += 1
        for place, component in enumerate(stack):
            if not old:
                group += 1
            shift = 100 * (place if packet.inbound else place - 2)
            payload = pktmon_payload(
                packet, component, group=group, appearance=place + 1 if old else 0, pkt_size=pkt_size
            )
            items = ((1, bytes(16)), (5, bytes(24))) if number % 5 == 4 else ()
            trace.event(PKTMON, 160, packet.time + shift, payload, keyword=0x10, items=items,
                        processor=number % trace.processors)  # fmt: skip
        if number % 7 == 0:
            trace.noise(packet.time, 1)
    if rundown:
        add_rundown(trace, packets[-1].time if packets else trace.start)
    return trace


def add_rundown(trace: Trace, time: int) -> None:
    """Components and their properties, as pktmon writes them when it stops."""

    def say(kind: int, payload: bytes) -> None:
        trace.event(PKTMON, kind, time, payload, keyword=2, processor=0)

    for component, kind, name, description in (
        (NIC, 2, "e1i65x64.sys", "Intel(R) Ethernet Connection"),
        (FILTER, 3, "wfplwfs.sys", "WFP Native MAC Layer LightWeight Filter"),
        (PROTOCOL, 4, "tcpip.sys", "TCPIP"),
    ):
        say(20, struct.pack("<HH", component, kind) + wide(name) + wide(description))
    say(30, struct.pack("<HHI", NIC, 1, 5))
    say(30, struct.pack("<HHI", FILTER, 2, 5))
    say(30, struct.pack("<HHI", PROTOCOL, 2, 5))
    say(70, struct.pack("<HHI", NIC, 6, 6) + b"\x02\0\0\0\0\x05")
    say(75, struct.pack("<HHH", PROTOCOL, 7, 0x0800))
    say(80, struct.pack("<HHQQHQQ", NIC, 3, 0, 0, 4, 0, 0))
    say(90, struct.pack("<H", NIC) + wide("Upper") + struct.pack("<HHQQHQQ", 1, 3, 7, 700, 4, 7, 700))


def add_drop(
    trace: Trace, packet: Packet, reason: int, *, later: int = 57_000, location: int = 0xE0004600
) -> None:
    """Windows drops a packet after it came in: an event of the TCP/IP component, from the IP header on."""
    start = 14 if packet.link == 1 else 0
    dropped = Packet(packet.time + later, packet.data[start:], packet.wire - start, 101, packet.inbound)
    payload = pktmon_payload(dropped, PROTOCOL, group=9, reason=reason, location=location)
    trace.event(PKTMON, 170, dropped.time, payload, keyword=0x10)


def add_service_message(
    trace: Trace,
    time: int,
    *,
    sent: bool,
    spi_i: int,
    spi_r: int = 0,
    local: str,
    remote: str,
    local_port: int = 500,
    remote_port: int = 500,
    length: int = 500,
) -> None:
    """What the IKE service of Windows says of a message."""
    payload = f"{spi_i:016x}\0{spi_r:016x}\0IKEv2 SA Init Mode\0".encode()
    payload += struct.pack("<I", length) + b"SA\0" + struct.pack("<BI", 8, 0)
    payload += wide(local) + struct.pack("<II", local_port, 17)
    payload += wide(remote) + struct.pack("<II", remote_port, 17) + bytes(8) + (b"" if sent else bytes(4))
    trace.event(WFP, 1024 if sent else 1025, time, payload)
