"""dissect.etl, a reader that shares no code: events, times and payloads of fixtures.

It is under the AGPL and no dependency of pcapan, not even of its tests: who has it, runs these.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from pcapan.ingest.open import open_capture
from tests.etl.fixtures import ndis_trace, packets_of
from tests.etl.test_container import packets, read, rows
from tests.samples_kit import SAMPLES

pytestmark = pytest.mark.heavy

#: It prints GUIDs of these events with their first three parts swapped.
_SWAPPED = "6e00d62e-2947-0946-b423-3ee7bcd678ef"


def _events(path: Path) -> list[tuple[int, bytes]]:
    """(nanoseconds, frame) of every packet event, by time."""
    etl: Any = pytest.importorskip(
        "dissect.etl.etl", reason="needs dissect.etl: its packets are not compared with pcapan's"
    )
    found = []
    with path.open("rb") as file:
        for record in etl.ETL(file):
            header = record.event._header
            if str(getattr(header, "provider_id", "")).lower() != _SWAPPED:
                continue
            payload = bytes(header.payload)
            (length,) = struct.unpack_from("<I", payload, 8)
            seconds = record.event.ts().timestamp()
            found.append((round(seconds * 1_000_000) * 1000, payload[12 : 12 + length]))
    return sorted(found)


@pytest.mark.parametrize("tail", [True, False])
@pytest.mark.parametrize("compressed", [True, False])
def test_packets_are_the_same(tail: bool, compressed: bool, tmp_path: Path) -> None:
    for made in (packets(500), packets_of(SAMPLES / "sa-limit-8.pcap")):
        path = tmp_path / "x.etl"
        path.write_bytes(ndis_trace(made, tail=tail, compressed=compressed, noise=2).build_file())
        theirs = _events(path)
        ours = read(open_capture(str(path)))
        assert ours == rows(made)
        assert len(theirs) == len(ours)
        assert sorted(data for _, data in theirs) == sorted(data for _, data, _ in ours)
        for (time, _), (their_time, _) in zip(sorted((t, d) for t, d, _ in ours), theirs, strict=True):
            assert abs(time - their_time) <= 2_000
