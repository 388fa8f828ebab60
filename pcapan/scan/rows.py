# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""IKE messages become rows: what both paths write, gathered and handed to the columns by the thousand.

Knows how rows are built: addresses, pairs of MAC addresses and what many messages share (their `Shape`) are
interned here. Must not know which packets hold a message: the paths do. The lock of the interpreter is taken
for what is rare: a new shape, an odd message, some thousand rows. Whoever waits for it may wait for 5 ms.
"""

from __future__ import annotations

from array import array

from pcapan.decode.ike_walk import PROBLEMS, IkeWalk
from pcapan.decode.numbers import NAT_DETECTION_DESTINATION_IP, NAT_DETECTION_SOURCE_IP
from pcapan.scan.columns import MARK_CUT, FileScan, Shape
from pcapan.scan.interned import Interned
from pcapan.scan.keys import KeyTable
from pcapan.scan.natd_reader import HEAD

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
    from pcapan.octets import in_network_order, put, remainder

#: Rows gathered before the columns grow.
_ROOM = 8192
#: Octets of NAT detection hashes gathered: those of most messages, and more than one datagram holds.
_NATD_ROOM = 128 * 1024
#: Octets that tell a shape: no message has as many, whatever it claims.
_KEY_ROOM = 128 * 1024

_HEAD, _CUT = HEAD, MARK_CUT
_NATD_SOURCE, _NATD_DESTINATION = NAT_DETECTION_SOURCE_IP, NAT_DETECTION_DESTINATION_IP

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
        self._walk = IkeWalk()
        self.odd: list[tuple[str, int, int]] = []
        """What is wrong with messages, with their frames and sizes in bytes; for somebody to take away."""
        self._flushed = 0
        self._held = 0
        self._addresses = KeyTable()
        """Row = index into `FileScan.addresses`."""
        self._shapes = Interned()
        """Row = index into `FileScan.shapes`."""
        self._shape_count = 0
        self._key = bytearray(_KEY_ROOM)
        self._pairs = KeyTable()
        """Row = index into `FileScan.mac_pairs`."""
        self._pair_count = 0
        self._natd = bytearray(_NATD_ROOM)
        """Hashes as `NatdHashes` has them."""
        self._natd_rows = array("Q", bytes(8 * _ROOM))
        self._natd_begins = array("Q", bytes(8 * _ROOM))
        self._natd_count = self._natd_end = 0
        held = [array(kind, (0,)) * _ROOM for _, kind in _COLUMNS]
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
        """Index of an address in `FileScan.addresses`: two halves of 64 bits, of IPv4 0 and the address.

        A new one stands there from the next `flush` on.
        """
        return self._addresses.row(version, hi, lo)

    def add(
        self,
        data: Octets,
        begin: int,
        end: int,
        wire_end: int,
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
        """Add what is IKE in `data[begin:end]`, as `IkeWalk.read` takes it; gives its row number.

        `src` and `dst` are indexes (see `address`); MAC addresses are numbers of 48 bits, -1 = none.

        Raises:
            AssertionError: when it is no IKE, which somebody has to have looked at before.
        """
        if self._held == _ROOM:
            with cython.gil:
                self.flush()
        if not self._walk.read(data, begin, end, wire_end):
            with cython.gil:
                raise AssertionError("what looks like IKE is read as IKE")
        at = self._held
        row = self._flushed + at
        if self._walk.natd_hashes:
            self._keep_hashes(data, row)
        self._frame[at] = frame
        self._ts[at] = ts
        self._src[at] = src
        self._dst[at] = dst
        self._sport[at] = sport
        self._dport[at] = dport
        self._ttl[at] = ttl
        self._ip_id[at] = ip_id
        pair = self._pairs.row(0, _unsigned(mac_src), _unsigned(mac_dst))
        if pair == self._pair_count:
            with cython.gil:
                self._new_pair(mac_src, mac_dst)
        self._macs[at] = pair
        self._marks[at] = marks
        self._spi_i[at] = self._walk.spi_i
        self._spi_r[at] = self._walk.spi_r
        self._version[at] = self._walk.version
        self._exchange[at] = self._walk.exchange
        self._flags[at] = self._walk.flags
        self._message_id[at] = self._walk.message_id
        self._length[at] = self._walk.length
        self._encrypted[at] = self._walk.encrypted_length
        self._fragment_number[at] = self._walk.fragment_number
        self._fragment_total[at] = self._walk.fragment_total
        self._digest[at] = remainder(data, begin, end)
        shape = self._shapes.row(self._key, 0, self._tell_shape(data))
        if shape == self._shape_count:
            with cython.gil:
                self._new_shape(data)
        self._shape[at] = shape
        if self._walk.problem and not marks & _CUT:
            with cython.gil:
                self.odd.append((PROBLEMS[self._walk.problem], frame, end - begin))
        self._held = at + 1
        return row

    def flush(self) -> None:
        """Hand the gathered rows to the columns, and new addresses to their list."""
        messages = self._scan.messages
        for (name, _), held in zip(_COLUMNS, self._columns, strict=True):
            getattr(messages, name).extend(held[: self._held])
        self._flushed += self._held
        self._held = 0
        self._flush_hashes()
        addresses = self._scan.addresses
        keys = self._addresses._keys
        for index in range(len(addresses), len(self._addresses)):
            at = 3 * index
            addresses.append(in_network_order(keys[at], keys[at + 1], keys[at + 2]))

    def _flush_hashes(self) -> None:
        count = self._natd_count
        self._scan.natd.extend(
            self._natd_rows[:count], self._natd_begins[:count], bytes(self._natd[: self._natd_end])
        )
        self._natd_count = self._natd_end = 0

    def _keep_hashes(self, data: Octets, row: int) -> None:
        """Pack the hashes of the message that was just read."""
        if self._natd_count == _ROOM or _NATD_ROOM - self._natd_end < (
            self._walk.natd_octets + _HEAD * self._walk.natd_hashes
        ):
            with cython.gil:
                self._flush_hashes()
        self._natd_rows[self._natd_count] = row
        self._natd_begins[self._natd_count] = self._natd_end
        self._natd_count += 1
        for index in range(self._walk.notifies):
            kind = self._walk.notify_kinds[index]
            if self._walk.version >> 4 != 2 or (kind != _NATD_SOURCE and kind != _NATD_DESTINATION):
                continue
            begin, end = self._walk.notify_begins[index], self._walk.notify_ends[index]
            at = self._natd_end
            self._natd[at] = kind == _NATD_DESTINATION
            self._natd[at + 1] = (end - begin) >> 8
            self._natd[at + 2] = (end - begin) & 0xFF
            put(self._natd, at + _HEAD, data, begin, end)
            self._natd_end = at + _HEAD + (end - begin)

    def _tell_shape(self, data: Octets) -> int:
        """Write into `_key` what the shape of the message that was just read is told by; gives its size."""
        self._key[0] = self._walk.problem << 1 | self._walk.complete
        self._number(1, self._walk.ke_group)
        self._number(3, self._walk.invalid_ke_group)
        self._number(5, self._walk.nonce_length)
        self._number(7, self._walk.payloads)
        self._number(9, self._walk.notifies)
        self._number(11, self._walk.vendors)
        at = 13
        for index in range(self._walk.payloads):
            self._key[at] = self._walk.kinds[index]
            at += 1
        for index in range(self._walk.notifies):
            self._number(at, self._walk.notify_kinds[index])
            at += 2
        for index in range(self._walk.vendors):
            at = self._string(at, data, self._walk.vendor_begins[index], self._walk.vendor_ends[index])
        return self._string(at, data, self._walk.sa_begin, self._walk.sa_end)

    def _string(self, at: int, data: Octets, begin: int, end: int) -> int:
        """Write a string and its length at this place of the key; gives where it ends."""
        self._number(at, end - begin)
        put(self._key, at + 2, data, begin, end)
        return at + 2 + (end - begin)

    def _number(self, at: int, number: int) -> None:
        """Write a number of 16 bits at this place of the key."""
        self._key[at] = number >> 8 & 0xFF
        self._key[at + 1] = number & 0xFF

    def _new_pair(self, mac_src: int, mac_dst: int) -> None:
        known = (mac_src.to_bytes(6, "big"), mac_dst.to_bytes(6, "big")) if mac_src >= 0 else (b"", b"")
        self._scan.mac_pairs.append(known)
        self._pair_count += 1

    def _new_shape(self, data: Octets) -> None:
        walk = self._walk
        self._scan.shapes.append(
            Shape(
                payloads=bytes(walk.payload_types()),
                notifies=tuple(walk.notify_types()),
                vendor_ids=tuple(walk.vendor_ids(data)),
                sa_body=walk.sa_body(data),
                ke_group=walk.ke_group,
                invalid_ke_group=walk.invalid_ke_group,
                nonce_length=walk.nonce_length,
                complete=bool(walk.complete),
                problem=PROBLEMS[walk.problem],
            )
        )
        self._shape_count += 1


def _unsigned(mac: int) -> int:
    """A MAC address as a number that is never negative: all 64 bits for none, as compiled code has it."""
    if cython.compiled:
        return mac
    return mac & 0xFFFFFFFFFFFFFFFF
