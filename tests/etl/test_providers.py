"""Both capture providers: media, layers, split frames, and one event for every packet."""

from __future__ import annotations

import struct

import pytest

from pcapan.ingest.open import open_capture
from tests.etl.conftest import Write
from tests.etl.fixtures import (
    NIC,
    PROTOCOL,
    Packet,
    add_rundown,
    ndis_trace,
    pktmon_payload,
    pktmon_trace,
)
from tests.etl.test_container import START, packets, read, rows
from tests.etl.writer import INNER, NDIS, PKTMON, Trace, wide

_BOTH = 0x80000600C0000000
_RECEIVED = 0x2_0000_0000


def _wifi(packet: Packet, *, protected: bool = True) -> Packet:
    flags = b"\x88\x41" if protected else b"\x88\x01"
    data = flags + bytes(24) + b"\xaa\xaa\x03\0\0\0\x08\x00" + packet.data[14:]
    return Packet(packet.time, data, len(data), 105, packet.inbound)


@pytest.mark.parametrize("make", ["ndis", "pktmon"])
def test_media(make: str, write: Write) -> None:
    """Ethernet, Wi-Fi and raw IP in one trace; decrypted 802.11 frames do not say that they are encrypted."""
    plain = packets(30)
    mixed = [
        plain[i]
        if i % 3 == 0
        else _wifi(plain[i])
        if i % 3 == 1
        else Packet(plain[i].time, plain[i].data[14:], len(plain[i].data) - 14, 101, plain[i].inbound)
        for i in range(30)
    ]
    trace = ndis_trace(mixed) if make == "ndis" else pktmon_trace(mixed, old=True)
    reader = open_capture(str(write(trace)))
    wanted = [
        (p.time, _wifi(plain[i], protected=False).data if p.link == 105 else p.data, p.inbound)
        for i, p in enumerate(mixed)
    ]
    assert read(reader) == wanted
    assert sorted(interface.link_type for interface in reader.interfaces) == [1, 101, 105]


def _fragment(trace: Trace, time: int, piece: bytes, flags: int, *, lower: int = 8, thread: int = 1) -> None:
    payload = struct.pack("<III", 8, lower, len(piece)) + piece
    trace.event(NDIS, 1001, time, payload, keyword=0x8000060000000001 | _RECEIVED | flags, thread=thread)


def test_frames_of_several_events(write: Write) -> None:
    """Windows 7 and 8 split long frames; threads interleave."""
    start, end = 0x40000000, 0x80000000
    one, two = packets(2, 600)
    trace = Trace(START, processors=1)
    _fragment(trace, START, one.data[:200], start, thread=1)
    _fragment(trace, START + 1000, two.data[:300], start, thread=2)
    _fragment(trace, START + 2000, one.data[200:400], 0, thread=1)
    _fragment(trace, START + 3000, one.data[400:], end, thread=1)
    _fragment(trace, START + 4000, two.data[300:], end, thread=2)
    _fragment(trace, START + 5000, one.data[:100], start, thread=1)
    _fragment(trace, START + 6000, one.data[:100], start, thread=1)
    _fragment(trace, START + 7000, one.data[:100], end, thread=3)
    reader = open_capture(str(write(trace)))
    assert [(time, data) for time, data, _ in read(reader)] == [
        (START, one.data),
        (START + 1000, two.data),
    ]
    assert [(problem.code, problem.count) for problem in reader.problems] == [("incomplete-packet", 2)]


def test_one_layer_of_a_card_is_kept(write: Write) -> None:
    made = packets(20)
    trace = Trace(START)
    for packet in made:
        for lower, shift in ((8, 0), (21, 300), (22, 600)):
            payload = struct.pack("<III", 8, lower, len(packet.data)) + packet.data
            keyword = _BOTH | 1 | (_RECEIVED if packet.inbound else 0x1_0000_0000)
            trace.event(NDIS, 1001, packet.time + shift, payload, keyword=keyword)
    reader = open_capture(str(write(trace)))
    assert read(reader) == rows(made)
    assert reader.side.merged_copies == 40
    assert [interface.name for interface in reader.interfaces] == ["eth:8"]


def test_frames_of_a_hyper_v_switch(write: Write) -> None:
    (packet,) = packets(1)
    head = struct.pack("<III", 8, 8, 3) + wide("Port") + wide("VM network") + wide("External")
    payload = head + struct.pack("<I", 2) + bytes(16) + struct.pack("<I", len(packet.data)) + packet.data
    trace = Trace(START)
    trace.event(
        NDIS, 1003, packet.time, payload + struct.pack("<I", 8) + bytes(8), keyword=_BOTH | _RECEIVED | 1
    )
    trace.event(NDIS, 1002, packet.time, struct.pack("<III", 8, 8, 48) + bytes(48), keyword=_BOTH)
    reader = open_capture(str(write(trace)))
    assert [data for _, data, _ in read(reader)] == [packet.data]
    assert [(i.name, i.description) for i in reader.interfaces] == [("vswitch:3", "External VM network")]


def test_a_cut_frame_has_its_length_from_ip(write: Write) -> None:
    (packet,) = packets(1, 500)
    trace = ndis_trace([Packet(packet.time, packet.data[:128], 128)])
    (block,) = open_capture(str(write(trace))).blocks()
    assert (list(block.lengths), list(block.wire_lengths)) == ([128], [len(packet.data)])


def test_pktmon_says_how_long_a_cut_frame_was(write: Write) -> None:
    made = packets(10, 500)
    reader = open_capture(str(write(pktmon_trace(made, old=True, pkt_size=128))))
    (block,) = reader.blocks()
    assert set(block.lengths) == {128}
    assert set(block.wire_lengths) == {len(made[0].data)}
    assert [interface.snaplen for interface in reader.interfaces] == [128]


@pytest.mark.parametrize("old", [True, False])
def test_without_a_rundown_copies_are_told_by_groups_or_bytes(old: bool, write: Write) -> None:
    made = packets(60)
    reader = open_capture(str(write(pktmon_trace(made, old=old, rundown=False))))
    assert read(reader) == rows(made)
    assert reader.side.merged_copies == 2 * len(made)


def test_the_function_below_a_synthetic_card_is_left_out(write: Write) -> None:
    """On Azure every sent packet shows at the accelerated function below the card as well."""
    made = packets(20)
    trace = pktmon_trace(made, old=False)
    for packet in made:
        trace.event(PKTMON, 160, packet.time + 900, pktmon_payload(packet, 44, group=1), keyword=0x10)
    trace.event(PKTMON, 20, START, struct.pack("<HH", 44, 2) + wide("mlx5.sys") + wide("Mellanox"))
    trace.event(PKTMON, 30, START, struct.pack("<HHI", 44, 1, 77))
    reader = open_capture(str(write(trace)))
    assert read(reader) == rows(made)


def test_traffic_inside_the_tunnels_is_left_out(write: Write) -> None:
    made = packets(20)
    trace = pktmon_trace(made, old=False, rundown=False)
    for packet in made:
        trace.event(PKTMON, 160, packet.time + 900, pktmon_payload(packet, 50, group=1), keyword=0x10)
        trace.event(INNER, 5002, packet.time, wide("{0}") + wide("CORP\\max") + bytes(60))
    add_rundown(trace, made[-1].time)
    trace.event(
        PKTMON, 20, START, struct.pack("<HH", 50, 2) + wide("ndiswan.sys") + wide("WAN Miniport (IP)")
    )
    trace.event(PKTMON, 30, START, struct.pack("<HHI", 50, 1, 23))
    trace.event(PKTMON, 60, START, struct.pack("<HHH", 50, 5, 12))
    trace.event(PKTMON, 30, START, struct.pack("<HHI", PROTOCOL, 2, 5))
    trace.event(PKTMON, 20, START, struct.pack("<HH", 51, 4) + wide("tcpip.sys") + wide("TCPIP"))
    trace.event(PKTMON, 30, START, struct.pack("<HHI", 51, 2, 23))
    reader = open_capture(str(write(trace)))
    assert read(reader) == rows(made)
    assert "20 events of WAN miniports" in str(reader.side.facts)
    assert "max" not in str(reader.side.facts)
    assert reader.side.merged_copies == 40


def test_two_cards_stay_apart(write: Write) -> None:
    """A routed packet shows on two cards, and that is no copy of pktmon's."""
    made = packets(20)
    trace = pktmon_trace(made, old=False, rundown=False)
    for packet in made:
        trace.event(PKTMON, 160, packet.time + 90_000, pktmon_payload(packet, 60, group=1), keyword=0x10)
    add_rundown(trace, made[-1].time)
    for kind, payload in (
        (20, struct.pack("<HH", 60, 14) + wide("netadaptercx.sys") + wide("Second card")),
        (30, struct.pack("<HHI", 60, 1, 9)),
        (20, struct.pack("<HH", 61, 4) + wide("tcpip.sys") + wide("TCPIP")),
        (30, struct.pack("<HHI", 61, 2, 9)),
    ):
        trace.event(PKTMON, kind, START, payload)
    reader = open_capture(str(write(trace)))
    assert len(read(reader)) == 40
    assert [interface.description.split(",")[0] for interface in reader.interfaces] == [
        "Intel(R) Ethernet Connection",
        "Second card",
    ]
    assert reader.interfaces[0].description.endswith(f"component {NIC}")


def test_capture_filters_are_told(write: Write) -> None:
    trace = pktmon_trace(packets(5), old=True)
    payload = struct.pack("<H", 1) + wide("ike") + bytes(12) + struct.pack("<HH", 0x0800, 0) + bytes(8)
    trace.event(PKTMON, 100, START, payload + struct.pack("<BHHB", 17, 500, 0, 0))
    reader = open_capture(str(write(trace)))
    read(reader)
    assert [interface.capture_filter for interface in reader.interfaces] == [
        "EtherType 0x0800 UDP port 500 (ike)"
    ]


def test_the_system_is_told(write: Write) -> None:
    reader = open_capture(str(write(pktmon_trace(packets(5), old=True))))
    read(reader)
    assert reader.operating_system.startswith("Windows build 20348 (20348.2461.amd64fre")
    assert "Windows Server 2022 Standard" in reader.operating_system
