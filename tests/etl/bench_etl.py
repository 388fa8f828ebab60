"""Times pcapan against dissect.etl on the same traces, each in a process of its own.

``python -m tests.etl.bench_etl FOLDER [--mb 500] [--compressed-mb 40] [--noise-mb 200]`` makes what is
missing in FOLDER and prints seconds of processor time, MB/s and ratios. dissect.etl is optional.
"""

from __future__ import annotations

import argparse
import importlib
import random
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.etl.fixtures import Packet, add_rundown, ndis_trace, pktmon_trace
from tests.etl.writer import TCPIP, Trace

_START = 1_700_000_000_000_000_000
_CHUNK = 20_000


def _packets(first: int, count: int, rng: random.Random) -> list[Packet]:
    """Mostly ESP in UDP of 1.4 kB and 100 bytes, as a VPN server sees it."""
    made = []
    for number in range(first, first + count):
        size = 1360 if number % 3 else 96
        esp = struct.pack(">II", 0x1000 + number % 200, number // 200 + 1) + rng.randbytes(size)
        payload = struct.pack(">HHHH", 4500, 4500, 8 + len(esp), 0) + esp
        header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), number & 0xFFFF, 0, 64, 17, 0,
                             bytes((198, 51, 100, number % 200)), bytes((10, 0, 0, 1)))  # fmt: skip
        made.append(Packet(_START + number * 20_000, bytes(12) + b"\x08\x00" + header + payload, 0, 1, True))
    return made


def _write(path: Path, megabytes: int, kind: str) -> None:
    """Write a trace piece by piece; only the first piece keeps its header buffer."""
    rng = random.Random(7)
    written = number = 0
    buffers = 1
    with path.open("wb") as file:
        while written < megabytes * 1_000_000:
            count = _CHUNK if kind != "pktmon" else 2000
            packets = _packets(number, count, rng)
            number += count
            trace = _trace(packets, kind)
            trace.start = _START - 1_000_000_000
            trace.records.clear()
            filled = _trace(packets, kind, trace.start)
            made = filled._buffers()
            if not written:
                file.write(filled._header(1))
            buffers += len(made)
            file.write(b"".join(made))
            written += sum(len(record) for _, record in filled.records)
        file.seek(0x48 + 0x20 + 0x24)
        file.write(struct.pack("<I", buffers))


def _trace(packets: list[Packet], kind: str, start: int | None = None) -> Trace:
    began = packets[0].time if start is None else start
    first = Packet(began + 1_000_000_000, packets[0].data, 0)
    if kind == "pktmon":
        trace = pktmon_trace([first], old=False, rundown=False)
    else:
        trace = ndis_trace([first])
    trace.records.clear()
    if kind == "noise":
        for packet in packets:
            for _ in range(9):
                trace.event(TCPIP, 1300, packet.time, bytes(90))
            _add_ndis(trace, packet)
    elif kind == "ndis":
        for packet in packets:
            _add_ndis(trace, packet)
    else:
        made = pktmon_trace([first, *packets], old=False, rundown=False)
        trace.records = made.records
        add_rundown(trace, packets[-1].time)
    return trace


def _add_ndis(trace: Trace, packet: Packet) -> None:
    from tests.etl.writer import NDIS

    payload = struct.pack("<III", 8, 8, len(packet.data)) + packet.data + bytes(16)
    trace.event(NDIS, 1001, packet.time, payload, keyword=0x80000602C0000001)


def _ours(path: str) -> int:
    from pcapan.ingest.open import open_capture

    return sum(len(block) for block in open_capture(path).blocks())


def _whole(path: str) -> int:
    from pcapan.reading import scan_file

    return scan_file(path)[1].packets


def _theirs(path: str) -> int:
    etl: Any = importlib.import_module("dissect.etl.etl")
    count = 0
    with Path(path).open("rb") as file:
        for record in etl.ETL(file):
            header = record.event._header
            count += len(header.payload) > 100 and header.timestamp is not None
    return count


_JOBS = {"pcapan": _ours, "pcapan-scan": _whole, "dissect": _theirs}


def _measure(job: str, path: Path) -> tuple[float, int, int]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.etl.bench_etl", "--job", job, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return 0.0, 0, 0
    seconds, count, memory = done.stdout.split()
    return float(seconds), int(count), int(memory)


def _peak_memory() -> int:
    """Most memory of this process, MB; what the parent used does not count (Linux)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def main() -> None:
    """Make the traces and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--job", default="")
    parser.add_argument("--mb", type=int, default=500)
    parser.add_argument("--compressed-mb", type=int, default=40)
    parser.add_argument("--noise-mb", type=int, default=200)
    asked = parser.parse_args()
    if asked.job:
        importlib.import_module("pcapan.pipeline")
        if asked.job == "dissect":
            importlib.import_module("dissect.etl.etl")
        began = time.process_time()
        count = _JOBS[asked.job](str(asked.folder))
        print(time.process_time() - began, count, _peak_memory())
        return
    for kind, megabytes in (("ndis", asked.mb), ("noise", asked.noise_mb), ("pktmon", asked.compressed_mb)):
        path = asked.folder / f"{kind}-{megabytes}.etl"
        if not path.exists():
            _write(path, megabytes, kind)
        seconds: dict[str, float] = {}
        for job in _JOBS:
            seconds[job], count, memory = _measure(job, path)
            rate = path.stat().st_size / 1e6 / seconds[job] if seconds[job] else 0
            print(f"{path.name:18} {job:12} {seconds[job]:8.2f} s {rate:7.0f} MB/s {count:9} events", end="")
            print(f" {memory} MB")
        if seconds["dissect"]:
            print(f"{path.name:18} pcapan is {seconds['dissect'] / seconds['pcapan']:.1f} times as fast")


if __name__ == "__main__":
    main()
