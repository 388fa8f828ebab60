# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""A stretch of an ordinary file: pieces read and records walked one after the other, without the interpreter.

Knows how pieces follow each other in memory that stays in the cache of the processor, and when to leave off:
whatever a walk does not take as a matter of course is for the format's own reader. Must not know what the
frames are, nor what a format looks like: `pcapan.ingest.records` does. Cython compiles this source where it
can (see `pcapan.compiled`).
"""

from __future__ import annotations

from pcapan.ingest.records import BlockWalk, RecordWalk, Rows

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    from typing import BinaryIO

    from pcapan import shadow as cython
    from pcapan.octets import Octets
else:
    try:
        import cython
    except ImportError:
        from pcapan import shadow as cython
if not cython.compiled:
    from pcapan.ingest.descriptor import read_into
    from pcapan.ingest.records import walk_packets, walk_records
    from pcapan.octets import address, put

#: Where a piece begins in its memory, bytes. Copying to an odd place made reading five times slower on a
#: common processor.
ALIGNMENT = 64

#: Memory for pieces worth that, bytes.
_LEAD_FROM = 256 * 1024

#: Bytes read at once: they, and what is looked up for their frames, stay in the cache of one core.
PIECE = 256 * 1024

#: Room in front of a piece for the record that the piece before it leaves unfinished, bytes.
_ROOM = 256 * 1024


def lead(memory: bytearray) -> int:
    """Bytes to the first aligned place in `memory`, 63 at most; 0 where it is too small to matter."""
    return -address(memory) % ALIGNMENT if len(memory) >= _LEAD_FROM else 0


class Stretch:
    """Walks on from where a format's reader stands; `begin`, then `forward` while it says so, then `rest`."""

    def __init__(self, file: BinaryIO, how: RecordWalk | BlockWalk, piece: int = PIECE) -> None:
        """`file` is unbuffered; `how` tells how its records are written; `piece`: bytes read at once."""
        self._file = file  # not closed while this lives
        self._descriptor = file.fileno()
        self._records = how if isinstance(how, RecordWalk) else None
        self._blocks = how if isinstance(how, BlockWalk) else None
        self._piece = max(1, min(piece, PIECE))
        self.memory = bytearray(_ROOM + PIECE + 64)
        """What `data` shows, as a Python object."""
        self.data = self.memory
        self.rows = Rows()
        """The frames that the last step found: they lie in `data`."""
        self._fresh = _ROOM + lead(self.memory)
        """Where a piece begins."""
        self._position = self._end = self._fresh
        self.octets = 0
        """Bytes read since `begin`."""

    def begin(self, left: Octets) -> bool:
        """Take over what the reader has at hand and not used; False when that is too much."""
        if len(left) > _ROOM:
            return False
        self._position = self._end = self._fresh
        self._position -= len(left)
        self.memory[self._position : self._end] = left
        self.octets = 0
        return True

    def rest(self) -> bytearray:
        """What was read and not walked over: the reader goes on with it."""
        return bytearray(self.memory[self._position : self._end])

    def forward(self) -> bool:
        """Walk over the next records, their frames into `rows`; False: the format's reader has to go on."""
        if self._step():
            return True
        return self._more() and self._step()

    def _step(self) -> bool:
        """Walk over what is at hand; False, and nothing walked over, when no frame is found or one is odd."""
        self.rows.count = 0
        if self._records is not None:
            position = walk_records(self._records, self.rows, self.data, self._position, self._end)
            odd = self._records.lie >= 0 or self._records.longer > 0
        elif self._blocks is not None:
            position = walk_packets(self._blocks, self.rows, self.data, self._position, self._end)
            odd = self._blocks.longer > 0
        else:
            return False
        if odd or self.rows.count == 0:
            return False
        self._position = position
        return True

    def _more(self) -> bool:
        """Read the next piece behind what is left; False at the end of the file or when too much is left."""
        left = self._end - self._position
        if left > _ROOM:
            return False
        put(self.data, self._fresh - left, self.data, self._position, self._end)
        self._position = self._fresh - left
        got = read_into(self._descriptor, self.data, self._fresh, self._piece)
        self._end = self._fresh + got
        self.octets += got
        return got > 0
