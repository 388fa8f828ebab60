"""The files that are measured, each made once: ``python -m tests.bench.captures FILE --kind office --mb 10``.

Knows containers and how much of which traffic goes into which file. What is in a file stands beside it.
"""

from __future__ import annotations

import argparse
import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from tests.bench import traces
from tests.bench.traffic import IKE_ONLY, OFFICE, SMALL, Counts, Mix, flood, packets
from tests.ingest.builders import block, option, pcap_header

_MIXES: dict[str, Mix] = {"office": OFFICE, "small": SMALL, "ike": IKE_ONLY}
_SEED = 20261123
_WRITE_AT = 1 << 20

Traffic = Iterator[tuple[int, str, bytes]]
Record = Callable[[int, int, bytes], bytes]


def _pcap(number: int, time: int, frame: bytes) -> bytes:
    return struct.pack("<IIII", time // 1_000_000, time % 1_000_000, len(frame), len(frame)) + frame


def _pcapng(number: int, time: int, frame: bytes) -> bytes:
    """Every other frame on the second interface, whose clock counts nanoseconds."""
    interface = number & 1
    stamp = time * 1000 if interface else time
    size = len(frame)
    padding = -size % 4
    whole = 32 + size + padding
    head = struct.pack("<IIIIIII", 6, whole, interface, stamp >> 32, stamp & 0xFFFFFFFF, size, size)
    return head + frame + bytes(padding) + struct.pack("<I", whole)


def _pcapng_head() -> bytes:
    return (
        block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1), "<")
        + block(1, struct.pack("<HHI", 1, 0, 262144), "<")
        + block(1, struct.pack("<HHI", 1, 0, 262144) + option(9, b"\x09", "<"), "<")
    )


def write(path: Path, traffic: Traffic, size: int) -> Counts:
    """Write packets until the file has its size in bytes; its name tells the container."""
    made = Counts()
    ng = path.suffix == ".pcapng"
    record: Record = _pcapng if ng else _pcap
    pending = [_pcapng_head() if ng else pcap_header(0xA1B2C3D4, "<", 1)]
    waiting = len(pending[0])
    with path.open("wb") as file:
        for time, kind, frame in traffic:
            entry = record(made.packets, time, frame)
            if made.octets + waiting + len(entry) > size:
                break
            pending.append(entry)
            waiting += len(entry)
            made.packets += 1
            setattr(made, kind, getattr(made, kind) + 1)
            if waiting >= _WRITE_AT:
                made.octets += file.write(b"".join(pending))
                pending, waiting = [], 0
        made.octets += file.write(b"".join(pending))
    return made


def make(path: Path, kind: str, megabytes: float, sources: int, count: int) -> Counts:
    """Make one file."""
    if kind == "flood":
        return write(path, islice(flood(_SEED), count), 1 << 62)
    if path.suffix == ".etl":
        octets, frames = traces.write(path, megabytes, kind)
        return Counts(packets=frames, octets=octets)
    return write(path, packets(_MIXES[kind], sources, _SEED), int(megabytes * 1_000_000))


def truth(path: Path) -> Counts | None:
    """What was put into a file, when it is there and whole."""
    note = path.with_name(path.name + ".json")
    if not path.exists() or not note.exists():
        return None
    made = Counts(**json.loads(note.read_text("utf-8")))
    return made if made.octets == path.stat().st_size else None


def main() -> None:
    """Make a file, and write down what is in it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("--kind", default="office")
    parser.add_argument("--mb", type=float, default=10)
    parser.add_argument("--sources", type=int, default=300)
    parser.add_argument("--count", type=int, default=0)
    asked = parser.parse_args()
    made = make(asked.path, asked.kind, asked.mb, asked.sources, asked.count)
    asked.path.with_name(asked.path.name + ".json").write_text(json.dumps(asdict(made)), "utf-8")


if __name__ == "__main__":
    main()
