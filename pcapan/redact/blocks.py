"""Which kinds of addresses there are, so that a pseudonym is of the same kind as its address.

Knows the special-purpose blocks of IPv4 and IPv6 (IANA registries, RFC 6890 and its successors) and which
addresses name nobody. Must not know keys or captures.

An address keeps the leading bits of its block. Documentation networks (RFC 5737) are too small to hide in
and move to the benchmarking block (RFC 2544), which like them belongs to nobody.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import NamedTuple


class Block(NamedTuple):
    """Addresses whose first `bits` bits (those of `first`) stay; 0 bits: the rest of the address space."""

    first: int
    bits: int


def _block(network: str) -> Block:
    parsed = ip_network(network)
    return Block(int(parsed.network_address), parsed.prefixlen)


#: The longest block that holds an address counts.
_V4 = tuple(
    _block(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_V6 = tuple(
    _block(network)
    for network in (
        "fe80::/64",
        "2001:db8::/32",
        "3fff::/20",
        "2001::/23",
        "fc00::/8",
        "fd00::/8",
        "fe80::/10",
        "2000::/3",
    )
)
_SMALL_PRIVATE = (_block("172.16.0.0/12"), _block("192.168.0.0/16"))
_GLOBAL_V4 = Block(0, 0)
_GLOBAL_V6 = _block("2000::/3")
#: Where the leading 16 bits say what an address is for: multicast scopes, unassigned blocks.
_KEPT_V6 = 16

#: /24 networks that are moved to a /24 of 198.18.0.0/15 before anything else: as number of the network.
_MOVED = {
    int(ip_network(network).network_address) >> 8: (int(ip_network("198.18.0.0/15").network_address) >> 8) + n
    for n, network in enumerate(("192.0.0.0/24", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"))
}

#: Addresses that name nobody: "any", "all" and, for IPv6, the machine itself.
NOBODY = frozenset({bytes(4), b"\xff" * 4, bytes(16), bytes(15) + b"\x01"})

_6TO4 = 0x2002
#: IPv6 networks that carry an IPv4 address behind their first bytes: RFC 4291, RFC 6052, RFC 3056.
CARRIERS = (
    ip_network("::ffff:0:0/96").network_address.packed[:12],
    ip_network("64:ff9b::/96").network_address.packed[:12],
    _6TO4.to_bytes(2, "big"),
)


def moved(value: int) -> int:
    """An IPv4 address with its documentation network moved."""
    network = _MOVED.get(value >> 8)
    return value if network is None else network << 8 | value & 0xFF


def roomier(value: int) -> int:
    """A private IPv4 address as one of 10.0.0.0/8, where there is more room; any other as it is."""
    return 10 << 24 | value & 0xFFFFFF if any(_holds(block, value, 32) for block in _SMALL_PRIVATE) else value


def _holds(block: Block, value: int, width: int) -> bool:
    return (value ^ block.first) >> (width - block.bits) == 0


def block_of(value: int, width: int) -> Block:
    """The block of an address of `width` bits (32 or 128); documentation networks are moved already."""
    for block in _V4 if width == 32 else _V6:
        if _holds(block, value, width):
            return block
    if width == 32:
        return _GLOBAL_V4
    return Block(value >> (128 - _KEPT_V6) << (128 - _KEPT_V6), _KEPT_V6)


def is_elsewhere(value: int, width: int, block: Block) -> bool:
    """Whether an address fell out of `block` into a smaller one inside it."""
    if block == _GLOBAL_V4:
        return value >> 8 in _MOVED or block_of(value, width) != block
    return block == _GLOBAL_V6 and (value >> 112 == _6TO4 or block_of(value, width) != block)
