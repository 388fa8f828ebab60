"""Which frames of a file concern an address, an SPI, or IKE at all: for cuts of captures.

Knows what it means to concern one: packets from and to it, their IP fragments, ICMP errors that quote them.
Must not decide what a packet is: IKE messages are those of the scan, and single frames are read by
`pcapan.decode`. Only frames that hold the bytes of an address or SPI are looked into.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Sequence

from pcapan.decode.fragments import DEFAULT_TIMEOUT_NS, FragmentKey
from pcapan.decode.icmp import IcmpError, parse_icmp
from pcapan.decode.ike import IkeMessage, parse_ike
from pcapan.decode.ike_walk import looks_like_ike
from pcapan.decode.ip import IpPacket, parse_ip
from pcapan.decode.link import find_ip
from pcapan.decode.numbers import IKE_PORT, NAT_T_PORT
from pcapan.ingest.frames import NO_TIME, FrameBlock, Interface
from pcapan.scan.columns import FileScan

_ICMP, _UDP, _ESP, _ICMPV6 = 1, 17, 50, 58
_PORTS = frozenset((IKE_PORT, NAT_T_PORT))
_ANY_LENGTH = 65535


def sa_initiators(scans: Collection[FileScan], spi: int) -> set[int]:
    """Initiator SPIs of the IKE SAs that have this SPI on one of their two sides."""
    found = set()
    for scan in scans:
        rows = scan.messages
        for spi_i, spi_r in zip(rows.spi_i, rows.spi_r, strict=True):
            if spi in (spi_i, spi_r):
                found.add(spi_i)
    return found


def sa_frames(scan: FileScan, initiators: Collection[int]) -> set[int]:
    """Frames of the messages with these initiator SPIs, their fragments, and ICMP errors that quote them."""
    rows = [row for row, spi_i in enumerate(scan.messages.spi_i) if spi_i in initiators]
    found = _with_fragments(scan, rows)
    found |= {seen.frame for seen in scan.icmp if seen.quoted_spi_i in initiators}
    for datagram in scan.incomplete:
        if datagram.key[2] != _UDP:
            continue
        message = first_message(datagram.first_fragment)
        if message is not None and message.spi_i in initiators:
            found |= {*datagram.frames, *datagram.copies}
    return found


def ike_frames(scan: FileScan) -> set[int]:
    """Frames of all IKE messages, their fragments, and ICMP errors that quote them.

    Of datagrams that never became whole those count that begin with IKE, and, where the beginning is
    missing, those between two addresses that speak IKE.
    """
    found = _with_fragments(scan, range(len(scan.messages)))
    found |= {seen.frame for seen in scan.icmp if seen.quoted_spi_i is not None}
    speakers = {
        frozenset((scan.addresses[src], scan.addresses[dst]))
        for src, dst in set(zip(scan.messages.src, scan.messages.dst, strict=True))
    }
    for datagram in scan.incomplete:
        src, dst, protocol, _ = datagram.key
        if protocol != _UDP:
            continue
        if datagram.first_fragment is None:
            is_ike = frozenset((src, dst)) in speakers
        else:
            is_ike = first_message(datagram.first_fragment) is not None
        if is_ike:
            found |= {*datagram.frames, *datagram.copies}
    return found


def first_message(fragment: bytes | None) -> IkeMessage | None:
    """The IKE message that a UDP datagram begins with, as far as its first fragment shows it.

    None for any other datagram, and where its beginning is not there.
    """
    if fragment is None or len(fragment) < 8:
        return None
    ports = _ports(fragment)
    if not _PORTS.intersection(ports):
        return None
    start = 12 if fragment[8:12] == bytes(4) else 8
    if start == 8 and NAT_T_PORT in ports:
        return None
    return parse_ike(fragment, start, len(fragment), _ANY_LENGTH)


def _with_fragments(scan: FileScan, rows: Collection[int]) -> set[int]:
    found = {scan.messages.frame[row] for row in rows}
    for row in scan.fragment_frames.keys() & set(rows):
        found.update(scan.fragment_frames[row])
    return found


class FramePick:
    """Collects the frames of one file that concern addresses or ESP SPIs: `see` every block.

    Then, while `open_fragments`, `see_fragments` every block once more: later fragments of an ESP packet do
    not show its SPI, and may even come before the first one.
    """

    def __init__(self, addresses: Collection[bytes], esp_spis: Collection[int]) -> None:
        self._addresses = frozenset(addresses)
        self._spis = frozenset(spi.to_bytes(4, "big") for spi in esp_spis)
        self.by_address = array("Q")
        """Frames of the addresses, in rising order."""
        self.by_spi: set[int] = set()
        """Frames of the ESP SPIs."""
        self._fragments: dict[FragmentKey, list[int]] = {}

    @property
    def open_fragments(self) -> bool:
        """Whether there are first fragments whose followers have to be looked for."""
        return bool(self._fragments)

    def see(self, block: FrameBlock, interfaces: Sequence[Interface]) -> None:
        """Look at the frames of one block."""
        if not (self._addresses or self._spis):
            return
        needles = (*self._addresses, *self._spis)
        for number, ts, frame, packet in _candidates(block, interfaces, needles):
            payload = frame[packet.payload_start : packet.payload_end]
            quoted = None
            if packet.protocol in (_ICMP, _ICMPV6) and not packet.fragment_offset:
                quoted = parse_icmp(packet.version, payload)
            if self._addresses.intersection((packet.src, packet.dst)) or (
                quoted is not None and self._addresses.intersection((quoted.src, quoted.dst))
            ):
                self.by_address.append(number)
            if self._spis and not packet.fragment_offset and self._is_esp(packet, payload, quoted):
                self.by_spi.add(number)
                if packet.is_fragment:
                    self._fragments.setdefault(_key(packet), []).append(ts)

    def see_fragments(self, block: FrameBlock, interfaces: Sequence[Interface]) -> None:
        """Look once more at one block, for fragments of datagrams whose first one `see` has found."""
        pairs = {key[0] + key[1] for key in self._fragments}  # addresses lie side by side in either header
        for number, ts, _, packet in _candidates(block, interfaces, tuple(pairs)):
            if not packet.is_fragment:
                continue
            for first in self._fragments.get(_key(packet), ()):
                if NO_TIME in (ts, first) or abs(ts - first) <= DEFAULT_TIMEOUT_NS:
                    self.by_spi.add(number)

    def _is_esp(self, packet: IpPacket, payload: bytes, quoted: IcmpError | None) -> bool:
        if quoted is not None:
            if quoted.protocol == _UDP:
                return NAT_T_PORT in (quoted.sport, quoted.dport) and quoted.payload[:4] in self._spis
            return quoted.protocol == _ESP and not quoted.fragment_offset and quoted.payload[:4] in self._spis
        if packet.protocol == _ESP:
            return payload[:4] in self._spis
        if packet.protocol != _UDP or len(payload) < 12 or NAT_T_PORT not in _ports(payload):
            return False
        return payload[8:12] in self._spis and not looks_like_ike(payload, 8, len(payload), exact=True)


def _candidates(
    block: FrameBlock, interfaces: Sequence[Interface], needles: Collection[bytes]
) -> Iterator[tuple[int, int, bytes, IpPacket]]:
    """Number, time, bytes and IP header of the frames that hold one of the needles."""
    find = block.data.find
    for index, (offset, length) in enumerate(zip(block.offsets, block.lengths, strict=True)):
        end = offset + length
        for needle in needles:
            if find(needle, offset, end) >= 0:
                break
        else:
            continue
        frame = bytes(block.data[offset:end])
        found = find_ip(interfaces[block.interfaces[index]].link_type, frame)
        if found.offset >= 0:
            packet = parse_ip(frame, found.offset, len(frame))
            if not isinstance(packet, str):
                yield block.first_number + index, block.times[index], frame, packet


def _key(packet: IpPacket) -> FragmentKey:
    return packet.src, packet.dst, packet.protocol, packet.ip_id


def _ports(payload: bytes) -> tuple[int, int]:
    return int.from_bytes(payload[0:2], "big"), int.from_bytes(payload[2:4], "big")
