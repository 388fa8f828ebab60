"""The benchmark itself, on files too small to measure anything."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from pcapan.reading import scan_file
from tests.bench import peer_dpkt, peer_pcapy
from tests.bench.__main__ import Bench, WrongError, main
from tests.bench.captures import make, truth
from tests.bench.parts import PARTS, TARGETS
from tests.bench.peers import PCAPY
from tests.bench.traffic import Counts


def test_from_files_to_targets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of each sort, on a two thousandth of everything."""
    names = ("A", "etl", "search")
    asked = ["--only", ",".join(names), "--scale", "0.0005", "--rounds", "1", "--folder", str(tmp_path)]
    asked.append("--here")
    monkeypatch.setenv("PATH", os.environ["PATH"])  # which it changes
    assert main(asked) == 0
    told = capsys.readouterr().out
    for part in PARTS:
        assert (f"### {part.title}" in told) == (part.name in names)
    assert re.search(r"\| a\.pcap \| pcapan \| whole analysis \| \d+\.\d{3} ", told)
    assert "| event trace: MB/s |" in told
    assert truth(tmp_path / "a.pcap") is not None


def test_wrong_counts_are_no_measurement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.pcap"
    made = make(path, "office", 0.05, 5, 0)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    bench = Bench(tmp_path, 1, 1, 1)
    bench.check(path, made)
    made.esp -= 1
    with pytest.raises(WrongError, match="esp"):
        bench.check(path, made)


KINDS = [("x.pcap", "small"), ("x.pcapng", "office"), ("x.pcap", "ike")]


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_files_are_the_same_every_time(name: str, kind: str, tmp_path: Path) -> None:
    first = make(tmp_path / name, kind, 0.05, 9, 0)
    data = (tmp_path / name).read_bytes()
    assert make(tmp_path / name, kind, 0.05, 9, 0) == first
    assert (tmp_path / name).read_bytes() == data
    assert len(data) == first.octets <= 50_000
    assert first.packets == first.esp + first.ike + first.keepalive + first.other


def test_targets_name_what_is_measured() -> None:
    parts = {part.name: part for part in PARTS}
    for target in TARGETS:
        part = parts[target.part]
        tools = ["pcapan", *(peer.name for peer in part.peers)]
        measured = {f"{tool}@{file.name}" for file in part.files for tool in tools}
        assert {target.of, target.beside} <= measured | {"", "search"}, target


def test_a_file_that_was_cut_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(b"x" * 10)
    path.with_name("a.pcap.json").write_text('{"octets": 11}', "utf-8")
    assert truth(path) is None
    path.write_bytes(b"x" * 11)
    assert truth(path) == Counts(octets=11)


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "A,Z"])
    assert "no part Z" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "kind"), [*KINDS, ("x.pcap", "office")])
def test_packets_are_what_they_are_counted_as(name: str, kind: str, tmp_path: Path) -> None:
    """A thousand attempts, and both families."""
    path = tmp_path / name
    made = make(path, kind, 2, 70, 0)
    scan = scan_file(str(path))[1]
    assert (scan.packets, scan.esp_packets, scan.ike) == (made.packets, made.esp, made.ike)
    assert (scan.keepalive_packets, scan.other, scan.copies) == (made.keepalive, made.other, 0)
    assert not scan.undecoded
    assert not scan.problems


@pytest.mark.parametrize("name", ["x.pcap", "x.pcapng"])
def test_peers_written_here_do_the_job(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / name
    made = make(path, "office", 0.5, 70, 0)
    scripts = [peer_dpkt.main]
    if not PCAPY.missing and name == "x.pcap":  # libpcap wants one clock for all interfaces
        scripts.append(peer_pcapy.main)
    for script in scripts:
        script(str(path))
        assert capsys.readouterr().out.split() == [str(made.esp), str(made.ike)]
