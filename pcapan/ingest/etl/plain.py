# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""The events that most of a trace consists of, taken without an object each.

Knows the events of other providers, which are only counted, and packets that lie whole in one event 1001 of
NDIS or 160 of pktmon; see `pcapan.ingest.etl.ndis` and `pcapan.ingest.etl.pktmon`, which take these too, one
by one, and everything that is not so plain. Must not know what becomes of them. Worth its while compiled only
(see `pcapan.compiled`): every number is read against the end of the data.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pcapan.ingest.etl.ipbytes import LINK_ETHERNET, LINK_RAW, LINK_WIFI
from pcapan.ingest.etl.store import NOWHERE, SPOOLED, FrameIndex, Store

if TYPE_CHECKING:
    from pcapan import shadow as cython
    from pcapan.octets import Octets
else:
    try:
        import cython
    except ImportError:
        from pcapan import shadow as cython
if not cython.compiled:
    from pcapan.octets import le16, le32, le64

#: Whether this module is worth using.
COMPILED: bool = cython.compiled

#: Packets gathered before they are handed over, and bytes of those that lie nowhere in the file.
_ROOM, _SPOOL = 4096, 1 << 20

#: Providers counted here; events of more of them are left to the caller.
_PROVIDERS = 64

#: Sources of NDIS known here.
_SOURCES = 16

_EVENT_32, _EVENT_64, _HEADER = 0xC012, 0xC013, 0x50
_FRAGMENT, _NDIS_HEADER = 1001, 12
_BOTH, _SEND, _RECEIVE, _WWAN, _WIFI = 0xC0000000, 0x1_0000_0000, 0x2_0000_0000, 0x200, 0x10000
_FLOW, _FLOW_HEADER, _TYPE_ETHERNET, _TYPE_HTTP = 160, 34, 1, 4
_UNKNOWN, _INBOUND, _OUTBOUND = 0, 1, 2
_ETHERNET, _RAW, _WIRELESS = LINK_ETHERNET, LINK_RAW, LINK_WIFI
_SPOOL_MARK, _NOWHERE = SPOOLED, NOWHERE


def _signed(number: int) -> int:
    """What 64 bits mean where the highest is a sign."""
    if cython.compiled:
        return number
    return number - (number >> 63 << 64)


class PlainEvents:
    """Gathers the plain events of buffers; `hand_over` whenever `walk` has stopped at one that is not."""

    def __init__(self, ndis: bytes, pktmon: bytes, others: bytes) -> None:
        """The providers whose packets are taken, and one whose events are never plain."""
        self._ndis_lo, self._ndis_hi = le64(ndis, 0), le64(ndis, 8)
        self._pktmon_lo, self._pktmon_hi = le64(pktmon, 0), le64(pktmon, 8)
        self._other_lo, self._other_hi = le64(others, 0), le64(others, 8)
        self.ndis_events = 0
        """Taken since they were last asked for, see `counted`; likewise pktmon's."""
        self.pktmon_events = 0
        self._providers_lo = array("Q", bytes(8 * _PROVIDERS))
        self._providers_hi = array("Q", bytes(8 * _PROVIDERS))
        self._events = array("Q", bytes(8 * _PROVIDERS))
        self._providers = self._last_provider = 0
        self._miniports = array("I", bytes(4 * _SOURCES))
        self._lowers = array("I", bytes(4 * _SOURCES))
        self._links = array("I", bytes(4 * _SOURCES))
        self._numbers = array("I", bytes(4 * _SOURCES))
        self._sources = 0
        self._wanted = bytearray(b"\1" * 65536)
        self._seen = array("Q", bytes(8 * 65536))
        self._keep_groups = True
        self.count = 0
        """Packets gathered, all of one provider."""
        self.of_pktmon = False
        """Whose they are."""
        rows = [array(kind, bytes(array(kind).itemsize * _ROOM)) for kind in "qQIIIBQHH"]
        self._rows = rows
        self._stamps, self._places, self._lengths, self._wires, self._kinds, self._directions = rows[:6]
        self._groups, self._group_numbers, self._appearances = rows[6:]
        self._pieces = self._spool = bytearray(_SPOOL)
        self._spooled = 0
        self._base = 0

    def want(self, components: frozenset[int]) -> None:
        """Take the packets of these components of pktmon only, and forget what tells events apart."""
        self._wanted = bytearray(number in components for number in range(65536))
        self._keep_groups = False

    def learn_source(self, miniport: int, lower: int, link: int, number: int) -> None:
        """Remember the number of a place in the stack where NDIS sees frames."""
        if self._sources < _SOURCES:
            self._miniports[self._sources] = miniport
            self._lowers[self._sources] = lower
            self._links[self._sources] = link
            self._numbers[self._sources] = number
            self._sources += 1

    def walk(self, data: Octets, position: int, end: int, origin: int, spooled: int) -> int:
        """Take plain events from `position` on.

        `data[0]` lies at `origin` in the trace; where that is `NOWHERE`, its packets will be put into the
        temporary file where `spooled` says.

        Returns:
            Where something else lies, or an event for which there is no room.
        """
        self._base = spooled
        with cython.nogil:
            while position < end and end - position >= _HEADER:
                size = le16(data, position)
                marker = le16(data, position + 2)
                if (marker != _EVENT_64 and marker != _EVENT_32) or size < _HEADER:
                    break
                lo = le64(data, position + 0x18)
                hi = le64(data, position + 0x20)
                if lo == self._ndis_lo and hi == self._ndis_hi:
                    if size > end - position or not self._frame(data, position, size, origin):
                        break
                    self.ndis_events += 1
                elif lo == self._pktmon_lo and hi == self._pktmon_hi:
                    if size > end - position or not self._flow(data, position, size, origin):
                        break
                    self.pktmon_events += 1
                elif (lo == self._other_lo and hi == self._other_hi) or not self._foreign(lo, hi):
                    break
                position += (size + 7) & ~7
        return position

    def _foreign(self, lo: int, hi: int) -> bool:
        """Count an event of a provider that nobody reads; false when there are too many providers."""
        at = self._last_provider
        if at < self._providers and self._providers_lo[at] == lo and self._providers_hi[at] == hi:
            self._events[at] += 1
            return True
        for at in range(self._providers):
            if self._providers_lo[at] == lo and self._providers_hi[at] == hi:
                self._events[at] += 1
                self._last_provider = at
                return True
        if self._providers == _PROVIDERS:
            return False
        self._last_provider = self._providers
        self._providers += 1
        self._providers_lo[self._last_provider] = lo
        self._providers_hi[self._last_provider] = hi
        self._events[self._last_provider] = 1
        return True

    def _frame(self, data: Octets, position: int, size: int, origin: int) -> bool:
        """A whole frame in one event 1001 without extended data, of a source that is known."""
        if le16(data, position + 4) & 1 or le16(data, position + 0x28) != _FRAGMENT:
            return False
        if size < _HEADER + _NDIS_HEADER or (self.count and self.of_pktmon):
            return False
        keyword = le64(data, position + 0x30)
        if keyword & _BOTH != _BOTH:
            return False
        miniport = le32(data, position + _HEADER)
        lower = le32(data, position + _HEADER + 4)
        length = le32(data, position + _HEADER + 8)
        if length > size - _HEADER - _NDIS_HEADER:
            return False
        link = _ETHERNET
        if keyword & _WIFI:
            link = _WIRELESS
        elif keyword & _WWAN:
            link = _RAW
        for source in range(self._sources):
            if (
                self._miniports[source] == miniport
                and self._lowers[source] == lower
                and self._links[source] == link
            ):
                break
        else:
            return False
        direction = _UNKNOWN
        if keyword & _SEND:
            direction = _OUTBOUND
        elif keyword & _RECEIVE:
            direction = _INBOUND
        start = position + _HEADER + _NDIS_HEADER
        if not self._add(data, position, start, length, 0, self._numbers[source], direction, origin):
            return False
        self.of_pktmon = False
        return True

    def _flow(self, data: Octets, position: int, size: int, origin: int) -> bool:
        """A packet of Ethernet in one event 160 without extended data, or one that nobody wants."""
        if le16(data, position + 4) & 1 or le16(data, position + 0x28) != _FLOW:
            return False
        if size < _HEADER + _FLOW_HEADER or (self.count and not self.of_pktmon):
            return False
        start = position + _HEADER
        tag = le16(data, start + 12)
        packet = le16(data, start + 14)
        component = le16(data, start + 16)
        original = le16(data, start + 30)
        logged = le16(data, start + 32)
        if logged > size - _HEADER - _FLOW_HEADER:
            return False
        if self._wanted[component] and packet != _TYPE_HTTP:
            if packet != _TYPE_ETHERNET:
                return False
            direction = _UNKNOWN
            if 0 < tag < 7:
                direction = _INBOUND if tag & 1 else _OUTBOUND
            wire = original if original > logged else logged
            kind = component << 8 | _ETHERNET
            at = self.count
            if not self._add(data, position, start + _FLOW_HEADER, logged, wire, kind, direction, origin):
                return False
            self.of_pktmon = True
            if self._keep_groups:
                self._groups[at] = le64(data, start)
                self._group_numbers[at] = le16(data, start + 8)
                self._appearances[at] = le16(data, start + 10)
        self._seen[component] += 1
        return True

    def _add(
        self,
        data: Octets,
        position: int,
        start: int,
        length: int,
        wire: int,
        kind: int,
        direction: int,
        origin: int,
    ) -> bool:
        """Gather the packet at `start` of the event at `position`; false when there is no room."""
        at = self.count
        if at == _ROOM:
            return False
        if origin != _NOWHERE:
            self._places[at] = origin + start
        else:
            if length > _SPOOL - self._spooled:
                return False
            self._spool[self._spooled : self._spooled + length] = data[start : start + length]
            self._places[at] = (self._base + self._spooled) | _SPOOL_MARK
            self._spooled += length
        self._stamps[at] = _signed(le64(data, position + 0x10))
        self._lengths[at] = length
        self._wires[at] = wire
        self._kinds[at] = kind
        self._directions[at] = direction
        self.count = at + 1
        return True

    def hand_over(self, index: FrameIndex, groups: Sequence[array[int]], store: Store) -> None:
        """Append the packets to their provider's columns, and begin anew."""
        count = self.count
        columns = (
            index.stamps,
            index.places,
            index.lengths,
            index.wires,
            index.sources,
            index.directions,
            *(groups if self.of_pktmon and self._keep_groups else ()),
        )
        for column, rows in zip(columns, self._rows, strict=False):
            column.extend(rows[:count])
        if self._spooled:
            store.add(bytes(self._pieces[: self._spooled]))
        self.count = self._spooled = 0

    def counted(self) -> list[tuple[int, int, int]]:
        """Two halves of each foreign provider, and its events since this was asked before."""
        found = []
        for at in range(self._providers):
            if self._events[at]:
                found.append((self._providers_lo[at], self._providers_hi[at], self._events[at]))
                self._events[at] = 0
        return found

    def seen(self) -> list[tuple[int, int]]:
        """Components of pktmon and their events."""
        return [(component, self._seen[component]) for component in range(65536) if self._seen[component]]
