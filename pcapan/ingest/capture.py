"""One opened capture: what every container shares, so that a format module only walks records.

Knows the life of a reading (problems, damage, hash, closing), not one byte of any format. A new
format is a module with a `Format` and one entry in `pcapan.ingest.open`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pcapan.ingest.feeder import Feeder
from pcapan.ingest.frames import FrameBlock, InputProblem, Interface, Mark, SideEvidence
from pcapan.ingest.records import BlockWalk, RecordWalk
from pcapan.ingest.stream import ByteStream, StoredStream
from pcapan.ingest.stretch import Stretch
from pcapan.record import Record

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object

#: Comments kept of one file; a capture may carry one on every packet.
MAX_COMMENTS = 100

#: Characters kept of one comment or name; the text is a stranger's.
MAX_TEXT = 4096

#: Marks are at least this far apart, bytes: a hostile file must not fill memory with them.
MARK_EVERY = 256 * 1024

#: Compressed files larger than this are inflated on a thread of their own, stored bytes.
_READ_AHEAD_FROM = 16 * 1024 * 1024

#: Reads frames again by number, in rising order, each as a block of its own; see `Capture.refetch`.
Refetch = Callable[[Sequence[int]], Iterator[FrameBlock]]


#: Bytes of a stretch after which whoever waits for blocks gets a word, empty as it is.
_WORD_EVERY = 64 * 1024 * 1024


class Scanning(Protocol):
    """Takes frames without a block of their own; see `pcapan.ingest.stretch`."""

    def stretch(self, stretch: Stretch, interfaces: Sequence[Interface], number: int, most: int) -> int:
        """Take frames from number `number` on, until about `most` bytes are read; gives the next number."""


class Capture:
    """A `pcapan.ingest.frames.CaptureReader`. Filled in by the format's reader while blocks are drawn."""

    def __init__(self, path: str, format: str, stored: StoredStream, stream: ByteStream) -> None:  # noqa: A002
        self.path = path
        self.format = format
        self.interfaces: list[Interface] = []
        self.comments: list[str] = []
        self.problems: list[InputProblem] = []
        self.damaged = False
        self.hardware = ""
        """Machine the capture was written on (pcapng shb_hardware)."""
        self.operating_system = ""
        """System the capture was written on (pcapng shb_os)."""
        self.application = ""
        """Program that wrote the capture (pcapng shb_userappl)."""
        self.side = SideEvidence()
        self.own_comments: list[str] = []
        """Those of `comments` that are about the file or an interface, not about a single frame."""
        self.marks: list[Mark] = []
        """Where reading can begin again, in order; see `pcapan.ingest.again`."""
        self.refetch: Refetch | None = None
        """For formats in which frames have no order of their own: how single ones are read again. Left by
        the format's reader when `keep` is set; what it holds is let go of by `forget`."""
        self.keep = False
        """Whether frames will be asked for again when everything has been read."""
        self.scanning: Scanning | None = None
        """Who may take frames past the blocks, where nobody else wants them."""
        self.stored = stored
        self._stream = stream
        self._frames: Iterator[FrameBlock] | None = None
        self._feeder: Feeder | None = None
        self._resume: Resume | None = None
        self._forget: Callable[[], None] | None = None

    @property
    def plain_file(self) -> bool:
        """Whether `path` is an ordinary file that holds the capture as it is read, so that a format may
        open it once more and read where it likes."""
        return self._stream is self.stored and self.stored.regular

    def start(
        self, frames: Iterator[FrameBlock], feeder: Feeder | None = None, resume: Resume | None = None
    ) -> None:
        """Give the capture the iterator its format's reader made, and how it begins at a mark."""
        self._frames = frames
        self._feeder = feeder
        self._resume = resume

    def mark(self, number: int, offset: int, interfaces: int, state: object = None) -> None:
        """Say that reading could begin at `offset` (bytes into `Feeder`'s stream), where frame `number` comes
        next. A format's reader says so with every block; marks too close to the last one are not kept."""
        if not self.marks or offset - self.marks[-1].offset >= MARK_EVERY:
            self.marks.append(Mark(number, offset, interfaces, state))

    def stretch(self, feeder: Feeder, how: RecordWalk | BlockWalk) -> Stretch | None:
        """What reads on in the feeder's file by itself, where that is possible and wanted."""
        file = self.stored.open_file
        if self.scanning is None or self.keep or file is None or self._stream is not self.stored:
            return None
        return Stretch(file, how, feeder.chunk_size)

    def stretched(self, stretch: Stretch | None, feeder: Feeder, number: int) -> Iterator[int]:
        """Let a stretch begin with what the feeder has at hand; when it ends, the feeder stands behind it.

        Yields:
            The number of the frame that comes next, now and then.
        """
        if stretch is None or self.scanning is None:
            return
        if not stretch.begin(feeder.data[feeder.position : feeder.end]):
            return
        heard = 0
        while True:
            before = number
            number = self.scanning.stretch(stretch, self.interfaces, number, _WORD_EVERY)
            self.stored.bytes_read += stretch.octets - heard
            heard = stretch.octets
            if number == before:
                break
            yield number
        feeder.go_on(stretch.rest(), stretch.octets)

    def blocks_from(self, mark: Mark) -> Iterator[FrameBlock] | None:
        """The frames from a mark on that another reading of the same bytes left; marks only in rising order.

        None where the format cannot do that, or the bytes end before the mark.
        """
        if self._feeder is None or self._resume is None or not self._feeder.jump(mark.offset):
            return None
        return self._resume(self._feeder, self, mark)

    def on_forget(self, forget: Callable[[], None]) -> None:
        """Have this called when nobody asks for frames again; `refetch` may hold files open until then."""
        self._forget = forget

    def forget(self) -> None:
        """Let go of everything that was kept to read frames again. May be called twice."""
        forget, self._forget, self.refetch = self._forget, None, None
        if forget is not None:
            forget()
        self.stored.forget()

    def blocks(self) -> Iterator[FrameBlock]:
        """Yield the frames in file order, once.

        Raises:
            UnreadableError: before the first block, when it turns out that nothing can be read.
        """
        frames, self._frames = self._frames, None
        if frames is None:
            return
        if self._feeder is not None and self._reads_ahead:
            self._feeder.read_ahead()
        try:
            yield from frames
            self._rest()
            self._settle()
            self.stored.drain()
        finally:
            self.close()

    @property
    def _reads_ahead(self) -> bool:
        """Whether a thread that inflates pays: not for a small file; a pipe may keep a reader waiting.

        Plain bytes are read where they are scanned: they come faster out of the cache of one core than out of
        another's.
        """
        return self._stream is not self.stored and self.stored.regular and self.stored.size > _READ_AHEAD_FROM

    def _rest(self) -> None:
        if self._feeder is not None:
            self._feeder.stop()

    def _settle(self) -> None:
        """Turn what the stream met into problems. A cut stream explains the cut record: one problem."""
        for note in self._stream.notes:
            self.note(note.code, 0, note.text)
        fault = self._stream.fault or self.stored.fault
        if fault is not None:
            frame = 0
            if self.problems and self.problems[-1].code == "truncated-file":
                frame = self.problems.pop().frame
            self.damage(fault.code, frame, fault.text)

    def note(self, code: str, frame: int, example: str, count: int = 1) -> None:
        """Record something odd; the same `code` again only counts. `frame` 0 = not at a frame."""
        for problem in self.problems:
            if problem.code == code:
                problem.count += count
                return
        self.problems.append(InputProblem(code, frame, example, count))

    def damage(self, code: str, frame: int, example: str) -> None:
        """Record that the file is cut or corrupt from here on."""
        self.note(code, frame, example)
        self.damaged = True

    def comment(self, raw: bytes, *, of_frame: bool = False) -> str:
        """Keep a comment (UTF-8, not trusted to be), as far as there is room; gives its text."""
        said = text(raw)
        if len(self.comments) < MAX_COMMENTS:
            self.comments.append(said)
            if not of_frame:
                self.own_comments.append(said)
        return said

    def close(self) -> None:
        """Stop reading and let go of the file. Called by `blocks()` itself; may be called twice."""
        frames, self._frames = self._frames, None
        close = getattr(frames, "close", None)
        if close is not None:
            close()
        self._rest()
        self._stream.close()
        self.stored.close()

    @property
    def bytes_read(self) -> int:
        """Stored bytes consumed so far."""
        return self.stored.bytes_read

    @property
    def sha256(self) -> str:
        """SHA-256 of the stored bytes, hex; of the whole file once `blocks()` is exhausted."""
        return self.stored.sha256

    @property
    def size(self) -> int:
        """Stored size, bytes; of standard input what was read."""
        return self.stored.size


class Format(Record, frozen=True):
    """A container pcapan reads itself."""

    recognise: Callable[[bytes], str | None]
    """Name of the variant when the first bytes (up to 4096) are of this format, else None."""
    read: Callable[[Feeder, Capture], Iterator[FrameBlock]]
    """Read the file header at once (UnreadableError when there is none), then yield blocks lazily. With each
    block it calls `Capture.mark`, or it leaves a `Capture.refetch` behind when `Capture.keep` asks for it."""
    resume: Resume | None = None
    """Yield blocks from a mark on: the feeder stands at the mark's offset, the capture has the interfaces
    known there."""


Resume = Callable[[Feeder, Capture, Mark], Iterator[FrameBlock]]


def text(raw: bytes) -> str:
    """Decode a string of a container: UTF-8, wrong bytes replaced, end zeros and excess length cut."""
    return raw[: 4 * MAX_TEXT].rstrip(b"\0").decode("utf-8", "replace")[:MAX_TEXT]
