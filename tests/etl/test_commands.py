"""``pcapan info`` and ``pcapan extract`` on event traces."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pcapan.ingest.capture import Capture
from pcapan.ingest.open import open_capture
from tests.cli.conftest import Cli, cli
from tests.etl.conftest import Write
from tests.etl.fixtures import Packet, add_drop, add_rundown, ndis_trace, packets_of, pktmon_trace
from tests.etl.writer import INNER, NDIS, TCPIP, Trace
from tests.samples_kit import SAMPLES, sample

__all__ = ["cli"]
START = 1_700_000_000_000_000_000


def _frames(reader: Capture) -> list[tuple[int, bytes, int, int, int]]:
    return [
        (time, bytes(block.data[offset : offset + length]), wire, link, direction)
        for block in reader.blocks()
        for time, offset, length, wire, link, direction in zip(
            block.times, block.offsets, block.lengths, block.wire_lengths, block.interfaces,
            block.directions, strict=True,
        )
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["ndis", "old", "new"])
def test_packet_n_is_frame_n(kind: str, cli: Cli, write: Write, tmp_path: Path) -> None:
    packets = packets_of(SAMPLES / "healthy-dnat.pcap")
    trace = ndis_trace(packets) if kind == "ndis" else pktmon_trace(packets, old=kind == "old")
    path = write(trace)
    ran = cli("extract", path, "-o", tmp_path / "out.pcapng")
    assert ran.code == 0
    one, two = open_capture(str(path)), open_capture(str(tmp_path / "out.pcapng"))
    assert _frames(one) == _frames(two)
    assert [(i.name, i.link_type, i.description) for i in one.interfaces] == [
        (i.name, i.link_type, i.description) for i in two.interfaces
    ]
    assert two.operating_system == one.operating_system


@pytest.mark.tshark
def test_drops_become_verdicts(cli: Cli, tmp_path: Path, tshark: str) -> None:
    out = tmp_path / "out.pcapng"
    assert cli("extract", sample("server-drop"), "-o", out).code == 0
    shown = subprocess.run(
        [
            *f"{tshark} -r {out} -T fields -e isakmp.exchangetype -Y".split(),
            'frame.comment contains "reason 1409"',
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert len(shown) == 94
    assert set(shown) == {"34"}
    assert out.read_bytes().count(b"\x07\0\x09\0\x02\x01\0\0\0\0\0\0\0") == 94


def test_an_output_is_not_overwritten(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "out.pcapng"
    out.write_bytes(b"precious")
    ran = cli("extract", sample("server-drop"), "-o", out)
    assert ran.code == 2
    assert out.read_bytes() == b"precious"
    assert cli("extract", sample("server-drop"), "-o", out, "--force").code == 0
    assert out.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.pcapng"]


def test_the_input_is_never_the_output(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "x.etl"
    path.write_bytes(sample("server-drop").read_bytes())
    assert cli("extract", path, "-o", path, "--force").code == 2
    assert path.read_bytes() == sample("server-drop").read_bytes()


def test_a_damaged_trace_is_extracted_as_far_as_it_goes(cli: Cli, write: Write, tmp_path: Path) -> None:
    packets = packets_of(SAMPLES / "healthy-dnat.pcap")
    data = ndis_trace(packets, buffer_size=0x4000).build_file()
    path = write(data[: len(data) * 2 // 3])
    ran = cli("extract", path, "-o", tmp_path / "out.pcapng")
    assert ran.code == 5
    assert 0 < len(_frames(open_capture(str(tmp_path / "out.pcapng")))) < len(packets)


def test_info_tells_what_only_a_trace_knows(cli: Cli) -> None:
    ran = cli("info", sample("server-drop"))
    assert ran.code == 0
    for word in ("etl", "Windows build 20348", "e1i65x64.sys", "IPsec DoS throttling", "242 further events"):
        assert word in ran.out, word


@pytest.mark.parametrize("fault", ["noise", "counters", "drops", "filter", "inner", "kernel", "nothing"])
def test_info_explains_a_trace_without_packets(fault: str, cli: Cli, write: Write) -> None:
    trace = Trace(START)
    packet = Packet(START, bytes(12) + b"\x08\x00" + bytes(50), 64)
    if fault == "noise":
        trace.noise(START, 20)
    elif fault == "counters":
        add_rundown(trace, START)
    elif fault == "drops":
        add_rundown(trace, START)
        add_drop(trace, packet, 902)
    elif fault == "filter":
        trace.event(NDIS, 5100, START, bytes(20))
    elif fault == "inner":
        trace.event(INNER, 5001, START, b"m\0a\0x\0\0\0" + bytes(60))
    elif fault == "kernel":
        for _ in range(50):
            trace.add(b"\x20\0\x11\xc0\x20\0\x24\x0f" + bytes(24))
        trace.event(TCPIP, 1, START, bytes(8))
    words = {
        "noise": ("Microsoft-Windows-TCPIP 20", "capture=yes"),
        "counters": ("components and counters", "pktmon start"),
        "drops": ("1 drops but no packet", "pktmon start"),
        "filter": ("no packet was logged", "netsh trace start"),
        "inner": ("inside the VPN tunnels", "netsh trace start"),
        "kernel": ("performance trace", "pktmon start"),
        "nothing": ("no events at all", "pktmon start"),
    }[fault]
    ran = cli("info", write(trace))
    assert ran.code == 3
    for word in words:
        assert word in ran.out, word
    assert "m\0a\0x" not in ran.out
    assert "max " not in ran.out
    document = cli("info", write(trace), "--format", "json").document
    assert document["inputs"][0]["packets"] == 0
    analysed = cli("analyze", write(trace))
    assert analysed.code == 3
    assert words[0] in analysed.err
