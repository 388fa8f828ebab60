"""Opening a capture: what is it, by its first bytes and never by its name.

Knows which formats there are and what to say when a file is none of them; must not know how any of
them is laid out. A new format is one module and one entry in `formats`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from pcapan.errors import UnreadableError
from pcapan.ingest import compressed
from pcapan.ingest.capture import Capture, Format
from pcapan.ingest.feeder import Feeder
from pcapan.ingest.stream import CHUNK_SIZE, HASH_LIMIT, ByteStream, StoredStream

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    from typing import BinaryIO

#: Bytes looked at to recognise a format.
_HEAD = 4096

_COPY_AGAIN = "copy the file again from where it was captured"

#: Archives and compressions that are not opened: first bytes, name, what to do.
_OTHER_PACKING = (
    (b"PK\x03\x04", "a ZIP archive", "unpack it and name the capture files inside"),
    (b"MSCF", "a Windows cabinet archive", "unpack it (expand.exe) and name the capture files inside"),
    (b"\xfd7zXZ\0", "compressed with xz", "unpack it with xz -d"),
    (b"BZh", "compressed with bzip2", "unpack it with bzip2 -d"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it and name the capture files inside"),
)


def formats() -> Iterator[Format]:
    """Containers pcapan reads itself, in the order they are tried; loaded when they are."""
    from pcapan.ingest import pcap

    yield pcap.FORMAT
    from pcapan.ingest import pcapng

    yield pcapng.FORMAT
    from pcapan.ingest import etl

    yield etl.FORMAT


def open_capture(
    path: str,
    *,
    stdin: BinaryIO | None = None,
    file: BinaryIO | None = None,
    chunk_size: int = CHUNK_SIZE,
    keep: bool = False,
    hash_all: bool = True,
) -> Capture:
    """Open a capture and read its file header.

    Args:
        path: a file, a named pipe, or ``-`` for standard input.
        stdin: what to read for ``-``; the process's standard input when not given.
        file: what to read instead of what `path` names (a member of an archive, say); `path` is then
            only the capture's name. It is closed with the capture.
        chunk_size: bytes asked for at once; one frame block is made of each piece.
        keep: frames will be asked for again (`pcapan.ingest.again`): what can be read only once is kept in
            a temporary file; end with the capture's `forget()`.
        hash_all: compute the SHA-256 of a file of any size, not only up to `HASH_LIMIT`.

    Returns:
        A reader; iterate its `blocks()` once.

    Raises:
        UnreadableError: no such file, a folder, no permission, nothing in it, or no capture.
    """
    stored = (
        StoredStream(file, size=None, keep=keep)
        if file is not None
        else _open_stored(path, stdin, keep, hash_all)
    )
    try:
        capture = _recognise(path, stored, chunk_size)
    except BaseException:
        stored.close()
        stored.forget()
        raise
    capture.keep = keep
    return capture


def open_again(
    path: str, kept: StoredStream | None, identity: tuple[int, int] | None, size: int, chunk_size: int
) -> Capture:
    """Open a capture a second time.

    Args:
        path: as it was named.
        kept: its bytes, where they could be read only once (`StoredStream.again`).
        identity: of the file, where it is one (`StoredStream.identity`).
        size: bytes it had; it may have grown since.
        chunk_size: bytes asked for at once.

    Raises:
        UnreadableError: the file is gone, or is another one by now.
    """
    stored = kept or _open_stored(path, None, keep=False, hash_all=False)
    try:
        if kept is None and (stored.identity != identity or stored.size < size):
            raise UnreadableError(
                "the file has changed since it was read",
                where=path,
                hint="leave the file in its place until pcapan has ended",
            )
        return _recognise(path, stored, chunk_size)
    except BaseException:
        stored.close()
        raise


def _open_stored(path: str, stdin: BinaryIO | None, keep: bool, hash_all: bool) -> StoredStream:
    if path == "-":
        if stdin is None:
            import sys

            stdin = sys.stdin.buffer
        return StoredStream(stdin, size=None, owned=False, keep=keep)
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - `pathlib` takes long to load
        if stat.S_ISDIR(mode):
            raise UnreadableError(
                "this is a folder, not a capture file", where=path, hint="name the capture files inside it"
            )
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise UnreadableError(
                "this is a device, not a capture file",
                where=path,
                hint="name a file, a pipe, or - for standard input",
            )
        file = open(path, "rb", buffering=0)  # noqa: SIM115, PTH123
    except FileNotFoundError:
        raise UnreadableError(
            "there is no such file", where=path, hint="check the name and the folder"
        ) from None
    except PermissionError:
        raise UnreadableError(
            "the file may not be read by this user", where=path, hint="change its permissions or copy it"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableError(
            f"the file cannot be opened: {reason}", where=path.replace("\0", "\\0"), hint="check the name"
        ) from None
    size = os.fstat(file.fileno()).st_size if stat.S_ISREG(mode) else None
    hashed = hash_all or size is None or size <= HASH_LIMIT
    return StoredStream(file, size=size, keep=keep, hashed=hashed)


def _recognise(path: str, stored: StoredStream, chunk_size: int) -> Capture:
    head = stored.peek(_HEAD)
    _refuse_nothing(path, stored, head, "the file is empty")
    stream: ByteStream = stored
    suffix = ""
    packed = compressed.codec(head)
    if packed is not None:
        stream = compressed.GzipStream(stored) if packed == "gzip" else compressed.ZstdStream(stored)
        suffix = f"+{packed}"
        head = stream.peek(_HEAD)
        _refuse_nothing(path, stream, head, f"nothing is inside the {packed} stream")
        if compressed.codec(head) is not None:
            raise UnreadableError(
                "the file is compressed more than once",
                where=path,
                hint=f"unpack it with {packed} -d first",
            )
    for format_ in formats():
        name = format_.recognise(head)
        if name is not None:
            capture = Capture(path, name + suffix, stored, stream)
            feeder = Feeder(stream, chunk_size)
            capture.start(format_.read(feeder, capture), feeder, format_.resume)
            return capture
    _refuse_known(path, head)
    from pcapan.ingest.wireshark import open_with_wireshark

    return open_with_wireshark(path, stored, stream, suffix, chunk_size)


def _refuse_nothing(path: str, stream: ByteStream, head: bytes, message: str) -> None:
    if head:
        return
    if stream.fault is not None:
        message = stream.fault.text
    raise UnreadableError(message, where=path, hint=_COPY_AGAIN)


def _refuse_known(path: str, head: bytes) -> None:
    for magic, what, hint in _OTHER_PACKING:
        if head.startswith(magic):
            raise UnreadableError(f"the file is {what}, which pcapan does not open", where=path, hint=hint)
