"""Traffic of a VPN server, as much of it as is asked for, the same for the same seed.

Knows packets and how often each kind comes. Must not know files. Addresses are those for benchmarks
(RFC 2544) and documentation (RFC 5737, RFC 3849).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from random import Random

from tests.kit import ike

SERVER, SERVER_6 = ip_address("192.0.2.10").packed, ip_address("2001:db8::10").packed
_FIRST_CLIENT = int(ip_address("198.18.0.1"))
_CLIENTS_6 = ip_address("2001:db8:1::").packed[:12]
_MAC_SERVER, _MAC_GATEWAY = bytes.fromhex("00155d0a0001"), bytes.fromhex("00155d0a00fe")

#: Every so manieth client is one of IPv6; every so manieth attempt stays without an answer, where repeating
#: it at once gives packets that differ, as those of IPv4 do.
_EVERY_SIXTH, _EVERY_SILENT = 33, 35
#: ESP flows of a client: to it, from it, and from it after the keys were changed.
FLOWS = 3
_SMALLEST = 60


@dataclass(frozen=True, slots=True)
class Mix:
    """How often which packets come."""

    weights: tuple[float, float, float, float]
    """ESP, IKE, keepalives, other traffic."""
    sizes: tuple[tuple[int, int, int], ...]
    """Weight, smallest and biggest frame of ESP and other traffic."""


OFFICE = Mix((84.5, 1, 0.5, 14), ((38, 90, 180), (22, 180, 1000), (40, 1000, 1414)))
SMALL = Mix((84.5, 1, 0.5, 14), ((1, 90, 140),))
IKE_ONLY = Mix((0, 1, 0, 0), ((1, 90, 140),))


@dataclass(slots=True)
class Counts:
    """What was made."""

    packets: int = 0
    esp: int = 0
    ike: int = 0
    keepalive: int = 0
    other: int = 0
    octets: int = field(default=0)
    """Size of the file."""


class _Client:
    """One client behind its address: the parts of its packets that never change."""

    def __init__(self, number: int) -> None:
        self.six = number % _EVERY_SIXTH == _EVERY_SIXTH - 1
        if self.six:
            own, server = _CLIENTS_6 + number.to_bytes(4, "big"), SERVER_6
        else:
            own, server = (_FIRST_CLIENT + number).to_bytes(4, "big"), SERVER
        self.pairs = (own + server, server + own)
        self.port = 4500 if number % 3 == 0 else 1024 + number * 7919 % 60000
        self.spis = [0x1000_0000 + FLOWS * number + flow for flow in range(FLOWS)]
        self.sums = [sum(struct.unpack(f"!{len(pair) // 2}H", pair)) for pair in self.pairs]


def packets(mix: Mix, sources: int, seed: int) -> Iterator[tuple[int, str, bytes]]:
    """Endless (time in microseconds since 1970, kind, frame)."""
    rng = Random(seed)
    clients = [_Client(number) for number in range(sources)]
    dialogues = _dialogues(sources, rng)
    pool = rng.randbytes(1 << 17)
    kinds = ("esp", "ike", "keepalive", "other")
    spans = [(low, high - low) for _, low, high in mix.sizes]
    weights = [weight for weight, _, _ in mix.sizes]
    time = 1_700_000_000_000_000
    number = 0
    random = rng.random
    while True:
        chosen = rng.choices(kinds, mix.weights, k=4096)
        for kind, (low, span) in zip(chosen, rng.choices(spans, weights, k=4096), strict=True):
            number += 1
            time += 5 + int(random() * 55)
            if kind == "ike":
                source, inward, plain, payload = next(dialogues)
                yield time, kind, _udp(clients[source], inward, payload, 500 if plain else 4500, number)
                continue
            client = clients[int(random() * sources)]
            if kind == "keepalive":
                yield time, kind, _udp(client, True, b"\xff", 4500, number).ljust(_SMALLEST, b"\0")
                continue
            size = low + int(random() * span)
            at = int(random() * 0x10000)
            if kind == "esp":
                flow = int(random() * FLOWS)
                head = struct.pack("!II", client.spis[flow], number & 0xFFFFFFFF)
                payload = head + pool[at : at + size - 50]
                yield time, kind, _udp(client, flow > 0, payload, 4500, number)
            else:
                yield time, kind, _other(client, random() < 0.45, pool[at : at + size - 54], number)


def _frame(client: _Client, inward: bool, protocol: int, segment: bytes, number: int) -> bytes:
    macs = _MAC_SERVER + _MAC_GATEWAY if inward else _MAC_GATEWAY + _MAC_SERVER
    pair = client.pairs[not inward]
    if client.six:
        return macs + struct.pack("!HIHBB", 0x86DD, 6 << 28, len(segment), protocol, 118) + pair + segment
    total = 20 + len(segment)
    ident = number & 0xFFFF
    check = client.sums[0] + 0x4500 + total + ident + (118 << 8 | protocol)
    check = (check & 0xFFFF) + (check >> 16)
    check = ~((check & 0xFFFF) + (check >> 16)) & 0xFFFF
    head = struct.pack("!HBBHHHBBH", 0x0800, 0x45, 0, total, ident, 0, 118, protocol, check)
    return macs + head + pair + segment


def _udp(client: _Client, inward: bool, payload: bytes, port: int, number: int) -> bytes:
    ports = (client.port if port == 4500 else 500, port)
    sport, dport = ports if inward else ports[::-1]
    head = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0)
    return _frame(client, inward, 17, head + payload, number)


def _other(client: _Client, inward: bool, payload: bytes, number: int) -> bytes:
    """Seven of ten are HTTPS."""
    if number % 10 < 7:
        sport, dport = (client.port, 443) if inward else (443, client.port)
        head = struct.pack("!HHIIBBHHH", sport, dport, number & 0xFFFFFFFF, 1, 0x50, 0x10, 8192, 0, 0)
        return _frame(client, inward, 6, head + payload, number)
    sport, dport = (40000, 53) if inward else (53, 40000)
    head = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0)
    return _frame(client, inward, 17, head + payload, number)


def _dialogues(sources: int, rng: Random) -> Iterator[tuple[int, bool, bool, bytes]]:
    """(client, towards the server, on port 500, UDP payload) of one attempt after another."""
    number = 0
    marker = bytes(4)
    while True:
        source = number % sources
        number += 1
        spi_i, spi_r = rng.getrandbits(64) | 1, rng.getrandbits(64) | 1
        ask = request(spi_i, rng)
        yield source, True, True, ask
        if number % _EVERY_SILENT == 0 and source % _EVERY_SIXTH != _EVERY_SIXTH - 1:
            yield source, True, True, ask
            yield source, True, True, ask
            continue
        answer = [(ike.SA, ike.SA_BODY), ike.ke(), (ike.NONCE, rng.randbytes(48)), *_natd(rng)]
        yield source, False, True, ike.message(answer, spi_i=spi_i, spi_r=spi_r, flags=ike.RESPONSE)
        for part, size in ((1, 520), (2, 520), (3, 300)):
            piece = [ike.fragment(part, 3, rng.randbytes(size))]
            inner = 35 if part == 1 else 0
            yield (
                source,
                True,
                False,
                marker
                + ike.message(piece, spi_i=spi_i, spi_r=spi_r, exchange=ike.AUTH, message_id=1, inner=inner),
            )
        for exchange, message_id, flags, size in (
            (ike.AUTH, 1, ike.RESPONSE, 1100),
            (ike.INFO, 2, ike.INITIATOR, 56),
            (ike.INFO, 2, ike.RESPONSE, 56),
        ):
            yield source, flags == ike.INITIATOR, False, marker + ike.message(
                [(ike.SK, rng.randbytes(size))],
                spi_i=spi_i, spi_r=spi_r, exchange=exchange, message_id=message_id, flags=flags, inner=36,
            )  # fmt: skip


def request(spi_i: int, rng: Random, group: int = 14, key: int = 256) -> bytes:
    """An IKE_SA_INIT as Windows sends it, but for the hashes, which are random."""
    offer = [(ike.SA, ike.SA_BODY), ike.ke(group, key), (ike.NONCE, rng.randbytes(48)), ike.notify(16430)]
    return ike.message([*offer, *_natd(rng), (ike.VENDOR, ike.MS9)], spi_i=spi_i)


def _natd(rng: Random) -> list[ike.Payload]:
    return [ike.notify(kind, rng.randbytes(20)) for kind in (ike.NATD_SOURCE, ike.NATD_DESTINATION)]


def flood(seed: int) -> Iterator[tuple[int, str, bytes]]:
    """Endless first requests, each from another address (800 million before one comes again)."""
    rng = Random(seed)
    time = 1_700_000_000_000_000
    number = 0
    client = _Client(0)
    while True:
        number += 1
        time += 10
        own = (0x0B000000 + number * 2654435761 % 0x30000000).to_bytes(4, "big")
        client.pairs = (own + SERVER, SERVER + own)
        client.sums = [sum(struct.unpack("!4H", client.pairs[0]))]
        yield time, "ike", _udp(client, True, request(number << 20 | 1, rng, 20, 96), 500, number)
