# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""Who asks whom for an SA, and who sends IKE to whom: each once, out of a million messages.

Knows IKE_SA_INIT as far as it tells that. Must not decide who is a server: `pcapan.track.roles` does. Cython
compiles this source where it can (see `pcapan.compiled`; C types are in the .pxd).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pcapan.decode.numbers import FLAG_RESPONSE, IKE_SA_INIT
from pcapan.scan.keys import KeyTable
from pcapan.track.file_rows import FileRows

if TYPE_CHECKING:
    from collections.abc import Iterable

_INIT, _RESPONSE = IKE_SA_INIT, FLAG_RESPONSE

Init = tuple[str, str, bool, str]
"""IKE_SA_INIT of IKEv2: source, destination, whether it is a response, and, of a response, who was asked."""


class Askers:
    """Collects the different IKE_SA_INIT messages: `take_all`, then read `found`."""

    def __init__(self) -> None:
        self.found: list[Init] = []
        """In the order in which they first came."""
        self._known = KeyTable()
        self._spis = KeyTable()
        self._asked: list[str | None] = []
        """By row of the table before: who was asked first with this initiator SPI."""
        self._numbers: dict[str, int] = {}

    def take_all(self, files: list[FileRows], order: Iterable[tuple[int, int]]) -> None:
        """Take the messages of `order`: index of the file, row in its columns."""
        for file, row in order:
            self._take(files[file], row)

    def _take(self, rows: FileRows, row: int) -> None:
        if rows.exchange[row] == _INIT and rows.version[row] >> 4 == 2:
            flags = rows.flags[row]
            if flags >= 0 and flags & _RESPONSE:
                # A server may answer from another of its addresses than was asked.
                asked = self._asked[self._spi(rows.spi_i[row])]
                self._note(rows, row, True, rows.names.text(rows.src[row]) if asked is None else asked)
            elif rows.spi_r[row] == 0:
                asked = rows.names.text(rows.dst[row])
                at = self._spi(rows.spi_i[row])
                if self._asked[at] is None:
                    self._asked[at] = asked
                self._note(rows, row, False, asked)

    def _spi(self, spi_i: int) -> int:
        """Where in `_asked` an initiator SPI stands."""
        at = self._spis.row(0, spi_i, 0)
        if at == len(self._asked):
            self._asked.append(None)
        return at

    def _note(self, rows: FileRows, row: int, is_response: bool, asked: str) -> None:
        number = self._numbers.setdefault(asked, len(self._numbers))
        src, dst = rows.src[row], rows.dst[row]
        at = self._known.row(rows.index << 1 | is_response, src << 32 | dst, number)
        if at == len(self.found):
            self.found.append((rows.names.text(src), rows.names.text(dst), is_response, asked))


def senders(rows: FileRows, left_out: bytes) -> list[tuple[str, str, int]]:
    """Who sends IKE to whom with which flags (RFC 7296, section 3.1), in order of first appearance.

    Rows whose byte in `left_out` is not 0 do not count; it may be empty.
    """
    known = KeyTable()
    found: list[tuple[str, str, int]] = []
    count = len(left_out)
    for row in range(len(rows.src)):
        if row < count and left_out[row] != 0:
            continue
        src, dst, flags = rows.src[row], rows.dst[row], rows.flags[row]
        if known.row(flags & 0xFFFF, src, dst) == len(found):
            found.append((rows.names.text(src), rows.names.text(dst), flags))
    return found
