"""Event traces of any size, written piece by piece.

Knows three kinds: frames that ``netsh trace`` logged, such frames among nine foreign events each, and what
pktmon logs, compressed.
"""

from __future__ import annotations

import random
import struct
from pathlib import Path

from tests.etl.fixtures import Packet, add_rundown, ndis_trace, pktmon_trace
from tests.etl.writer import NDIS, TCPIP, Trace

_START = 1_700_000_000_000_000_000
#: Packets of a piece.
_PIECE = {"ndis": 20_000, "noise": 20_000, "pktmon": 2_000}


def write(path: Path, megabytes: float, kind: str) -> tuple[int, int]:
    """Write a trace that holds so many megabytes of records; gives its size, and the packets in it."""
    rng = random.Random(7)
    written = number = pieces = 0
    buffers = 1
    with path.open("wb") as file:
        while written < megabytes * 1_000_000:
            packets = _packets(number, min(_PIECE[kind], max(50, int(megabytes * 400))), rng)
            number += len(packets)
            trace = _trace(packets, kind)
            pieces += 1
            made = trace._buffers()
            if not written:
                file.write(trace._header(1))
            buffers += len(made)
            file.write(b"".join(made))
            written += sum(len(record) for _, record in trace.records)
        size = file.tell()
        file.seek(0x48 + 0x20 + 0x24)
        file.write(struct.pack("<I", buffers))
    return size, number + (pieces if kind == "pktmon" else 0)


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


def _trace(packets: list[Packet], kind: str) -> Trace:
    """A piece; all of them count their time from the same second, where pktmon's have a packet more."""
    first = Packet(_START, packets[0].data, 0)
    if kind == "pktmon":
        trace = pktmon_trace([first, *packets], old=False, rundown=False)
        add_rundown(trace, packets[-1].time)
        return trace
    trace = ndis_trace([first])
    trace.records.clear()
    for packet in packets:
        for _ in range(9 if kind == "noise" else 0):
            trace.event(TCPIP, 1300, packet.time, bytes(90))
        payload = struct.pack("<III", 8, 8, len(packet.data)) + packet.data + bytes(16)
        trace.event(NDIS, 1001, packet.time, payload, keyword=0x80000602C0000001)
    return trace
