"""Table `esp`: one row an ESP SPI and direction; the packets themselves are never kept."""

from __future__ import annotations

from pcapan.tables.declare import Table
from pcapan.track.flows import EspFlow

ESP = Table("esp", "ESP SPI and direction")


@ESP.column()
def file_no(flow: EspFlow) -> int:
    """Number of the file."""
    return flow.file


@ESP.column()
def first_frame_no(flow: EspFlow) -> int:
    """Frame of its first packet."""
    return flow.flow.first_frame


@ESP.column()
def src(flow: EspFlow) -> str:
    """Source address."""
    return flow.src


@ESP.column()
def sport(flow: EspFlow) -> int | None:
    """UDP source port; unknown = native ESP (IP protocol 50)."""
    return flow.flow.sport or None


@ESP.column()
def dst(flow: EspFlow) -> str:
    """Destination address."""
    return flow.dst


@ESP.column()
def dport(flow: EspFlow) -> int | None:
    """UDP destination port; unknown = native ESP (IP protocol 50)."""
    return flow.flow.dport or None


@ESP.column()
def spi(flow: EspFlow) -> str:
    """SPI, 8 hex digits."""
    return f"{flow.flow.spi:08x}"


@ESP.column("packets")
def packets(flow: EspFlow) -> int:
    """Packets, copies left out."""
    return flow.flow.packets


@ESP.column("bytes")
def octets(flow: EspFlow) -> int:
    """Bytes of ESP without the UDP header."""
    return flow.flow.octets


@ESP.column("ns since 1970-01-01 UTC")
def first_ns(flow: EspFlow) -> int:
    """Time of its first packet."""
    return flow.flow.first_ts


@ESP.column("ns since 1970-01-01 UTC")
def last_ns(flow: EspFlow) -> int:
    """Time of its last packet."""
    return flow.flow.last_ts


@ESP.column()
def lowest_sequence(flow: EspFlow) -> int:
    """Lowest sequence number seen."""
    return flow.flow.lowest_sequence


@ESP.column()
def highest_sequence(flow: EspFlow) -> int:
    """Highest sequence number seen."""
    return flow.flow.highest_sequence


@ESP.column("packets")
def missing(flow: EspFlow) -> int:
    """Sequence numbers between lowest and highest that were not seen."""
    return max(0, flow.flow.highest_sequence - flow.flow.lowest_sequence + 1 - flow.flow.packets)


@ESP.column("ns")
def longest_gap_ns(flow: EspFlow) -> int:
    """Longest silence between two packets."""
    return flow.flow.longest_gap


@ESP.column("packets")
def copies(flow: EspFlow) -> int:
    """Packets captured more than once."""
    return flow.flow.copies
