"""MAC addresses, SPIs and vendor ids become others that look alike and mean the same to an analysis.

Knows which of their bits carry meaning: the group bit of a MAC address, the zero of an SPI that is not chosen
yet, the reserved ESP SPIs (RFC 4303 section 2.1), the names that vendor ids announce. Must not know packets.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable

from pcapan.decode.vendor_ids import MS_AUTHIP_KE, MS_NT5, MS_UNNAMED, known_prefix, vendor_name
from pcapan.redact.keyed import Key

_NO_MACS = (bytes(6), b"\xff" * 6)
_GROUP, _LOCAL = 1 << 40, 2 << 40
#: Bits of a MAC address that are replaced: all but "group" and "locally administered".
_MAC_BITS = 46
_RESERVED_ESP = 255
#: The highest 32 bits of an IKE SPI stay in sight where four zero bytes are the non-ESP marker.
_MARKER_BITS = 32


class Tokens:
    """Replaces numbers one to one, clear of those that occur."""

    def __init__(self, make: Callable[[int, int], int], allowed: Callable[[int], bool]) -> None:
        """`make(value, tweak)` gives candidates, for every tweak another permutation."""
        self._make = make
        self._allowed = allowed
        self._originals: set[int] = set()
        self.given: dict[int, int] = {}
        self._taken: set[int] = set()

    def know(self, values: Iterable[int]) -> None:
        """Tell which numbers occur; they are never given."""
        self._originals.update(values)

    def of(self, value: int) -> int:
        """The number in place of `value`."""
        made = self.given.get(value)
        if made is None:
            tweak = 0
            made = self._make(value, tweak)
            while made in self._taken or made in self._originals or not self._allowed(made):
                tweak += 1
                made = self._make(value, tweak)
            self.given[value] = made
            self._taken.add(made)
        return made


def ike_spis(key: Key) -> Tokens:
    """Eight-byte SPIs of IKE; zero stays with the caller."""
    return Tokens(
        lambda value, tweak: key.permuted(b"IKE SPI", value, 64, tweak),
        lambda made: bool(made >> _MARKER_BITS),
    )


def esp_spis(key: Key) -> Tokens:
    """Four-byte SPIs of ESP and AH."""
    return Tokens(
        lambda value, tweak: key.permuted(b"ESP SPI", value, 32, tweak), lambda made: made > _RESERVED_ESP
    )


class MacPseudonyms:
    """Pseudonyms of MAC addresses: locally administered, so that no maker is named; groups stay groups."""

    def __init__(self, key: Key) -> None:
        self._tokens = Tokens(lambda value, tweak: _mac(key, value, tweak), lambda made: True)

    def know(self, macs: Iterable[bytes]) -> None:
        """Tell which addresses occur."""
        self._tokens.know(int.from_bytes(mac, "big") for mac in macs if len(mac) == 6)

    @property
    def given(self) -> dict[bytes, bytes]:
        """Every address that was asked for, and its pseudonym."""
        return {a.to_bytes(6, "big"): b.to_bytes(6, "big") for a, b in self._tokens.given.items()}

    def of(self, mac: bytes) -> bytes:
        """The pseudonym of a six-byte address; "none" and "all" stay, and so does what is no address."""
        if mac in _NO_MACS or len(mac) != 6:
            return mac
        return self._tokens.of(int.from_bytes(mac, "big")).to_bytes(6, "big")


def _mac(key: Key, value: int, tweak: int) -> int:
    # The two bits that stay are the lowest of the first octet: take the number apart around them.
    low = (1 << 40) - 1
    packed = value >> 42 << 40 | value & low
    made = key.permuted(b"MAC", packed, _MAC_BITS, tweak)
    return made >> 40 << 42 | _LOCAL | value & _GROUP | made & low


def vendor_id(key: Key, vid: bytes) -> bytes:
    """A vendor id in place of another.

    Ids that are known to everybody stay, with the numbers that tell a Windows release. Behind a known
    beginning, versions and serial numbers are replaced, and so is every other id as a whole.
    """
    keep = len(vid)
    if vid[:16] in (MS_NT5, MS_UNNAMED, MS_AUTHIP_KE):
        keep = 20
    elif (prefix := known_prefix(vid)) is not None:
        keep = len(prefix)
    elif vendor_name(vid) == "Openswan":
        return vid[:2] + base64.b32encode(key.octets(b"vendor id", vid, 10))[:10]
    elif vendor_name(vid) is None:
        keep = 0
    if keep >= len(vid):
        return vid
    tail = key.scrambled(vid[keep:]) if len(vid) - keep <= 16 else key.random_like(b"vendor id", vid[keep:])
    return vid[:keep] + tail
