# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""The hot path: one pass over the frames of a block, one decision a frame, no object for most of them.

Knows where the bytes of the common cases lie: ESP, IKE, keepalives and foreign traffic in IPv4 without
options or IPv6 without extension headers, over Ethernet with or without VLAN tags. Hands every other frame,
and whatever is cut, wrong or rare, to `pcapan.scan.general`. Must not know what a message means.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable

from pcapan.decode.ike_walk import looks_like_ike
from pcapan.ingest.frames import NO_TIME, FrameBlock
from pcapan.ingest.stretch import Stretch
from pcapan.scan.columns import MARK_COPY, MARK_NO_TIME, MARK_NON_ESP, FileScan
from pcapan.scan.copies import RecentPackets
from pcapan.scan.flows import FlowTable
from pcapan.scan.recorder import Recorder
from pcapan.scan.waiting import Waiting

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    from pcapan.octets import Octets

    General = Callable[[Octets, int, int, int, int, int, int, bool], None]
    from pcapan import shadow as cython
else:
    try:
        import cython
    except ImportError:
        from pcapan import shadow as cython
if not cython.compiled:
    from pcapan.octets import be16_of, be32_of, be64_of, held, span, u32, u64
    from pcapan.scan.lines import counted, low

_LINKTYPE_ETHERNET = 1
_IPV4, _IPV6 = 0x0800, 0x86DD
_VLAN, _VLAN_OUTER, _VLAN_OLD, _VLAN_OLDER = 0x8100, 0x88A8, 0x9100, 0x9200
_UDP, _ESP, _ICMP, _ICMPV6 = 17, 50, 1, 58
_IKE_PORT, _NAT_T_PORT = 500, 4500
_UNTIMED = NO_TIME
_MARK_COPY, _MARK_NO_TIME, _MARK_NON_ESP = MARK_COPY, MARK_NO_TIME, MARK_NON_ESP


class Walk:
    """Sorts the frames of one file; what it adds up stands in the `FileScan` after every block."""

    def __init__(
        self,
        scan: FileScan,
        esp: FlowTable,
        keepalives: FlowTable,
        talkers: FlowTable,
        recent: RecentPackets,
        general: General,
        recorder: Recorder,
    ) -> None:
        """`general` takes a frame: data, begin, end, end on the wire, link type, time, number, untimed."""
        self._scan = scan
        self._esp = esp
        self._keepalives = keepalives
        self._talkers = talkers
        self._late_esp, self._late_talkers = Waiting(esp), Waiting(talkers)
        self._esp_waits = self._talkers_wait = False
        """Whether packets wait there before they are added to the table."""
        self._recent = recent
        self._general = general
        self._recorder = recorder
        self._rows = recorder.rows
        self._whole: Octets = b""
        self._data: Octets = b""
        """The octets at hand; compiled, handing them on would copy 200 octets for every call."""
        self._timed = False
        self._first = self._latest = self._last = 0
        """Earliest and latest time so far, and that of the frame before."""
        self._pause = self._pause_from = 0
        self._untimed = self._disorder = self._cut = 0
        self._copies = self._ike = self._esp_packets = self._keepalive_packets = self._other = 0
        self._ports_500 = self._ports_4500 = 0
        self._mac = self._mac_before = 0
        """Senders on the link of the last frames: most captures know two."""

    def block(self, block: FrameBlock, links: array[int]) -> None:
        """Sort the frames of one block; `links` are the link types by interface."""
        self._take(block.data)
        offsets, lengths, wires = block.offsets, block.lengths, block.wire_lengths
        times, interfaces, count, number = block.times, block.interfaces, len(block), block.first_number
        with cython.nogil:
            self._sort(offsets, lengths, wires, times, interfaces, links, count, number)
        self._finish(count)

    def stretch(self, stretch: Stretch, links: array[int], number: int, most: int) -> int:
        """Sort the frames of a stretch, as many as come with about `most` bytes; `number` is the first one's.

        Returns:
            The number of the frame that comes next.
        """
        first = number
        self._take(stretch.memory)
        end = stretch.octets + most
        with cython.nogil:
            while stretch.octets < end and stretch.forward():
                self._sort(
                    stretch.rows.offsets,
                    stretch.rows.lengths,
                    stretch.rows.wires,
                    stretch.rows.times,
                    stretch.rows.interfaces,
                    links,
                    stretch.rows.count,
                    number,
                )
                number += stretch.rows.count
        self._finish(number - first)
        return number

    def _take(self, data: Octets) -> None:
        """Have octets at hand, twice: compiled, one of them needs no Python object to be read."""
        self._whole = data
        self._data = data

    def _finish(self, frames: int) -> None:
        """Write down what was found in so many frames, and let go of their octets."""
        self._recorder.odd_messages()
        self._settle(frames)
        self._take(b"")

    def _sort(
        self,
        offsets: array[int],
        lengths: array[int],
        wires: array[int],
        times: array[int],
        interfaces: array[int],
        links: array[int],
        count: int,
        number: int,
    ) -> None:
        """Sort `count` frames of the octets at hand."""
        self._esp_waits, self._talkers_wait = self._late_esp.pays(), self._late_talkers.pays()
        for index in range(count):
            ts = times[index]
            untimed = ts == _UNTIMED
            if untimed:
                self._untimed += 1
                ts = self._last
            else:
                self._note(ts)
            begin = offsets[index]
            length = lengths[index]
            wire = wires[index]
            link = links[interfaces[index]]
            if length < wire:
                self._cut += 1
            if link != _LINKTYPE_ETHERNET or not self._plain(begin, begin + length, ts, number, untimed):
                self._late_esp.settle()
                self._late_talkers.settle()
                with cython.gil:
                    self._recorder.odd_messages()  # they came before
                    self._general(
                        self._whole, begin, begin + length, begin + wire, link, ts, number, bool(untimed)
                    )
            number += 1

    def _note(self, ts: int) -> None:
        """Keep first and last time, the longest pause and how many frames are out of order."""
        if not self._timed:
            self._timed = True
            self._first = self._latest = ts
        elif ts >= self._latest:
            pause = _apart(ts, self._latest)
            if pause > self._pause:
                self._pause = pause
                self._pause_from = self._latest
            self._latest = ts
        else:
            self._disorder += 1
            if ts < self._first:
                self._first = ts
        self._last = ts

    def _plain(self, begin: int, end: int, ts: int, number: int, untimed: bool) -> bool:
        """Sort an Ethernet frame; False when it is for the general path, and nothing was counted."""
        frame, size = span(self._data, begin, end), end - begin
        ether = held(frame, 0, 34)
        if not ether:
            return False
        mac = be64_of(ether, 6) >> 16
        if mac != self._mac and mac != self._mac_before:
            self._sender(mac)
        kind = be16_of(ether, 12)
        at = 14
        if kind != _IPV4 and kind in (_VLAN, _VLAN_OUTER, _VLAN_OLD, _VLAN_OLDER):
            kind = be16_of(ether, 16)
            at = 18
            if kind == _VLAN:
                kind = be16_of(ether, 20)
                at = 22
        if kind == _IPV4:
            ip = held(frame, at, 20)
            if not ip:
                return False
            head = be64_of(ip, 0)
            total = (head >> 32) & 0xFFFF
            # Options, fragments and lengths left to the network card are rare.
            if head >> 56 != 0x45 or head & 0x3FFF or total < 28:
                return False
            version = 4
            ip_id = (head >> 16) & 0xFFFF
            head = be64_of(ip, 8)
            ttl = head >> 56
            protocol = (head >> 48) & 0xFF
            src_hi = dst_hi = 0
            src_lo = low(head)
            dst_lo = be32_of(ip, 16)
            stop = at + total
            at += 20
        elif kind == _IPV6:
            ip = held(frame, at, 40)
            if not ip:
                return False
            head = be64_of(ip, 0)
            total = (head >> 16) & 0xFFFF
            if head >> 60 != 6 or total < 8:
                return False
            version = 6
            ip_id = 0
            ttl = head & 0xFF
            protocol = (head >> 8) & 0xFF
            if _is_extension(protocol):
                return False
            src_hi = be64_of(ip, 8)
            src_lo = be64_of(ip, 16)
            dst_hi = be64_of(ip, 24)
            dst_lo = be64_of(ip, 32)
            at += 40
            stop = at + total
        else:
            return False
        last = stop if stop < size else size
        inner = held(frame, at, 8)
        if not inner or last - at < 8:
            return False
        head = be64_of(inner, 0)
        sport = dport = ends = sequence = length = start = 0
        nat_t = esp = keepalive = False
        if protocol == _UDP:
            sport = head >> 48
            dport = (head >> 32) & 0xFFFF
            nat_t = sport == _NAT_T_PORT or dport == _NAT_T_PORT
            if nat_t or sport == _IKE_PORT or dport == _IKE_PORT:
                length = (head >> 16) & 0xFFFF
                if nat_t and length >= 36 and length == stop - at and last - at >= 36:
                    inner = held(frame, at, 36)
                    if inner:
                        # An SPI of 0 is the marker before IKE; IKE without it says its own length.
                        esp = be32_of(inner, 8) != 0 and be32_of(inner, 32) != length - 8
                        ends, sequence = (head >> 32) << 32 | be32_of(inner, 8), be32_of(inner, 12)
                if not esp:
                    keepalive = length == 9 and last - at >= 9 and self._data[begin + at + 8] == 0xFF
                    if not keepalive:
                        # What is cut, or of another length than IP says, is looked at with more care.
                        if length != stop - at or last != stop:
                            return False
                        start = _ike_start(self._data, begin + at, begin + last, nat_t)
                        if start == 0:
                            return False
        elif protocol == _ESP:
            esp = True
            length = stop - at + 8
            ends, sequence = head >> 32, low(head)
        elif protocol in (_ICMP, _ICMPV6):
            return False
        if esp:
            self._add_esp(
                version, src_hi, src_lo, dst_hi, dst_lo, ends, sequence, length - 8, ts, number
            )
            return True
        at += begin
        last += begin
        identity = self._recent.identity(
            self._data, at, last, version, src_hi, src_lo, dst_hi, dst_lo, ip_id << 8 | protocol
        )
        copy = self._recent.is_copy(identity, ip_id != 0, ts)
        if copy:
            self._copies += 1
        if start:
            self._rows.add(
                self._data,
                start,
                last,
                last,
                number,
                ts,
                self._rows.address(version, src_hi, src_lo),
                self._rows.address(version, dst_hi, dst_lo),
                sport,
                dport,
                ttl,
                ip_id,
                mac,
                u64(self._data, begin) >> 16,
                (_MARK_COPY if copy else 0)
                | (_MARK_NO_TIME if untimed else 0)
                | (_MARK_NON_ESP if start - at == 12 else 0),
            )
            if not copy:
                self._ike += 1
                if nat_t:
                    self._ports_4500 += 1
                else:
                    self._ports_500 += 1
        elif copy:
            pass
        elif keepalive:
            self._keepalives.count(
                version, src_hi, src_lo, dst_hi, dst_lo, sport << 48 | dport << 32, 1, ts, number
            )
            self._keepalive_packets += 1
            if nat_t:
                self._ports_4500 += 1
            else:
                self._ports_500 += 1
        else:
            self._other += 1
            if self._talkers_wait:
                self._late_talkers.count(version, src_hi, src_lo, 0, 0, 0, 0, ts, number)
            else:
                self._talkers.count(version, src_hi, src_lo, 0, 0, 0, 0, ts, number)
        return True

    def _add_esp(
        self,
        version: int,
        src_hi: int,
        src_lo: int,
        dst_hi: int,
        dst_lo: int,
        ends: int,
        sequence: int,
        octets: int,
        ts: int,
        number: int,
    ) -> None:
        """Count a packet of ESP."""
        if self._esp_waits:
            self._late_esp.add(version, src_hi, src_lo, dst_hi, dst_lo, ends, sequence, octets, ts, number)
            self._esp_packets += 1
            self._ports_4500 += ends >> 32 != 0
        elif self._esp.take(
            0, version, src_hi, src_lo, dst_hi, dst_lo, ends, sequence, octets, counted(ts), number
        ):
            self._esp_packets += 1
            self._ports_4500 += ends >> 32 != 0
        else:
            self._copies += 1

    def _sender(self, mac: int) -> None:
        """Remember the source address of an Ethernet frame (octets 6 to 11) that is not one of the last."""
        self._mac_before = self._mac
        self._mac = mac
        with cython.gil:
            self._recorder.source_mac(mac.to_bytes(6, "big"))

    def _settle(self, frames: int) -> None:
        """Add what was counted to the scan and begin anew."""
        scan, esp = self._scan, self._late_esp
        esp.settle()
        self._late_talkers.settle()
        scan.packets += frames
        scan.cut_frames += self._cut
        scan.copies += self._copies + esp.copies
        scan.esp_packets += self._esp_packets - esp.copies
        scan.keepalive_packets += self._keepalive_packets
        scan.other += self._other
        scan.ike += self._ike
        scan.ports[500] += self._ports_500
        scan.ports[4500] += self._ports_4500 - esp.copies_with_ports
        scan.untimed += self._untimed
        scan.out_of_order += self._disorder
        esp.copies = esp.copies_with_ports = 0
        self._untimed = self._disorder = self._cut = 0
        self._copies = self._ike = self._esp_packets = self._keepalive_packets = self._other = 0
        self._ports_500 = self._ports_4500 = 0
        if self._timed:
            scan.first_ts = self._first
            scan.last_ts = self._latest
            scan.longest_pause = self._pause
            scan.pause_from = self._pause_from


def _is_extension(protocol: int) -> bool:
    """Whether an IPv6 next header leads to more headers: hop-by-hop options, routing, fragment,
    authentication, destination options, mobility, HIP, Shim6."""
    return protocol in (0, 43, 44, 51, 60, 135, 139, 140)


def _ike_start(data: Octets, at: int, end: int, nat_t: bool) -> int:
    """Where an IKE header begins in the UDP datagram that lies whole in `data[at:end]`; 0 = nowhere."""
    if not nat_t and looks_like_ike(data, at + 8, end, False):
        return at + 8
    if end - at >= 12 and u32(data, at + 8) == 0 and looks_like_ike(data, at + 12, end, False):
        return at + 12
    if nat_t and looks_like_ike(data, at + 8, end, True):
        return at + 8
    return 0


def _apart(later: int, earlier: int) -> int:
    """Nanoseconds from one time to a later one; 64 bits hold it without a sign."""
    return later - earlier
