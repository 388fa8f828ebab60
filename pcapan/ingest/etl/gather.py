# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""Packets of a trace in order of time, and what is known of each of them, block by block.

Knows the columns of `pcapan.ingest.etl.store.FrameIndex` and how long an Ethernet frame was that holds IP.
Must not know providers, nor read files. Cython compiles this source where it can (see `pcapan.compiled`; C
types are in the .pxd): every access is checked.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pcapan import shadow as cython
    from pcapan.ingest.etl.store import FrameIndex
    from pcapan.octets import Octets
else:
    try:
        import cython
    except ImportError:
        from pcapan import shadow as cython
if not cython.compiled:
    from pcapan.octets import u16

_ETHERNET, _VLAN, _VLAN_OUTER, _IPV4, _IPV6 = 1, 0x8100, 0x88A8, 0x0800, 0x86DD
_SIGN = 1 << 63
_FAR = 1 << 62


def chosen_by_time(stamps: array[int], sources: array[int], shift: int, taken: Octets) -> array[int]:
    """Numbers of the frames for whose source `taken[source >> shift]` is not 0, in order of their stamps.

    Frames of equal time stay in the order in which they were found.
    """
    order = array("I", bytes(4 * len(stamps)))
    keys = array("Q", bytes(8 * len(stamps)))
    return order[: _choose(stamps, sources, shift, taken, order, keys)]


def _choose(
    stamps: array[int],
    sources: array[int],
    shift: int,
    taken: Octets,
    order: array[int],
    keys: array[int],
) -> int:
    count = 0
    for number in range(len(stamps)):
        if taken[sources[number] >> shift]:
            order[count] = number
            count += 1
            keys[number] = stamps[number] + _SIGN
    sort_by(keys, order, count)
    return count


def sort_by(keys: array[int], order: array[int], count: int) -> None:
    """Sort the first `count` numbers of `order` by the keys (unsigned, 64 bits) they stand for, stably."""
    if not cython.compiled:
        order[:count] = array("I", sorted(order[:count], key=keys.__getitem__))
        return
    _merge_sort(keys, order, array("I", bytes(4 * count)), count)


def _merge_sort(keys: array[int], order: array[int], spare: array[int], count: int) -> None:
    """Merge neighbours that are sorted in themselves: first of one number, then of two, four, ..."""
    width = 1
    with cython.nogil:
        while width < count:
            begin = 0
            while count - begin > width:
                middle = begin + width
                end = middle + width if count - middle > width else count
                if keys[order[middle - 1]] > keys[order[middle]]:
                    for at in range(begin, middle):
                        spare[at] = order[at]
                    left, right, at = begin, middle, begin
                    while left < middle:
                        if right < end and keys[order[right]] < keys[spare[left]]:
                            order[at] = order[right]
                            right += 1
                        else:
                            order[at] = spare[left]
                            left += 1
                        at += 1
                begin = end
            width *= 2


def pieces(places: array[int], lengths: array[int], gap: int) -> tuple[array[int], list[tuple[int, int]]]:
    """What to read so that frames come into one buffer, those not further than `gap` bytes apart at once.

    Returns:
        The offset of every frame in the buffer, and the place and the size of each piece of it in turn.
    """
    count = len(places)
    order = array("I", range(count))
    offsets, starts, sizes = (array("Q", bytes(8 * count)) for _ in range(3))
    sort_by(places, order, count)
    groups = _group(places, lengths, order, gap, offsets, starts, sizes)
    return offsets, list(zip(starts[:groups], sizes[:groups], strict=True))


def _group(
    places: array[int],
    lengths: array[int],
    order: array[int],
    gap: int,
    offsets: array[int],
    starts: array[int],
    sizes: array[int],
) -> int:
    groups = 0
    base = begin = end = 0
    for at in range(len(places)):
        number = order[at]
        place = places[number]
        if not groups or (place > end and place - end > gap):
            base += end - begin
            begin = end = place
            starts[groups] = place
            groups += 1
        offsets[number] = base + (place - begin)
        if place + lengths[number] > end:
            end = place + lengths[number]
        sizes[groups - 1] = end - begin
    return groups


class Gather:
    """The frames of an index in an order, and where the columns of a block are put together."""

    def __init__(
        self, index: FrameIndex, order: array[int], sources: Sequence[int], links: Sequence[int]
    ) -> None:
        """`sources` in rising order, and the link type of each; frames of others must not occur."""
        self.order = order
        self._order = order
        self._sources = array("I", sources)
        self._links = array("I", links)
        self._stamps, self._places, self._lengths = index.stamps, index.places, index.lengths
        self._wires, self._frame_sources, self._directions = index.wires, index.sources, index.directions
        self.places = array("Q")
        self.lengths = array("I")
        self.wires = array("I")
        self.times = array("q")
        """Raw time stamps until `tell_times` has changed them."""
        self.interfaces = array("I")
        self.directions = array("B")

    def block_end(self, first: int, frames: int, octets: int) -> int:
        """Where a block that begins at `first` ends: at so many frames, or with the frame that fills it."""
        last = first
        size = 0
        while last < len(self._order) and last - first < frames and size < octets:
            size += self._lengths[self._order[last]]
            last += 1
        return last

    def take(self, first: int, last: int) -> None:
        """Fill the columns with the frames from `first` up to `last`."""
        count = last - first
        self.places = array("Q", bytes(8 * count))
        self.lengths = array("I", bytes(4 * count))
        self.wires = array("I", bytes(4 * count))
        self.times = array("q", bytes(8 * count))
        self.interfaces = array("I", bytes(4 * count))
        self.directions = array("B", bytes(count))
        self._take(first, self.places, self.lengths, self.wires, self.times, self.interfaces, self.directions)

    def _take(
        self,
        first: int,
        places: array[int],
        lengths: array[int],
        wires: array[int],
        times: array[int],
        interfaces: array[int],
        directions: array[int],
    ) -> None:
        interface = 0
        for row in range(len(places)):
            number = self._order[first + row]
            places[row] = self._places[number]
            lengths[row] = self._lengths[number]
            wires[row] = self._wires[number]
            times[row] = self._stamps[number]
            directions[row] = self._directions[number]
            source = self._frame_sources[number]
            if self._sources[interface] != source:
                interface = self._interface(source)
            interfaces[row] = interface

    def _interface(self, source: int) -> int:
        """The place of a source among the sources."""
        low, high = 0, len(self._sources) - 1
        while low < high:
            middle = (low + high) // 2
            if self._sources[middle] < source:
                low = middle + 1
            else:
                high = middle
        return low

    def tell_times(self, base: int, most: int) -> bool:
        """Make of raw stamps in units of 100 ns, to which `base` is to be added, times in nanoseconds.

        Returns:
            False, with nothing changed, when one of them is further than `most` nanoseconds from 0.
        """
        if not -_FAR < base < _FAR:
            return False
        return self._tell_times(self.times, base, most // 100)

    def _tell_times(self, times: array[int], base: int, most: int) -> bool:
        for row in range(len(times)):
            stamp = times[row]
            if not -_FAR < stamp < _FAR or not -most <= stamp + base <= most:
                return False
        for row in range(len(times)):
            times[row] = (times[row] + base) * 100
        return True

    def infer_wires(
        self, data: Octets, offsets: array[int], other: Callable[[Octets, int, int, int], int]
    ) -> None:
        """Tell from the IP header how long each frame was on the wire, where the container does not.

        `other` is asked about links that are no Ethernet: data, offset, length, link type.
        """
        self._infer_wires(data, data, offsets, self.lengths, self.wires, self.interfaces, other)

    def _infer_wires(
        self,
        whole: Octets,
        data: Octets,
        offsets: array[int],
        lengths: array[int],
        wires: array[int],
        interfaces: array[int],
        other: Callable[[Octets, int, int, int], int],
    ) -> None:
        """`whole` is `data` as a Python object."""
        for row in range(len(offsets)):
            link = self._links[interfaces[row]]
            if link == _ETHERNET:
                wires[row] = ethernet_wire_length(data, offsets[row], lengths[row])
            else:
                wires[row] = other(whole, offsets[row], lengths[row], link)


def ethernet_wire_length(data: Octets, offset: int, length: int) -> int:
    """Bytes the frame at `offset` had on the wire, from its IP header; never less than `length`.

    A total length of 0 (a large send left to the card) says nothing.
    """
    if length < 20:
        return length
    start = 14
    kind = u16(data, offset + 12)
    while kind in (_VLAN, _VLAN_OUTER) and length >= start + 10:
        kind = u16(data, offset + start + 2)
        start += 4
    total = 0
    if kind == _IPV4:
        total = start + u16(data, offset + start + 2)
    elif kind == _IPV6 and length >= start + 6:
        payload = u16(data, offset + start + 4)
        if payload:
            total = start + 40 + payload
    return total if total > length else length
