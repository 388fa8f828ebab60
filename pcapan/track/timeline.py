"""Several scanned files become one timeline.

Knows how the columns of `pcapan.scan` are read; must not know what the messages mean. Every row
keeps the number of its file (1-based, in the order the files were named) and its own frame number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from heapq import merge
from ipaddress import ip_address
from itertools import islice, repeat
from operator import attrgetter, itemgetter, le
from typing import Any, TypeVar

from msgspec import Struct, field

from pcapan.decode.numbers import FLAG_RESPONSE
from pcapan.scan.columns import (
    MARK_COPY,
    MARK_CUT,
    FileScan,
    IcmpObservation,
    MessageColumns,
    OddDatagram,
    Shape,
)
from pcapan.track.addresses import Addresses, Texts
from pcapan.track.askers import Askers, Init, senders
from pcapan.track.file_rows import FileRows, file_rows
from pcapan.track.flood import Flood, find_flood
from pcapan.track.flows import Flows, gather_flows

_T = TypeVar("_T")


class Message(Struct):
    """One IKE message with the packet around it. Addresses are in text form (RFC 5952 for IPv6)."""

    file: int
    frame: int
    ts: int
    src: str
    dst: str
    sport: int
    dport: int
    ttl: int
    ip_id: int
    macs: tuple[bytes, bytes]
    marks: int
    spi_i: int
    spi_r: int
    version: int
    exchange: int
    flags: int
    message_id: int
    length: int
    encrypted: int
    fragment_number: int
    fragment_total: int
    digest: int
    shape: Shape
    natd_source: tuple[bytes, ...]
    natd_destination: tuple[bytes, ...]
    frames: tuple[int, ...]
    is_response: bool
    """The R flag of RFC 7296 section 3.1; False when the header was cut before it."""

    @property
    def major(self) -> int:
        """IKE major version; -1 when the header was cut before it."""
        return self.version >> 4 if self.version >= 0 else -1

    @property
    def is_copy(self) -> bool:
        """The same packet was captured before."""
        return bool(self.marks & MARK_COPY)

    @property
    def is_cut(self) -> bool:
        """The snap length cut the packet."""
        return bool(self.marks & MARK_CUT)


_NO_HASHES: tuple[tuple[bytes, ...], tuple[bytes, ...]] = ((), ())


def _picker(count: int, order: Sequence[int]) -> Callable[[Sequence[_T]], Sequence[_T]]:
    """Gives of a column of `count` values those of the rows in `order`."""
    if order == range(count):
        return lambda values: values
    if len(order) < 2:
        return lambda values: [values[row] for row in order]
    return itemgetter(*order)


def _response_flags(flags: Sequence[int]) -> list[bool]:
    return [flag >= 0 and bool(flag & FLAG_RESPONSE) for flag in flags]


def _messages_of(scan: FileScan, names: Texts, file: int, order: Sequence[int]) -> Iterator[Message]:
    """Messages of these rows of one file; made by columns, for there may be a million."""
    rows = scan.messages
    column: Callable[[Sequence[Any]], Sequence[Any]] = _picker(len(rows), order)
    flags = column(rows.flags)
    hashes = [scan.natd.get(row, _NO_HASHES) for row in order]
    return map(
        Message,
        repeat(file),
        column(rows.frame),
        column(rows.ts),
        map(names.__getitem__, column(rows.src)),
        map(names.__getitem__, column(rows.dst)),
        column(rows.sport),
        column(rows.dport),
        column(rows.ttl),
        column(rows.ip_id),
        map(scan.mac_pairs.__getitem__, column(rows.macs)),
        column(rows.marks),
        column(rows.spi_i),
        column(rows.spi_r),
        column(rows.version),
        column(rows.exchange),
        flags,
        column(rows.message_id),
        column(rows.length),
        column(rows.encrypted),
        column(rows.fragment_number),
        column(rows.fragment_total),
        column(rows.digest),
        map(scan.shapes.__getitem__, column(rows.shape)),
        [source for source, _ in hashes],
        [destination for _, destination in hashes],
        [scan.fragment_frames.get(row, ()) for row in order],
        _response_flags(flags),
    )


#: All marks but those of copies.
_NO_COPIES = bytes(mark for mark in range(256) if not mark & MARK_COPY)


def _in_time(rows: MessageColumns, left_out: bytes | None) -> Sequence[int]:
    """The rows that are no copies, in order of time, without those whose byte in `left_out` is not 0."""
    order: Sequence[int] = range(len(rows))
    if left_out is not None:
        order = [row for row in order if not left_out[row]]
    if rows.marks.tobytes().translate(None, _NO_COPIES):
        order = [row for row in order if not rows.marks[row] & MARK_COPY]
    times = rows.ts
    if not all(map(le, times, islice(times, 1, None))):
        order = sorted(order, key=times.__getitem__)
    return order


Pair = tuple[int, str, str, int]
"""File, sender, receiver, flags of RFC 7296, section 3.1."""


class Timeline(Struct):
    """All files together."""

    scans: list[FileScan]
    addresses: Addresses = field(default_factory=lambda: Addresses([]))
    """Those of all files."""

    names: list[Texts] = field(default_factory=list)
    """Per file: addresses in text form, by the index that its columns use."""

    rows: list[FileRows] = field(default_factory=list)
    """Per file: its columns."""

    flood: Flood | None = None
    """Requests of nobody's clients, with their answers: not in `messages`."""

    _orders: list[Sequence[int]] = field(default_factory=list)
    """Per file: the rows that count, in order of time."""

    _pairs: list[Pair] | None = None
    """What `pairs` gives, once it was asked for."""

    def __post_init__(self) -> None:
        self.addresses = Addresses([scan.addresses for scan in self.scans])
        self.names = self.addresses.of_files
        self.rows = file_rows(self.scans, self.names)
        self.flood = flood = find_flood(self.scans)
        self._orders = [
            _in_time(scan.messages, flood.rows[file] if flood else None)
            for file, scan in enumerate(self.scans)
        ]

    def messages(self) -> Iterator[Message]:
        """All IKE messages that are no copies and no flood's, in order of time (files in order where equal).

        Each is made when it is asked for: who keeps none of them needs no memory for them.
        """
        files = [_messages_of(*one) for one in self._files()]
        return files[0] if len(files) == 1 else merge(*files, key=attrgetter("ts"))

    def order(self) -> Iterator[tuple[int, int]]:
        """The same messages as `messages()`, in the same order: index of the file, row in its columns."""
        if len(self.scans) == 1:
            return zip(repeat(0), self._orders[0], strict=False)
        files = [
            zip(map(scan.messages.ts.__getitem__, order), repeat(file), order, strict=False)
            for file, (scan, order) in enumerate(zip(self.scans, self._orders, strict=True))
        ]
        return map(itemgetter(1, 2), merge(*files, key=itemgetter(0)))

    def messages_at(self, rows: Sequence[tuple[int, int]]) -> list[Message]:
        """The messages of these rows, which are of `order()` and in its order."""
        files = [
            _messages_of(scan, names, number, [row for file, row in rows if file == number - 1])
            for scan, names, number, _ in self._files()
        ]
        return [next(files[file]) for file, _ in rows]

    def inits(self, only: int = 0) -> list[Init]:
        """The different IKE_SA_INIT messages of IKEv2 among them, in the order in which they first come.

        `only`: those of one file, by its number; 0 = of all.
        """
        order = self.order()
        askers = Askers()
        askers.take_all(self.rows, (one for one in order if one[0] == only - 1) if only else order)
        return askers.found

    def _files(self) -> Iterator[tuple[FileScan, Texts, int, Sequence[int]]]:
        """Per file: its scan, its addresses, its number and the rows that count, in order of time."""
        return zip(self.scans, self.names, range(1, len(self.scans) + 1), self._orders, strict=True)

    def pairs(self) -> list[Pair]:
        """Who sends IKE to whom, each once.

        The file that begins first comes first, and within a file who is seen first.
        """
        if self._pairs is None:
            begun = sorted(range(len(self.scans)), key=lambda file: self.scans[file].first_ts or 0)
            self._pairs = [pair for file in begun for pair in self._pairs_of(file)]
        return self._pairs

    def _pairs_of(self, file: int) -> Iterator[tuple[int, str, str, int]]:
        left_out = self.flood.rows[file] if self.flood is not None else b""
        for src, dst, flags in senders(self.rows[file], left_out):
            yield file + 1, src, dst, flags

    def messages_as_captured(self) -> Iterator[Message]:
        """All IKE messages, copies too, file by file in the order of their frames."""
        for file, scan in enumerate(self.scans):
            order = sorted(range(len(scan.messages)), key=scan.messages.frame.__getitem__)
            yield from _messages_of(scan, self.names[file], file + 1, order)

    def esp(self) -> Flows:
        """All ESP flows."""
        return gather_flows([scan.esp for scan in self.scans], self.addresses)

    def keepalives(self) -> Flows:
        """All flows of NAT keepalives."""
        return gather_flows([scan.keepalives for scan in self.scans], self.addresses)

    def icmp(self) -> Iterator[tuple[int, str, str, IcmpObservation]]:
        """(file, sender, receiver, observation) of every ICMP error that quotes port 500 or 4500."""
        for file, scan in enumerate(self.scans):
            for seen in scan.icmp:
                yield file + 1, self.names[file][seen.src], self.names[file][seen.dst], seen

    def odd(self) -> Iterator[tuple[int, str, str, OddDatagram]]:
        """(file, sender, receiver, datagram) of what is neither IKE nor ESP on our ports."""
        for file, scan in enumerate(self.scans):
            for seen in scan.odd:
                yield file + 1, self.names[file][seen.src], self.names[file][seen.dst], seen

    @property
    def first_ts(self) -> int:
        """Time of the first frame of any file, 0 when there is none."""
        return min((scan.first_ts for scan in self.scans if scan.first_ts is not None), default=0)

    @property
    def last_ts(self) -> int:
        """Time of the last frame of any file, 0 when there is none."""
        return max((scan.last_ts for scan in self.scans if scan.last_ts is not None), default=0)

    def talked(self, address: str) -> bool:
        """Whether this address sent any packet of any protocol."""
        packed = ip_address(address).packed
        for scan, names in zip(self.scans, self.names, strict=True):
            if packed in scan.talkers:
                return True
            index = names.number(address)
            if any(index in rows.src for rows in (scan.messages, scan.esp, scan.keepalives)):
                return True
        return False
