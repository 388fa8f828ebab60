"""Makes the event traces of samples/ from another sample, so that anybody can make them again."""

from __future__ import annotations

from tests.etl.fixtures import (
    PROTOCOL,
    Packet,
    add_drop,
    add_rundown,
    packets_of,
    pktmon_payload,
    pktmon_trace,
)
from tests.etl.writer import PKTMON, Trace
from tests.samples_kit import SAMPLES

_THROTTLED = 1409
_MULTICAST_NOT_WANTED = 902
_SSDP = (
    bytes.fromhex("4500002c000100000111000064400001effffffa") + bytes.fromhex("076c076c00180000") + bytes(16)
)


def _noise(trace: Trace, time: int) -> None:
    """Multicast that nobody wants: every server drops some."""
    packet = Packet(time, _SSDP, len(_SSDP), 101)
    payload = pktmon_payload(packet, PROTOCOL, group=1, reason=_MULTICAST_NOT_WANTED, location=0xE0004138)
    trace.event(PKTMON, 170, time, payload, keyword=0x10)


def _from(packets: list[Packet]) -> Trace:
    trace = pktmon_trace(packets, old=True, rundown=False)
    _noise(trace, packets[0].time + 1000)
    return trace


def server_drop() -> bytes:
    """`server-silent` as if IPsec DoS protection of Windows had thrown the requests away."""
    packets = [
        Packet(p.time, p.data, p.wire, p.link, p.data[26:30] != bytes((10, 10, 10, 20)))
        for p in packets_of(SAMPLES / "server-silent.pcap")
    ]
    trace = _from(packets)
    for packet in _unanswered(packets):
        add_drop(trace, packet, _THROTTLED, location=0xE0008001)
    add_rundown(trace, packets[-1].time)
    return trace.build_file()


def no_drops() -> bytes:
    """`healthy-dnat` as pktmon logs it; nothing but multicast is dropped."""
    packets = [
        Packet(p.time, p.data, p.wire, p.link, p.data[26:30] != bytes((10, 10, 10, 20)))
        for p in packets_of(SAMPLES / "healthy-dnat.pcap")
    ]
    trace = _from(packets)
    add_rundown(trace, packets[-1].time)
    return trace.build_file()


def _unanswered(packets: list[Packet]) -> list[Packet]:
    """IKE_SA_INIT requests whose initiator SPI no answer carries."""
    answered = {p.data[42:50] for p in packets if not p.inbound and p.data[34:36] == b"\x01\xf4"}
    return [
        p
        for p in packets
        if p.inbound and p.data[36:38] == b"\x01\xf4" and len(p.data) > 70 and p.data[60] == 34
        and p.data[42:50] not in answered
    ]  # fmt: skip
