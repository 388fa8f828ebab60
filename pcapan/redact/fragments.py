"""IP fragments become fragments of the rewritten datagram.

Knows which fragments of a file belong together. Must not know what they carry: a joined datagram is rewritten
as a whole and cut where it was cut. Those of datagrams that never become whole, or contradict themselves,
are left to be rewritten one by one.
"""

from __future__ import annotations

from collections.abc import Sequence

from pcapan.decode.fragments import Datagram, FragmentKey, Outcome, Reassembler
from pcapan.decode.ip import IpPacket, parse_ip
from pcapan.decode.link import find_ip
from pcapan.ingest.frames import FrameBlock, Interface
from pcapan.redact.names import Names
from pcapan.redact.packets import rewrite_datagram

_ETHERNET = 1
_IPV4 = b"\x08\x00"
#: Flags and offset of IPv4 packets that are no fragments: nothing, or Don't Fragment.
_WHOLE = (b"\0\0", b"\x40\0")

_Piece = tuple[FragmentKey, int, bytes]
"""Datagram, offset and bytes: what makes a frame a copy of another."""


class FragmentPlan:
    """What the payload of every fragment of one file becomes. `feed` all blocks, then ask `instead`."""

    def __init__(self, names: Names, *, keep: bool = True) -> None:
        """Without `keep` nothing is remembered: for a pass that only learns names."""
        self._names = names
        self._keep = keep
        self.seen = 0
        """Fragments that came by."""
        self._reassembler = Reassembler()
        self._waiting: dict[int, _Piece] = {}
        self._made: dict[int, bytes] = {}
        self._of_piece: dict[_Piece, bytes] = {}

    def instead(self, number: int) -> bytes | None:
        """The new IP payload of frame `number`; None where it is no fragment, or to be rewritten alone."""
        return self._made.get(number)

    def feed(self, block: FrameBlock, interfaces: Sequence[Interface]) -> None:
        """Take the frames of one block."""
        links = [interface.link_type for interface in interfaces]
        for number, (offset, length, time, interface) in enumerate(
            zip(block.offsets, block.lengths, block.times, block.interfaces, strict=True), block.first_number
        ):
            self.take(number, links[interface], bytes(block.data[offset : offset + length]), time)

    def take(self, number: int, link_type: int, frame: bytes, time: int) -> None:
        """Take one frame; frames come in rising order."""
        if link_type == _ETHERNET and frame[12:14] == _IPV4 and frame[20:22] in _WHOLE:
            return
        found = find_ip(link_type, frame)
        if found.offset >= 0:
            packet = parse_ip(frame, found.offset, len(frame))
            if not isinstance(packet, str) and packet.is_fragment:
                self._fragment(frame, packet, number, time)

    def _fragment(self, frame: bytes, packet: IpPacket, number: int, time: int) -> None:
        self.seen += 1
        payload = frame[packet.payload_start : packet.payload_end]
        key = (packet.src, packet.dst, packet.protocol, packet.ip_id)
        piece = (key, packet.fragment_offset, payload)
        datagram = self._reassembler.add(
            key,
            packet.fragment_offset,
            packet.more_fragments,
            payload,
            number,
            time,
            packet.wire_payload_length,
        )
        self._waiting[number] = piece
        if datagram is not None:
            self._joined(datagram, packet.version)
        elif self._reassembler.last_outcome == Outcome.COPY and piece in self._of_piece:
            self._made[number] = self._of_piece[piece]
        for given_up in self._reassembler.take_incomplete():
            for lost in (*given_up.frames, *given_up.copies):
                self._waiting.pop(lost, None)

    def _joined(self, datagram: Datagram, version: int) -> None:
        frames = (*datagram.frames, *datagram.copies)
        pieces = {number: self._waiting.pop(number) for number in frames if number in self._waiting}
        if datagram.problems:
            return
        whole = rewrite_datagram(
            datagram.payload, version, datagram.key[2], datagram.key[:2], datagram.total_length, self._names
        )
        for number, piece in pieces.items() if self._keep else ():
            _, offset, payload = piece
            made = whole[offset : offset + len(payload)]
            made += self._names.scrambled(payload[len(made) :])
            self._made[number] = self._of_piece[piece] = made
