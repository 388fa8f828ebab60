"""Bytes in big pieces for whoever takes records out of them.

Knows how pieces follow each other in memory, and how the next one is read while the last one is worked on.
Must not know any capture format, nor where the bytes come from.
"""

from __future__ import annotations

import threading

from pcapan.ingest.stream import CHUNK_SIZE, ByteStream
from pcapan.ingest.stretch import ALIGNMENT, lead

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    from queue import SimpleQueue

#: Room in front of a piece that is read ahead, for what the piece before it leaves unused, bytes.
_HEADROOM = 256 * 1024


class _PieceReader:
    """Reads one piece of a stream at a time on a thread of its own."""

    def __init__(self, stream: ByteStream) -> None:
        from queue import SimpleQueue

        self._stream = stream
        self._asked: SimpleQueue[memoryview | None] = SimpleQueue()
        self._got: SimpleQueue[int | BaseException] = SimpleQueue()
        self._place: tuple[bytearray, int] | None = None
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def under_way(self) -> bool:
        """Whether `result` has something to give."""
        return self._place is not None

    def begin(self, memory: bytearray, fresh: int, size: int) -> None:
        """Begin to read at most `size` bytes into `memory` from `fresh` on."""
        self._place = memory, fresh
        self._asked.put(memoryview(memory)[fresh : fresh + size])

    def result(self) -> tuple[bytearray, int, int]:
        """The memory, where the bytes begin in it, and how many there are; raises what reading raised."""
        assert self._place is not None
        (memory, fresh), self._place = self._place, None
        got = self._got.get()
        if isinstance(got, BaseException):
            raise got
        return memory, fresh, got

    def stop(self) -> None:
        """Return when nothing is read any more."""
        if self._place is not None:
            self._place = None
            self._got.get()
        self._asked.put(None)

    def _run(self) -> None:
        while (view := self._asked.get()) is not None:
            try:
                got: int | BaseException = self._stream.readinto(view)
            except BaseException as error:
                got = error
            del view  # nothing of the memory may be held when it is given back
            self._got.put(got)


class Feeder:
    """Hands a stream on in big pieces; what a piece leaves unused comes again before the next one.

    `data[position:end]` are the bytes at hand; `position` is moved by the user. `data` stays untouched
    until `more` has been called twice, so a frame block may point into it.
    """

    def __init__(self, stream: ByteStream, chunk_size: int = CHUNK_SIZE) -> None:
        self._stream = stream
        self.chunk_size = max(1, chunk_size)
        """Bytes of a piece."""
        self.data = bytearray()
        self._spare = bytearray()
        self._lead: int | None = None
        self._spare_lead: int | None = None
        """Where in `data` and `_spare` an aligned piece may begin; None while nobody has looked."""
        self._full = False
        """Whether the last piece left more to come."""
        self.position = 0
        self.end = 0
        self._base = 0
        self._reader: _PieceReader | None = None
        self._idle = bytearray()
        """Memory of the piece before the last, where pieces are read ahead."""

    @property
    def offset(self) -> int:
        """Where `position` lies in the (inflated) file, bytes."""
        return self._base + self.position

    @property
    def reached(self) -> int:
        """How far the (inflated) file has been read, bytes."""
        return self._base + self.end

    @property
    def available(self) -> int:
        """Bytes at hand and not used yet."""
        return self.end - self.position

    def more(self) -> bool:
        """Bring one more piece; false at the end of the stream, with nothing changed."""
        left = self.end - self.position
        if self._reader is not None and self._reader.under_way:
            return self._more_ahead(self._reader, left)
        if len(self._spare) < left + self.chunk_size + 2 * ALIGNMENT:
            # Grow in steps: a record that spans many pieces would otherwise cost a new buffer each time.
            self._spare = bytearray(left + self.chunk_size + 2 * ALIGNMENT + max(left, self.chunk_size // 8))
            self._spare_lead = None
        if self._spare_lead is None and self._full:
            # Not for the first piece: it is often the only one, and what tells addresses where nothing is
            # compiled takes 2 ms to load.
            self._spare_lead = lead(self._spare)
        begin = ((self._spare_lead or 0) - left) % ALIGNMENT
        fresh = begin + left
        target = self._spare
        # The stream goes first: it may still be hashing what is in this memory.
        got = self._stream.readinto(memoryview(target)[fresh : fresh + self.chunk_size])
        if got == 0:
            return False
        self._full = got == self.chunk_size
        self._lead, self._spare_lead = self._spare_lead, self._lead
        self._turn_to(target, begin, fresh, got)
        if self._reader is not None:
            self._read_next(self._reader)
        return True

    def read_ahead(self) -> None:
        """From now on read the next piece on a thread while the last one is worked on; end with `stop`.

        Memory that `data` had before stays untouched as long as without. Only for streams that never make a
        reader wait for long: the wait for the thread cannot be interrupted everywhere.
        """
        self._reader = _PieceReader(self._stream)

    def stop(self) -> None:
        """Read no more ahead; returns when the stream is at rest. What was read by then is lost."""
        if self._reader is not None:
            self._reader.stop()
            self._reader = None

    def _more_ahead(self, reader: _PieceReader, left: int) -> bool:
        target, fresh, got = reader.result()
        if got == 0:
            return False
        if left > fresh:  # a record longer than the room that was left for its beginning
            longer = bytearray(left + got)
            longer[left:] = memoryview(target)[fresh : fresh + got]
            target, fresh = longer, left
        self._turn_to(target, fresh - left, fresh, got)
        self._read_next(reader)
        return True

    def _read_next(self, reader: _PieceReader) -> None:
        """Into memory that neither `data` nor a block made of the piece before it can point into."""
        memory, self._spare, self._idle = self._idle, bytearray(), self._spare
        if len(memory) < _HEADROOM + self.chunk_size + ALIGNMENT:
            memory = bytearray(_HEADROOM + self.chunk_size + ALIGNMENT)
        fresh = _HEADROOM + lead(memory)
        reader.begin(memory, fresh, self.chunk_size)

    def _turn_to(self, target: bytearray, begin: int, fresh: int, got: int) -> None:
        """Make `target` the memory at hand; what was left of the last one goes before the fresh bytes."""
        target[begin:fresh] = self.data[self.position : self.end]
        self._base += self.position - begin
        self._spare, self.data = self.data, target
        self.position = begin
        self.end = fresh + got

    def go_on(self, left: bytearray, passed: int) -> None:
        """Somebody read on from the stream's file by themselves: `left` is what they left unused, after
        `passed` bytes more than were at hand."""
        self._base = self.offset + self.available + passed - len(left)
        self.data, self._lead = left, None
        self.position, self.end = 0, len(left)

    def jump(self, offset: int) -> bool:
        """Move on to `offset` bytes into the file; false when that lies behind, or the file ends before."""
        ahead = offset - self.offset
        if ahead < 0:
            return False
        while ahead > self.available and self._reader is not None and self._reader.under_way:
            ahead -= self.available
            self.position = self.end
            if not self.more():
                return False
        if ahead <= self.available:
            self.position += ahead
            return True
        ahead -= self.available
        self._base = offset
        self.position = self.end = 0
        return self._stream.skip(ahead)

    def need(self, count: int) -> bool:
        """Have at least `count` bytes at hand; false when the stream ends before."""
        while self.end - self.position < count:
            if not self.more():
                return False
        return True

    def skip(self, count: int) -> bool:
        """Move on by `count` bytes without keeping them; false when the stream ends before."""
        while count > self.end - self.position:
            count -= self.end - self.position
            self.position = self.end
            if not self.more():
                return False
        self.position += count
        return True
