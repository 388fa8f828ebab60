# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""Recognises the same packet captured more than once.

Knows what stays the same when a packet is seen at two points of one path (a mirror port, both
sides of a router, every layer of a Windows network stack), and what tells a copy from a
retransmission: the copy follows within milliseconds and keeps its IP identification, while a
sender gives every new datagram a new one (Windows counts it up by one for each). Where there is
no identification to compare (IPv6; atomic IPv4 datagrams with 0, RFC 6864), only a much shorter
time tells a copy. Must not know what a packet is: it sees hashes of 64 bits.
"""

from __future__ import annotations

import os
from array import array

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    from pcapan import shadow as cython
    from pcapan.octets import Octets
else:
    try:
        import cython
    except ImportError:
        from pcapan import shadow as cython
if not cython.compiled:
    from pcapan.octets import mixed, stirred

#: Copies with the same IP identification lie this close together, ns. Mirror ports add
#: microseconds, Windows' stack about 0.1 ms; a retransmission comes after at least 0.5 s.
WINDOW_WITH_ID = 50_000_000
#: Without an identification, ns: nobody retransmits that soon.
WINDOW_WITHOUT_ID = 1_000_000
#: Packets remembered. At a million packets a second this still spans four milliseconds.
REMEMBERED = 4096

#: Packets of one ESP SPI whose sequence numbers are remembered, as in RFC 4303's replay window.
ESP_WINDOW = 64

#: Slots of one generation: half of them stay free.
_SLOTS = 2 * REMEMBERED


class RecentPackets:
    """Remembers the last few thousand packets of one file: two generations, the older one forgotten whole."""

    def __init__(self) -> None:
        self._seed = int.from_bytes(os.urandom(8), "big")  # Nobody can prepare packets that collide.
        self._names = array("Q", bytes(16 * _SLOTS))
        """Identities by slot, open addressing, 0 = free; each generation has one half."""
        self._times = array("q", bytes(16 * _SLOTS))
        self._mask = _SLOTS - 1
        self._limit = REMEMBERED
        self._young = 0
        """Where the half of the younger generation begins."""
        self._count = 0
        self._with_id = WINDOW_WITH_ID
        self._without_id = WINDOW_WITHOUT_ID

    def identity(
        self,
        data: Octets,
        begin: int,
        end: int,
        version: int,
        src_hi: int,
        src_lo: int,
        dst_hi: int,
        dst_lo: int,
        kind: int,
    ) -> int:
        """What stays the same about a packet: IP version, addresses as two halves of 64 bits (IPv4: 0 and
        the address), `kind` (IP identification and protocol), and the payload in `data[begin:end]`."""
        payload = stirred(self._seed, data, begin, end)
        return mixed(self._seed, src_hi, src_lo, dst_hi, dst_lo, kind << 8 | version, payload)

    def is_copy(self, identity: int, has_id: bool, ts: int) -> bool:
        """Whether a packet of this identity was seen within the window; remembers it otherwise.

        `identity`: a hash of 64 bits; `has_id`: the packet has an IP identification; `ts`: ns.
        """
        if identity == 0:
            identity = 1
        at = self._slot(self._young, identity)
        seen = at
        if self._names[at] != identity:
            seen = self._slot(self._young ^ (self._mask + 1), identity)
        if self._names[seen] == identity:
            before = self._times[seen]
            apart = _unsigned(ts) - _unsigned(before) if ts >= before else _unsigned(before) - _unsigned(ts)
            if apart <= (self._with_id if has_id else self._without_id):
                return True
        if self._count >= self._limit:
            self._turn()
            at = self._slot(self._young, identity)
        if self._names[at] == 0:
            self._count += 1
            self._names[at] = identity
        self._times[at] = ts
        return False

    def _slot(self, base: int, identity: int) -> int:
        """Where this identity is in a generation, or the free slot where it would be."""
        at = identity & self._mask
        while self._names[base + at] != 0 and self._names[base + at] != identity:
            at = (at + 1) & self._mask
        return base + at

    def _turn(self) -> None:
        """Forget the older generation and begin a new one in its place."""
        self._young ^= self._mask + 1
        for at in range(self._young, self._young + self._mask + 1):
            self._names[at] = 0
        self._count = 0


def _unsigned(ts: int) -> int:
    """A time as a number from which another one can be taken away without overflow."""
    return ts
