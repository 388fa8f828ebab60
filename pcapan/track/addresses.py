# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""The addresses of all files together: a number and a text for each.

Knows how an address is written (RFC 5952 for IPv6), which `ipaddress` does with an object that nobody needs.
Must not know whose an address is. Of a hundred thousand addresses nearly all may be of tunnels that just go
on and are never named, so a text is made when it is first asked for. Cython compiles this source where it
can (see `pcapan.compiled`; C types are in the .pxd).
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_OCTETS = [str(octet) for octet in range(256)]


class Texts:
    """Addresses in text form by number, each made when it is first asked for."""

    def __init__(
        self, addresses: list[bytes], whole: Texts | None = None, places: Sequence[int] = ()
    ) -> None:
        """`addresses` in network order, each once; `places`: their numbers in the `whole` they are of."""
        self._addresses = addresses
        self._whole = whole
        self._places = places
        self._made: list[str | None] = [None] * len(addresses)
        self._numbers: dict[str, int] = {}
        """Of those that were made: hardly anybody asks for others."""

    def text(self, number: int) -> str:
        """The address with this number."""
        made = self._made[number]
        if made is None:
            made = self._make(number)
        return made

    def number(self, text: str) -> int:
        """The number of an address in text form, -1 when it is none of them."""
        known = self._numbers.get(text)
        if known is None and len(self._numbers) < len(self._addresses):
            for at in range(len(self._addresses)):
                self.text(at)
            known = self._numbers.get(text)
        return -1 if known is None else known

    def _make(self, number: int) -> str:
        if self._whole is not None:
            made = self._whole.text(self._places[number])
        else:
            made = _written(self._addresses[number])
        self._made[number] = made
        self._numbers[made] = number
        return made

    def __len__(self) -> int:
        return len(self._addresses)

    def __getitem__(self, number: int) -> str:
        return self.text(number)

    def __iter__(self) -> Iterator[str]:
        for number in range(len(self._addresses)):
            yield self.text(number)


class Addresses:
    """The addresses of all files, each once."""

    def __init__(self, files: Sequence[list[bytes]]) -> None:
        """Of every file, its addresses in network order (`FileScan.addresses`).

        `names` are in text form (RFC 5952 for IPv6), by number; so are, per file, those `of_files`, by the
        index that its columns use.
        """
        self._places: list[array[int]] = []
        """The numbers of each file's; of a single file, the index is the number."""
        if len(files) == 1:
            self.names = Texts(files[0])
            self.of_files = [self.names]
        else:
            numbers = dict.fromkeys([address for own in files for address in own], 0)
            together = list(numbers)
            numbers.update(zip(together, range(len(together)), strict=True))
            self.names = Texts(together)
            self._places = [array("I", [numbers[address] for address in own]) for own in files]
            both = zip(files, self._places, strict=True)
            self.of_files = [Texts(own, self.names, places) for own, places in both]

    def number(self, text: str) -> int:
        """The number of an address in text form, -1 when it is none of them."""
        return self.names.number(text)

    def of_file(self, file: int, indexes: array[int]) -> array[int]:
        """The numbers of addresses that one file's columns name by index."""
        if not self._places:
            return indexes
        return array("I", map(self._places[file].__getitem__, indexes))


def _written(address: bytes) -> str:
    if len(address) == 4:
        return _dotted(address[0], address[1], address[2], address[3])
    return _colons(address)


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
