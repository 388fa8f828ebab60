"""Bytes in order, from a file, a pipe or standard input, with what must be known about them.

Knows how to read, count and hash stored bytes and how to hand them on in big pieces; must not know
any capture format or compression. A read that fails part-way ends the stream and leaves a `Fault`
behind: what was read before it stays good.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

#: Bytes asked for at once. Large enough that calls cost nothing, small enough to stay in the cache.
CHUNK_SIZE = 2 * 1024 * 1024

#: Below this many bytes a thread costs more than it saves.
_HASH_INLINE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a stream ended before its end. `code` is a stable kebab-case word."""

    code: str
    text: str


class ByteStream:
    """Bytes in order. A subclass fills memory; this class adds looking ahead."""

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self.notes: list[Fault] = []
        """Oddities that cost no bytes."""
        self._ahead = b""

    def _fill(self, view: memoryview) -> int:
        """Fill `view` from its start; fewer bytes than its length only at the end of the stream."""
        raise NotImplementedError

    def peek(self, count: int) -> bytes:
        """Return the next bytes without consuming them: at most `count`, fewer only at the end."""
        if len(self._ahead) < count:
            more = bytearray(count - len(self._ahead))
            got = self._fill(memoryview(more))
            self._ahead += bytes(more[:got])
        return self._ahead[:count]

    def readinto(self, view: memoryview) -> int:
        """Fill `view` (bytes) from its start; return how many, fewer than its length only at the end."""
        ready = min(len(self._ahead), len(view))
        if ready:
            view[:ready] = self._ahead[:ready]
            self._ahead = self._ahead[ready:]
            if ready == len(view):
                return ready
        return ready + self._fill(view[ready:])

    def close(self) -> None:
        """Let go of whatever feeds the stream. May be called twice."""


class StoredStream(ByteStream):
    """The bytes as they are stored, counted and hashed (SHA-256) on the way.

    The hash of a big piece is computed in a second thread while the reader works on that piece: the
    memory given to `readinto` must not be changed before the next call.
    """

    def __init__(self, file: BinaryIO, *, size: int | None, owned: bool = True) -> None:
        super().__init__()
        self._file = file
        self._owned = owned
        self._size = size
        self._hash = hashlib.sha256()
        self._hashing: threading.Thread | None = None
        self._ended = False
        self.bytes_read = 0
        """Stored bytes consumed so far."""
        # readinto1 first: a buffered reader's readinto loses what it has read when a later read fails.
        self._read_into: Callable[[memoryview], int | None] | None = getattr(
            file, "readinto1", getattr(file, "readinto", None)
        )

    @property
    def regular(self) -> bool:
        """Whether the bytes come from an ordinary file of known size."""
        return self._size is not None

    @property
    def size(self) -> int:
        """Stored size in bytes; of a pipe, what was read of it."""
        return self.bytes_read if self._size is None else max(self._size, self.bytes_read)

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes consumed so far, hex."""
        self._wait()
        return self._hash.hexdigest()

    def _wait(self) -> None:
        if self._hashing is not None:
            self._hashing.join()
            self._hashing = None

    def _fill(self, view: memoryview) -> int:
        got = 0
        self._wait()
        while got < len(view) and not self._ended:
            try:
                if self._read_into is not None:
                    count = self._read_into(view[got:]) or 0
                else:
                    piece = self._file.read(len(view) - got)
                    count = len(piece)
                    view[got : got + count] = piece
            except (OSError, ValueError) as error:
                self.fault = Fault("read-error", f"reading stopped at byte {self.bytes_read + got}: {error}")
                count = 0
            if count == 0:
                self._ended = True
            got += count
        self.bytes_read += got
        if got >= _HASH_INLINE:
            self._hashing = threading.Thread(target=self._hash.update, args=(view[:got],))
            self._hashing.start()
        elif got:
            self._hash.update(view[:got])
        return got

    def drain(self) -> None:
        """Read what is left, so that the count and the hash are those of everything stored."""
        self._ahead = b""
        if self._ended:
            return
        scratch = memoryview(bytearray(CHUNK_SIZE))
        while self._fill(scratch):
            pass

    def close(self) -> None:
        """Close the file, unless it belongs to somebody else (standard input)."""
        self._wait()
        self._ended = True
        if self._owned:
            self._file.close()


class Feeder:
    """Hands a stream on in big pieces; what a piece leaves unused comes again before the next one.

    `data[position:end]` are the bytes at hand; `position` is moved by the user. `data` stays untouched
    until `more` has been called twice, so a frame block may point into it.
    """

    def __init__(self, stream: ByteStream, chunk_size: int = CHUNK_SIZE) -> None:
        self._stream = stream
        self._chunk_size = max(1, chunk_size)
        self.data = bytearray()
        self._spare = bytearray()
        self.position = 0
        self.end = 0
        self._base = 0

    @property
    def offset(self) -> int:
        """Where `position` lies in the (inflated) file, bytes."""
        return self._base + self.position

    @property
    def available(self) -> int:
        """Bytes at hand and not used yet."""
        return self.end - self.position

    def more(self) -> bool:
        """Bring one more piece; false at the end of the stream, with nothing changed."""
        left = self.end - self.position
        room = left + self._chunk_size
        if len(self._spare) < room:
            # Grow in steps: a record that spans many pieces would otherwise cost a new buffer each time.
            self._spare = bytearray(room + max(room // 8, left))
        target = self._spare
        target[:left] = self.data[self.position : self.end]
        got = self._stream.readinto(memoryview(target)[left : left + self._chunk_size])
        if got == 0:
            return False
        self._base += self.position
        self._spare, self.data = self.data, target
        self.position = 0
        self.end = left + got
        return True

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
