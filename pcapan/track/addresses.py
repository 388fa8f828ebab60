# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""The addresses of all files together: a number and a text for each.

Knows how an address is written (RFC 5952 for IPv6), which `ipaddress` does with an object that nobody needs.
Must not know whose an address is. Cython compiles this source where it can (see `pcapan.compiled`; C types
are in the .pxd).
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_OCTETS = [str(octet) for octet in range(256)]


class Addresses:
    """The addresses of all files, each once."""

    def __init__(self, files: Sequence[Sequence[bytes]]) -> None:
        """Of every file, its addresses in network order (`FileScan.addresses`)."""
        self.of_files = [texts(list(addresses)) for addresses in files]
        """Per file: its addresses in text form (RFC 5952 for IPv6), by the index that its columns use."""
        self._numbers: dict[str, int] | None = None
        if len(files) == 1:
            self.names = self.of_files[0]
        else:
            self._numbers = dict.fromkeys([name for names in self.of_files for name in names], 0)
            self.names = list(self._numbers)
            self._numbers.update(zip(self.names, range(len(self.names)), strict=True))
        """In text form, by number."""

    @property
    def numbers(self) -> dict[str, int]:
        """Their numbers by text form."""
        if self._numbers is None:
            self._numbers = dict(zip(self.names, range(len(self.names)), strict=True))
        return self._numbers

    def of_file(self, file: int, indexes: array[int]) -> array[int]:
        """The numbers of addresses that one file's columns name by index."""
        if len(self.of_files) == 1:
            return indexes
        numbers = [self.numbers[name] for name in self.of_files[file]]
        return array("I", map(numbers.__getitem__, indexes))


def texts(addresses: list[bytes]) -> list[str]:
    """Addresses in text form, of which there may be a million."""
    return [
        _dotted(address[0], address[1], address[2], address[3])
        if len(address) == 4
        else _colons(address)
        for address in addresses
    ]


def _dotted(first: int, second: int, third: int, fourth: int) -> str:
    return f"{_OCTETS[first]}.{_OCTETS[second]}.{_OCTETS[third]}.{_OCTETS[fourth]}"


def _colons(address: bytes) -> str:
    """IPv6; a quarter of the time that `ipaddress` takes."""
    words = [f"{address[at] << 8 | address[at + 1]:x}" for at in range(0, 16, 2)]
    longest, begin = 1, 0
    for at in range(8):
        end = at
        while end < 8 and words[end] == "0":
            end += 1
        if end - at > longest:
            longest, begin = end - at, at
    if longest == 1:
        return ":".join(words)
    return ":".join(words[:begin]) + "::" + ":".join(words[begin + longest :])
