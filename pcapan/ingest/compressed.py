"""Inflating streams: gzip and zstd, several members or frames, bounded.

Knows the outer structure of gzip (RFC 1952) and Zstandard (RFC 8878); must not know captures. A cut
or corrupt stream delivers everything before the damage and leaves a `Fault`.
"""

from __future__ import annotations

import zlib

from pcapan.ingest.stream import ByteStream, Fault, StoredStream

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    import zstandard

#: A bomb is a stream that gave more than FREE_OUTPUT bytes at more than MAX_RATIO : 1. ESP does not
#: compress at all and even a file of one repeated keepalive stays near 100 : 1 (time stamps differ),
#: while zlib reaches 1030 : 1 and zstd 30000 : 1 on zeros. Any ratio is harmless below 128 MiB: zeros
#: are the worst, 8 million empty pcap records, some seconds of work.
FREE_OUTPUT = 128 * 1024**2
MAX_RATIO = 200

_PIECE = 256 * 1024
_SMALL = 4096


def codec(head: bytes) -> str | None:
    """`gzip` or `zstd` when the first bytes are of such a stream, else None."""
    if head[:3] == b"\x1f\x8b\x08":
        return "gzip"
    if head[:4] == b"\x28\xb5\x2f\xfd" or (head[1:4] == b"\x2a\x4d\x18" and head[:1] in _SKIPPABLE):
        return "zstd"
    return None


_SKIPPABLE = frozenset(bytes((0x50 + low,)) for low in range(16))


class InflatedStream(ByteStream):
    """The bytes inside a compressed stream. A subclass makes output, this class bounds it."""

    def __init__(self, stored: StoredStream) -> None:
        super().__init__()
        self._stored = stored
        self._pending = memoryview(b"")
        self._given = 0
        self._over = False
        self._buffer = bytearray(_PIECE)

    def _inflate(self, want: int) -> bytes:
        """Return some inflated bytes, about `want` at most; nothing at the end of the stream."""
        raise NotImplementedError

    def _read(self, count: int = _PIECE) -> bytes:
        view = memoryview(self._buffer)[:count]
        return bytes(view[: self._stored.readinto(view)])

    def _stop(self, code: str, what: str) -> None:
        if self.fault is None:
            self.fault = Fault(code, f"{what} after {self._given} inflated bytes")
        self._over = True

    def _fill(self, view: memoryview) -> int:
        got = 0
        while got < len(view):
            if not self._pending:
                if self._over:
                    break
                self._pending = memoryview(self._inflate(len(view) - got))
                self._given += len(self._pending)
                if self._given > FREE_OUTPUT and self._given > MAX_RATIO * self._stored.bytes_read:
                    self._stop(
                        "compression-bomb", f"unpacks to over {MAX_RATIO} times its size (unpack it first)"
                    )
                    self._pending = memoryview(b"")
                continue
            count = min(len(view) - got, len(self._pending))
            view[got : got + count] = self._pending[:count]
            self._pending = self._pending[count:]
            got += count
        return got


class GzipStream(InflatedStream):
    """A gzip stream of one or more members."""

    def __init__(self, stored: StoredStream) -> None:
        super().__init__(stored)
        self._member = zlib.decompressobj(31)
        self._input = b""

    def _inflate(self, want: int) -> bytes:
        while True:
            if self._member.eof and not self._next_member():
                return b""
            data = self._input or self._read()
            if not data:
                self._stop("truncated-compression", "the gzip stream is cut")
                return self._member.flush()
            # inflateCopy costs one window; it lets a corrupt stream deliver what precedes the damage.
            saved = self._member.copy()
            try:
                out = self._member.decompress(data, min(want, _PIECE * 4))
            except zlib.error as error:
                self._stop("corrupt-compression", f"the gzip stream is corrupt ({error})")
                return _until_error(saved, data, want)
            self._input = self._member.unconsumed_tail or self._member.unused_data
            if out:
                return out

    def _next_member(self) -> bool:
        """Begin the member that follows; false at the end, or when something else follows."""
        while len(self._input) < 3:
            more = self._read(_SMALL)
            if not more:
                break
            self._input += more
        while self._input and not self._input.strip(b"\0"):  # padding, as tapes and some tools write it
            self._input = self._read()
        if codec(self._input) == "gzip":
            self._member = zlib.decompressobj(31)
            return True
        if self._input:
            self.notes.append(Fault("trailing-bytes", "bytes that are no gzip member follow the gzip stream"))
        self._over = True
        return False


def _until_error(member: zlib._Decompress, data: bytes, want: int) -> bytes:
    """Inflate byte by byte what precedes the damage in `data`."""
    out: list[bytes] = []
    given = 0
    for index in range(len(data)):
        try:
            piece = member.decompress(data[index : index + 1])
        except zlib.error:
            break
        if piece:
            out.append(piece)
            given += len(piece)
            if given > max(want, _PIECE * 4):
                break
    return b"".join(out)


class ZstdStream(InflatedStream):
    """A zstd stream of one or more frames.

    Fed block by block (RFC 8878 section 3.1.1.2): a block gives at most 128 KiB, so the output is
    bounded, and a cut is noticed, which libzstd's streaming interface does not report.
    """

    def __init__(self, stored: StoredStream) -> None:
        super().__init__(stored)
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._checksum = 0
        self._data = b""
        self._at = 0

    def _take(self, count: int) -> bytes | None:
        """Return the next `count` stored bytes, or None when the stream ends before."""
        while len(self._data) - self._at < count:
            more = self._read()
            if not more:
                return None
            self._data = self._data[self._at :] + more
            self._at = 0
        self._at += count
        return self._data[self._at - count : self._at]

    def _inflate(self, want: int) -> bytes:
        import zstandard

        while not self._over:
            try:
                if self._frame is None:
                    out = self._begin()
                else:
                    out = self._block(self._frame)
            except zstandard.ZstdError as error:
                self._stop("corrupt-compression", f"the zstd stream is corrupt ({error})")
                return b""
            if out is None:
                self._stop("truncated-compression", "the zstd stream is cut")
                return b""
            if out:
                return out
        return b""

    def _begin(self) -> bytes | None:
        """Read a frame header, or past a skippable frame; None when cut."""
        import zstandard

        magic = self._take(4)
        if magic is None:
            if self._at < len(self._data):
                return None
            self._over = True
            return b""
        if magic[1:] == b"\x2a\x4d\x18" and magic[:1] in _SKIPPABLE:
            size = self._take(4)
            left = -1 if size is None else int.from_bytes(size, "little")
            while left > 0:
                if self._take(min(left, _PIECE)) is None:
                    return None
                left -= min(left, _PIECE)
            return None if left < 0 else b""
        if magic != b"\x28\xb5\x2f\xfd":
            self.notes.append(Fault("trailing-bytes", "bytes that are no zstd frame follow the zstd stream"))
            self._over = True
            return b""
        descriptor = self._take(1)
        if descriptor is None:
            return None
        flags = descriptor[0]
        single = flags >> 5 & 1
        rest = (1 - single) + (0, 1, 2, 4)[flags & 3] + (single, 2, 4, 8)[flags >> 6]
        header = self._take(rest)
        if header is None:
            return None
        self._checksum = 4 if flags & 4 else 0
        # The library's own limit on the window, 128 MiB, holds.
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        return self._frame.decompress(magic + descriptor + header)

    def _block(self, frame: zstandard.ZstdDecompressionObj) -> bytes | None:
        """Inflate one block; None when cut."""
        header = self._take(3)
        if header is None:
            return None
        value = int.from_bytes(header, "little")
        size = 1 if value >> 1 & 3 == 1 else value >> 3
        body = self._take(size)
        if body is None:
            return None
        if not value & 1:
            return frame.decompress(header + body)
        tail = self._take(self._checksum)
        out = frame.decompress(header + body + (tail or b""))
        self._frame = None
        if tail is None:
            self._stop("truncated-compression", "the zstd stream is cut in its checksum")
        return out
