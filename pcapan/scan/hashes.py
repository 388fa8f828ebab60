"""The NAT detection hashes of IKE messages, packed: there may be a million, and few are ever looked at.

Knows how they are packed. Must not know what they are hashes of (`pcapan.decode.natd`).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from pcapan.scan.natd_reader import NatdReader, unpacked

Hashes = tuple[tuple[bytes, ...], tuple[bytes, ...]]
"""Data of the NAT_DETECTION_SOURCE_IP and of the NAT_DETECTION_DESTINATION_IP notifies of a message."""


class NatdHashes(Mapping[int, Hashes]):
    """By row of `MessageColumns`, what the NAT_DETECTION notifies of a message hold."""

    def __init__(self, known: Mapping[int, Hashes] | None = None) -> None:
        self._rows = array("Q")
        self._begins = array("Q")
        self._octets = bytearray()
        for row, hashes in sorted((known or {}).items()):
            packed = b"".join(
                bytes((kind,)) + len(data).to_bytes(2, "big") + data
                for kind, both in enumerate(hashes)
                for data in both
            )
            self.extend((row,), (0,), packed)

    def extend(self, rows: Sequence[int], begins: Sequence[int], octets: bytes | bytearray) -> None:
        """Add messages, whose rows rise, and where in `octets` the hashes of each begin.

        Before each hash stands what `pcapan.scan.natd_reader.HEAD` tells.
        """
        self._rows.extend(rows)
        self._begins.extend(len(self._octets) + begin for begin in begins)
        self._octets += octets

    def __getitem__(self, row: int) -> Hashes:
        index = bisect_left(self._rows, row)
        if index == len(self._rows) or self._rows[index] != row:
            raise KeyError(row)
        end = self._begins[index + 1] if index + 1 < len(self._begins) else len(self._octets)
        return unpacked(self._octets, self._begins[index], end)

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"NatdHashes({dict(self)!r})"

    @property
    def parts(self) -> tuple[array[int], array[int], bytearray]:
        """Rows, where the hashes of each begin, and the octets of all; not to be changed."""
        return self._rows, self._begins, self._octets

    def reader(self) -> NatdReader:
        """For whoever asks for many."""
        return NatdReader(*self.parts)
