"""A pcapng that Windows made from a pktmon log holds every packet once for each component."""

from __future__ import annotations

from pathlib import Path

import pytest

from pcapan.ingest.frames import Interface
from pcapan.ingest.pcapng_writer import PcapngWriter
from pcapan.pipeline import analyze
from tests.etl.fixtures import Packet, packets_of
from tests.etl.same import write_pcap
from tests.samples_kit import SAMPLES


def _converted(path: Path, packets: list[Packet]) -> Path:
    """As ``pktmon etl2pcap`` writes it: all components, every one its own interface, in order of time."""
    layers = ((1, "e1i65x64.sys", 0), (1, "wfplwfs.sys", 40_000), (101, "L3", 110_000))
    events = sorted(
        (packet.time + (shift if packet.inbound else -shift), number, layer)
        for number, packet in enumerate(packets)
        for layer, (_link, _name, shift) in enumerate(layers)
    )
    with path.open("wb") as file:
        writer = PcapngWriter(file, decimals=7)
        writer.section(application="pktmon")
        for link, name, _shift in layers:
            writer.interface(Interface(link, name=name))
        for time, number, layer in events:
            packet = packets[number]
            start = 14 if layers[layer][0] == 101 else 0
            writer.packet(layer, time, packet.data[start:], packet.wire - start, direction=1)
    return path


@pytest.mark.parametrize("name", ["sa-limit-8.pcap", "healthy-dnat.pcap", "healthy-dnat-ipv6.pcap"])
def test_copies_are_recognised_there_too(name: str, tmp_path: Path) -> None:
    packets = [p for p in packets_of(SAMPLES / name) if p.data[12:14] in (b"\x08\x00", b"\x86\xdd")]
    once = analyze(write_pcap(tmp_path / "once.pcap", packets)).result
    thrice = analyze(_converted(tmp_path / "thrice.pcapng", packets)).result
    verdicts = {(f.id, f.verdict) for f in once.findings if f.id not in ("capture-duplicates",)}
    assert {(f.id, f.verdict) for f in thrice.findings if f.id != "capture-duplicates"} == verdicts
    (copies,) = [f for f in thrice.findings if f.id == "capture-duplicates"]
    assert copies.verdict == "confirmed"
    assert thrice.capture.counts.ike == once.capture.counts.ike
    assert thrice.capture.counts.esp == once.capture.counts.esp
    assert thrice.capture.counts.copies == once.capture.counts.copies + 2 * len(packets)
