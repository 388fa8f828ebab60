"""IP datagrams of IKE and ESP that never became whole: a fragment was lost on the way.

Knows how to read the ports and the IKE header in a first fragment; must not judge who lost the rest.
"""

from __future__ import annotations

from ipaddress import ip_address

from msgspec import Struct

from pcapan.decode.fragments import IncompleteDatagram
from pcapan.decode.numbers import IKE_PORT, NAT_T_PORT
from pcapan.scan.pick import first_message
from pcapan.track.flows import SECOND
from pcapan.track.timeline import Timeline

_UDP = 17
#: The missing fragment may lie behind the end of the capture when the datagram began this close to it.
_EDGE = 2 * SECOND


class LostDatagram(Struct):
    """An incomplete datagram to or from port 500 or 4500, or of unknown ports between the same hosts."""

    file: int
    frame: int
    """Frame of its first fragment that arrived."""
    ts: int
    src: str
    dst: str
    sport: int | None
    """Unknown when the first fragment is the one that is missing."""
    dport: int | None
    spi_i: int | None
    """Initiator SPI of the IKE message in its first fragment; None = ESP, or not readable."""
    exchange: int | None
    has_tail: bool
    """Its last fragment arrived."""


def find_lost(timeline: Timeline) -> list[LostDatagram]:
    """Incomplete UDP datagrams of our ports, or without ports, by time; the capture's end is left out."""
    lost = []
    for file, scan in enumerate(timeline.scans):
        for datagram in scan.incomplete:
            if datagram.key[2] != _UDP or datagram.last_ns > timeline.last_ts - _EDGE:
                continue
            entry = _read(file + 1, datagram)
            if entry is not None:
                lost.append(entry)
    lost.sort(key=lambda entry: entry.ts)
    return lost


def _read(file: int, datagram: IncompleteDatagram) -> LostDatagram | None:
    sport = dport = spi_i = exchange = None
    first = datagram.first_fragment
    if first is not None and len(first) >= 8:
        sport, dport = int.from_bytes(first[0:2], "big"), int.from_bytes(first[2:4], "big")
        if not {sport, dport} & {IKE_PORT, NAT_T_PORT}:
            return None
        message = first_message(first)
        if message is not None:
            spi_i, exchange = message.spi_i, message.exchange
    return LostDatagram(
        file=file,
        frame=datagram.frames[0],
        ts=datagram.first_ns,
        src=str(ip_address(datagram.key[0])),
        dst=str(ip_address(datagram.key[1])),
        sport=sport,
        dport=dport,
        spi_i=spi_i,
        exchange=exchange,
        has_tail=datagram.total_length is not None,
    )
