"""The general path: any frame, decoded with care, and every IKE message recorded.

Knows how the decoders of `pcapan.decode` fit together and which count each packet belongs to; must
not know what a message means. The hot path (`pcapan.scan.scanner`) sends everything here that is
not plain.
"""

from __future__ import annotations

from msgspec import Struct

from pcapan.decode.fragments import Datagram, IncompleteDatagram, Outcome, Reassembler
from pcapan.decode.icmp import parse_icmp
from pcapan.decode.ike_walk import HEADER_LENGTH, IkeWalk, looks_like_ike
from pcapan.decode.ip import IpPacket, parse_ip, skip_extension_headers
from pcapan.decode.link import find_ip
from pcapan.decode.numbers import IKE_PORT, NAT_T_PORT
from pcapan.octets import Octets
from pcapan.scan.columns import (
    MARK_COPY,
    MARK_CUT,
    MARK_FRAGMENTED,
    MARK_NO_TIME,
    MARK_NON_ESP,
    FileScan,
    IcmpObservation,
    OddDatagram,
)
from pcapan.scan.copies import RecentPackets
from pcapan.scan.flows import FlowTable
from pcapan.scan.recorder import MAX_ROWS, Recorder, flow_key, halves

LINKTYPE_ETHERNET = 1
_ICMP, _UDP, _ESP, _ICMPV6 = 1, 17, 50, 58
_ETHERTYPE_ARP = b"\x08\x06"
_NO_MACS = (b"", b"")
#: Reasons of the link layer that mean "could not be read"; the others name another protocol.
_UNREADABLE_LINK = ("short-", "bad-", "ip-version", "unsupported-", "too-many-")


class Packet(Struct):
    """The packet around a UDP payload, as far as the rows need it."""

    frame: int
    ts: int
    src: bytes
    dst: bytes
    ttl: int
    ip_id: int
    macs: tuple[bytes, bytes]
    """(source, destination) of the Ethernet header, empty values where there is none."""
    marks: int = 0
    sport: int = 0
    dport: int = 0


class GeneralPath:
    """Decodes single frames into the columns of a `FileScan`."""

    def __init__(
        self,
        scan: FileScan,
        recorder: Recorder,
        esp: FlowTable,
        keepalives: FlowTable,
        recent: RecentPackets,
    ) -> None:
        self.scan = scan
        self._recorder = recorder
        self._esp = esp
        self._keepalives = keepalives
        self._recent = recent
        self._reassembler = Reassembler()
        self._ike = IkeWalk()

    def frame(
        self,
        data: Octets,
        offset: int,
        end: int,
        wire_end: int,
        link_type: int,
        ts: int,
        number: int,
        untimed: bool,
    ) -> None:
        """Decode ``data[offset:end]``; `wire_end` is where it would end had it not been cut."""
        frame = bytes(data[offset:end])
        macs = _NO_MACS
        if link_type == LINKTYPE_ETHERNET and len(frame) >= 14:
            macs = (frame[6:12], frame[0:6])
            self._recorder.source_mac(macs[0])
        found = find_ip(link_type, frame)
        if found.offset < 0:
            if found.reason == "arp":
                self._arp(frame)
            if found.reason.startswith(_UNREADABLE_LINK):
                self._recorder.undecoded(found.reason)
            else:
                self.scan.other += 1
            return
        packet = parse_ip(frame, found.offset, len(frame))
        if isinstance(packet, str):
            self._recorder.undecoded(packet)
            return
        marks = (MARK_NO_TIME if untimed else 0) | (0 if packet.captured_whole else MARK_CUT)
        around = Packet(number, ts, packet.src, packet.dst, packet.ttl, packet.ip_id, macs, marks)
        if packet.is_fragment:
            self._fragment(frame, packet, around)
            return
        payload = frame[packet.payload_start : packet.payload_end]
        if self._is_copy(packet, payload, ts):
            if packet.protocol == _UDP and _is_vpn_port(payload):
                around.marks |= MARK_COPY
                self._udp(payload, packet.wire_payload_length, around)
            self.scan.copies += 1
            return
        self._transport(packet.protocol, payload, packet.wire_payload_length, packet.version, around)

    def finish(self) -> None:
        """Account for fragments that never became whole."""
        self._incomplete(self._reassembler.drain())

    def _is_copy(self, packet: IpPacket, payload: bytes, ts: int) -> bool:
        if packet.protocol == _ESP:
            return False  # its sequence number tells, see FlowTable
        if packet.protocol == _UDP and _could_be_esp(payload):
            return False
        kind = packet.ip_id << 8 | packet.protocol
        identity = self._recent.identity(
            payload, 0, len(payload), packet.version, *halves(packet.src), *halves(packet.dst), kind
        )
        return self._recent.is_copy(identity, packet.ip_id != 0, ts)

    def _transport(self, protocol: int, payload: bytes, wire: int, version: int, around: Packet) -> None:
        """Sort one whole IP payload of `wire` bytes into its count; once a packet."""
        if protocol == _UDP:
            if len(payload) < 8:
                self._recorder.undecoded("short-udp-header")
            elif _is_vpn_port(payload):
                self._udp(payload, wire, around)
            else:
                self._other(around)
        elif protocol == _ESP:
            self._native_esp(payload, wire, around)
        else:
            if protocol in (_ICMP, _ICMPV6):
                self._icmp(version, payload, around)
            self._other(around)

    def _other(self, around: Packet) -> None:
        self.scan.other += 1
        self._recorder.talker(around.src)

    def _udp(self, payload: bytes, wire: int, around: Packet) -> None:
        """A datagram to or from port 500 or 4500: IKE, ESP, a keepalive or something else."""
        copy = bool(around.marks & MARK_COPY)
        around.sport, around.dport = _ports(payload)
        length = (payload[4] << 8) | payload[5]
        # The length is 0 or wrong when a large send was left to the network card.
        wire_end = length if 8 <= length <= wire else wire
        end = min(len(payload), wire_end)
        nat_t = NAT_T_PORT in (around.sport, around.dport)
        port = NAT_T_PORT if nat_t else IKE_PORT
        if not copy:
            self.scan.ports[port] += 1
        start = self._ike_start(payload, end, wire_end, nat_t)
        if start and self._ike.read(payload, start, end, wire_end):
            if start == 12:
                around.marks |= MARK_NON_ESP
            self._recorder.message(around, payload[start:end], wire_end - start)
            self.scan.ike += not copy
            return
        if copy:
            return
        if wire_end == 9 and payload[8:9] == b"\xff":
            self._keepalives.count(*flow_key(around, 0), 1, around.ts, around.frame)
            self.scan.keepalive_packets += 1
        elif nat_t and end >= 16 and any(payload[8:12]):
            spi = int.from_bytes(payload[8:12], "big")
            sequence = int.from_bytes(payload[12:16], "big")
            if self._esp.add(*flow_key(around, spi), sequence, wire_end - 8, around.ts, around.frame):
                self.scan.esp_packets += 1
            else:
                self.scan.copies += 1
                self.scan.ports[port] -= 1
        elif end < wire_end and end < 16:
            self._recorder.undecoded("cut-before-payload")
        else:
            self._odd(around, wire_end - 8)

    @staticmethod
    def _ike_start(payload: bytes, end: int, wire_end: int, nat_t: bool) -> int:
        """Where in the UDP datagram an IKE header begins: 8, 12 behind the marker, 0 nowhere."""
        if not nat_t and looks_like_ike(payload, 8, end, False):
            return 8
        marker = end >= 12 and not any(payload[8:12])
        if marker and looks_like_ike(payload, 12, end, False):
            return 12
        if nat_t and looks_like_ike(payload, 8, end, True):
            return 8
        if end < wire_end and end - 8 < HEADER_LENGTH + 4:  # the snap length cut the header
            if nat_t:
                return 12 if marker else 0
            return 8
        return 0

    def _odd(self, around: Packet, length: int) -> None:
        """Neither IKE nor ESP nor a keepalive on our ports: a probe, a scanner, another program."""
        self._other(around)
        self._recorder.problem("not-ike", around.frame, f"{length} bytes on UDP port 500 or 4500")
        if len(self.scan.odd) < MAX_ROWS:
            self.scan.odd.append(
                OddDatagram(
                    around.frame,
                    around.ts,
                    self._recorder.address(around.src),
                    self._recorder.address(around.dst),
                    around.sport,
                    around.dport,
                    length,
                    around.ttl,
                )
            )

    def _native_esp(self, payload: bytes, wire: int, around: Packet) -> None:
        """ESP without UDP (IP protocol 50): client and server saw no NAT."""
        if len(payload) < 8:
            self._recorder.undecoded("short-esp-header")
            return
        spi = int.from_bytes(payload[0:4], "big")
        if self._esp.add(
            *flow_key(around, spi), int.from_bytes(payload[4:8], "big"), wire, around.ts, around.frame
        ):
            self.scan.esp_packets += 1
        else:
            self.scan.copies += 1

    def _icmp(self, version: int, payload: bytes, around: Packet) -> None:
        error = parse_icmp(version, payload)
        if error is None or not error.quotes_ike_port or len(self.scan.icmp) >= MAX_ROWS:
            return
        if error.src is None or error.dst is None or error.sport is None or error.dport is None:
            return
        spi_i = None
        nat_t = NAT_T_PORT in (error.sport, error.dport)
        start = 4 if nat_t and error.payload[:4] == bytes(4) else 0
        if len(error.payload) >= start + 8 and (start or not nat_t):
            spi_i = int.from_bytes(error.payload[start : start + 8], "big")
        address = self._recorder.address
        self.scan.icmp.append(
            IcmpObservation(
                around.frame,
                around.ts,
                address(around.src),
                address(around.dst),
                error.type,
                error.code,
                error.name,
                address(error.src),
                address(error.dst),
                error.sport,
                error.dport,
                spi_i,
            )
        )

    def _fragment(self, frame: bytes, packet: IpPacket, around: Packet) -> None:
        scan = self.scan
        payload = frame[packet.payload_start : packet.payload_end]
        datagram = self._reassembler.add(
            (packet.src, packet.dst, packet.protocol, packet.ip_id),
            packet.fragment_offset,
            packet.more_fragments,
            payload,
            around.frame,
            around.ts,
            packet.wire_payload_length,
        )
        outcome = self._reassembler.last_outcome
        if outcome == Outcome.COPY:
            scan.copies += 1
            return
        scan.fragments += 1
        if packet.fragment_offset:
            scan.tail_fragments += 1
        if outcome in (Outcome.REJECTED_EMPTY, Outcome.REJECTED_TOO_LONG):
            self._recorder.undecoded(str(outcome))
        elif datagram is not None:
            self._reassembled(datagram, packet.version, around)
        self._incomplete(self._reassembler.take_incomplete())

    def _reassembled(self, datagram: Datagram, version: int, around: Packet) -> None:
        """Sort a joined datagram: all of its fragments go into the count of what it is."""
        scan = self.scan
        for code in datagram.problems:
            self._recorder.problem(code, around.frame, f"IP datagram of {datagram.total_length} bytes")
        protocol, start = datagram.key[2], 0
        if version == 6:
            protocol, start = skip_extension_headers(protocol, datagram.payload)
        around.marks |= MARK_FRAGMENTED
        if datagram.captured_whole:
            around.marks &= ~MARK_CUT
        else:
            # Cut fragments cannot be joined: the message belongs to the frame that shows its header.
            around.marks |= MARK_CUT
            if datagram.in_order:
                around.frame = datagram.frames[0]
        before = (scan.ike, scan.esp_packets, scan.keepalive_packets, scan.other, scan.copies)
        rows = len(self._recorder.rows)
        self._transport(protocol, datagram.payload[start:], datagram.total_length - start, version, around)
        more = len(datagram.frames) - 1
        if len(self._recorder.rows) > rows:
            scan.fragment_frames[rows] = datagram.frames
        if scan.ike > before[0]:
            scan.ike += more
        elif scan.esp_packets > before[1]:
            scan.esp_packets += more
        elif scan.keepalive_packets > before[2]:
            scan.keepalive_packets += more
        elif scan.other > before[3]:
            scan.other += more
        elif scan.copies > before[4]:
            scan.copies += more
        else:
            self._recorder.undecoded("short-udp-header", more)

    def _incomplete(self, datagrams: list[IncompleteDatagram]) -> None:
        for datagram in datagrams:
            self._recorder.undecoded("ip-fragments-incomplete", len(datagram.frames))
            if len(self.scan.incomplete) < MAX_ROWS:
                self.scan.incomplete.append(datagram)

    def _arp(self, frame: bytes) -> None:
        """Who has which address on this link (RFC 826); only plain Ethernet and IPv4."""
        at = frame.find(_ETHERTYPE_ARP, 12, 24)
        body = frame[at + 2 : at + 30]
        if at >= 12 and len(body) == 28 and body[:6] == b"\x00\x01\x08\x00\x06\x04" and any(body[14:18]):
            self._recorder.neighbour(body[14:18], body[8:14])
            self._recorder.talker(body[14:18])


def _ports(payload: bytes) -> tuple[int, int]:
    return (payload[0] << 8) | payload[1], (payload[2] << 8) | payload[3]


def _could_be_esp(payload: bytes) -> bool:
    """Whether a UDP datagram may carry ESP, whose sequence number tells copies better."""
    return (
        len(payload) >= 16
        and NAT_T_PORT in _ports(payload)
        and any(payload[8:12])
        and not looks_like_ike(payload, 8, len(payload), True)
    )


def _is_vpn_port(payload: bytes) -> bool:
    """Whether a UDP datagram uses port 500 or 4500 on either side."""
    if len(payload) < 8:
        return False
    sport, dport = _ports(payload)
    return sport in (IKE_PORT, NAT_T_PORT) or dport in (IKE_PORT, NAT_T_PORT)
