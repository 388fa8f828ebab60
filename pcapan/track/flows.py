# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""ESP and keepalives of all files together: flows in order, and which of them belong together.

Knows the columns of `pcapan.scan.columns.FlowColumns`; must not know SAs or sources, which are numbers here.
There may be a hundred thousand flows of which nobody wants to see one, so an object is made of a flow when
it is asked for. Cython compiles this source where it can (see `pcapan.compiled`; C types are in the .pxd).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from msgspec import Struct

from pcapan.scan.columns import FLOW_COLUMNS, FlowColumns
from pcapan.scan.keys import KeyTable
from pcapan.track.addresses import Addresses, Texts

if TYPE_CHECKING:
    from pcapan.scan.columns import Flow

SECOND = 1_000_000_000
_SECOND = SECOND  # the same number where compiled code finds it fastest

#: Instead of a port: there is none, or there are several.
NO_PORT, SEVERAL_PORTS = -1, -2

Ends = tuple[str, int, str, int]
"""Source and its port, destination and its port."""


class EspFlow(Struct):
    """ESP of one SPI in one direction, or one flow of keepalives; see `pcapan.scan.columns.Flow`."""

    file: int
    src: str
    dst: str
    flow: Flow


class Flows:
    """Flows of one kind by time of their first packet."""

    def __init__(self, names: Texts, columns: FlowColumns, files: array[int]) -> None:
        """`names` are the addresses, which columns give by number; `files` the number of each flow's file."""
        self.names = names
        self.columns = columns
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> EspFlow:
        columns = self.columns
        src, dst = self.names[columns.src[row]], self.names[columns.dst[row]]
        return EspFlow(self.files[row], src, dst, columns[row])

    def __iter__(self) -> Iterator[EspFlow]:
        return map(self.__getitem__, range(len(self.files)))

    def going_on(self, address: int, moments: Sequence[tuple[int, int]]) -> list[int]:
        """For each moment, how many flows of an address (its number) began before it and went on after it.

        Moments have a beginning and an end (ns); neither comes before that of the moment above it.
        """
        befores = array("q", [before for before, _ in moments])
        afters = array("q", [after for _, after in moments])
        change = array("q", (0,)) * (len(moments) + 1)
        columns = self.columns
        _go_on(
            columns.src, columns.dst, columns.first_ts, columns.last_ts, address, befores, afters, change
        )
        return list(accumulate(change[:-1]))

    def go_to(self, address: int) -> bool:
        """Whether any of them goes to this address, by its number."""
        return address in self.columns.dst

    def losses(self, senders: Iterable[str], least: int) -> tuple[int, int]:
        """Packets of these senders, and how many are missing between them by their sequence numbers.

        Flows of fewer than `least` packets do not count.
        """
        sends = self._marked(senders)
        columns = self.columns
        lowest, highest = columns.lowest_sequence, columns.highest_sequence
        return _losses(columns.src, columns.packets, lowest, highest, sends, least)

    def _marked(self, addresses: Iterable[str]) -> bytearray:
        """By number, whether an address is one of these."""
        marks = bytearray(len(self.names))
        for address in addresses:
            number = self.names.number(address)
            if number >= 0:
                marks[number] = 1
        return marks

    def last_of(self, senders: Iterable[str]) -> Iterator[tuple[str, int, int]]:
        """Source, its port and the time of the last packet (ns) of every flow of these senders."""
        columns, names = self.columns, self.names
        for row in _rows_of(columns.src, self._marked(senders)):
            yield names[columns.src[row]], columns.sport[row], columns.last_ts[row]

    def ends(self, only: int = 0) -> Iterator[Ends]:
        """Of every flow; `only` of one file, by its number."""
        columns, names = self.columns, self.names
        both = zip(self.files, columns.src, columns.sport, columns.dst, columns.dport, strict=True)
        for file, src, sport, dst, dport in both:
            if not only or file == only:
                yield names[src], sport, names[dst], dport


def _go_on(
    src: array[int],
    dst: array[int],
    first_ts: array[int],
    last_ts: array[int],
    address: int,
    befores: array[int],
    afters: array[int],
    change: array[int],
) -> None:
    """Note in `change` at which moment a flow begins to go on, and where it does no more."""
    begin, count = 0, len(befores)
    for row in range(len(src)):
        while begin < count and befores[begin] <= first_ts[row]:  # the flows are in order of time
            begin += 1
        if begin == count:
            break
        if (src[row] == address or dst[row] == address) and afters[begin] < last_ts[row]:
            change[begin] += 1
            change[_place(afters, begin, last_ts[row])] -= 1


def _place(numbers: array[int], low: int, wanted: int) -> int:
    """Where from `low` on the first of the numbers stands that is not below the wanted one."""
    high = len(numbers)
    if high and numbers[high - 1] < wanted:
        return high  # as of most: tunnels outlive the capture
    while low < high:
        middle = (low + high) >> 1
        if numbers[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


def _rows_of(src: array[int], sends: bytearray) -> list[int]:
    found: list[int] = []
    for row in range(len(src)):
        if sends[src[row]]:
            found.append(row)
    return found


def _losses(
    src: array[int],
    packets: array[int],
    lowest: array[int],
    highest: array[int],
    sends: bytearray,
    least: int,
) -> tuple[int, int]:
    sent = missing = 0
    for row in range(len(src)):
        seen = packets[row]
        if seen >= least and sends[src[row]]:
            sent += seen
            span = highest[row] - lowest[row]
            if span >= seen:
                missing += span + 1 - seen
    return sent, missing


def gather_flows(tables: Sequence[FlowColumns], addresses: Addresses) -> Flows:
    """The flows of all files, given those of each.

    A flow that goes on in the next file is one flow, which belongs to the file in which it begins; flows that
    run beside each other stay apart: those were captured at two points.
    """
    files = array("I")
    for file, table in enumerate(tables, 1):
        files += array("I", (file,)) * len(table)
    columns = tables[0] if len(tables) == 1 else _behind_each_other(tables, addresses)
    if not _in_order(columns.first_ts, columns.first_frame):
        keys = list(zip(columns.first_ts, files, columns.first_frame, strict=True))
        order = sorted(range(len(keys)), key=keys.__getitem__)
        columns, files = _picked(columns, order), array("I", map(files.__getitem__, order))
    if len(tables) > 1:
        kept = _join(columns, files)
        for column in (*columns.columns(), files):
            del column[kept:]
    return Flows(addresses.names, columns, files)


def _behind_each_other(tables: Sequence[FlowColumns], addresses: Addresses) -> FlowColumns:
    made = FlowColumns()
    for file, table in enumerate(tables):
        for name, to, column in zip(FLOW_COLUMNS, made.columns(), table.columns(), strict=True):
            to += addresses.of_file(file, column) if name in ("src", "dst") else column
    return made


def _picked(columns: FlowColumns, order: Sequence[int]) -> FlowColumns:
    made = FlowColumns()
    for (name, kind), column in zip(FLOW_COLUMNS.items(), columns.columns(), strict=True):
        setattr(made, name, array(kind, map(column.__getitem__, order)))
    return made


def _in_order(first_ts: array[int], first_frame: array[int]) -> bool:
    """Whether no flow begins before the one above it."""
    for row in range(1, len(first_ts)):
        if first_ts[row] < first_ts[row - 1]:
            return False
        if first_ts[row] == first_ts[row - 1] and first_frame[row] < first_frame[row - 1]:
            return False
    return True


def _join(columns: FlowColumns, files: array[int]) -> int:
    """Join what goes on, in place; gives how many flows are left, the first ones of the columns."""
    src, dst, sport, dport, spi = columns.src, columns.dst, columns.sport, columns.dport, columns.spi
    packets, octets = columns.packets, columns.octets
    first_ts, last_ts = columns.first_ts, columns.last_ts
    first_frame, last_frame = columns.first_frame, columns.last_frame
    lowest, highest = columns.lowest_sequence, columns.highest_sequence
    longest_gap, gap_from, copies = columns.longest_gap, columns.gap_from, columns.copies
    known = KeyTable()
    latest = array("I", (0,)) * len(files)
    kept = 0
    for row in range(len(files)):
        pair, ports = src[row], sport[row]  # in room enough to be moved to the left
        pair, ports = pair << 32 | dst[row], ports << 16 | dport[row]
        before = len(known)
        number = known.row(pair, ports, spi[row])
        to = latest[number]
        if number < before and first_ts[row] >= last_ts[to] - _SECOND:
            gap = first_ts[row] - last_ts[to]
            if gap > 0 and gap > longest_gap[to]:
                longest_gap[to], gap_from[to] = gap, last_ts[to]
            if longest_gap[row] > longest_gap[to]:
                longest_gap[to], gap_from[to] = longest_gap[row], gap_from[row]
            if last_ts[row] > last_ts[to]:
                last_ts[to], last_frame[to] = last_ts[row], last_frame[row]
            lowest[to] = min(lowest[to], lowest[row])
            highest[to] = max(highest[to], highest[row])
            packets[to] += packets[row]
            octets[to] += octets[row]
            copies[to] += copies[row]
            continue
        latest[number] = kept
        src[kept], dst[kept], sport[kept], dport[kept] = src[row], dst[row], sport[row], dport[row]
        spi[kept], files[kept] = spi[row], files[row]
        packets[kept], octets[kept], copies[kept] = packets[row], octets[row], copies[row]
        first_ts[kept], last_ts[kept] = first_ts[row], last_ts[row]
        first_frame[kept], last_frame[kept] = first_frame[row], last_frame[row]
        lowest[kept], highest[kept] = lowest[row], highest[row]
        longest_gap[kept], gap_from[kept] = longest_gap[row], gap_from[row]
        kept += 1
    return kept


class FlowGroups:
    """Flows by whose they are: every owner is a number."""

    def __init__(self, flows: Flows, owners: array[int], count: int) -> None:
        """`owners` by row of the flows, of which there are `count`."""
        self.flows = flows
        begins = array("I", (0,)) * (count + 1)
        order = array("I", (0,)) * len(flows)
        _sort(owners, begins, order)
        self._begins, self._order = begins, order
        self._src = flows.columns.src
        self._sport, self._dport = flows.columns.sport, flows.columns.dport
        self._first_ts, self._last_ts = flows.columns.first_ts, flows.columns.last_ts
        self._lowest, self._highest = flows.columns.lowest_sequence, flows.columns.highest_sequence
        self._gaps, self._packets = flows.columns.longest_gap, flows.columns.packets

    def begin(self, owner: int) -> int:
        """Where those of an owner begin, and those of the owner before it end."""
        return self._begins[owner]

    def row(self, at: int) -> int:
        """The row of the flow that stands there."""
        return self._order[at]

    def of(self, owner: int) -> list[EspFlow]:
        """Those of an owner, by time of their first packet."""
        return [self.flows[self._order[at]] for at in range(self._begins[owner], self._begins[owner + 1])]

    def count(self, owner: int) -> int:
        """How many they are."""
        return self._begins[owner + 1] - self._begins[owner]

    def since(self, owner: int) -> int:
        """When the first of them began, ns; 0 when there is none."""
        if not self.count(owner):
            return 0
        return self._first_ts[self._order[self._begins[owner]]]

    def until(self, owner: int) -> int:
        """When the last packet of any of them came, ns; 0 when there is none."""
        latest = self.since(owner)
        for at in range(self._begins[owner], self._begins[owner + 1]):
            latest = max(latest, self._last_ts[self._order[at]])
        return latest

    def longest_gap(self, owner: int) -> int:
        """The longest silence within any of them, ns."""
        longest = 0
        for at in range(self._begins[owner], self._begins[owner + 1]):
            longest = max(longest, self._gaps[self._order[at]])
        return longest

    def packets(self, owner: int) -> int:
        """Packets of all of them."""
        found = 0
        for at in range(self._begins[owner], self._begins[owner + 1]):
            found += self._packets[self._order[at]]
        return found

    def spans(self, owner: int, to: int) -> list[tuple[int, int, int]]:
        """Of those of an owner, an address by its number, whose other side has the port `to`: the owner's
        port, and the times of the first and last packet (ns)."""
        found = []
        for at in range(self._begins[owner], self._begins[owner + 1]):
            row = self._order[at]
            mine, theirs = self._sport[row], self._dport[row]
            if self._src[row] != owner:
                mine, theirs = theirs, mine
            if theirs == to:
                found.append((mine, self._first_ts[row], self._last_ts[row]))
        return found

    def comes_from_both(self, owner: int, address: int) -> bool:
        """Whether some of them come from this address, by its number, and some do not."""
        mine = others = False
        for at in range(self._begins[owner], self._begins[owner + 1]):
            if self._src[self._order[at]] == address:
                mine = True
            else:
                others = True
        return mine and others

    def is_steady(self, owner: int, packets: int) -> bool:
        """Whether one of them has so many packets, with sequence numbers that have no large gaps."""
        for at in range(self._begins[owner], self._begins[owner + 1]):
            row = self._order[at]
            seen, span = self._packets[row], self._highest[row] - self._lowest[row]
            if seen >= packets and span < 2 * seen:
                return True
        return False


def _sort(owners: array[int], begins: array[int], order: array[int]) -> None:
    """Order of the rows by owner, and where each owner's begin; the rows of one owner keep their order."""
    count = len(begins) - 1
    for row in range(len(owners)):
        begins[owners[row] + 1] += 1
    for owner in range(count):
        begins[owner + 1] += begins[owner]
    for row in range(len(owners)):
        owner = owners[row]
        order[begins[owner]] = row
        begins[owner] += 1
    # Each begin has moved to its end, which is the next one's begin.
    for owner in range(count):
        begins[count - owner] = begins[count - owner - 1]
    begins[0] = 0
