"""Joining IP fragments (RFC 791 section 3.2, RFC 8200 section 4.5), within fixed bounds.

Knows the bookkeeping of one capture point: which bytes of which datagram were seen, in which frames. Must not
know what the datagrams carry, nor decide what a missing fragment means. Two rules differ from an end system
on purpose. An overlap keeps the bytes that came first and is noted, where a host would drop the datagram:
here it is an observation. And identical copies, which capturing on two interfaces or a mirror port makes of
every frame, are recognised even after the datagram is complete, so that they never look like a new datagram
whose other fragments were lost.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict, deque
from enum import StrEnum
from typing import Final, NamedTuple

FragmentKey = tuple[bytes, bytes, int, int]
"""Source address, destination address, protocol number, IP identification."""

DEFAULT_TIMEOUT_NS: Final = 30 * 10**9
"""RFC 791 suggests 15 s, RFC 8200 says 60 s, counted from the first fragment that arrives."""
MAX_OPEN: Final = 4096
MAX_TOTAL_BYTES: Final = 64 * 1024 * 1024
"""Bound for what is held, the bookkeeping of each fragment (FRAGMENT_COST) included."""
MAX_DATAGRAM: Final = 65535
MAX_FRAGMENTS: Final = 1500
"""Pieces of one datagram: 64 KiB over the smallest legal IPv4 link (68 bytes) are 1366."""
FRAGMENT_COST: Final = 256
"""Bytes of memory a fragment costs beside its payload; tiny fragments would get round the bound."""
MAX_FIRST_FRAGMENT: Final = 2048
"""Bytes of the first fragment kept for an incomplete datagram: enough for ports and an IKE header."""

_NO_TIME: Final = -(2**63)
"""As in `pcapan.ingest.frames`: a frame whose container carries no time stamp."""


class Outcome(StrEnum):
    """What became of the fragment that was added last."""

    HELD = "held"
    COMPLETED = "completed"
    COPY = "copy"
    """The same bytes at the same place were there already; the frame says nothing new."""
    REJECTED_EMPTY = "fragment-empty"
    REJECTED_TOO_LONG = "fragment-too-long"
    """It would end behind the 65535 bytes an IP datagram can have."""
    REJECTED_TOO_MANY = "fragment-too-many"
    """Its datagram has MAX_FRAGMENTS pieces already."""


class Datagram(NamedTuple):
    """A datagram of which every fragment was seen."""

    key: FragmentKey
    payload: bytes
    """From the first byte behind the IP header; short when the capture cut a fragment (see total_length)."""
    total_length: int
    """Bytes the payload had on the wire."""
    frames: tuple[int, ...]
    """Frame numbers of its fragments in the order they arrived, copies left out."""
    copies: tuple[int, ...]
    """Frame numbers of identical copies that arrived before it was complete."""
    first_ns: int
    last_ns: int
    """Times of the first and the last fragment that arrived, UTC nanoseconds."""
    completing_frame: int
    in_order: bool
    """Whether each fragment came behind the one before it."""
    problems: tuple[str, ...]
    """``fragment-overlap``, ``fragment-length-conflict``, ``fragment-unaligned``; each at most once."""

    @property
    def captured_whole(self) -> bool:
        """False when the snap length cut a fragment, so that `payload` ends early."""
        return len(self.payload) == self.total_length


class IncompleteDatagram(NamedTuple):
    """A datagram of which a fragment was not seen before time, room or the capture ran out."""

    key: FragmentKey
    frames: tuple[int, ...]
    copies: tuple[int, ...]
    first_ns: int
    last_ns: int
    have: tuple[tuple[int, int], ...]
    """The byte ranges seen, as (start, end), in order and without touching ones."""
    first_fragment: bytes | None
    """The bytes from offset 0 on (at most MAX_FIRST_FRAGMENT), None when the first fragment was not seen."""
    total_length: int | None
    """Bytes of the whole payload, None when the last fragment was not seen."""
    problems: tuple[str, ...]
    why: str
    """``timeout``, ``evicted`` (too many open datagrams or bytes) or ``capture-end``."""


class _Open:
    """One datagram in the making."""

    __slots__ = (
        "buffer",
        "copies",
        "cut_at",
        "ends",
        "first_ns",
        "frames",
        "in_order",
        "key",
        "last_ns",
        "last_start",
        "pieces",
        "problems",
        "starts",
        "total",
    )

    def __init__(self, key: FragmentKey, ts_ns: int) -> None:
        self.key = key
        self.buffer = bytearray()
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.frames: list[int] = []
        self.copies: list[int] = []
        self.first_ns = ts_ns
        self.last_ns = ts_ns
        self.last_start = -1
        self.in_order = True
        self.total: int | None = None
        self.cut_at = MAX_DATAGRAM + 1
        self.problems: list[str] = []
        self.pieces: set[_Piece] = set()

    def note(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)

    def complete(self) -> bool:
        if self.total is None or not self.starts:
            return False
        return self.starts[0] == 0 and self.ends[0] >= self.total

    def cost(self) -> int:
        return len(self.buffer) + FRAGMENT_COST * len(self.frames)

    def gaps(self, start: int, end: int) -> list[tuple[int, int]]:
        """The parts of start..end no fragment has filled so far."""
        found = []
        index = bisect_right(self.ends, start)
        while start < end:
            if index >= len(self.starts) or self.starts[index] >= end:
                found.append((start, end))
                break
            if self.starts[index] > start:
                found.append((start, self.starts[index]))
            start = self.ends[index]
            index += 1
        return found

    def cover(self, start: int, end: int) -> None:
        """Join start..end to the ranges seen; touching ranges become one."""
        low = bisect_left(self.ends, start)
        high = bisect_right(self.starts, end)
        if low < high:
            start = min(start, self.starts[low])
            end = max(end, self.ends[high - 1])
        self.starts[low:high] = [start]
        self.ends[low:high] = [end]


_Piece = tuple[int, int, bool, int]
"""Start, end, more, hash of the captured bytes: what makes two fragments copies of each other."""


class Reassembler:
    """Joins fragments of one capture. Not thread-safe; bounded in open datagrams and in bytes.

    Datagrams that could not be completed collect until `take_incomplete` is called: do so now and then.
    """

    def __init__(
        self,
        timeout_ns: int = DEFAULT_TIMEOUT_NS,
        max_open: int = MAX_OPEN,
        max_bytes: int = MAX_TOTAL_BYTES,
    ) -> None:
        self._timeout = timeout_ns
        self._max_open = max(1, max_open)
        # One datagram must always fit, or it would be evicted by its own last fragment.
        self._max_bytes = max(MAX_DATAGRAM + MAX_FRAGMENTS * FRAGMENT_COST, max_bytes)
        self._open: OrderedDict[FragmentKey, _Open] = OrderedDict()
        self._done: OrderedDict[FragmentKey, tuple[int, set[_Piece]]] = OrderedDict()
        self._incomplete: deque[IncompleteDatagram] = deque()
        self._done_pieces = 0
        self._bytes = 0
        self.last_outcome = Outcome.HELD
        """What became of the fragment that was added last."""
        self.copies = 0
        """Fragments that were copies of one seen before."""
        self.incomplete_lost = 0
        """Incomplete datagrams nobody took in time (more than `max_open` of them waited)."""

    def __len__(self) -> int:
        return len(self._open)

    @property
    def bytes_held(self) -> int:
        """Memory the open datagrams take, about: their payload and FRAGMENT_COST for each fragment."""
        return self._bytes

    def add(
        self,
        key: FragmentKey,
        offset: int,
        more: bool,
        payload: bytes,
        frame_no: int,
        ts_ns: int,
        wire_length: int | None = None,
    ) -> Datagram | None:
        """Add one fragment; gives the datagram when this one completes it, else None.

        `offset` in bytes, `more` the more-fragments flag, `payload` the captured bytes of this fragment,
        `wire_length` what it had on the wire when the capture cut it, `ts_ns` its time (UTC nanoseconds).
        What became of it is in `last_outcome`. Never raises.
        """
        length = max(len(payload), wire_length or 0)
        end = offset + length
        self._expire(ts_ns)
        if length == 0:
            self.last_outcome = Outcome.REJECTED_EMPTY
            return None
        if offset < 0 or end > MAX_DATAGRAM:
            self.last_outcome = Outcome.REJECTED_TOO_LONG
            return None
        if offset == 0 and not more:
            self.last_outcome = Outcome.COMPLETED
            one = (frame_no,)
            return Datagram(key, bytes(payload), length, one, (), ts_ns, ts_ns, frame_no, True, ())

        piece: _Piece = (offset, end, more, hash(bytes(payload)))
        entry = self._open.get(key)
        if entry is not None and self._apart(entry.first_ns, ts_ns):
            self._give_up(key, "timeout")
            entry = None
        if entry is None:
            done = self._done.get(key)
            if done is not None and not self._apart(done[0], ts_ns) and piece in done[1]:
                self._count_copy()
                return None
            entry = self._open[key] = _Open(key, ts_ns)
        if piece in entry.pieces:
            entry.copies.append(frame_no)
            self._count_copy()
            return None
        if len(entry.frames) >= MAX_FRAGMENTS:
            self.last_outcome = Outcome.REJECTED_TOO_MANY
            return None

        self._place(entry, offset, end, more, payload)
        entry.pieces.add(piece)
        self._bytes += FRAGMENT_COST
        entry.frames.append(frame_no)
        entry.last_ns = ts_ns
        if offset < entry.last_start:
            entry.in_order = False
        entry.last_start = offset
        self.last_outcome = Outcome.HELD
        if entry.complete():
            return self._finish(entry, frame_no)
        while len(self._open) > self._max_open or self._bytes > self._max_bytes:
            self._give_up(next(iter(self._open)), "evicted")
        return None

    def take_incomplete(self) -> list[IncompleteDatagram]:
        """Those that ran out of time or room since the last call, oldest first."""
        taken = list(self._incomplete)
        self._incomplete.clear()
        return taken

    def drain(self) -> list[IncompleteDatagram]:
        """At the end of the capture: `take_incomplete`, and everything that is still open."""
        taken = self.take_incomplete()
        taken += [self._describe(entry, "capture-end") for entry in self._open.values()]
        self._open.clear()
        self._done.clear()
        self._done_pieces = self._bytes = 0
        return taken

    def _place(self, entry: _Open, offset: int, end: int, more: bool, payload: bytes) -> None:
        if more and (end - offset) % 8:
            entry.note("fragment-unaligned")
        if not more:
            if entry.total is None:
                entry.total = end
                if entry.ends and entry.ends[-1] > end:
                    entry.note("fragment-length-conflict")
            elif entry.total != end:
                entry.note("fragment-length-conflict")
        elif entry.total is not None and end > entry.total:
            entry.note("fragment-length-conflict")
        captured_end = offset + len(payload)
        if captured_end < end:
            entry.cut_at = min(entry.cut_at, captured_end)
        gaps = entry.gaps(offset, end)
        if gaps != [(offset, end)]:
            entry.note("fragment-overlap")
        grown = captured_end - len(entry.buffer)
        if grown > 0:
            entry.buffer.extend(bytes(grown))
            self._bytes += grown
        for start, stop in gaps:
            stop = min(stop, captured_end)
            if start < stop:
                entry.buffer[start:stop] = payload[start - offset : stop - offset]
        entry.cover(offset, end)

    def _count_copy(self) -> None:
        self.copies += 1
        self.last_outcome = Outcome.COPY

    def _finish(self, entry: _Open, frame_no: int) -> Datagram:
        del self._open[entry.key]
        self._bytes -= entry.cost()
        self._remember(entry)
        self.last_outcome = Outcome.COMPLETED
        total = entry.total or 0
        return Datagram(
            key=entry.key,
            payload=bytes(entry.buffer[: min(total, entry.cut_at)]),
            total_length=total,
            frames=tuple(entry.frames),
            copies=tuple(entry.copies),
            first_ns=entry.first_ns,
            last_ns=entry.last_ns,
            completing_frame=frame_no,
            in_order=entry.in_order,
            problems=tuple(entry.problems),
        )

    def _remember(self, entry: _Open) -> None:
        """Keep what a copy of each fragment would look like, for as long as a copy can be expected."""
        before = self._done.pop(entry.key, None)
        if before is not None:
            self._done_pieces -= len(before[1])
        self._done[entry.key] = (entry.first_ns, entry.pieces)
        self._done_pieces += len(entry.pieces)
        while len(self._done) > self._max_open or self._done_pieces > 16 * self._max_open:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        _, (_, pieces) = self._done.popitem(last=False)
        self._done_pieces -= len(pieces)

    def _describe(self, entry: _Open, why: str) -> IncompleteDatagram:
        first: bytes | None = None
        if entry.starts and entry.starts[0] == 0:
            first = bytes(entry.buffer[: min(entry.ends[0], entry.cut_at, MAX_FIRST_FRAGMENT)])
        return IncompleteDatagram(
            key=entry.key,
            frames=tuple(entry.frames),
            copies=tuple(entry.copies),
            first_ns=entry.first_ns,
            last_ns=entry.last_ns,
            have=tuple(zip(entry.starts, entry.ends, strict=True)),
            first_fragment=first,
            total_length=entry.total,
            problems=tuple(entry.problems),
            why=why,
        )

    def _give_up(self, key: FragmentKey, why: str) -> None:
        entry = self._open.pop(key)
        self._bytes -= entry.cost()
        self._incomplete.append(self._describe(entry, why))
        if len(self._incomplete) > self._max_open:
            self._incomplete.popleft()
            self.incomplete_lost += 1

    def _apart(self, one_ns: int, other_ns: int) -> bool:
        """More than the timeout between two frames; captures need not be in order of time."""
        return _NO_TIME not in (one_ns, other_ns) and abs(other_ns - one_ns) > self._timeout

    def _expire(self, now_ns: int) -> None:
        if now_ns == _NO_TIME:
            return
        while self._open:
            key, entry = next(iter(self._open.items()))
            # Only forwards: a frame from the past must not throw out what came after it.
            if entry.first_ns == _NO_TIME or now_ns - entry.first_ns <= self._timeout:
                break
            self._give_up(key, "timeout")
        while self._done:
            first_ns, _ = next(iter(self._done.values()))
            if first_ns == _NO_TIME or now_ns - first_ns <= self._timeout:
                break
            self._forget_oldest()
