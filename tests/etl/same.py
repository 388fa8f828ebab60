"""Compares what is said about the same packets in two containers."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pcapan.pipeline import Analysis, Options, analyze
from pcapan.tables.registry import TABLES, rows_of
from tests.etl.fixtures import Packet

#: What may differ: frame numbers, and how often a packet was logged.
_LEFT_OUT = ("frame", "copies", "copy_share", "drop_events")


def write_pcap(path: Path, packets: Sequence[Packet]) -> Path:
    """A nanosecond pcap of the packets."""
    out = bytearray(
        struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, packets[0].link if packets else 1)
    )
    for packet in packets:
        seconds, rest = divmod(packet.time, 1_000_000_000)
        out += struct.pack("<IIII", seconds, rest, len(packet.data), packet.wire) + packet.data
    path.write_bytes(out)
    return path


def view(path: Path | str) -> dict[str, Any]:
    """Findings and all tables, without what may differ."""
    analysis = analyze(path, Options())
    return {**_findings(analysis), **_tables(analysis)}


def _findings(analysis: Analysis) -> dict[str, Any]:
    capture = analysis.result.capture
    return {
        "findings": [
            (f.id, str(f.verdict), f.addresses, _without(f.numbers), f.summary, [e.time for e in f.evidence])
            for f in analysis.result.findings
        ],
        "servers": capture.server,
        "direction": capture.direction,
        "limits": capture.limits,
        "series": analysis.result.series,
        "packets": capture.counts.packets,
        "kinds": (capture.counts.ike, capture.counts.esp, capture.counts.keepalive, capture.counts.other),
    }


def _tables(analysis: Analysis) -> dict[str, Any]:
    return {f"table {name}": [_without(row) for row in rows_of(name, analysis.facts)] for name in TABLES}


def _without(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if not any(word in name for word in _LEFT_OUT)}


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Words for every part that is not the same."""
    return [
        f"{part}: {_first(value, other[part])}" for part, value in one.items() if value != other.get(part)
    ]


def _first(one: Any, other: Any) -> str:
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for a, b in zip(one, other, strict=True):
            if a != b:
                if isinstance(a, dict):
                    return str({key: (a[key], b.get(key)) for key in a if a[key] != b.get(key)})
                return f"{a} became {b}"
    return f"{one!s:.600} became {other!s:.600}"
