# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""Requests and responses become exchanges, paired by message id within one IKE SA.

Knows RFC 7296 sections 1 and 2.1-2.2 (every request has one response, a retransmission repeats the
bytes) and RFC 7383 (a message in several fragments). Must not know what an exchange means for the
SA: `pcapan.track.sas` does. Cython compiles this source where it can (see `pcapan.compiled`; C types are
in the .pxd).
"""

from __future__ import annotations

from pcapan.track.attempts import RETRANSMISSION_GAP

_GAP = RETRANSMISSION_GAP

Send = tuple[int, int, int]
"""File, frame and time of one send."""


class Half:
    """One direction of an exchange: every send of the request, or of the response.

    Sends are at least half a second apart; fragments of one count once. Nearly all messages are sent once, so
    that one lies in numbers and the others, if any, in a list.
    """

    def __init__(self) -> None:
        self.count = 0
        """How many sends there are."""
        self.first_ts = 0
        """Time of the first of them."""
        self.sent_ts = 0
        """Time of the last of them."""
        self._file = self._frame = 0
        self._repeats: list[Send] | None = None
        self.whole = -1
        """Encrypted bytes of a message that was sent whole, -1 when there is none."""
        self.fragments: dict[int, int] | None = None
        """Fragment number -> encrypted bytes, as far as there are any: most messages are sent whole."""
        self.fragments_total = 0
        """Total Fragments of RFC 7383; 0 = sent whole."""
        self.lengths = 0
        """IKE length of the largest single message."""

    @property
    def sends(self) -> list[Send]:
        """All of them, in order of time."""
        if not self.count:
            return []
        return [(self._file, self._frame, self.first_ts), *(self._repeats or ())]

    @property
    def encrypted(self) -> int:
        """Encrypted bytes of the whole message, all fragments together."""
        return self.octets()

    @property
    def missing_fragments(self) -> int:
        """Fragments of RFC 7383 that were never seen in any send."""
        return max(0, self.fragments_total - len(self.fragments or ()))

    def octets(self) -> int:
        """What `encrypted` tells; compiled, a call costs less than a property."""
        octets = self.whole if self.whole > 0 else 0
        if self.fragments is not None:
            for fragment in self.fragments.values():
                octets += fragment
        return octets

    def add(
        self, file: int, frame: int, ts: int, length: int, encrypted: int, number: int, total: int
    ) -> bool:
        """Take one message; True when it is a new send, no other fragment of the same.

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
        if self.count == 0:
            self._file = file
            self._frame = frame
            self.first_ts = self.sent_ts = ts
            self.count = 1
            return True
        if ts - self.sent_ts >= _GAP:
            if self._repeats is None:
                self._repeats = []
            self._repeats.append((file, frame, ts))
            self.sent_ts = ts
            self.count += 1
            return True
        return not known and total == 0


class Exchange:
    """One request and its response; `begin` before anything else."""

    def __init__(self) -> None:
        self.kind = 0
        """Exchange type, RFC 7296 section 3.1."""
        self.message_id = 0
        self.by_client = False
        """The client sent the request."""
        self.first_ts = 0
        """Time of the first message of the exchange."""
        self.last_ts = 0
        """Time of the last send of the exchange."""
        self.request = Half()
        self.response = Half()
        self.repeats_after_response = 0
        """Requests repeated, half a second or more after the last send, although a response was seen."""

    def begin(self, kind: int, message_id: int, by_client: bool, ts: int) -> None:
        """Say which exchange this is; its first message came at `ts`."""
        self.kind = kind
        self.message_id = message_id
        self.by_client = by_client
        self.first_ts = self.last_ts = ts

    @property
    def answered(self) -> bool:
        """Whether a response was seen."""
        return self.response.count > 0

    def add(
        self,
        is_response: bool,
        file: int,
        frame: int,
        ts: int,
        length: int,
        encrypted: int,
        number: int,
        total: int,
    ) -> None:
        """Take one message of this exchange, in order of time; see `Half.add`."""
        if is_response:
            half = self.response
            half.add(file, frame, ts, length, encrypted, number, total)
        else:
            half = self.request
            if half.add(file, frame, ts, length, encrypted, number, total) and self.response.count > 0:
                self.repeats_after_response += 1
        if half.sent_ts > self.last_ts:
            self.last_ts = half.sent_ts
