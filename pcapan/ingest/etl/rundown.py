"""The rundown of a pktmon session: components, their properties, counters; written at its end.

Knows events 20 to 90 of the provider and nothing about packets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from struct import Struct

from pcapan.ingest.capture import text

COMPONENT, VALUE, HEX_VALUE, SHORT_VALUE, ETHER_TYPE = 20, 30, 50, 60, 75
_IPV4, _IPV6, _PHYSICAL, _SWITCH, _DROPS, _FLOWS = 65, 66, 70, 73, 80, 90

TYPE_MINIPORT, TYPE_FILTER, TYPE_PROTOCOL, TYPE_SWITCH_MINIPORT = 2, 3, 4, 6
TYPE_NETVSC, TYPE_NETCX = 9, 14

IF_INDEX, MINIPORT_IF_INDEX, LOWER_IF_INDEX, NDIS_MEDIUM = 1, 2, 3, 5
#: NdisMedium of WAN miniports: what passes there is the traffic inside the tunnels.
MEDIUM_WAN = 12

#: Components believed of one file; their ids have 16 bits.
_MAX_COMPONENTS = 4096

_PAIR = Struct("<HH").unpack_from
_U32 = Struct("<I").unpack_from
_U16 = Struct("<H").unpack_from
_COUNTERS = Struct("<HQQHQQ")


@dataclass(slots=True)
class Component:
    """One component of the network stack."""

    number: int
    kind: int = 0
    name: str = ""
    description: str = ""
    values: dict[int, int] = field(default_factory=dict)
    """Property -> number."""
    mac: bytes = b""
    addresses: list[str] = field(default_factory=list)
    flow_packets: int = 0
    """Packets that passed all its edges, as Windows counted them."""

    @property
    def inner(self) -> bool:
        """A WAN miniport: what passes there is inside the tunnels."""
        if self.values.get(NDIS_MEDIUM) == MEDIUM_WAN:
            return True
        return "wan miniport" in f"{self.name} {self.description}".lower()


class Rundown:
    """Everything the rundown events of one trace say."""

    def __init__(self) -> None:
        self.components: dict[int, Component] = {}
        self.events = 0

    def event(self, kind: int, data: bytes | bytearray, start: int, end: int) -> None:
        """Take one event; one that is too short is left out."""
        self.events += 1
        if end - start < 6:
            return
        number, second = _PAIR(data, start)
        if kind == _DROPS:
            return
        if kind == _FLOWS:
            self._flows(number, data, start + 2, end)
            return
        known = self.components.get(number)
        if known is None:
            if len(self.components) >= _MAX_COMPONENTS:
                return
            known = self.components[number] = Component(number)
        start += 4
        if kind == COMPONENT:
            known.kind = second
            known.name, start = _string(data, start, end)
            known.description, _ = _string(data, start, end)
        elif kind in (VALUE, HEX_VALUE) and end - start >= 4:
            known.values[second] = _U32(data, start)[0]
        elif kind in (SHORT_VALUE, ETHER_TYPE):
            known.values[second] = _U16(data, start)[0]
        elif kind == _PHYSICAL and end - start >= 4:
            length = min(_U32(data, start)[0], 16, end - start - 4)
            known.mac = bytes(data[start + 4 : start + 4 + length])
        elif kind == _IPV4 and end - start >= 4 and len(known.addresses) < 64:
            known.addresses.append(str(IPv4Address(bytes(data[start : start + 4]))))
        elif kind == _IPV6 and end - start >= 16 and len(known.addresses) < 64:
            known.addresses.append(str(IPv6Address(bytes(data[start : start + 16]))))

    def _flows(self, number: int, data: bytes | bytearray, start: int, end: int) -> None:
        _edge, start = _string(data, start, end)
        known = self.components.get(number)
        if known is not None and end - start >= 2 + _COUNTERS.size:
            _in, packets_in, _bytes, _out, packets_out, _bytes = _COUNTERS.unpack_from(data, start + 2)
            known.flow_packets += packets_in + packets_out

    def name(self, number: int) -> str:
        """A component in words; never empty."""
        known = self.components.get(number)
        return (known.name if known is not None else "") or f"component {number}"


def _string(data: bytes | bytearray, start: int, end: int) -> tuple[str, int]:
    from pcapan.ingest.etl.ndis import wide_string

    found = wide_string(data, start, end)
    if found is None:
        return "", end
    return text(found[0].encode("utf-8", "replace")), found[1]
