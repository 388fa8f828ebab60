"""What the capturing system says it did with IKE and ESP after the network card: drops, and deliveries.

Knows how to read a dropped packet and how to pair what the IKE service received with the requests of the
capture. Must not judge. Drops of multicast, broadcast and loopback, and of anything but IKE and ESP, never
get here: the reader leaves them out.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from msgspec import Struct, field

from pcapan.decode.ike import parse_ike
from pcapan.decode.ip import parse_ip
from pcapan.decode.numbers import IKE_AUTH, IKE_PORT, IKE_SA_INIT, NAT_T_PORT
from pcapan.ingest.frames import DroppedPacket, ServiceMessage, SideEvidence
from pcapan.track.attempts import Attempt, Request

_UDP, _ESP = 17, 50
#: A packet that several parts of the stack report as dropped within this time was dropped once, ns.
_SAME = 10_000_000
#: The IKE service tells of a request this soon after the card saw it, or (clocks of two providers) before.
_AFTER, _BEFORE = 1_000_000_000, 50_000_000


class Dropped(Struct, frozen=True):
    """One IKE or ESP packet to or from a server that the server's system dropped."""

    file: int
    frame: int
    """Frame that shows it at the network card; 0 = none."""
    ts: int
    src: str
    dst: str
    sport: int
    dport: int
    exchange: int | None
    """IKE exchange type; None for ESP, or when the packet cannot be read that far."""
    spi_i: int
    is_esp: bool
    is_request: bool


class DropGroup(Struct):
    """Packets of one server dropped for one reason, or requests that never reached its IKE service."""

    server: str
    inward: bool
    """The packets were sent to the server."""
    reason: int | None
    """None = nobody says why: the IKE service did not get what the card saw."""
    reason_text: str
    location: int
    component: str
    packets: list[Dropped] = field(default_factory=list)


class Delivery(Struct):
    """How the requests of the capture fared on their way to the IKE service."""

    known: bool = False
    """The service tells of its messages (Windows Filtering Platform events)."""
    received: int = 0
    """IKE_SA_INIT requests that the service received."""
    received_unanswered: int = 0
    """Received, and never answered in the capture."""
    not_received: int = 0
    failures: dict[str, int] = field(default_factory=dict)


def find_drops(
    sides: Sequence[SideEvidence], servers: Sequence[str], attempts: Sequence[Attempt]
) -> tuple[list[DropGroup], Delivery]:
    """Group what the files tell; `sides` are those of the input files in order."""
    groups: dict[tuple[str, bool, int | None], DropGroup] = {}
    delivery = Delivery()
    for file, side in enumerate(sides, 1):
        last: dict[tuple[object, ...], int] = {}
        for drop in side.drops:
            _add_drop(groups, file, drop, servers, last)
        for said, count in side.failures.items():
            delivery.failures[said] = delivery.failures.get(said, 0) + count
        received = [message for message in side.messages if not message.sent]
        if received:
            delivery.known = True
            _deliver(groups, delivery, file, received, attempts)
    return list(groups.values()), delivery


def _add_drop(
    groups: dict[tuple[str, bool, int | None], DropGroup],
    file: int,
    drop: DroppedPacket,
    servers: Sequence[str],
    last: dict[tuple[object, ...], int],
) -> None:
    packet = _read(file, drop)
    if packet is None:
        return
    if packet.dst in servers:
        server, inward = packet.dst, True
    elif packet.src in servers:
        server, inward = packet.src, False
    else:
        return
    identity = (
        drop.data[4:6],
        packet.src,
        packet.dst,
        packet.sport,
        packet.dport,
        packet.spi_i,
        drop.data[20:32],
    )
    before = last.get(identity)
    last[identity] = drop.time
    if before is not None and drop.time - before <= _SAME:
        return
    key = (server, inward, drop.reason)
    group = groups.get(key)
    if group is None:
        group = groups[key] = DropGroup(
            server, inward, drop.reason, drop.reason_text, drop.location, drop.component
        )
    group.packets.append(packet)


def _read(file: int, drop: DroppedPacket) -> Dropped | None:
    packet = parse_ip(drop.data, 0, len(drop.data))
    if isinstance(packet, str):
        return None
    src, dst = str(ip_address(packet.src)), str(ip_address(packet.dst))
    start, end = packet.payload_start, packet.payload_end
    if packet.protocol == _ESP:
        return Dropped(file, drop.frame, drop.time, src, dst, 0, 0, None, 0, is_esp=True, is_request=False)
    if packet.protocol != _UDP or end - start < 8:
        return None
    payload = drop.data[start:end]
    sport, dport = int.from_bytes(payload[0:2], "big"), int.from_bytes(payload[2:4], "big")
    if not {sport, dport} & {IKE_PORT, NAT_T_PORT}:
        return None
    nat_t = NAT_T_PORT in (sport, dport)
    at = 12 if nat_t and payload[8:12] == bytes(4) else 8
    message = None if nat_t and at == 8 else parse_ike(payload, at, len(payload), packet.wire_payload_length)
    if message is None and nat_t and at == 8 and len(payload) < 12:
        return None
    return Dropped(
        file,
        drop.frame,
        drop.time,
        src,
        dst,
        sport,
        dport,
        message.exchange if message is not None else None,
        message.spi_i if message is not None else 0,
        is_esp=message is None and nat_t,
        is_request=message is not None and not message.flags & 0x20,
    )


def _deliver(
    groups: dict[tuple[str, bool, int | None], DropGroup],
    delivery: Delivery,
    file: int,
    received: list[ServiceMessage],
    attempts: Sequence[Attempt],
) -> None:
    """Pair the requests at the card with what the service says it received."""
    times: dict[int, list[int]] = {}
    for message in received:
        times.setdefault(message.spi_i, []).append(message.time)
    for attempt in attempts:
        told = times.get(attempt.spi_i, [])
        for request in attempt.requests:
            if request.file != file:
                continue
            if any(request.ts - _BEFORE <= time <= request.ts + _AFTER for time in told):
                delivery.received += 1
                delivery.received_unanswered += not attempt.answered
            elif not attempt.answered:
                delivery.not_received += 1
                _undelivered(groups, file, attempt, request)


def _undelivered(
    groups: dict[tuple[str, bool, int | None], DropGroup], file: int, attempt: Attempt, request: Request
) -> None:
    key = (attempt.server, True, None)
    group = groups.get(key)
    if group is None:
        group = groups[key] = DropGroup(
            attempt.server,
            True,
            None,
            "the IKE service never received them",
            0,
            "between card and IKE service",
        )
    group.packets.append(
        Dropped(
            file,
            request.frame,
            request.ts,
            attempt.src,
            attempt.server,
            attempt.sport,
            attempt.dport,
            IKE_SA_INIT,
            attempt.spi_i,
            is_esp=False,
            is_request=True,
        )
    )


def is_init(packet: Dropped) -> bool:
    """An IKE_SA_INIT message."""
    return packet.exchange == IKE_SA_INIT


def is_auth(packet: Dropped) -> bool:
    """An IKE_AUTH message."""
    return packet.exchange == IKE_AUTH
