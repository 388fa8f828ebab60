"""Captures inside zip and tar archives, listed and read where they lie.

Knows the outer structure of archives and what a hostile one may try: to be endless, nested, encrypted,
to unpack to far more than its size, to name places outside. Must not know what a capture says. Names of
members are labels; none of them ever reaches the file system. What unpacks in order only (tar.gz) is
kept unpacked in a nameless temporary file while its captures are read, if there are several.
"""

from __future__ import annotations

import io
import lzma
import tarfile
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import BinaryIO

from pcapan.batch.model import INSIDE, Found, Input, Member, Refused
from pcapan.batch.recognise import HEAD, Kind, kind_of, named_as_capture, packed_reason
from pcapan.errors import UnreadableError
from pcapan.ingest.compressed import FREE_OUTPUT, MAX_RATIO, GzipStream, ZstdStream
from pcapan.ingest.stream import ByteStream, StoredStream

#: Members of one archive that are looked at; a year of minutes is half of it.
MAX_MEMBERS = 1_000_000
#: Unpacked bytes of a tar.gz kept in a temporary file, so that its captures need no second inflation.
MAX_SPOOL = 8 * 1024**3
#: Longest name of a member that is kept.
_LONGEST_NAME = 1024

_NESTED = "an archive inside an archive is not opened; unpack the outer one"
_ENCRYPTED = "it is encrypted; unpack it with its password"

#: What the archive modules raise for damaged or strange archives besides OSError and ValueError.
ARCHIVE_FAULTS = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    UnicodeError,
    OverflowError,
    ValueError,
)

Opener = Callable[[str], BinaryIO]


class _Readable(io.RawIOBase):
    """A stream of bytes as a file; any fault of what feeds it is an OSError."""

    def __init__(self, read: Callable[[int], bytes], close: Callable[[], None]) -> None:
        super().__init__()
        self._read = read
        self._shut = close

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            piece = self._read(len(buffer))
        except ARCHIVE_FAULTS as error:
            raise OSError(f"the archive is damaged: {error}") from None
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        if not self.closed:
            self._shut()
        super().close()


def list_archive(name: str, stamp: str, kind: Kind, opened: Opener) -> Found:
    """The captures of an archive; `kind` is what it begins like. Faults become `refused`."""
    found = Found()
    try:
        with opened(name) as file:
            if kind is Kind.ZIP:
                _list_zip(name, stamp, file, found)
            else:
                _list_tar(name, stamp, kind, file, found)
    except OSError as error:
        found.refused.append(Refused(name, f"it cannot be read: {error.strerror or error}", stamp))
    except ARCHIVE_FAULTS as error:
        found.refused.append(Refused(name, f"the archive is damaged: {_said(error)}", stamp))
    return found


def _said(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _list_zip(name: str, stamp: str, file: BinaryIO, found: Found) -> None:
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        stored = sum(entry.compress_size for entry in entries)
        end = file.seek(0, 2)
        if stored > end:
            found.refused.append(Refused(name, "a bomb: its members lie on top of each other", stamp))
            return
        inputs = []
        for index, entry in enumerate(entries[:MAX_MEMBERS]):
            if entry.is_dir():
                continue
            label = _label(name, entry.filename)
            claims = named_as_capture(entry.filename)
            reason: str | None = _zip_fault(entry)
            head = b""
            if not reason:
                try:
                    with archive.open(entry) as member:
                        head = member.read(HEAD)
                except (OSError, *ARCHIVE_FAULTS) as error:
                    reason = f"it is damaged in the archive: {_said(error)}"
            if not reason:
                reason = _content(head, claims, found)
            if reason:
                if claims or reason == _NESTED:
                    found.refused.append(Refused(label, reason, stamp))
                else:
                    found.other_files += 1
            elif reason is not None:
                inputs.append(Input(label, entry.file_size, stamp, Member(name, "zip", index)))
        _too_many(name, stamp, len(entries), found)
    found.inputs += _with_siblings(inputs)


def _zip_fault(entry: zipfile.ZipInfo) -> str:
    if entry.flag_bits & 0x1:
        return _ENCRYPTED
    if entry.file_size > FREE_OUTPUT and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
        return f"a bomb: it unpacks to over {MAX_RATIO} times its size"
    return ""


def _content(head: bytes, claims: bool, found: Found) -> str | None:
    """Why a member is no input ("" when it is one); None when it is something else, which is counted."""
    kind = kind_of(head)
    if kind in (Kind.GZIP, Kind.ZSTD):
        inside = _peek_inside(head, kind)
        if kind_of(inside) in (Kind.TAR, Kind.ZIP, Kind.GZIP, Kind.ZSTD):
            return _NESTED
        kind = Kind.CAPTURE if claims else kind_of(inside)
    if kind in (Kind.ZIP, Kind.TAR):
        return _NESTED
    if kind is Kind.CAPTURE or (claims and kind is not Kind.PACKED):
        return ""
    if kind is Kind.PACKED:
        return packed_reason(head)
    found.other_files += 1
    return None


def _peek_inside(head: bytes, kind: Kind) -> bytes:
    """What a compressed beginning unpacks to, as far as it goes."""
    return packed_stream(kind, io.BytesIO(head)).peek(HEAD)


def packed_stream(kind: Kind, file: BinaryIO) -> ByteStream:
    """The bytes inside a gzip or zstd file."""
    stored = StoredStream(file, size=None)
    return GzipStream(stored) if kind is Kind.GZIP else ZstdStream(stored)


def _label(archive: str, member: str) -> str:
    return f"{archive}{INSIDE}{member[:_LONGEST_NAME]}"


def _too_many(name: str, stamp: str, members: int, found: Found) -> None:
    if members > MAX_MEMBERS:
        found.refused.append(
            Refused(name, f"it has more than {MAX_MEMBERS:,} members; the rest was left", stamp)
        )


def _with_siblings(inputs: list[Input]) -> Iterator[Input]:
    """The inputs of one archive, each under a name of its own, knowing how many they are."""
    taken: Counter[str] = Counter()
    for entry in inputs:
        member = entry.member
        assert member is not None
        taken[entry.name] += 1
        name = entry.name
        if taken[name] > 1:
            name = name.replace(INSIDE, f"{INSIDE}({taken[name]})/", 1)
        yield replace(entry, name=name, member=replace(member, siblings=len(inputs)))


def _list_tar(name: str, stamp: str, kind: Kind, file: BinaryIO, found: Found) -> None:
    stream = packed_stream(kind, file) if kind in (Kind.GZIP, Kind.ZSTD) else None
    word = "tar" if stream is None else f"tar+{kind.value}"
    inputs: list[Input] = []
    try:
        source = file if stream is None else _unpacking(stream)
        with tarfile.open(fileobj=source, mode="r|", bufsize=1 << 18) as archive:
            for index, entry in enumerate(archive):
                archive.members.clear()  # type: ignore[attr-defined] # it keeps every member it has passed
                if index >= MAX_MEMBERS:
                    _too_many(name, stamp, index + 1, found)
                    break
                _list_tar_member(name, stamp, word, index, entry, archive, inputs, found)
    except (OSError, *ARCHIVE_FAULTS) as error:
        fault = stream.fault if stream is not None else None
        reason = fault.text if fault is not None else _said(error)
        found.refused.append(Refused(name, f"the archive is damaged or cut: {reason}", stamp))
    found.inputs += _with_siblings(inputs)


def _list_tar_member(
    name: str,
    stamp: str,
    word: str,
    index: int,
    entry: tarfile.TarInfo,
    archive: tarfile.TarFile,
    inputs: list[Input],
    found: Found,
) -> None:
    if entry.isdir():
        return
    label = _label(name, entry.name)
    claims = named_as_capture(entry.name)
    if not entry.isreg() or entry.issparse():
        if claims:
            what = "a sparse file" if entry.issparse() else "a link or a special file"
            found.refused.append(Refused(label, f"{what} in an archive is not read", stamp))
        else:
            found.other_files += 1
        return
    member = archive.extractfile(entry)
    head = member.read(HEAD) if member is not None else b""
    reason = _content(head, claims, found)
    if reason:
        found.refused.append(Refused(label, reason, stamp))
    elif reason is not None:
        inputs.append(Input(label, entry.size, stamp, Member(name, word, index, entry.offset_data)))


def _unpacking(stream: ByteStream) -> _Readable:
    def read(count: int) -> bytes:
        buffer = bytearray(count)
        return bytes(buffer[: stream.readinto(memoryview(buffer))])

    return _Readable(read, stream.close)


class Shelf:
    """Opens members; keeps the archive used last at hand, because neighbours come one after another."""

    def __init__(self, opened: Opener, stamp: Callable[[str], str]) -> None:
        self._opened = opened
        self._stamp = stamp
        self._key: tuple[str, str] | None = None
        self._zip: zipfile.ZipFile | None = None
        self._spool: BinaryIO | None = None

    def open(self, entry: Input) -> BinaryIO:
        """The bytes of a member, in order.

        Raises:
            UnreadableError: the archive is gone, damaged, or is not what was listed.
        """
        assert entry.member is not None
        try:
            if self._key != (entry.member.archive, entry.stamp):
                self.close()
                if self._stamp(entry.member.archive) != entry.stamp:
                    raise EOFError("it was changed after it was listed")
                self._key = (entry.member.archive, entry.stamp)
            return io.BufferedReader(self._member(entry, entry.member), 1 << 18)
        except (OSError, *ARCHIVE_FAULTS) as error:
            self.close()
            raise UnreadableError(
                f"the archive cannot be read: {_said(error)}", where=entry.name, hint="copy the archive again"
            ) from None

    def _member(self, entry: Input, member: Member) -> _Readable:
        if member.kind == "zip":
            if self._zip is None:
                self._zip = zipfile.ZipFile(self._opened(member.archive))
            stream = self._zip.open(self._zip.infolist()[member.index])
            return _Readable(stream.read, stream.close)
        if member.kind == "tar":
            file = self._opened(member.archive)
            file.seek(member.offset)
            return _bounded(file.read, file.close, entry.size)
        if member.siblings > 1 and self._spool is None:
            self._spool = self._unpack(member)
        if self._spool is not None:
            spool = self._spool
            spool.seek(member.offset)
            return _bounded(spool.read, lambda: None, entry.size)
        stream_in_order = self._stream(member)
        _skip(stream_in_order, member.offset)
        reader = _unpacking(stream_in_order)
        return _bounded(lambda count: reader.read(count) or b"", reader.close, entry.size)

    def _stream(self, member: Member) -> ByteStream:
        kind = Kind.GZIP if member.kind == "tar+gzip" else Kind.ZSTD
        return packed_stream(kind, self._opened(member.archive))

    def _unpack(self, member: Member) -> BinaryIO | None:
        """The whole tar in a file without a name; None when it is too big for that."""
        stream = self._stream(member)
        spool = tempfile.TemporaryFile(prefix="pcapan-")  # noqa: SIM115
        buffer = memoryview(bytearray(1 << 20))
        try:
            while got := stream.readinto(buffer):
                if spool.tell() + got > MAX_SPOOL:
                    spool.close()
                    return None
                spool.write(buffer[:got])
        except OSError:  # no room for temporary files: inflate as often as it takes
            spool.close()
            return None
        finally:
            stream.close()
        return spool

    def close(self) -> None:
        """Let go of the archive."""
        for held in (self._zip, self._spool):
            if held is not None:
                held.close()
        self._zip = self._spool = self._key = None


def _skip(stream: ByteStream, count: int) -> None:
    buffer = memoryview(bytearray(1 << 20))
    while count > 0:
        got = stream.readinto(buffer[: min(count, len(buffer))])
        if not got:
            raise EOFError(stream.fault.text if stream.fault else "it ends before this member")
        count -= got


def _bounded(read: Callable[[int], bytes], close: Callable[[], None], size: int) -> _Readable:
    left = size

    def piece(count: int) -> bytes:
        nonlocal left
        got = read(min(count, left)) if left > 0 else b""
        if not got and left > 0:
            raise EOFError("it ends inside this member")
        left -= len(got)
        return got

    return _Readable(piece, close)
