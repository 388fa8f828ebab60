"""The job of a script on pcapy-ng: libpcap reads and filters, Python adds up and keeps IKE headers."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from tests.bench.peers import PORTS_FILTER


def main(path: str) -> None:
    """Read a capture to its end."""
    pcapy: Any = importlib.import_module("pcapy")
    flows: dict[bytes, list[int]] = {}
    messages: list[bytes] = []

    def packet(header: Any, frame: bytes) -> None:
        six = frame[12:14] == b"\x86\xdd"
        at = 54 if six else 14 + (frame[14] & 15) * 4
        ports = frame[at : at + 4]
        data = frame[at + 8 : at + (frame[at + 4] << 8 | frame[at + 5])]
        if b"\x01\xf4" in (ports[:2], ports[2:]):
            messages.append(data[:28])
        elif data[:4] == b"\0\0\0\0":
            messages.append(data[4:32])
        elif len(data) > 8:
            addresses = frame[22:54] if six else frame[26:34]
            flow = flows.setdefault(addresses + ports + data[:4], [0, 0])
            flow[0] += 1
            flow[1] += len(data)

    reader = pcapy.open_offline(path)
    reader.setfilter(PORTS_FILTER)
    reader.loop(-1, packet)
    print(sum(flow[0] for flow in flows.values()), len(messages))


if __name__ == "__main__":
    main(sys.argv[1])
