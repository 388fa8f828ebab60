"""Real traces of other people, where they lie beside the checkout."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pcapan.errors import UnreadableError
from pcapan.ingest.etl.clock import LogfileHeader
from pcapan.ingest.etl.container import Buffer, Container
from pcapan.ingest.etl.explain import NoPacketsError
from pcapan.ingest.etl.pktmon import FLOW, PACKET
from pcapan.ingest.etl.provider_names import PKTMON
from pcapan.ingest.etl.records import EVENT_FIELDS, EVENT_HEADER
from pcapan.ingest.etl.store import Store
from pcapan.ingest.etl.tracepass import TracePass
from pcapan.ingest.feeder import Feeder
from pcapan.ingest.open import open_capture
from pcapan.ingest.stream import StoredStream

pytestmark = pytest.mark.shared

_LINE = re.compile(
    r"\[(\d+)\]([0-9A-F]{4,})\.([0-9A-F]{4,})::(\S+ \S+) \[Microsoft-Windows-PktMon\] "
    r"PktGroupId (\d+), PktNumber (\d+), "
    r"Appearance (\d+), Direction (\S+) , Type (\S+) , Component (\d+), Edge (\d+), Filter (\d+), "
    r"OriginalSize (\d+), LoggedSize (\d+)"
)
_DIRECTIONS = {3: "Rx", 4: "Tx"}
_TYPES = {0: "Unknown", 1: "Ethernet", 2: "WiFi", 3: "IP"}


class _AllPackets(TracePass):
    """Also writes down every printed field of every packet event."""

    def __init__(self, container: Container) -> None:
        super().__init__(container, Store(None), None)
        self._plain = None  # every event comes by
        self.rows: list[tuple[Any, ...]] = []
        self._cpu = 0
        inner = self._handlers[PKTMON]

        def both(data: bytes | bytearray, position: int, size: int, origin: int) -> None:
            inner(data, position, size, origin)
            _flags, thread, process, stamp, kind, *_ = EVENT_FIELDS(data, position)
            if kind == FLOW:
                fields = PACKET(data, position + EVENT_HEADER)
                group, number, appearance, tag, packet, component, edge, filter_, _r, _l, original, logged = (
                    fields
                )
                self.rows.append(
                    (stamp, self._cpu, process, thread, group, number, appearance, _DIRECTIONS[tag],
                     _TYPES[packet], component, edge, filter_, original, logged)
                )  # fmt: skip

        self._handlers[PKTMON] = both

    def buffer(self, buffer: Buffer) -> None:
        self._cpu = buffer.processor
        super().buffer(buffer)


def _decoded(path: Path) -> tuple[LogfileHeader, list[tuple[Any, ...]]]:
    with path.open("rb") as file:
        container = Container(Feeder(StoredStream(file, size=None)), lambda _code, _said: None)
        done = _AllPackets(container)
        for buffer in container.buffers():
            done.buffer(buffer)
    assert done.header is not None
    return done.header, sorted(done.rows, key=lambda row: row[0])


def _local(text: str) -> int:
    """The printed local time as nanoseconds, taken for UTC."""
    date, rest = text.split(".")
    seconds = int(datetime.strptime(date, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp())
    return seconds * 1_000_000_000 + int(rest.ljust(9, "0"))


def test_every_field_is_what_windows_prints(shared_dir: Path) -> None:
    text = (shared_dir / "etl" / "pktmon-nathaniel-a.etl2txt.txt").read_text("utf-8", "replace")
    printed: list[tuple[Any, ...]] = []
    for match in _LINE.finditer(text):
        cpu, process, thread, time, *fields = match.groups()
        values = [int(field) if field.isdigit() else field for field in fields]
        printed.append((_local(time), int(cpu), int(process, 16), int(thread, 16), *values))
    header, rows = _decoded(shared_dir / "etl" / "pktmon-nathaniel-a.etl")
    zone = printed[0][0] - header.nanoseconds(rows[0][0])
    assert zone % (900 * 1_000_000_000) == 0
    decoded = [(header.nanoseconds(row[0]) + zone, *row[1:]) for row in rows]
    assert len(printed) == len(decoded) == 2705
    assert decoded == printed


@pytest.mark.parametrize(
    ("name", "events", "packets"),
    [("nathaniel-a", 2705, 260), ("demikernel", 114, 38), ("triton", 51, 51)],
)
def test_a_packet_is_kept_once(shared_dir: Path, name: str, events: int, packets: int) -> None:
    reader = open_capture(str(shared_dir / "etl" / f"pktmon-{name}.etl"))
    times = [time for block in reader.blocks() for time in block.times]
    assert len(times) == packets
    assert times == sorted(times)
    assert reader.side.merged_copies == events - packets
    assert not reader.damaged
    assert all(interface.name.endswith(".sys") for interface in reader.interfaces)


def test_the_one_frame_of_netsh(shared_dir: Path) -> None:
    reader = open_capture(str(shared_dir / "etl" / "alilje-trace.etl"))
    (block,) = reader.blocks()
    assert len(block) == 1
    assert [interface.link_type for interface in reader.interfaces] == [105]
    assert b"M-SEARCH" in bytes(block.data)
    assert list(block.directions) == [2]
    assert "19044" in reader.operating_system


@pytest.mark.parametrize(
    ("name", "message", "said"),
    [
        ("pktmon-gobang", "components and counters", "Microsoft-Windows-PktMon 1096"),
        ("airbus-AMSITrace", "no packets", "18362"),
        ("tx-HTTP_Server", "no packets", "Microsoft-Windows-HttpService 2041"),
        ("perfview-small", "no packets", "10586"),
        ("perfview-SelfDescribing", "no packets", "22000"),
        ("marissa-mytrace", "no packets", "17763"),
    ],
)
def test_a_trace_without_packets_is_explained(shared_dir: Path, name: str, message: str, said: str) -> None:
    reader = open_capture(str(shared_dir / "etl" / f"{name}.etl"))
    with pytest.raises(NoPacketsError, match=message) as caught:
        list(reader.blocks())
    assert isinstance(caught.value, UnreadableError)
    assert said in caught.value.where
    assert "pktmon start" in caught.value.hint or "netsh trace start" in caught.value.hint
