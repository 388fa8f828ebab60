"""The hot path: one pass over the frames of a file, one decision a frame, no object per ESP packet.

Knows where the bytes of the common case lie (ESP in UDP over IPv4 without options over Ethernet)
and hands every other frame to `pcapan.scan.general`. Must not know what a message means:
`pcapan.track` does. Memory grows with IKE messages and ESP flows, never with the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

from pcapan.decode.numbers import NAT_T_PORT
from pcapan.ingest.frames import NO_TIME, FrameBlock, Interface
from pcapan.scan.columns import FileScan
from pcapan.scan.flows import FlowTable
from pcapan.scan.general import GeneralPath

LINKTYPE_ETHERNET = 1
#: Ethernet, IPv4 without options, UDP, and as much of the payload as tells ESP from IKE.
_FAST_LENGTH = 14 + 20 + 8 + 28
_UDP = 17
_IPV4_NO_OPTIONS = 0x45
_ETHERTYPE_IPV4 = 0x0800

#: From the Ethertype: it, version and header length, total length, fragment field, protocol.
_HEADERS = Struct(">HBxHxxHxB").unpack_from
#: From the IPv4 source address: addresses, ports, UDP length, ESP SPI and sequence, and what would
#: be the length field if the payload were an IKE header.
_ADDRESSES = Struct(">IIHHHxxII16xI").unpack_from


class Scanner:
    """Turns the frames of one file into a `FileScan`: `feed` every block, then `finish` once."""

    def __init__(self) -> None:
        self.scan = FileScan()
        self._esp = FlowTable()
        self._general = GeneralPath(self.scan, self._esp)
        self._last_ts = 0

    def feed(self, block: FrameBlock, interfaces: Sequence[Interface]) -> None:
        """Scan the frames of one block; `interfaces` are those of the reader so far."""
        data = block.data
        number = block.first_number
        link_types = [interface.link_type for interface in interfaces]
        add_esp = self._esp.add
        general = self._general.frame
        esp_packets = copies = cut = 0
        self._note_times(block)
        last_ts = self._last_ts
        for offset, length, wire_length, ts, interface in zip(
            block.offsets, block.lengths, block.wire_lengths, block.times, block.interfaces, strict=True
        ):
            untimed = ts == NO_TIME
            if untimed:
                ts = last_ts
            else:
                last_ts = ts
            if length < wire_length:
                cut += 1
            link_type = link_types[interface]
            if link_type == LINKTYPE_ETHERNET and length >= _FAST_LENGTH:
                ethertype, first, total, fragment, protocol = _HEADERS(data, offset + 12)
                if (
                    ethertype == _ETHERTYPE_IPV4
                    and first == _IPV4_NO_OPTIONS
                    and protocol == _UDP
                    and not fragment & 0x3FFF
                ):
                    src, dst, sport, dport, udp, spi, sequence, ike_length = _ADDRESSES(data, offset + 26)
                    if (
                        (dport == NAT_T_PORT or sport == NAT_T_PORT)
                        and spi
                        and ike_length != udp - 8
                        and udp == total - 20
                        and udp >= 36
                    ):
                        if add_esp((src, dst, sport, dport, spi), sequence, udp - 8, ts, number):
                            esp_packets += 1
                        else:
                            copies += 1
                        number += 1
                        continue
            general(data, offset, offset + length, offset + wire_length, link_type, ts, number, untimed)
            number += 1
        self._last_ts = last_ts
        scan = self.scan
        scan.packets += len(block)
        scan.cut_frames += cut
        scan.copies += copies
        scan.esp_packets += esp_packets
        scan.ports[NAT_T_PORT] += esp_packets

    def finish(self) -> FileScan:
        """Close open fragments and hand out the columns; every frame is now in one of the counts."""
        self._general.finish()
        return self.scan

    def _note_times(self, block: FrameBlock) -> None:
        """Keep first and last time, the longest pause and how many frames are out of order."""
        scan = self.scan
        for ts in block.times:
            if ts == NO_TIME:
                scan.untimed += 1
            elif scan.last_ts is None or scan.first_ts is None:
                scan.first_ts = scan.last_ts = ts
            elif ts >= scan.last_ts:
                if ts - scan.last_ts > scan.longest_pause:
                    scan.longest_pause = ts - scan.last_ts
                    scan.pause_from = scan.last_ts
                scan.last_ts = ts
            else:
                scan.out_of_order += 1
                if ts < scan.first_ts:
                    scan.first_ts = ts
