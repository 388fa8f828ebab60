"""An .etl says what a pcap of the same packets says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.etl.fixtures import Packet, ndis_trace, packets_of, pktmon_trace
from tests.etl.same import differences, view, write_pcap
from tests.etl.writer import Trace
from tests.samples_kit import SAMPLES

Maker = Callable[[list[Packet]], Trace]
MAKERS: dict[str, Maker] = {
    "ndis": lambda packets: ndis_trace(packets),
    "pktmon-old": lambda packets: pktmon_trace(packets, old=True),
    "pktmon-new": lambda packets: pktmon_trace(packets, old=False),
}
_SAMPLES = ("healthy-dnat.pcap", "sa-limit-8.pcap", "snap-length-96.pcap", "one-direction.pcap")
_SCENARIOS = ("S14_ipv6_dnat/rras.pcap", "S6b_ipfrag_dropped_after_lb/rras.pcap", "FORMATS/rawip_lt101.pcap")


def _compare(capture: Path, folder: Path) -> None:
    packets = packets_of(capture)
    expected = view(write_pcap(folder / "same.pcap", packets))
    for name, make in MAKERS.items():
        path = folder / "same.etl"
        path.write_bytes(make(packets).build_file())
        assert differences(expected, view(path)) == [], name


@pytest.mark.parametrize("name", _SAMPLES)
def test_samples(name: str, tmp_path: Path) -> None:
    _compare(SAMPLES / name, tmp_path)


@pytest.mark.shared
@pytest.mark.parametrize("name", _SCENARIOS)
def test_scenarios(name: str, shared_dir: Path, tmp_path: Path) -> None:
    _compare(shared_dir / "lab" / "captures" / name, tmp_path)


@pytest.mark.shared
@pytest.mark.heavy
def test_all_scenarios(shared_dir: Path, tmp_path: Path) -> None:
    for capture in sorted((shared_dir / "lab" / "captures").glob("*/rras*.pcap")):
        _compare(capture, tmp_path)


def test_two_traces_are_one_timeline(tmp_path: Path) -> None:
    packets = packets_of(SAMPLES / "healthy-dnat.pcap")
    half = len(packets) // 2
    from pcapan.pipeline import analyze

    paths = []
    for number, part in enumerate((packets[:half], packets[half:])):
        path = tmp_path / f"{number}.etl"
        path.write_bytes(ndis_trace(part).build_file())
        paths.append(path)
    whole = write_pcap(tmp_path / "whole.pcap", packets)
    for one, two in zip(analyze(paths).result.findings, analyze(whole).result.findings, strict=True):
        assert (one.id, one.verdict) == (two.id, two.verdict)
