"""Requests and responses become exchanges, paired by message id within one IKE SA.

Knows RFC 7296 sections 1 and 2.1-2.2 (every request has one response, a retransmission repeats the
bytes) and RFC 7383 (a message in several fragments). Must not know what an exchange means for the
SA: `pcapan.track.sas` does.
"""

from __future__ import annotations

from msgspec import Struct, field

from pcapan.track.attempts import RETRANSMISSION_GAP


class Half(Struct):
    """One direction of an exchange: every send of the request, or of the response."""

    sends: list[tuple[int, int, int]] = field(default_factory=list)
    """(file, frame, time) of each send at least half a second apart; fragments count once."""
    whole: int = -1
    """Encrypted bytes of a message that was sent whole, -1 when there is none."""
    fragments: dict[int, int] | None = None
    """Fragment number -> encrypted bytes, as far as there are any: most messages are sent whole."""
    fragments_total: int = 0
    """Total Fragments of RFC 7383; 0 = sent whole."""
    lengths: int = 0
    """IKE length of the largest single message."""

    @property
    def encrypted(self) -> int:
        """Encrypted bytes of the whole message, all fragments together."""
        if self.fragments is None:
            return max(self.whole, 0)
        return max(self.whole, 0) + sum(self.fragments.values())

    @property
    def missing_fragments(self) -> int:
        """Fragments of RFC 7383 that were never seen in any send."""
        return max(0, self.fragments_total - len(self.fragments or ()))

    def add(self, sent: tuple[int, int, int], length: int, encrypted: int, number: int, total: int) -> bool:
        """Take one message, `sent` as in `sends`; True when it is a new send, no other fragment of the same.

        `length` and `encrypted` in bytes; `number` and `total` of its fragments, 0 when it was sent whole.
        """
        if total > self.fragments_total:
            # A sender may fall back to smaller fragments: the larger total starts over.
            self.fragments_total = total
            self.whole = -1
            self.fragments = None
        if number == 0:
            known = self.whole >= 0
            self.whole = encrypted
        else:
            if self.fragments is None:
                self.fragments = {}
            known = number in self.fragments
            self.fragments[number] = encrypted
        if length > self.lengths:
            self.lengths = length
        sends = self.sends
        if not sends or sent[2] - sends[-1][2] >= RETRANSMISSION_GAP:
            sends.append(sent)
            return True
        return not known and total == 0


class Exchange(Struct):
    """One request and its response."""

    kind: int
    """Exchange type, RFC 7296 section 3.1."""
    message_id: int
    by_client: bool
    """The client sent the request."""
    first_ts: int
    """Time of the first message of the exchange."""
    last_ts: int
    """Time of the last send of the exchange."""
    request: Half = field(default_factory=Half)
    response: Half = field(default_factory=Half)
    repeats_after_response: int = 0
    """Requests repeated, half a second or more after the last send, although a response was seen."""

    @property
    def answered(self) -> bool:
        """Whether a response was seen."""
        return bool(self.response.sends)

    def add(
        self,
        is_response: bool,
        sent: tuple[int, int, int],
        length: int,
        encrypted: int,
        number: int,
        total: int,
    ) -> None:
        """Take one message of this exchange, in order of time; see `Half.add`."""
        if is_response:
            half = self.response
            half.add(sent, length, encrypted, number, total)
        else:
            half = self.request
            if half.add(sent, length, encrypted, number, total) and self.response.sends:
                self.repeats_after_response += 1
        ts = half.sends[-1][2]
        if ts > self.last_ts:
            self.last_ts = ts
