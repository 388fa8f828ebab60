# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""IKE messages become rows: what both paths write, gathered and handed to the columns a thousand at a time.

Knows how rows are built: addresses, pairs of MAC addresses and what many messages share (their `Shape`) are
interned here. Must not know which packets hold a message: the paths do. The hot path puts the octets of its
messages aside: reading them makes Python objects, and the lock of the interpreter is taken once for many.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from pcapan.decode.ike import IkeMessage, parse_ike
from pcapan.scan.columns import FileScan, Shape
from pcapan.scan.flows import FlowTable

if TYPE_CHECKING:
    from pcapan import shadow as cython
    from pcapan.octets import Octets
else:
    try:
        import cython
    except ImportError:
        from pcapan import shadow as cython
if not cython.compiled:
    from pcapan.octets import put, remainder

#: Rows gathered before the columns grow.
_ROOM = 1024

# Columns of a message that is put aside but for its time, and octets of messages there is room for; there is
# room for `_ROOM` messages.
(
    _BEGIN,
    _END,
    _NUMBER,
    _VERSION,
    _SRC_HI,
    _SRC_LO,
    _DST_HI,
    _DST_LO,
    _SPORT,
    _DPORT,
    _TTL,
    _IP_ID,
    _MAC_SRC,
    _MAC_DST,
    _MARKS,
    _WIDTH,
) = range(16)
_OCTETS = 512 * 1024

#: Name and array type of every column, in the order of `MessageRows.add`'s writing.
_COLUMNS = (
    ("frame", "Q"),
    ("ts", "q"),
    ("src", "I"),
    ("dst", "I"),
    ("sport", "H"),
    ("dport", "H"),
    ("ttl", "B"),
    ("ip_id", "I"),
    ("macs", "I"),
    ("marks", "B"),
    ("spi_i", "Q"),
    ("spi_r", "Q"),
    ("version", "h"),
    ("exchange", "h"),
    ("flags", "h"),
    ("message_id", "q"),
    ("length", "q"),
    ("encrypted", "I"),
    ("fragment_number", "H"),
    ("fragment_total", "H"),
    ("digest", "Q"),
    ("shape", "I"),
)


class MessageRows:
    """Appends rows to the messages of one `FileScan`; `flush` when they are to be read."""

    def __init__(self, scan: FileScan) -> None:
        self._scan = scan
        self._aside = array("Q", bytes(8 * _WIDTH * _ROOM))
        self._aside_times = array("q", bytes(8 * _ROOM))
        self._aside_octets = bytearray(_OCTETS)
        self._aside_count = self._aside_end = 0
        self.odd: list[tuple[str, int, int]] = []
        """What is wrong with messages that were put aside, with their frames and sizes in bytes."""
        self._flushed = 0
        self._held = 0
        self._addresses = FlowTable()
        """Row = index into `FileScan.addresses`."""
        self._shapes: dict[tuple[object, ...], int] = {}
        self._pairs: dict[tuple[int, int], int] = {}
        self._pair_src = self._pair_dst = -1
        """The pair of the last message, and its index: most captures know two."""
        self._pair = 0
        held = [array(kind, bytes(array(kind).itemsize * _ROOM)) for _, kind in _COLUMNS]
        self._columns = held
        (
            self._frame,
            self._ts,
            self._src,
            self._dst,
            self._sport,
            self._dport,
            self._ttl,
            self._ip_id,
            self._macs,
            self._marks,
            self._spi_i,
            self._spi_r,
            self._version,
            self._exchange,
            self._flags,
            self._message_id,
            self._length,
            self._encrypted,
            self._fragment_number,
            self._fragment_total,
            self._digest,
            self._shape,
        ) = held

    def __len__(self) -> int:
        return self._flushed + self._held

    def address(self, version: int, hi: int, lo: int) -> int:
        """Index of an address in `FileScan.addresses`: two halves of 64 bits, of IPv4 0 and the address."""
        row = self._addresses.row(version, hi, lo)
        if row == len(self._scan.addresses):
            octets = lo.to_bytes(4, "big") if version == 4 else hi.to_bytes(8, "big") + lo.to_bytes(8, "big")
            self._scan.addresses.append(octets)
        return row

    def add(
        self,
        message: IkeMessage,
        data: Octets,
        begin: int,
        end: int,
        frame: int,
        ts: int,
        src: int,
        dst: int,
        sport: int,
        dport: int,
        ttl: int,
        ip_id: int,
        mac_src: int,
        mac_dst: int,
        marks: int,
    ) -> int:
        """Add one IKE message, whose bytes are `data[begin:end]`; gives its row number.

        `src` and `dst` are indexes (see `address`); MAC addresses are numbers of 48 bits, -1 = none.
        """
        if self._held == _ROOM:
            self.flush()
        at = self._held
        self._frame[at] = frame
        self._ts[at] = ts
        self._src[at] = src
        self._dst[at] = dst
        self._sport[at] = sport
        self._dport[at] = dport
        self._ttl[at] = ttl
        self._ip_id[at] = ip_id
        if mac_src != self._pair_src or mac_dst != self._pair_dst or not self._pairs:
            self._pair = self._pair_of(mac_src, mac_dst)
            self._pair_src = mac_src
            self._pair_dst = mac_dst
        self._macs[at] = self._pair
        self._marks[at] = marks
        self._spi_i[at] = message.spi_i
        self._spi_r[at] = message.spi_r
        self._version[at] = message.version
        self._exchange[at] = message.exchange
        self._flags[at] = message.flags
        self._message_id[at] = message.message_id
        self._length[at] = message.length
        self._encrypted[at] = message.encrypted_length
        self._fragment_number[at] = message.fragment_number
        self._fragment_total[at] = message.fragment_total
        self._digest[at] = remainder(data, begin, end)
        self._shape[at] = self._shape_of(message)
        row = self._flushed + at
        if message.natd_source or message.natd_destination:
            self._scan.natd[row] = (tuple(message.natd_source), tuple(message.natd_destination))
        self._held = at + 1
        return row

    def put_aside(
        self,
        data: Octets,
        begin: int,
        end: int,
        frame: int,
        ts: int,
        version: int,
        src_hi: int,
        src_lo: int,
        dst_hi: int,
        dst_lo: int,
        sport: int,
        dport: int,
        ttl: int,
        ip_id: int,
        mac_src: int,
        mac_dst: int,
        marks: int,
    ) -> None:
        """Keep what looks like IKE in `data[begin:end]` until `write_down`; all else as with `add`."""
        if self._aside_count == _ROOM or end - begin > _OCTETS - self._aside_end:
            with cython.gil:
                self.write_down()
        put(self._aside_octets, self._aside_end, data, begin, end)
        self._aside_times[self._aside_count] = ts
        row = self._aside_count * _WIDTH
        self._aside[row + _BEGIN] = self._aside_end
        self._aside[row + _END] = self._aside_end + (end - begin)
        self._aside[row + _NUMBER] = frame
        self._aside[row + _VERSION] = version
        self._aside[row + _SRC_HI] = src_hi
        self._aside[row + _SRC_LO] = src_lo
        self._aside[row + _DST_HI] = dst_hi
        self._aside[row + _DST_LO] = dst_lo
        self._aside[row + _SPORT] = sport
        self._aside[row + _DPORT] = dport
        self._aside[row + _TTL] = ttl
        self._aside[row + _IP_ID] = ip_id
        self._aside[row + _MAC_SRC] = mac_src
        self._aside[row + _MAC_DST] = mac_dst
        self._aside[row + _MARKS] = marks
        self._aside_end += end - begin
        self._aside_count += 1

    def write_down(self) -> None:
        """Read and add the messages that were put aside."""
        count = self._aside_count
        self._aside_count = self._aside_end = 0
        for index in range(count):
            row = index * _WIDTH
            begin, end = self._aside[row + _BEGIN], self._aside[row + _END]
            frame, version = self._aside[row + _NUMBER], self._aside[row + _VERSION]
            message = parse_ike(self._aside_octets, begin, end, end)
            if message is None:
                raise AssertionError("what looks like IKE is read as IKE")
            self.add(
                message,
                self._aside_octets,
                begin,
                end,
                frame,
                self._aside_times[index],
                self.address(version, self._aside[row + _SRC_HI], self._aside[row + _SRC_LO]),
                self.address(version, self._aside[row + _DST_HI], self._aside[row + _DST_LO]),
                self._aside[row + _SPORT],
                self._aside[row + _DPORT],
                self._aside[row + _TTL],
                self._aside[row + _IP_ID],
                self._aside[row + _MAC_SRC],
                self._aside[row + _MAC_DST],
                self._aside[row + _MARKS],
            )
            if message.problem:
                self.odd.append((message.problem, frame, end - begin))

    def flush(self) -> None:
        """Hand the gathered rows to the columns."""
        messages = self._scan.messages
        for (name, _), held in zip(_COLUMNS, self._columns, strict=True):
            getattr(messages, name).extend(held[: self._held])
        self._flushed += self._held
        self._held = 0

    def _pair_of(self, mac_src: int, mac_dst: int) -> int:
        pair = (mac_src, mac_dst)
        index = self._pairs.get(pair)
        if index is None:
            index = self._pairs[pair] = len(self._scan.mac_pairs)
            known = (mac_src.to_bytes(6, "big"), mac_dst.to_bytes(6, "big")) if mac_src >= 0 else (b"", b"")
            self._scan.mac_pairs.append(known)
        return index

    def _shape_of(self, message: IkeMessage) -> int:
        key = (
            bytes(message.payloads),
            tuple(message.notifies),
            tuple(message.vendor_ids),
            message.sa_body,
            message.ke_group,
            message.invalid_ke_group,
            message.nonce_length,
            message.complete,
            message.problem,
        )
        index = self._shapes.get(key)
        if index is None:
            index = self._shapes[key] = len(self._scan.shapes)
            self._scan.shapes.append(Shape(*key))
        return index
