# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""The columns of one file, as the compiled loops of this room read them.

Knows which columns there are. Must not know what they mean. Cython compiles this source where it can (see
`pcapan.compiled`; C types are in the .pxd).
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from pcapan.scan.columns import FileScan
from pcapan.track.addresses import Texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pcapan.track.attempts import Answer


class FileRows:
    """The columns of one file."""

    def __init__(self, index: int, scan: FileScan, names: Texts) -> None:
        """`index` of the file among all; `names` are its addresses in text form."""
        rows = scan.messages
        self.index = index
        self.file = index + 1
        self.names = names
        self.numbers = array("I", bytes(4 * len(self.names)))
        """For somebody to note a number for each address."""
        self.octets = scan.addresses
        self.shapes = scan.shapes
        self.natd = scan.natd.reader()
        self.hashes = scan.natd
        self.mac_pairs = scan.mac_pairs
        self.asks: list[bool | None] = [None] * len(scan.shapes)
        """For somebody to note whether a request of a shape asks for an SA: many messages have few shapes."""
        self.says: list[Answer | None] = [None] * len(scan.shapes)
        """For somebody to note what a response of a shape says."""
        self.frame: array[int] = rows.frame
        self.ts: array[int] = rows.ts
        self.src: array[int] = rows.src
        self.dst: array[int] = rows.dst
        self.sport: array[int] = rows.sport
        self.dport: array[int] = rows.dport
        self.ttl: array[int] = rows.ttl
        self.macs: array[int] = rows.macs
        self.marks: array[int] = rows.marks
        self.spi_i: array[int] = rows.spi_i
        self.spi_r: array[int] = rows.spi_r
        self.version: array[int] = rows.version
        self.exchange: array[int] = rows.exchange
        self.flags: array[int] = rows.flags
        self.message_id: array[int] = rows.message_id
        self.length: array[int] = rows.length
        self.encrypted: array[int] = rows.encrypted
        self.fragment_number: array[int] = rows.fragment_number
        self.fragment_total: array[int] = rows.fragment_total
        self.digest: array[int] = rows.digest
        self.shape: array[int] = rows.shape


def file_rows(scans: Sequence[FileScan], names: Sequence[Texts]) -> list[FileRows]:
    """Those of every file; see `FileRows`."""
    both = zip(scans, names, strict=True)
    return [FileRows(file, scan, own) for file, (scan, own) in enumerate(both)]
