"""Compiled and interpreted runs of the same source find the same, in blocks and past them."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from pcapan.compiled import SWITCH
from tests.decode.builders import IPV4, IPV6, ether, ipv4, ipv6, udp, vlan
from tests.kit import ike
from tests.kit.frames import EPOCH, Frame, pcap, pcapng
from tests.samples_kit import SAMPLES
from tests.scan.packets import ENCRYPTED, KEEPALIVE, MARKER, SA_INIT, esp, packet4, packet6

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "tests" / "kit" / "scan_rows.py"
#: Captures of one process: a command line has its limit.
MOST = 200


def both(paths: Sequence[Path], folder: Path) -> list[tuple[str, str, str]]:
    """(name, what the compiled modules find, what their source finds), skipped where nothing is compiled."""
    told: dict[str, list[str]] = {"0": [], "1": []}
    for begin in range(0, len(paths), MOST):
        for switch, found in told.items():
            # -P and a folder elsewhere: what is installed runs, not a checkout without compiled modules.
            made = subprocess.run(
                [sys.executable, "-P", str(PROGRAM), *map(str, paths[begin : begin + MOST])],
                env={**os.environ, SWITCH: switch},
                cwd=folder,
                capture_output=True,
                check=True,
            )
            engine, rows = json.loads(made.stdout)
            if engine != ("interpreted" if switch == "1" else "compiled"):
                pytest.skip("needs pcapan installed with compiled modules: the engines are not compared")
            found += rows
    return [(path.name, one, other) for path, one, other in zip(paths, told["0"], told["1"], strict=True)]


def check(paths: Sequence[Path], folder: Path) -> None:
    assert paths
    found = both(paths, folder)
    assert not [entry for entry in found if entry[1] != entry[2]]
    assert not [entry for entry in found if ", but " in entry[1]], "stretches find what blocks find"


#: What mutations begin with: every kind of packet that the hot path takes, and some that it leaves alone.
SEEDS = [
    *(
        packet4(payload, port, 4500)
        for payload in (esp(), MARKER + SA_INIT, ENCRYPTED)
        for port in (4500, 31000)
    ),
    *(packet6(payload, 4500, 4500) for payload in (esp(), MARKER + SA_INIT, KEEPALIVE)),
    packet4(SA_INIT, 500, 500),
    packet6(SA_INIT, 500, 500),
    packet4(KEEPALIVE, 31000, 4500),
    packet4(MARKER + ike.message([(46, bytes(60))], exchange=35), 4500, 4500),
    ipv4(udp(b"x" * 80, 53, 40000), ip_id=7),
    ipv4(bytes(60), protocol=6, ip_id=8),
    ipv4(bytes(40), protocol=50),
    ipv4(bytes(40), protocol=1),
    ipv6(udp(b"y" * 33, 1000, 2000)),
]


def _framed(packet: bytes, choice: random.Random) -> bytes:
    kind = IPV4 if packet[0] >> 4 == 4 else IPV6
    tags = choice.choice((0, 0, 0, 1, 2))
    if tags == 0:
        return ether(kind, packet)
    inner = vlan(7, kind, packet)
    return ether(0x8100, inner if tags == 1 else vlan(9, 0x8100, inner))


def mutated(count: int, seed: int) -> list[Frame]:
    """Frames of which most have a bit, a byte or a length changed, are cut, or come again."""
    choice = random.Random(seed)
    frames: list[Frame] = []
    ts = EPOCH
    while len(frames) < count:
        ts += choice.choice((1000, 40_000, 900_000, 30_000_000, -5000))
        if frames and choice.random() < 0.1:
            frames.append(choice.choice(frames[-20:])._replace(ts=ts))
            continue
        data = bytearray(_framed(choice.choice(SEEDS), choice))
        for _ in range(choice.choice((0, 1, 1, 2, 5))):
            at = choice.randrange(min(len(data), 80))
            data[at] = choice.choice(
                (0, 1, 255, data[at] ^ (1 << choice.randrange(8)), choice.randrange(256))
            )
        wire = 0
        if choice.random() < 0.15:
            wire = len(data)
            del data[choice.randrange(len(data)) :]
        elif choice.random() < 0.1:
            data += bytes(choice.randrange(1, 40))
        frames.append(Frame(ts, bytes(data), wire))
    return frames


def test_ten_thousand_mutated_packets(tmp_path: Path) -> None:
    frames = mutated(10_000, seed=1)
    paths = []
    for name, content in (
        ("little.pcap", pcap(frames)),
        ("big.pcap", pcap(frames, order=">", nano=False)),
        ("little.pcapng", pcapng(frames)),
        ("big.pcapng", pcapng(frames, order=">")),
        ("cut.pcap", pcap(frames)[:-7]),
    ):
        paths.append(tmp_path / name)
        paths[-1].write_bytes(content)
    check(paths, tmp_path)


def test_so_many_flows_that_their_rows_are_looked_for_ahead(tmp_path: Path) -> None:
    choice = random.Random(5)
    frames = []
    for number in range(24_000):
        flow = choice.randrange(9000)
        source = f"10.{flow % 5}.{flow >> 8}.{flow & 255}"
        payload = esp(flow + 1, 1 + choice.randrange(40), choice.choice((8, 20, 60)))
        if flow % 7 == 0:
            packet = ipv4(udp(bytes(choice.randrange(40)), 53, 53), src=source, ip_id=number & 0xFFFF)
        elif flow % 7 == 1:
            packet = ipv4(payload, src=source, protocol=50)
        elif flow % 7 == 2:
            packet = ipv6(udp(payload, 4500, 4500), src=f"2001:db8::{flow:x}")
        else:
            packet = packet4(payload, 4500, 4500, src=source)
        frames.append(Frame(EPOCH + number * 1000, _framed(packet, choice), 0))
    path = tmp_path / "flows.pcap"
    path.write_bytes(pcap(frames))
    check([path], tmp_path)


def test_damaged_containers(tmp_path: Path) -> None:
    choice = random.Random(3)
    whole = (pcap(mutated(60, 2)), pcapng(mutated(60, 2)))
    paths = []
    for number in range(100):
        content = bytearray(whole[number % 2])
        for _ in range(1 + number % 4):
            content[choice.randrange(24, len(content))] = choice.randrange(256)
        paths.append(tmp_path / f"{number}.cap")
        paths[-1].write_bytes(content)
    check(paths, tmp_path)


def test_samples(tmp_path: Path) -> None:
    check(sorted(path for path in SAMPLES.iterdir() if path.suffix in (".pcap", ".pcapng")), tmp_path)


@pytest.mark.heavy
@pytest.mark.shared
@pytest.mark.parametrize("folder", ["corpus", "lab/captures"])
def test_shared_captures(shared_dir: Path, folder: str, tmp_path: Path) -> None:
    endings = (".pcap", ".pcapng", ".cap", ".gz", ".zst", ".ntar")
    check(sorted(p for p in (shared_dir / folder).rglob("*") if p.name.endswith(endings)), tmp_path)
