"""Provider Microsoft-Windows-PktMon: packets at every component of the network stack, and drops.

Knows events 160 (a packet passed a component), 170 (a packet was dropped), 100 and 110 (capture filters),
and hands the rundown to `rundown`. Field lists: the provider's manifest, the same from Windows 10 1809 on.
Which of a packet's many events stands for it is decided in `selection`.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from struct import Struct

from pcapan.ingest.etl.ipbytes import (
    LINK_ETHERNET,
    LINK_RAW,
    LINK_WIFI,
    ip_start,
    ipsec_key,
    looks_like_wifi,
)
from pcapan.ingest.etl.ndis import wide_string
from pcapan.ingest.etl.records import EVENT_FIELDS, EVENT_HEADER, user_data
from pcapan.ingest.etl.rundown import Rundown
from pcapan.ingest.etl.store import NOWHERE, FrameIndex, Store
from pcapan.ingest.frames import DIRECTION_INBOUND, DIRECTION_OUTBOUND, DIRECTION_UNKNOWN

FLOW, DROP, FILTER_IPV4, FILTER_IPV6 = 160, 170, 100, 110

#: Group, number, appearance, direction, packet type, component, edge, filter, drop reason, drop location,
#: original and logged size.
PACKET = Struct("<QHHHHHHHIIHH").unpack_from
PACKET_HEADER = 34

#: Direction tags: 1 in, 2 out, 3 received, 4 transmitted, 5 ingress, 6 egress.
DIRECTIONS = (
    DIRECTION_UNKNOWN,
    DIRECTION_INBOUND,
    DIRECTION_OUTBOUND,
    DIRECTION_INBOUND,
    DIRECTION_OUTBOUND,
    DIRECTION_INBOUND,
    DIRECTION_OUTBOUND,
)
_TYPE_WIFI, _TYPE_IP, _TYPE_HTTP = 2, 3, 4

#: Dropped IPsec packets kept of one file, and bytes kept of each.
MAX_DROPS, _DROP_BYTES = 100_000, 256
#: Capture filters kept of one file.
_MAX_FILTERS = 64


@dataclass(frozen=True, slots=True)
class Drop:
    """A dropped packet as logged; `data` begins at its IP header."""

    stamp: int
    reason: int
    location: int
    component: int
    direction: int
    data: bytes
    wire_length: int
    key: bytes


class PktMon:
    """Collects the packet events of one trace.

    `wanted` limits what is indexed to these components; None takes all of them, and remembers what is
    needed to tell the events of one packet from those of another.
    """

    def __init__(self, store: Store, wanted: frozenset[int] | None) -> None:
        self.index = FrameIndex()
        """`sources` are ``component << 8 | link type``."""
        self.groups = array("Q")
        self.numbers = array("H")
        self.appearances = array("H")
        self.rundown = Rundown()
        self.drops: list[Drop] = []
        self.drop_reasons: dict[int, int] = {}
        """Reason -> events of all dropped packets, whatever they carried."""
        self.filters: list[str] = []
        self.events = 0
        """Events 160."""
        self.seen: dict[int, int] = {}
        """Component -> its events 160."""
        self.bad = 0
        self.other_events = 0
        """Packet events of kinds that hold no frame."""
        self.wanted = wanted
        self._store = store

    def event(self, data: bytes | bytearray, position: int, size: int, origin: int) -> None:
        """Take one event of the provider; `origin` is where `data[0]` lies in the trace, or `NOWHERE`."""
        flags, _thread, _process, stamp, kind, _version, _opcode, _keyword = EVENT_FIELDS(data, position)
        start = position + EVENT_HEADER
        end = position + size
        if flags & 1:
            start = user_data(data, position, size, flags)
        if kind not in (FLOW, DROP):
            if kind < 100:
                self.rundown.event(kind, data, start, end)
            elif kind in (FILTER_IPV4, FILTER_IPV6):
                self._filter(data, start, end, kind == FILTER_IPV6)
            else:
                self.other_events += 1
            return
        if start + PACKET_HEADER > end:
            self.bad += 1
            return
        (
            group,
            number,
            appearance,
            tag,
            packet,
            component,
            _edge,
            _filter,
            reason,
            location,
            original,
            logged,
        ) = PACKET(data, start)
        start += PACKET_HEADER
        if logged > end - start:
            self.bad += 1
            return
        if kind == DROP:
            self.drop_reasons[reason] = self.drop_reasons.get(reason, 0) + 1
            self._drop(data, start, logged, original, packet, tag, component, reason, location, stamp)
            return
        self.events += 1
        self.seen[component] = self.seen.get(component, 0) + 1
        wanted = self.wanted
        if (wanted is not None and component not in wanted) or packet == _TYPE_HTTP:
            return
        link = LINK_ETHERNET
        if packet != 1:
            link = _link(data, start, logged, packet)
        place = origin + start if origin != NOWHERE else self._store.add(bytes(data[start : start + logged]))
        self.index.add(
            stamp,
            place,
            logged,
            original if original > logged else logged,
            component << 8 | link,
            DIRECTIONS[tag] if tag < 7 else DIRECTION_UNKNOWN,
        )
        if wanted is None:
            self.groups.append(group)
            self.numbers.append(number)
            self.appearances.append(appearance)

    def _drop(
        self,
        data: bytes | bytearray,
        start: int,
        logged: int,
        original: int,
        packet: int,
        tag: int,
        component: int,
        reason: int,
        location: int,
        stamp: int,
    ) -> None:
        """Keep a dropped packet when it is IPsec to or from one host; the rest is everyday noise."""
        if len(self.drops) >= MAX_DROPS:
            return
        frame = bytes(data[start : start + min(logged, 4 * _DROP_BYTES)])
        # The packet type is that of the component's edge, not of the bytes: try that, then the others.
        said = {_TYPE_WIFI: LINK_WIFI, _TYPE_IP: LINK_RAW}.get(packet, LINK_ETHERNET)
        for link in (said, LINK_ETHERNET, LINK_WIFI, LINK_RAW):
            at = ip_start(frame, link)
            if at < 0:
                continue
            key = ipsec_key(frame, at, len(frame))
            if key is not None:
                self.drops.append(
                    Drop(
                        stamp,
                        reason,
                        location,
                        component,
                        DIRECTIONS[tag] if tag < 7 else DIRECTION_UNKNOWN,
                        frame[at : at + _DROP_BYTES],
                        max(original, logged) - at,
                        key,
                    )
                )
            return

    def _filter(self, data: bytes | bytearray, start: int, end: int, six: bool) -> None:
        """Event 100 or 110: name, addresses, protocol and ports of one capture filter, in words."""
        if len(self.filters) >= _MAX_FILTERS or start + 2 > end:
            return
        named = wide_string(data, start + 2, end)
        size = 16 if six else 4
        if named is None or named[1] + 12 + 4 + 2 * size + 6 > end:
            return
        name, at = named
        words = []
        for label in ("MAC", "MAC"):
            if any(data[at : at + 6]):
                words.append(f"{label} {bytes(data[at : at + 6]).hex('-')}")
            at += 6
        ethertype, vlan = Struct("<HH").unpack_from(data, at)
        at += 4
        if ethertype:
            words.append(f"EtherType 0x{ethertype:04x}")
        if vlan:
            words.append(f"VLAN {vlan}")
        for _ in range(2):
            raw = bytes(data[at : at + size])
            at += size
            if any(raw):
                words.append(str(IPv6Address(raw) if six else IPv4Address(raw)))
        protocol = data[at]
        ports = [port for port in Struct("<HH").unpack_from(data, at + 1) if port]
        if protocol:
            words.append({1: "ICMP", 6: "TCP", 17: "UDP", 50: "ESP"}.get(protocol, f"IP protocol {protocol}"))
        words += [f"port {port}" for port in ports]
        said = " ".join(words) or "everything"
        self.filters.append(f"{said} ({name})" if name and name != "<empty>" else said)


def _link(data: bytes | bytearray, start: int, length: int, packet: int) -> int:
    """The link type of a frame whose event does not say Ethernet; what it does say may be wrong."""
    if packet == _TYPE_IP:
        return LINK_RAW
    if packet == _TYPE_WIFI and looks_like_wifi(data, start, length):
        return LINK_WIFI
    return LINK_ETHERNET
