"""Which private address hides behind a NAT_DETECTION hash? Tries addresses until one fits.

Knows the hash (RFC 7296 section 2.23), the private IPv4 space and which parts of it clients live
in most. Must not know attempts, captures, processes or clocks: the caller says when to stop. The
initiator's SPI salts every hash, so nothing computed for one attempt helps with another.

An address found is as good as proven: a wrong one would need a SHA-1 collision (chance 2**-135
over the whole space). Not finding one proves little, see `pcapan.track.recover`.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from hashlib import sha1
from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

from pcapan.decode import natd_lanes
from pcapan.decode.natd import natd_hash

_IPV4_END = 1 << 32
_HASH_SIZE = 20


class AddressRange(NamedTuple):
    """IPv4 addresses as integers, both ends included."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """Number of addresses."""
        return self.last - self.first + 1


class Match(NamedTuple):
    """An address and port that give one of the hashes."""

    address: int
    """IPv4 address as an integer."""
    port: int

    @property
    def text(self) -> str:
        """The address as people write it."""
        return str(IPv4Address(self.address))


def address_range(network: str) -> AddressRange:
    """The range of an IPv4 network such as ``192.168.0.0/16``."""
    parsed = IPv4Network(network)
    return AddressRange(int(parsed[0]), int(parsed[-1]))


def disjoint(ranges: Iterable[AddressRange], taken: Iterable[AddressRange] = ()) -> list[AddressRange]:
    """The same addresses in the same order, without `taken` and what an earlier range holds already."""
    given = list(taken)
    result: list[AddressRange] = []
    for whole in ranges:
        rest = [whole]
        for done in given:
            if done.first <= whole.last and whole.first <= done.last:
                rest = [part for piece in rest for part in _without(piece, done)]
        given.append(whole)
        result += rest
    return result


def _without(piece: AddressRange, taken: AddressRange) -> list[AddressRange]:
    if taken.last < piece.first or piece.last < taken.first:
        return [piece]
    before = AddressRange(piece.first, taken.first - 1)
    after = AddressRange(taken.last + 1, piece.last)
    return [part for part in (before, after) if part.size > 0]


def chunks(ranges: Iterable[AddressRange], size: int) -> list[tuple[AddressRange, ...]]:
    """Pack the ranges, in order, into parts of exactly `size` addresses (the last one may be less)."""
    result: list[tuple[AddressRange, ...]] = []
    part: list[AddressRange] = []
    room = size
    for first, last in ranges:
        while first <= last:
            end = min(last, first + room - 1)
            part.append(AddressRange(first, end))
            room -= end - first + 1
            first = end + 1
            if not room:
                result.append(tuple(part))
                part, room = [], size
    if part:
        result.append(tuple(part))
    return result


#: Subnets that devices hand out before anybody configures them, commonest first, as their makers
#: document them. All together cost a few milliseconds an attempt, so an entry too many is harmless.
_LIKELY = (
    "192.168.0.0/23",  # most home routers: .0 D-Link, NETGEAR, TP-Link, Vodafone; .1 Linksys, ASUS, others
    "192.168.2.0/24",  # Speedport, Belkin
    "192.168.178.0/24",  # FRITZ!Box
    "192.168.100.0/24",  # fibre and cable terminals
    "172.20.10.0/28",  # iPhone hotspot
    "192.168.43.0/24",  # Android hotspot, until version 10
    "192.168.137.0/24",  # Windows hotspot and connection sharing
    "192.0.0.0/29",  # IPv4 over an IPv6-only access (464XLAT; RFC 7335)
    "10.0.0.0/23",  # cable gateways; .1 Apple AirPort
    "10.1.10.0/24",  # business cable gateways
    "192.168.8.0/24",  # mobile routers
    "192.168.4.0/22",  # mesh systems
    "192.168.50.0/24",  # ASUS, newer
    "192.168.68.0/22",  # TP-Link mesh
    "192.168.86.0/24",  # Google mesh
    "192.168.88.0/24",  # MikroTik
    "192.168.10.0/23",  # Buffalo, small offices
    "192.168.20.0/24",  # small offices number VLANs 10, 20, 30
    "192.168.30.0/24",
    "10.0.2.0/24",  # virtual machines behind VirtualBox or QEMU
    "192.168.122.0/24",  # libvirt
    "172.16.0.0/23",  # guest networks
)


@cache
def search_order() -> tuple[tuple[AddressRange, ...], ...]:
    """All 22 million private (RFC 1918) and carrier (RFC 6598) addresses, each exactly once, in tiers.

    The tiers: defaults of home devices (7,704 addresses), the rest of 192.168/16 and 172.16/12
    (1.1 million), the first subnets of every site in 10/8 (10.x.0.x and 10.x.1.x), the rest of 10/8
    (16.6 million), carrier space 100.64/10 (4.2 million; last, because a host has an address from
    it only without a router of its own). A tier costs up to 15 times all tiers before it: go
    through one for every attempt before the next.
    """
    tiers = (
        [address_range(network) for network in _LIKELY],
        [address_range("192.168.0.0/16"), address_range("172.16.0.0/12")],
        [address_range(f"10.{site}.0.0/23") for site in range(256)],
        [address_range("10.0.0.0/8")],
        [address_range("100.64.0.0/10")],
    )
    result: list[tuple[AddressRange, ...]] = []
    before: list[AddressRange] = []
    for tier in tiers:
        result.append(tuple(disjoint(tier, before)))
        before += tier
    return tuple(result)


@cache
def _suffixes(port: int) -> tuple[bytes, ...]:
    """What follows the first three bytes of an address in the hash: its last byte and the port."""
    return tuple(bytes((low,)) + port.to_bytes(2, "big") for low in range(256))


class _ByHashlib:
    """Tries addresses one by one.

    One SHA-1 state per 256 addresses is copied and given three more bytes: measured with Python
    3.11 the fastest way there is, 0.41 us an address against 0.50 for one call per address, and the
    only one that is not slowed by asking for SHA-1 in a way that locked-down systems allow.
    """

    #: Addresses between two looks at whether to go on, a power of 2: 0.1 ms.
    step = 1 << 8

    def __init__(self, spi_i: int, spi_r: int, targets: frozenset[bytes]) -> None:
        self._head = sha1(spi_i.to_bytes(8, "big") + spi_r.to_bytes(8, "big"), usedforsecurity=False)
        self._targets = targets

    def first(self, port: int, first: int, last: int) -> int | None:
        """First of the addresses, none or all of one step, that gives a target."""
        targets = self._targets
        block = self._head.copy()
        block.update((first >> 8).to_bytes(3, "big"))
        fork = block.copy
        low = first & 0xFF
        for suffix in _suffixes(port)[low : low + last - first + 1]:
            state = fork()
            state.update(suffix)
            if state.digest() in targets:
                return first - low + suffix[0]
        return None


class _ByLanes:
    """Tries sixteen addresses at a time, compiled."""

    step = 1 << 14

    def __init__(self, spi_i: int, spi_r: int, targets: frozenset[bytes]) -> None:
        self._spi_i, self._spi_r, self._targets = spi_i, spi_r, targets
        self._wanted = array("I", [natd_lanes.last_word(target) for target in targets])

    def first(self, port: int, first: int, last: int) -> int | None:
        """As `_ByHashlib.first`."""
        while first <= last:
            address = natd_lanes.candidate(self._spi_i, self._spi_r, port, first, last, self._wanted)
            if address < 0:
                return None
            if natd_hash(self._spi_i, self._spi_r, address.to_bytes(4, "big"), port) in self._targets:
                return address
            first = address + 1
        return None


def search(
    spi_i: int,
    spi_r: int,
    targets: frozenset[bytes],
    ports: Sequence[int],
    ranges: Iterable[AddressRange],
    should_stop: Callable[[], bool],
) -> Match | None:
    """First IPv4 address of the ranges, in order, whose hash with one of the ports is a target.

    `spi_r` is 0 for the initial request. None means: no address fits, or `should_stop` (asked every
    0.1 to 1 ms) said so; the caller knows which. Of the ports that fit an address the first is told.
    Compiled, 17.9 million addresses take 0.3 to 0.6 s instead of 8 s, and other threads run meanwhile.

    Raises:
        ValueError: when a range leaves the IPv4 space.
    """
    hashes = frozenset(target for target in targets if len(target) == _HASH_SIZE)
    use_lanes = natd_lanes.COMPILED and len(hashes) <= natd_lanes.MOST_WANTED
    tried = (_ByLanes if use_lanes else _ByHashlib)(spi_i, spi_r, hashes)
    for first, last in ranges:
        if first < 0 or last >= _IPV4_END:
            raise ValueError(f"not a range of IPv4 addresses: {first} to {last}")
        start = first
        while start <= last:
            if should_stop():
                return None
            end = min(last, start | (tried.step - 1))
            match: Match | None = None
            for port in dict.fromkeys(ports):
                address = tried.first(port, start, match.address - 1 if match else end)
                match = match if address is None else Match(address, port)
            if match:
                return match
            start = end + 1
    return None


def first_match(
    spi_i: int, spi_r: int, targets: frozenset[bytes], ports: Sequence[int], addresses: Iterable[bytes]
) -> tuple[bytes, int] | None:
    """First of the given addresses (4 or 16 bytes) that gives a target with one of the ports."""
    for address in addresses:
        for port in ports:
            if natd_hash(spi_i, spi_r, address, port) in targets:
                return address, port
    return None
