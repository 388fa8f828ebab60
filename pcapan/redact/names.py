"""All pseudonyms of one run, and what has to be known before the first of them is given.

Knows which kinds of names there are and keeps each kind consistent. Must not know packets, tables or texts:
whatever rewrites those asks here. `Names` is also what a first pass uses to learn (`Collector`): then
everything that would be replaced is found by the very code that replaces it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pcapan.decode.natd import natd_hash
from pcapan.redact.addresses import AddressPseudonyms
from pcapan.redact.keyed import Key
from pcapan.redact.tokens import MacPseudonyms, Tokens, esp_spis, ike_spis, vendor_id

End = tuple[bytes, int]
"""A packed address and a port that a NAT detection hash may name."""

_HASH_LENGTH = 20
_NO_SPI = 0


class Names(Protocol):
    """What a rewriter asks for."""

    def address(self, address: bytes) -> bytes:
        """In place of a packed IP address."""
        ...

    def mac(self, mac: bytes) -> bytes:
        """In place of a MAC address."""
        ...

    def ike_spi(self, spi: int) -> int:
        """In place of an IKE SPI; zero stays zero."""
        ...

    def esp_spi(self, spi: int) -> int:
        """In place of an ESP or AH SPI; zero stays zero."""
        ...

    def vendor_id(self, vid: bytes) -> bytes:
        """In place of the body of a vendor id payload."""
        ...

    def natd(self, data: bytes, spi_i: int, spi_r: int, ends: Sequence[End]) -> bytes:
        """In place of the data of a NAT detection notify; `ends` are those of the packet that carries it."""
        ...

    def scrambled(self, data: bytes) -> bytes:
        """In place of bytes that nobody needs to read."""
        ...

    def random_like(self, data: bytes) -> bytes:
        """In place of bytes that have to look random."""
        ...


class HashBook:
    """Which NAT detection hashes fit an address that is known, by their bytes.

    The same hash may come again in a packet whose addresses it does not fit, as on both sides of a
    translation: it has to become the same bytes there.
    """

    def __init__(self) -> None:
        self.candidates: list[bytes] = []
        """Addresses tried besides those of the packet: what the user named."""
        self._fitting: dict[bytes, End] = {}

    def learn(self, data: bytes, end: End) -> None:
        """Tell what a hash stands for."""
        self._fitting.setdefault(data, end)

    def find(self, data: bytes, spi_i: int, spi_r: int, ends: Sequence[End]) -> End | None:
        """The address and port that a hash fits; None when it fits none that is known."""
        known = self._fitting.get(data)
        if known is not None or len(data) != _HASH_LENGTH:
            return known
        addresses = dict.fromkeys([*(address for address, _ in ends), *self.candidates])
        for port in dict.fromkeys([*(port for _, port in ends), 500, 4500]):
            for address in addresses:
                if natd_hash(spi_i, spi_r, address, port) == data:
                    self.learn(data, (address, port))
                    return address, port
        return None


class Collector:
    """Learns what occurs, and replaces nothing."""

    def __init__(self, book: HashBook) -> None:
        self.addresses: set[bytes] = set()
        self.macs: set[bytes] = set()
        self.ike_spis: set[int] = set()
        self.esp_spis: set[int] = set()
        self._book = book

    def address(self, address: bytes) -> bytes:
        """Note an address."""
        self.addresses.add(address)
        return address

    def mac(self, mac: bytes) -> bytes:
        """Note a MAC address."""
        self.macs.add(mac)
        return mac

    def ike_spi(self, spi: int) -> int:
        """Note an SPI."""
        self.ike_spis.add(spi)
        return spi

    def esp_spi(self, spi: int) -> int:
        """Note an SPI."""
        self.esp_spis.add(spi)
        return spi

    def vendor_id(self, vid: bytes) -> bytes:
        """Leave a vendor id."""
        return vid

    def natd(self, data: bytes, spi_i: int, spi_r: int, ends: Sequence[End]) -> bytes:
        """Look for what the hash stands for."""
        self._book.find(data, spi_i, spi_r, ends)
        return data

    def scrambled(self, data: bytes) -> bytes:
        """Leave bytes."""
        return data

    def random_like(self, data: bytes) -> bytes:
        """Leave bytes."""
        return data


class Pseudonyms:
    """The pseudonyms that one key gives."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.book = HashBook()
        self.addresses = AddressPseudonyms(key)
        self.macs = MacPseudonyms(key)
        self.ike_spis: Tokens = ike_spis(key)
        self.esp_spis: Tokens = esp_spis(key)
        self._vendor_ids: dict[bytes, bytes] = {}

    def collector(self) -> Collector:
        """What a first pass over packets is given, and `know` afterwards."""
        return Collector(self.book)

    def know(self, found: Collector) -> None:
        """Keep clear of everything that a first pass found."""
        self.addresses.know(found.addresses)
        self.macs.know(found.macs)
        self.ike_spis.know(found.ike_spis)
        self.esp_spis.know(found.esp_spis)

    def address(self, address: bytes) -> bytes:
        """In place of a packed IP address."""
        return self.addresses.of(address)

    def mac(self, mac: bytes) -> bytes:
        """In place of a MAC address."""
        return self.macs.of(mac)

    def ike_spi(self, spi: int) -> int:
        """In place of an IKE SPI; zero stays zero."""
        return self.ike_spis.of(spi) if spi else _NO_SPI

    def esp_spi(self, spi: int) -> int:
        """In place of an ESP or AH SPI; zero stays zero."""
        return self.esp_spis.of(spi) if spi else _NO_SPI

    def vendor_id(self, vid: bytes) -> bytes:
        """In place of the body of a vendor id payload."""
        made = self._vendor_ids.get(vid)
        if made is None:
            made = self._vendor_ids[vid] = vendor_id(self.key, vid)
        return made

    def natd(self, data: bytes, spi_i: int, spi_r: int, ends: Sequence[End]) -> bytes:
        """A hash that fits is made again of the pseudonyms, any other becomes random bytes."""
        end = self.book.find(data, spi_i, spi_r, ends)
        if end is None:
            return self.key.random_like(b"NAT detection", data)
        return natd_hash(self.ike_spi(spi_i), self.ike_spi(spi_r), self.address(end[0]), end[1])

    def scrambled(self, data: bytes) -> bytes:
        """In place of bytes that nobody needs to read."""
        return self.key.scrambled(data)

    def random_like(self, data: bytes) -> bytes:
        """In place of bytes that have to look random."""
        return self.key.random_like(b"random", data)
