"""Bytes in order, from a file, a pipe or standard input, with what must be known about them.

Knows how to read, count and hash stored bytes and how to hand them on in big pieces; must not know
any capture format or compression. A read that fails part-way ends the stream and leaves a `Fault`
behind: what was read before it stays good.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable

from pcapan.errors import UnreadableError
from pcapan.record import Record

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    import hashlib
    from queue import SimpleQueue
    from typing import BinaryIO

#: Bytes asked for at once. Large enough that calls cost nothing, small enough to stay in the cache.
CHUNK_SIZE = 1024 * 1024

#: Below this many bytes a thread costs more than it saves.
_HASH_INLINE = 256 * 1024

#: Files up to this size are always hashed; the SHA-256 of a bigger one takes longer than everything else that
#: is done with it, and is computed when it is asked for.
HASH_LIMIT = 64 * 1024 * 1024

#: Kept in memory before a temporary file is put on disk, bytes.
_IN_MEMORY = 8 * 1024 * 1024


class Fault(Record, frozen=True):
    """Why a stream ended before its end. `code` is a stable kebab-case word."""

    code: str
    text: str


def new_spool() -> BinaryIO:
    """A temporary file, in memory as long as it is small."""
    import tempfile
    from typing import BinaryIO, cast

    return cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))


def put(spool: BinaryIO, piece: bytes | memoryview) -> None:
    """Append to a temporary file; raises UnreadableError when there is no room."""
    try:
        spool.write(piece)
    except OSError as error:
        raise no_room("what is read", error) from None


def no_room(what: str, error: OSError) -> UnreadableError:
    """What to say when a temporary file cannot be written; `what` needs it."""
    import tempfile

    return UnreadableError(
        f"{what} needs a temporary file, which cannot be written: {error.strerror or error}",
        where=tempfile.gettempdir(),
        hint="make room there, or name another folder in the environment variable TMPDIR",
    )


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

    def skip(self, count: int) -> bool:
        """Move on by `count` bytes; false when the stream ends before."""
        ready = min(len(self._ahead), count)
        self._ahead = self._ahead[ready:]
        return self._pass_over(count - ready)

    def _pass_over(self, count: int) -> bool:
        scratch = memoryview(bytearray(min(count, CHUNK_SIZE)))
        while count:
            got = self._fill(scratch[: min(count, len(scratch))])
            if not got:
                return False
            count -= got
        return True

    def close(self) -> None:
        """Let go of whatever feeds the stream. May be called twice."""


class _Hasher:
    """SHA-256 of pieces in their order, the big ones on a thread of its own.

    The thread lives as long as this object: starting one for every piece took as long as hashing it.
    """

    def __init__(self) -> None:
        import hashlib  # a big file, which others wait for, is not hashed
        from queue import SimpleQueue

        self._hash = hashlib.sha256()
        self._pieces: SimpleQueue[memoryview | None] = SimpleQueue()
        self._done = threading.Semaphore(0)
        self._under_way: deque[object] = deque()
        """The memory of every piece that is not hashed yet, the oldest first."""
        self._started = False

    def wait_for(self, memory: object) -> None:
        """Return when `memory` may be changed; at most one piece, of other memory, is under way then."""
        while len(self._under_way) > 1 or any(one is memory for one in self._under_way):
            self._wait_for_one()

    def feed(self, piece: memoryview) -> None:
        """Hash some more bytes; call `wait_for` before they change."""
        if len(piece) < _HASH_INLINE:
            self._finish()
            self._hash.update(piece)
            return
        if not self._started:
            self._started = True
            work = self._hash, self._pieces, self._done
            threading.Thread(target=_hash_pieces, args=work, daemon=True).start()
        self._under_way.append(piece.obj)
        self._pieces.put(piece)

    def hexdigest(self) -> str:
        """Of all bytes so far."""
        self._finish()
        return self._hash.hexdigest()

    def _finish(self) -> None:
        while self._under_way:
            self._wait_for_one()

    def _wait_for_one(self) -> None:
        self._done.acquire()
        self._under_way.popleft()

    def __del__(self) -> None:
        self._pieces.put(None)


def _hash_pieces(
    digest: hashlib._Hash, pieces: SimpleQueue[memoryview | None], done: threading.Semaphore
) -> None:
    while (piece := pieces.get()) is not None:
        digest.update(piece)
        del piece
        done.release()


class StoredStream(ByteStream):
    """The bytes as they are stored, counted and hashed (SHA-256) on the way.

    The hash of a big piece is computed in a second thread while the reader works on that piece and on the
    next one: memory given to `readinto` must not be changed before it is given again, or not before the
    next call but one.

    With `keep`, bytes that can be read only once (standard input, a pipe) are put into a temporary file on
    the way, so that `again` can give them once more.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        size: int | None,
        owned: bool = True,
        keep: bool = False,
        hashed: bool = True,
    ) -> None:
        super().__init__()
        self._kept = new_spool() if keep and size is None else None
        self._file = file
        self._owned = owned
        self._size = size
        self._identity = _identity(file) if size is not None else None
        self._hasher = _Hasher() if hashed else None
        self._ended = False
        self.bytes_read = 0
        """Stored bytes consumed so far."""
        # readinto1 first: a buffered reader's readinto loses what it has read when a later read fails.
        self._read_into: Callable[[memoryview], int | None] | None = getattr(
            file, "readinto1", getattr(file, "readinto", None)
        )

    @property
    def regular(self) -> bool:
        """Whether the bytes come from an ordinary file that can be opened by its name."""
        return self._size is not None and self._owned

    @property
    def open_file(self) -> BinaryIO | None:
        """The open file, where whoever reads on from it by themselves misses nothing and leaves nothing out:
        an ordinary one whose bytes are neither hashed nor kept. Add to `bytes_read` what they read."""
        passed_by = not self.regular or self._hasher is not None or self._kept is not None
        return None if passed_by or self._ahead or self._ended else self._file

    @property
    def size(self) -> int:
        """Stored size in bytes; of a pipe, what was read of it."""
        return self.bytes_read if self._size is None else max(self._size, self.bytes_read)

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes consumed so far, hex; empty when they are not hashed."""
        return "" if self._hasher is None else self._hasher.hexdigest()

    def _fill(self, view: memoryview) -> int:
        got = 0
        if self._hasher is not None:
            self._hasher.wait_for(view.obj)
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
        if self._kept is not None:
            put(self._kept, view[:got])
        if self._hasher is not None:
            self._hasher.feed(view[:got])
        return got

    def _pass_over(self, count: int) -> bool:
        """Seek where that is possible: what is passed over is neither counted nor hashed."""
        if self._size is None:
            return super()._pass_over(count)
        try:
            at = self._file.seek(count, os.SEEK_CUR)
        except (OSError, ValueError):
            return False
        return at <= self._file.seek(0, os.SEEK_END) and self._file.seek(at) == at

    @property
    def identity(self) -> tuple[int, int] | None:
        """Device and number of the file, by which it is known again; None of a pipe."""
        return self._identity

    @property
    def kept(self) -> bool:
        """Whether `again` can give the bytes once more."""
        return self._kept is not None

    def again(self) -> StoredStream | None:
        """The bytes that were kept, from the first one; None where nothing was. Used one at a time."""
        if self._kept is None:
            return None
        self._kept.seek(0)
        return StoredStream(self._kept, size=self.bytes_read, owned=False)

    def forget(self) -> None:
        """Let go of the bytes that were kept. May be called twice."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

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
        self._ended = True
        if self._owned:
            self._file.close()


def _identity(file: BinaryIO) -> tuple[int, int] | None:
    try:
        status = os.fstat(file.fileno())
    except (OSError, ValueError, AttributeError):
        return None  # a file in memory
    return status.st_dev, status.st_ino
