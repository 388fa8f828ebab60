"""IP addresses become others of the same kind, and neighbours stay neighbours.

Knows the prefix-preserving permutation of Xu, Fan, Ammar and Moon (Crypto-PAn, ICNP 2002) over a keyed hash,
and how to keep pseudonyms clear of the addresses that occur. Must not know packets.

Two addresses share as many leading bits after as before, within their block (private, public, carrier ...).
The unit in which addresses are moved is the /24, of IPv6 the /64. Where the pseudonym of an address would be
an address of the capture, the whole unit is placed elsewhere; this is the one thing that depends on more than
the key, so that two captures with one key may differ in such a unit, and nowhere else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from pcapan.errors import PcapanError
from pcapan.redact.blocks import CARRIERS, NOBODY, Block, block_of, is_elsewhere, moved, roomier
from pcapan.redact.keyed import Key

_Unit = tuple[int, int]
"""Width of the address and its leading bits: the /24 or /64."""

_HOST_BITS = {32: 8, 128: 64}

#: Places tried for a unit before its block counts as full.
_MOST_TRIES = 256
#: From this place on, units of the small private blocks move to the big one.
_FULL = 32


class AddressPseudonyms:
    """Pseudonyms of packed addresses (4 or 16 bytes, network order)."""

    def __init__(self, key: Key) -> None:
        self._key = key
        self._originals: dict[_Unit, set[bytes]] = defaultdict(set)
        self._all: set[bytes] = set()
        self._tweaks: dict[_Unit, int] = {}
        self._targets: dict[_Unit, _Unit] = {}
        self._placed: dict[bytes, bytes] = {}
        """What the places of units mean for their known addresses."""
        self._settled = False
        self._given: dict[bytes, bytes] = {}
        self._taken: dict[bytes, bytes] = {}

    def know(self, addresses: Iterable[bytes]) -> None:
        """Tell which addresses occur. What is told after the first pseudonym was given moves no other."""
        for address in addresses:
            if address not in self._all:
                self._all.add(address)
                self._originals[_unit(address)].add(address)
                carried = _carried(address)
                if carried is not None:
                    self.know([carried[1]])

    def is_known(self, address: bytes) -> bool:
        """Whether an address is one that occurs."""
        return address in self._all

    @property
    def given(self) -> dict[bytes, bytes]:
        """Every address that was asked for, and its pseudonym."""
        return dict(self._given)

    def of(self, address: bytes) -> bytes:
        """The pseudonym of an address; the same for the same address.

        Raises:
            PcapanError: when an address block is so full that no pseudonym is free.
        """
        known = self._given.get(address)
        if known is not None:
            return known
        if address in NOBODY:
            return address
        made = self._carrier(address)
        if made is None:
            if not self._settled:
                self._settle()
            unit = _unit(address)
            tweak = self._tweak(unit)
            made = self._placed.pop(address, None) or self._of_unit(address, tweak)
            if self._is_clash(address, made):
                made = self._one_by_one(address, unit)
        self._given[address] = made
        self._taken[made] = address
        return made

    def _carrier(self, address: bytes) -> bytes | None:
        """IPv6 that carries an IPv4 address carries its pseudonym; the rest of it is another network's."""
        found = _carried(address)
        if found is None:
            return None
        head, inner = found
        kept = len(head) + len(inner)
        for tweak in range(_MOST_TRIES):
            tail = self._flipped(int.from_bytes(address, "big"), 128, 8 * kept, 128, tweak)
            made = head + self.of(inner) + tail.to_bytes(16, "big")[kept:]
            if kept == 16 or not self._is_clash(address, made):
                return made
        raise _full(address)

    def _is_clash(self, address: bytes, made: bytes) -> bool:
        return made in self._all or made in NOBODY or self._taken.get(made, address) != address

    def _settle(self) -> None:
        """Place the units of all known addresses; those that can stay where the key alone puts them do."""
        self._settled = True
        order = sorted(self._originals)
        for unit in order:
            self._place(unit, 0)
        for unit in order:
            tweak = 1
            while unit not in self._tweaks:
                if tweak > _MOST_TRIES:
                    raise _full(min(self._originals[unit]))
                self._place(unit, tweak)
                tweak += 1

    def _place(self, unit: _Unit, tweak: int) -> None:
        """Let a unit have its place of this number, unless somebody is there."""
        made: dict[bytes, bytes] = {}
        target = unit
        for address in self._originals.get(unit) or [_first(unit)]:
            made[address] = pseudonym = self._of_unit(address, tweak)
            target = _unit(pseudonym)
            if self._targets.get(target, unit) != unit or pseudonym in self._all or pseudonym in NOBODY:
                return
        self._targets[target] = unit
        self._tweaks[unit] = tweak
        self._placed.update(made)

    def _tweak(self, unit: _Unit) -> int:
        tweak = 0
        while unit not in self._tweaks:
            if tweak > _MOST_TRIES:
                return 0
            self._place(unit, tweak)
            tweak += 1
        return self._tweaks[unit]

    def _one_by_one(self, address: bytes, unit: _Unit) -> bytes:
        """An address that came late, into a unit that has its place: another host there."""
        for member in sorted(self._originals.get(unit, ())):
            if member != address:
                self.of(member)
        width, bits = 8 * len(address), _HOST_BITS[8 * len(address)]
        network = int.from_bytes(self._of_unit(address, self._tweak(unit)), "big") >> bits << bits
        for number in range(_MOST_TRIES):
            host = self._key.permuted(b"late host", int.from_bytes(address, "big"), width, number)
            made = (network | host & ((1 << bits) - 1)).to_bytes(width // 8, "big")
            if not self._is_clash(address, made):
                return made
        raise _full(address)

    def _of_unit(self, address: bytes, tweak: int) -> bytes:
        """Where place number `tweak` of its unit puts an address."""
        width = 8 * len(address)
        bits = _HOST_BITS[width]
        original = int.from_bytes(address, "big")
        value = moved(original) if width == 32 else original
        if tweak >= _FULL and width == 32:
            value = roomier(value)
        block = block_of(value, width)
        network = value
        while block.bits < width - bits:
            network = self._flipped(network >> bits << bits, width, block.bits, width - bits, tweak)
            if not is_elsewhere(network, width, block):
                break
        host = self._flipped(value, width, max(block.bits, width - bits), width, tweak)
        made = network >> bits << bits | host & ((1 << bits) - 1)
        return made.to_bytes(width // 8, "big")

    def _flipped(self, value: int, width: int, begin: int, end: int, tweak: int) -> int:
        """Flip bits `begin` to `end` of an address, each as the bits before it and the key decide."""
        octets = value.to_bytes(width // 8, "big")
        head = bytes((width,)) + tweak.to_bytes(4, "big")
        made = bytearray(octets)
        hashed = self._key.octets
        for at in range(begin // 8, -(-end // 8)):
            nodes = int.from_bytes(hashed(b"address", head + octets[:at], 32), "big")
            flips = _flips(nodes, octets[at])
            if begin > 8 * at:
                flips &= 0xFF >> (begin - 8 * at)
            if end < 8 * at + 8:
                flips &= 0xFF << (8 * at + 8 - end)
            made[at] ^= flips
        return int.from_bytes(made, "big")


def _flips(nodes: int, octet: int) -> int:
    """Which bits of an octet to flip.

    `nodes` has a bit for each of the 255 inner nodes of the tree of octets; the bits before one select its
    node.
    """
    return (
        (nodes >> 1 & 1) << 7
        | (nodes >> (2 | octet >> 7) & 1) << 6
        | (nodes >> (4 | octet >> 6) & 1) << 5
        | (nodes >> (8 | octet >> 5) & 1) << 4
        | (nodes >> (16 | octet >> 4) & 1) << 3
        | (nodes >> (32 | octet >> 3) & 1) << 2
        | (nodes >> (64 | octet >> 2) & 1) << 1
        | (nodes >> (128 | octet >> 1) & 1)
    )


def _unit(address: bytes) -> _Unit:
    width = 8 * len(address)
    return width, int.from_bytes(address, "big") >> _HOST_BITS[width]


def _first(unit: _Unit) -> bytes:
    width, network = unit
    return (network << _HOST_BITS[width]).to_bytes(width // 8, "big")


def _carried(address: bytes) -> tuple[bytes, bytes] | None:
    """(network, IPv4 address) of an IPv6 address that carries one."""
    if len(address) == 16:
        for head in CARRIERS:
            if address.startswith(head):
                return head, address[len(head) : len(head) + 4]
    return None


def _full(address: bytes) -> PcapanError:
    block: Block = block_of(int.from_bytes(address, "big"), 8 * len(address))
    return PcapanError(
        "there are not enough free addresses for pseudonyms",
        where=f"an IPv{4 if len(address) == 4 else 6} block of {block.bits} fixed bits",
        hint="split the capture and redact the parts with one --redact-key",
    )
