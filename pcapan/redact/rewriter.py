"""Frames with pseudonyms: a first pass to learn what occurs, a second one to replace it.

Knows the order of the passes over one file, and a short way for ESP in UDP, of which most captures consist.
Must not know files or formats: blocks of frames come in, frames go out.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

from pcapan.decode.numbers import NAT_T_PORT
from pcapan.ingest.frames import FrameBlock, Interface
from pcapan.redact.checksums import is_right, renewed, total
from pcapan.redact.fragments import FragmentPlan
from pcapan.redact.links import rewrite_frame
from pcapan.redact.names import Collector, Names

_ETHERNET = 1
#: Ethernet, IPv4 without options, UDP, and as much of the payload as tells ESP from IKE.
_SHORTEST = 14 + 20 + 8 + 28
#: From the Ethertype: it, version and header length, total length, fragment field, protocol.
_HEADERS = Struct(">HBxHxxHxB").unpack_from
#: From the UDP header: ports, length, checksum, ESP SPI, and what would be the length of an IKE message.
_UDP = Struct(">HHHHI20xI").unpack_from
_IPV4, _NO_OPTIONS, _UDP_PROTOCOL = 0x0800, 0x45, 17
#: Where parts of such a frame end: MAC addresses, IP header up to its checksum, IP header, UDP, ESP header.
_MACS, _SUM, _IP, _SPI, _SEQUENCE = 12, 24, 34, 42, 50


class Rewriter:
    """Replaces what frames of one file say."""

    def __init__(self, names: Names, plan: FragmentPlan | None = None, *, learns: bool = False) -> None:
        """`plan` must have seen all frames of the file, where some are IP fragments.

        With `learns` nothing is replaced, and ESP that brings nothing new is passed by.
        """
        self._names = names
        self._learns = learns
        self._plan = plan
        self._known: dict[bytes, tuple[bytes, bytes, bytes]] = {}

    def frame(self, number: int, link_type: int, data: bytes) -> bytes:
        """Captured bytes of frame `number` of the file with pseudonyms; the length stays."""
        if link_type == _ETHERNET and len(data) >= _SHORTEST:
            made = self._esp(data)
            if made is not None:
                return made
        instead = self._plan.instead(number) if self._plan is not None else None
        return rewrite_frame(link_type, data, self._names, instead)

    def _esp(self, data: bytes) -> bytes | None:
        """What `rewrite_frame` makes of whole ESP in UDP without a UDP checksum; None of anything else."""
        ethertype, first, length, fragment, protocol = _HEADERS(data, 12)
        if (
            ethertype != _IPV4
            or first != _NO_OPTIONS
            or protocol != _UDP_PROTOCOL
            or fragment & 0x3FFF
            or 14 + length > len(data)
        ):
            return None
        sport, dport, udp, checksum, spi, ike_length = _UDP(data, _IP)
        if (
            NAT_T_PORT not in (sport, dport)
            or checksum
            or not spi
            or ike_length == udp - 8
            or udp != length - 20
            or udp < 36
        ):
            return None
        key = data[:_MACS] + data[_SUM + 2 : _IP] + data[_SPI : _SPI + 4]
        known = self._known.get(key)
        if known is None:
            names = self._names
            known = self._known[key] = (
                names.mac(data[0:6]) + names.mac(data[6:12]),
                names.address(data[26:30]) + names.address(data[30:34]),
                names.esp_spi(spi).to_bytes(4, "big"),
            )
        if self._learns:
            return data
        macs, addresses, new_spi = known
        begin = data[14:_SUM]
        was = (data[24] << 8) | data[25]
        field = renewed(was, is_right(data[14:_IP]), total(begin, addresses)).to_bytes(2, "big")
        head = macs + data[12:14] + begin + field + addresses + data[_IP:_SPI] + new_spi
        return head + data[_SPI + 4 : _SEQUENCE] + bytes(len(data) - _SEQUENCE)


class Survey:
    """The first pass: what occurs in the frames of a file."""

    def __init__(self, found: Collector) -> None:
        self._joined = FragmentPlan(found, keep=False)
        self._rewriter = Rewriter(found, learns=True)

    @property
    def has_fragments(self) -> bool:
        """Whether a `FragmentPlan` is needed to rewrite the file."""
        return self._joined.seen > 0

    def feed(self, block: FrameBlock, interfaces: Sequence[Interface]) -> None:
        """Take the frames of one block."""
        links = [interface.link_type for interface in interfaces]
        frame = self._rewriter.frame
        for number, (offset, length, interface) in enumerate(
            zip(block.offsets, block.lengths, block.interfaces, strict=True), block.first_number
        ):
            frame(number, links[interface], bytes(block.data[offset : offset + length]))
        self._joined.feed(block, interfaces)
