"""The job of a script on dpkt: ESP by flow, and the headers of IKE; prints how many packets of each."""

from __future__ import annotations

import sys
from pathlib import Path

import dpkt


def main(path: str) -> None:
    """Read a capture to its end."""
    flows: dict[tuple[bytes, bytes, int, int, bytes], list[int]] = {}
    messages: list[dpkt.ike.IKE | bytes] = []
    with Path(path).open("rb") as file:
        reader = dpkt.pcapng.Reader(file) if path.endswith("ng") else dpkt.pcap.Reader(file)
        for _, frame in reader:
            packet = dpkt.ethernet.Ethernet(frame).data
            if not isinstance(packet, dpkt.ip.IP | dpkt.ip6.IP6) or not isinstance(packet.data, dpkt.udp.UDP):
                continue
            udp = packet.data
            data = bytes(udp.data)
            if 500 in (udp.sport, udp.dport):
                messages.append(data[:28])
            elif 4500 in (udp.sport, udp.dport) and len(data) > 4:
                if data[:4] == b"\0\0\0\0":
                    messages.append(data[4:32])
                    continue
                flow = flows.setdefault((packet.src, packet.dst, udp.sport, udp.dport, data[:4]), [0, 0])
                flow[0] += 1
                flow[1] += len(data)
    print(sum(flow[0] for flow in flows.values()), len(messages))


if __name__ == "__main__":
    main(sys.argv[1])
