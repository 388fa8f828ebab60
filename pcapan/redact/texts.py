"""Addresses and SPIs inside sentences, display filters and other texts become their pseudonyms.

Knows how addresses and SPIs are written. Must not know which text it is, nor invent meaning: what could be an
address is one. Where an IPv6 address is followed by a port without brackets, a known address decides where it
ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address

from pcapan.redact.names import Pseudonyms

_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_V4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_HEX = "[0-9A-Fa-f]"
#: Longest first: groups of eight octets (an SPI), of six (a MAC address), then addresses.
_TOKEN = re.compile(
    rf"""
    (?<![\w:]) (?P<spi> (?:{_HEX}{{2}}:){{7}}{_HEX}{{2}} ) (?![\w:])
    | (?<![\w:-]) (?P<mac> {_HEX}{{2}}(?P<sep>[:-]){_HEX}{{2}}(?:(?P=sep){_HEX}{{2}}){{4}} ) (?![\w:-])
    | (?<![\w:.]) (?P<six> (?={_HEX}*:{_HEX}*:) [0-9A-Fa-f:]+ (?: {_V4} )? ) (?!\w)
    | (?<![\w.]) (?P<four> {_V4} ) (?! \w | \.\d )
    | (?<= esp\.spi\ ==\ 0x ) (?P<esp> {_HEX}{{8}} ) (?!\w)
    | (?<!\w) (?P<maybe_esp> {_HEX}{{8}} ) (?!\w)
    | (?<!\w) (?P<ike> {_HEX}{{16}} ) (?!\w)
    """,
    re.VERBOSE,
)


class Texts:
    """Replaces what texts say, with the pseudonyms of one run."""

    def __init__(self, names: Pseudonyms) -> None:
        self._names = names
        self.strings: dict[str, str] = {}
        """Names that are replaced wherever they stand, as paths."""
        self._alone: tuple[int, re.Pattern[str]] | None = None
        self.esp_spis: set[str] = set()
        """ESP SPIs, eight hex digits, that are replaced wherever they stand."""

    def address(self, text: str) -> str:
        """In place of a text that is an address; any other text as it is."""
        try:
            packed = ip_address(text).packed
        except ValueError:
            return text
        return str(ip_address(self._names.address(packed)))

    def redact(self, text: str) -> str:
        """In place of a text that may name anything."""
        if self.strings:
            text = self._known_strings().sub(lambda name: self.strings[name.group()], text)
        return _TOKEN.sub(self._token, text)

    def _known_strings(self) -> re.Pattern[str]:
        """Finds the names of `strings` where they stand alone, the longest first."""
        if self._alone is None or self._alone[0] != len(self.strings):
            longest_first = sorted(self.strings, key=len, reverse=True)
            names = "|".join(re.escape(name) for name in longest_first)
            self._alone = len(self.strings), re.compile(rf"(?<![\w.\-])(?:{names})(?![\w\-])")
        return self._alone[1]

    def redact_known(self, text: str) -> str:
        """In place of a text that was written without the capture: only what occurs is replaced."""
        occurs = self._names.addresses.is_known
        for match in _TOKEN.finditer(text):
            address = _packed(match.group())
            if address is not None and occurs(address):
                return self.redact(text)
        return text

    def learn_esp(self, texts: Iterable[str]) -> None:
        """Take note of the ESP SPIs that display filters name."""
        for text in texts:
            self.esp_spis.update(match.group("esp") for match in _TOKEN.finditer(text) if match.group("esp"))

    def addresses_in(self, texts: Iterable[str]) -> set[bytes]:
        """The packed addresses that texts name, for `Pseudonyms.know`."""
        found = set()
        for text in texts:
            for match in _TOKEN.finditer(text):
                for kind in ("four", "six"):
                    part = match.group(kind)
                    if part is not None and (packed := _packed(part)) is not None:
                        found.add(packed)
        return found

    def _token(self, match: re.Match[str]) -> str:
        kind, text = match.lastgroup, match.group()
        if kind == "spi":
            return self._ike(text.replace(":", "")).to_bytes(8, "big").hex(":")
        if kind == "ike":
            return f"{self._ike(text):016x}"
        if kind == "maybe_esp" and text not in self.esp_spis:
            return text
        if kind in ("esp", "maybe_esp"):
            return f"{self._names.esp_spi(int(text, 16)):08x}"
        if kind == "mac":
            separator = text[2]
            return self._names.mac(bytes.fromhex(text.replace(separator, ""))).hex(separator)
        return self._six(text) if kind == "six" else self.address(text)

    def _ike(self, digits: str) -> int:
        return self._names.ike_spi(int(digits, 16))

    def _six(self, text: str) -> str:
        """An IPv6 address, perhaps with a port or a colon behind it."""
        if text.endswith(":") and not text.endswith("::"):
            return f"{self._six(text[:-1])}:"
        head, _, tail = text.rpartition(":")
        packed = _packed(head)
        if tail.isdecimal() and packed is not None and self._names.addresses.is_known(packed):
            return f"{self.address(head)}:{tail}"
        return self.address(text)


def _packed(text: str) -> bytes | None:
    try:
        return ip_address(text).packed
    except ValueError:
        return None
