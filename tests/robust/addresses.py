"""Other addresses for a capture: everywhere they stand, with the NAT detection hashes left or made to fit.

`readdress` replaces them in IP headers, ARP, neighbour discovery and the packets that ICMP quotes.
Checksums are left alone: nothing in the program looks at them.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterable
from hashlib import sha1
from ipaddress import IPv4Address, IPv6Address

from tests.kit.frames import Frame

Mapping = Callable[[bytes], bytes]
"""Packed address -> packed address of the same family."""

_TAGS = (0x8100, 0x88A8)
_V4_QUOTING = (3, 4, 5, 11, 12)
_V6_QUOTING = (1, 2, 3, 4)
_V6_TARGETING = (135, 136, 137)
_V6_EXTENSIONS = (0, 43, 60)
_NATD = (16388, 16389)
_IKE_SA_INIT, _NOTIFY = 34, 41


def readdress(frames: Iterable[Frame], link: int, mapping: Mapping, *, rehash: bool = False) -> list[Frame]:
    """The frames with other addresses; `rehash` also renews the NAT-D hashes that fitted the old ones."""
    changed = []
    for frame in frames:
        data = bytearray(frame.data)
        at, kind = network_layer(link, data)
        if kind == "arp":
            for offset in (14, 24):
                _replace(data, at + offset, 4, mapping)
        elif kind == "ip":
            _ip(data, at, mapping, rehash)
        changed.append(frame._replace(data=bytes(data)))
    return changed


def network_layer(link: int, data: bytes | bytearray) -> tuple[int, str]:
    """Where the network layer begins, and whether it is ip, arp or other."""
    if link == 101:
        return 0, "ip"
    if link == 0:
        return 4, "ip"
    at = {1: 12, 113: 14, 276: 0}[link]
    if len(data) < at + 2:
        return 0, "other"
    (kind,) = struct.unpack_from("!H", data, at)
    at += 20 if link == 276 else 2
    while kind in _TAGS and len(data) >= at + 4:
        (kind,) = struct.unpack_from("!H", data, at + 2)
        at += 4
    return at, {0x0800: "ip", 0x86DD: "ip", 0x0806: "arp"}.get(kind, "other")


def _replace(data: bytearray, at: int, size: int, mapping: Mapping) -> None:
    """The address at this place, if the snap length left it whole and it names a host."""
    old = bytes(data[at : at + size])
    if len(old) == size and any(old):
        data[at : at + size] = mapping(old)


def _ip(data: bytearray, at: int, mapping: Mapping, rehash: bool) -> None:
    if len(data) <= at:
        return
    version = data[at] >> 4
    if version == 4 and len(data) >= at + 20:
        src, dst = bytes(data[at + 12 : at + 16]), bytes(data[at + 16 : at + 20])
        if dst[0] < 224 or src == dst:
            _replace(data, at + 16, 4, mapping)
        _replace(data, at + 12, 4, mapping)
        first = not struct.unpack_from("!H", data, at + 6)[0] & 0x1FFF
        _transport(data, at + (data[at] & 15) * 4, data[at + 9] if first else -1, src, dst, mapping, rehash)
    elif version == 6 and len(data) >= at + 40:
        src, dst = bytes(data[at + 8 : at + 24]), bytes(data[at + 24 : at + 40])
        _replace(data, at + 8, 16, mapping)
        if dst[0] != 0xFF:
            _replace(data, at + 24, 16, mapping)
        protocol, inner = data[at + 6], at + 40
        while protocol in (*_V6_EXTENSIONS, 44) and len(data) >= inner + 8:
            following = data[inner]
            if protocol == 44:
                later = struct.unpack_from("!H", data, inner + 2)[0] >> 3
                protocol, inner = (-1 if later else following), inner + 8
            else:
                protocol, inner = following, inner + 8 + data[inner + 1] * 8
        _transport(data, inner, protocol, src, dst, mapping, rehash)


def _transport(
    data: bytearray, at: int, protocol: int, src: bytes, dst: bytes, mapping: Mapping, rehash: bool
) -> None:
    if len(data) <= at + 8:
        return
    if (protocol == 1 and data[at] in _V4_QUOTING) or (protocol == 58 and data[at] in _V6_QUOTING):
        _ip(data, at + 8, mapping, rehash=False)
    elif protocol == 58 and data[at] in _V6_TARGETING:
        _replace(data, at + 8, 16, mapping)
    elif protocol == 17 and rehash:
        _renew_hashes(data, at, (src, dst), mapping)


def _renew_hashes(data: bytearray, udp: int, ends: tuple[bytes, bytes], mapping: Mapping) -> None:
    """NAT-D hashes of an IKE_SA_INIT that fit one of the packet's old addresses fit its new one."""
    ports = {500, 4500, *struct.unpack_from("!HH", data, udp)}
    at = udp + 8
    if data[at : at + 4] == bytes(4):
        at += 4
    if len(data) < at + 28 or data[at + 17] != 0x20 or data[at + 18] != _IKE_SA_INIT:
        return
    spis = bytes(data[at : at + 16])
    following, at = data[at + 16], at + 28
    while following and len(data) >= at + 8:
        size = struct.unpack_from("!H", data, at + 2)[0]
        kind = struct.unpack_from("!H", data, at + 6)[0]
        if following == _NOTIFY and kind in _NATD and size == 28 and len(data) >= at + 28:
            held = bytes(data[at + 8 : at + 28])
            for port in ports:
                for end in ends:
                    tail = struct.pack("!H", port)
                    if sha1(spis + end + tail).digest() == held:
                        data[at + 8 : at + 28] = sha1(spis + mapping(end) + tail).digest()
        if size < 4:
            return
        following, at = data[at], at + size


def xor(key: int) -> Mapping:
    """Keeps who is in one network with whom."""
    k4 = struct.pack("!I", key & 0xFFFFFFFF)
    k6 = sha1(k4).digest()[:16]
    return lambda old: bytes(a ^ b for a, b in zip(old, k4 if len(old) == 4 else k6, strict=True))


def random_private(seed: int) -> Mapping:
    """Every address becomes one of 10.0.0.0/8 or fd00::/8, no two the same."""
    chance = random.Random(seed)
    return _each_new(
        lambda four: b"\x0a" + chance.randbytes(3) if four else b"\xfd" + chance.randbytes(15),
    )


def one_network(seed: int) -> Mapping:
    """All hosts become neighbours: one /24 (as many /24s as needed, 192.168.x), one /64."""
    chance = random.Random(seed)
    places = {True: list(range(1, 255)), False: list(range(1, 65535))}
    for numbers in places.values():
        chance.shuffle(numbers)

    def place(four: bool) -> bytes:
        number = places[four].pop()
        return bytes([192, 168, 77, number]) if four else b"\xfd\x77" + bytes(12) + struct.pack("!H", number)

    return _each_new(place)


def _each_new(make: Callable[[bool], bytes]) -> Mapping:
    known: dict[bytes, bytes] = {}
    taken: set[bytes] = set()

    def mapping(old: bytes) -> bytes:
        while old not in known:
            new = make(len(old) == 4)
            if new not in taken:
                known[old] = new
                taken.add(new)
        return known[old]

    return mapping


def renumbered(prefixes: Iterable[tuple[str, str]]) -> Mapping:
    """Networks moved as a whole: pairs of network addresses, /24 for IPv4 and /48 for IPv6."""
    moves = []
    for old, new in prefixes:
        kind, size = (IPv6Address, 6) if ":" in old else (IPv4Address, 3)
        moves.append((kind(old).packed[:size], kind(new).packed[:size]))

    def mapping(old: bytes) -> bytes:
        for begin, instead in moves:
            if old.startswith(begin) and (len(old) == 4) == (len(begin) == 3):
                return instead + old[len(begin) :]
        return old

    return mapping
