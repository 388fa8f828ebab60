"""dpkt as an independent reader: it must see the same addresses, ports and payloads in every sample."""

from __future__ import annotations

from pathlib import Path

import dpkt
import pytest

from pcapan.decode.ip import parse_ip
from pcapan.decode.link import find_ip
from pcapan.ingest.open import open_capture

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
ETHERNET = 1
_FRAGMENT_BITS = dpkt.ip.IP_MF | dpkt.ip.IP_OFFMASK


def captures() -> list[Path]:
    return sorted(path for path in SAMPLES.iterdir() if ".pcap" in path.name)


@pytest.mark.parametrize("path", captures(), ids=lambda path: path.name.split(".")[0])
def test_dpkt_reads_the_same_datagrams(path: Path) -> None:
    reader = open_capture(str(path))
    compared = 0
    for block in reader.blocks():
        for offset, length, wire, interface in zip(
            block.offsets, block.lengths, block.wire_lengths, block.interfaces, strict=True
        ):
            frame = bytes(block.data[offset : offset + length])
            if reader.interfaces[interface].link_type != ETHERNET or length < wire:
                continue
            packet = dpkt.ethernet.Ethernet(frame).data
            if not isinstance(packet, dpkt.ip.IP) or packet.p != dpkt.ip.IP_PROTO_UDP:
                continue
            if int.from_bytes(bytes(packet)[6:8], "big") & _FRAGMENT_BITS:
                continue
            found = find_ip(ETHERNET, frame)
            ours = parse_ip(frame, found.offset, len(frame))
            assert not isinstance(ours, str)
            udp = packet.data
            payload = frame[ours.payload_start : ours.payload_end]
            assert (ours.src, ours.dst, ours.protocol, ours.ttl) == (
                packet.src,
                packet.dst,
                packet.p,
                packet.ttl,
            )
            ports = int.from_bytes(payload[0:2], "big"), int.from_bytes(payload[2:4], "big")
            assert (*ports, int.from_bytes(payload[4:6], "big")) == (udp.sport, udp.dport, udp.ulen)
            assert payload[8:] == bytes(udp.data)
            compared += 1
    assert compared or path.name.startswith(("no-packets", "healthy-dnat-ipv6", "snap-length"))
