"""What Windows says it dropped, and what its IKE service says it received."""

from __future__ import annotations

from pathlib import Path

import pytest

from pcapan.ingest.open import open_capture
from pcapan.pipeline import Analysis, analyze
from tests.etl import samples
from tests.etl.conftest import Write
from tests.etl.fixtures import Packet, add_drop, add_rundown, add_service_message, packets_of, pktmon_trace
from tests.etl.samples import _unanswered
from tests.etl.writer import WFP, Trace
from tests.samples_kit import SAMPLES

SERVER = "10.10.10.20"


def _packets(name: str = "server-silent.pcap") -> list[Packet]:
    return [
        Packet(p.time, p.data, p.wire, p.link, p.data[26:30] != bytes((10, 10, 10, 20)))
        for p in packets_of(SAMPLES / name)
    ]


def _verdict(analysis: Analysis) -> str:
    (found,) = [finding for finding in analysis.result.findings if finding.id == "server-drop"]
    return str(found.verdict)


def _close(trace: Trace, packets: list[Packet]) -> Trace:
    add_rundown(trace, packets[-1].time)
    return trace


@pytest.mark.parametrize("old", [True, False])
def test_dropped_requests_are_a_finding(old: bool, write: Write) -> None:
    packets = _packets()
    trace = pktmon_trace(packets, old=old, rundown=False)
    lost = _unanswered(packets)
    for packet in lost:
        add_drop(trace, packet, 1409)
        add_drop(trace, packet, 1409, later=58_000)  # a second component tells of the same packet
    analysis = analyze(write(_close(trace, packets)))
    (found,) = [finding for finding in analysis.result.findings if finding.id == "server-drop"]
    assert found.verdict == "confirmed"
    assert found.addresses == [SERVER]
    assert found.numbers["drop_init"] == len(lost) == found.numbers["drop_seen"]
    assert found.numbers["drop_reason"] == 1409
    assert "IPsec DoS throttling (IPSEC_DOSP_THROTTLE)" in found.summary
    assert found.evidence
    times = {packet.time // 1000 for packet in lost}
    assert len(times) >= len(found.evidence) > 1


def test_frames_of_drops_are_those_at_the_card(write: Write) -> None:
    packets = _packets()
    trace = pktmon_trace(packets, old=False, rundown=False)
    for packet in _unanswered(packets):
        add_drop(trace, packet, 1207)
    reader = open_capture(str(write(_close(trace, packets))))
    frames: dict[int, bytes] = {}
    for block in reader.blocks():
        for number, (offset, length) in enumerate(
            zip(block.offsets, block.lengths, strict=True), block.first_number
        ):
            frames[number] = bytes(block.data[offset : offset + length])
    assert reader.side.drops
    for drop in reader.side.drops:
        assert frames[drop.frame][14 : 14 + len(drop.data)] == drop.data
        assert drop.component == "tcpip.sys"


def test_drops_of_others_are_no_finding(write: Write) -> None:
    packets = _packets("healthy-dnat.pcap")
    trace = pktmon_trace(packets, old=True, rundown=False)
    for packet in packets:
        multicast = bytearray(packet.data)
        multicast[30] = 239
        add_drop(trace, Packet(packet.time, bytes(multicast), packet.wire), 902)
        elsewhere = bytearray(packet.data)
        elsewhere[26:34] = bytes((10, 9, 9, 9, 10, 9, 9, 8))
        add_drop(trace, Packet(packet.time, bytes(elsewhere), packet.wire), 1207)
    path = write(_close(trace, packets))
    assert _verdict(analyze(path)) == "not_observed"
    assert open_capture(str(path)).side.drops == []


def test_a_few_esp_packets_are_normal(write: Write) -> None:
    packets = _packets("healthy-dnat.pcap")
    esp = [p for p in packets if p.inbound and p.data[36:38] == b"\x11\x94" and any(p.data[42:46])]
    for count, verdict in ((5, "not_observed"), (20, "confirmed")):
        trace = pktmon_trace(packets, old=True, rundown=False)
        for packet in esp[:count]:
            add_drop(trace, packet, 1401)
        assert _verdict(analyze(write(_close(trace, packets)))) == verdict


def test_without_any_drop_nothing_can_be_said(write: Write) -> None:
    assert _verdict(analyze(write(pktmon_trace(_packets(), old=True)))) == "inconclusive"


def test_without_any_drop_nothing_asks_where_all_were_answered(write: Write) -> None:
    packets = _packets("healthy-dnat.pcap")
    assert _verdict(analyze(write(pktmon_trace(packets, old=True)))) == "not_applicable"


def _told(*, skip: int) -> Trace:
    """Every `skip`-th unanswered request never reaches the IKE service."""
    packets = _packets()
    trace = pktmon_trace(packets, old=False)
    for number, packet in enumerate(_unanswered(packets)):
        if not skip or number % skip:
            spi = int.from_bytes(packet.data[42:50], "big")
            add_service_message(
                trace, packet.time + 300_000, sent=False, spi_i=spi, local=SERVER, remote="203.0.113.1"
            )
    return trace


def test_requests_that_never_reach_the_service(write: Write) -> None:
    analysis = analyze(write(_told(skip=2)))
    (found,) = [finding for finding in analysis.result.findings if finding.id == "server-drop"]
    assert found.verdict == "suspected"
    assert found.numbers["service_received"] > 0
    assert "not its IKE service" in found.summary


def test_requests_that_the_service_left_unanswered(write: Write) -> None:
    analysis = analyze(write(_told(skip=0)))
    assert _verdict(analysis) == "not_observed"
    assert analysis.facts.delivery.received_unanswered == analysis.facts.delivery.received > 0


def test_failures_are_counted_and_broken_events_left_out(write: Write) -> None:
    trace = _told(skip=0)
    time = trace.start + 2_000_000_000
    for kind in (1005, 1005, 1007):
        trace.event(WFP, kind, time, bytes(60))
    trace.event(WFP, 1025, time, b"xyz\0" * 3)
    reader = open_capture(str(write(trace)))
    list(reader.blocks())
    assert reader.side.failures == {"main mode failed": 2, "quick mode failed": 1}
    assert [p.code for p in reader.problems] == ["bad-event"]


@pytest.mark.parametrize("name", ["server-drop", "pktmon-no-drops"])
def test_the_samples_can_be_made_again(name: str) -> None:
    made = {"server-drop": samples.server_drop, "pktmon-no-drops": samples.no_drops}[name]()
    assert made == Path(SAMPLES / f"{name}.etl").read_bytes()
