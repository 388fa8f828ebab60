"""Every other capture Wireshark reads (NetMon, snoop, ERF, ...), converted by tshark as it is read.

Knows how to find and run tshark; must not know the formats it reads, nor look inside a frame.

pyshark finds tshark, but its packets do not carry the frames: `FileCapture(use_json, include_raw)`
has tshark dissect every packet and print it as JSON, a hundred times slower than copying, its link
type is a Wireshark-internal number that no published table maps to LINKTYPE_, and its raw bytes come
only with `keep_packets` structures that grow with the file. So tshark writes pcapng to a pipe
(`-F pcapng -w -`, which copies without dissecting), and the pcapng reader takes it from there: link
types and nanoseconds are exact, and frame numbers are those Wireshark shows for the original file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pcapan.errors import UnreadableError
from pcapan.ingest import pcapng
from pcapan.ingest.capture import Capture
from pcapan.ingest.feeder import Feeder
from pcapan.ingest.frames import FrameBlock
from pcapan.ingest.stream import CHUNK_SIZE, ByteStream, Fault, StoredStream

#: Seconds tshark may be silent before it is ended.
IDLE_LIMIT = 120.0

#: Bytes of a pipe or an inflated stream kept in a temporary file, because tshark must seek in it.
SPOOL_LIMIT = 1024**3

#: Words in Wireshark's names of file types that are no network captures.
_NO_CAPTURE = (
    "mime",
    "mpeg",
    "javascript",
    "json",
    "xml",
    "rfc 7468",
    "asn.1",
    "ruby",
    "logcat",
    "journal",
    "text",
    "tnef",
    "transport-neutral",
    "log file",
)

_NOT_READABLE = "this is not a capture that pcapan or Wireshark can read"
_WHAT_IS_READ = "name a pcap or pcapng file, or anything else Wireshark opens as a capture"


def open_with_wireshark(
    path: str, stored: StoredStream, stream: ByteStream, suffix: str, chunk_size: int
) -> Capture:
    """Open with tshark what pcapan does not read itself.

    Args:
        path: as the user named it.
        stored: the stored bytes, for the hash.
        stream: the bytes of the capture; the same as `stored` unless that is compressed.
        suffix: `+gzip` or `+zstd` when compressed, to end the format name with.
        chunk_size: bytes asked for at once.

    Raises:
        UnreadableError: no tshark, or tshark cannot read it either, or it is no network capture.
    """
    if _is_text(stream.peek(4096)):
        raise UnreadableError("this is a text file, not a capture", where=path, hint=_WHAT_IS_READ)
    tshark = find_tshark()
    if tshark is None:
        raise UnreadableError(
            "this is not a capture format pcapan reads itself, and tshark is not installed",
            where=path,
            hint="install Wireshark (tshark), or convert it with: editcap -F pcapng FILE FILE.pcapng",
        )
    if stream is stored and stored.regular:
        name, spool = str(Path(path).resolve()), None
    else:
        name = spool = _spool(path, stream)
    converted: ConvertedStream | None = None
    try:
        kind = _file_type(tshark, name, path)
        converted = ConvertedStream(tshark, name, spool)
        head = converted.peek(12)
        if pcapng.recognise(head) is None:
            raise UnreadableError(_NOT_READABLE, where=path, hint=_WHAT_IS_READ)
        capture = Capture(path, f"wireshark:{kind}{suffix}", stored, converted)
        feeder = Feeder(converted, chunk_size)
        capture.start(_without_author(pcapng.read(feeder, capture), capture), feeder, pcapng.resume)
        return capture
    except BaseException:
        if converted is not None:
            converted.close()
        elif spool is not None:
            Path(spool).unlink(missing_ok=True)
        raise


def find_tshark() -> str | None:
    """Path of tshark as pyshark finds it (configuration, usual folders, PATH), or None.

    pyshark also obeys a `config.ini` in the working directory, which may have come with somebody's
    captures and name any program; when there is one, only PATH is searched.
    """
    here = Path.cwd()
    if not (here / "config.ini").exists():
        try:
            from pyshark.tshark import tshark

            return str(tshark.get_process_path())
        except Exception:
            # Its own exception when not found; ImportError when pyshark is not installed.
            pass
    found = shutil.which("tshark")
    # Windows looks into the working directory first.
    if found is None or Path(found).resolve().parent == here.resolve():
        return None
    return found


def _is_text(head: bytes) -> bool:
    """Whether the first bytes are text: a byte-order mark, or no control characters."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return True
    return not head.translate(None, bytes(range(32, 256)) + b"\t\n\r\f\x1b")


def _spool(path: str, stream: ByteStream) -> str:
    """Copy the stream into a temporary file; return its name."""
    handle, name = tempfile.mkstemp(prefix="pcapan-")
    try:
        with os.fdopen(handle, "wb") as file:
            buffer = memoryview(bytearray(CHUNK_SIZE))
            total = 0
            while count := stream.readinto(buffer):
                total += count
                if total > SPOOL_LIMIT:
                    raise UnreadableError(
                        f"more than {SPOOL_LIMIT >> 20} MiB of a format that only Wireshark reads",
                        where=path,
                        hint="save it as an uncompressed file and name that",
                    )
                file.write(buffer[:count])
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return name


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C"}


def _no_window() -> int:
    flags: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # exists on Windows only
    return flags


def _file_type(tshark: str, name: str, path: str) -> str:
    """Wireshark's name of the file type, from the capinfos beside tshark; `unknown` without one.

    Raises:
        UnreadableError: Wireshark does not know the file, or it is no network capture.
    """
    capinfos = Path(tshark).with_name("capinfos" + Path(tshark).suffix)
    if not capinfos.exists():
        return "unknown"
    try:
        done = subprocess.run(
            [str(capinfos), "-t", name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=IDLE_LIMIT,
            env=_environment(),
            check=False,
            creationflags=_no_window(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    kind = ""
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        if line.startswith("File type:"):
            kind = line.partition(":")[2].strip()
    if not kind:
        raise UnreadableError(_NOT_READABLE, where=path, hint=_WHAT_IS_READ)
    lower = kind.lower()
    if any(word in lower for word in _NO_CAPTURE):
        raise UnreadableError(
            f"this is no network capture; Wireshark calls it: {kind}", where=path, hint=_WHAT_IS_READ
        )
    return kind


def _without_author(frames: Iterator[FrameBlock], capture: Capture) -> Iterator[FrameBlock]:
    """The section header tshark writes tells of this machine and of tshark, not of the capture."""
    for block in frames:
        capture.hardware = capture.operating_system = capture.application = ""
        yield block
    capture.hardware = capture.operating_system = capture.application = ""


class ConvertedStream(ByteStream):
    """What tshark writes while it converts a file to pcapng.

    Args:
        tshark: the program.
        name: the file to convert.
        spool: a temporary file to remove at the end, or None.
    """

    def __init__(self, tshark: str, name: str, spool: str | None) -> None:
        super().__init__()
        self._name = name
        # A file, not a pipe: nobody needs to drain it.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            self._process = subprocess.Popen(
                [tshark, "-n", "-r", name, "-F", "pcapng", "-w", "-"],
                bufsize=0,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=_environment(),
                creationflags=_no_window(),
            )
        except OSError as error:
            self._errors.close()
            if spool is not None:
                Path(spool).unlink(missing_ok=True)
            raise UnreadableError(
                f"tshark cannot be started: {error.strerror or error}",
                where=tshark,
                hint="check the Wireshark installation",
            ) from None
        self._ended = False
        self._end = weakref.finalize(self, _end, self._process, self._errors, spool)

    def _fill(self, view: memoryview) -> int:
        pipe = self._process.stdout
        if self._ended or pipe is None:
            return 0
        got = 0
        watch = threading.Timer(IDLE_LIMIT, self._stuck)
        watch.daemon = True
        watch.start()
        try:
            while got < len(view):
                piece = pipe.read(len(view) - got)
                if not piece:
                    self._ended = True
                    self._verdict()
                    break
                view[got : got + len(piece)] = piece
                got += len(piece)
        finally:
            watch.cancel()
        return got

    def _stuck(self) -> None:
        self.fault = Fault("wireshark-stuck", f"tshark was silent for {IDLE_LIMIT:.0f} s and was ended")
        self._process.kill()

    def _verdict(self) -> None:
        """Take what tshark says of the file once it has ended."""
        status = self._process.wait()
        if status == 0 or self.fault is not None:
            return
        self._errors.seek(0)
        said = self._errors.read(2000).decode("utf-8", "replace").replace(f'"{self._name}" ', "")
        lines = [line.strip() for line in said.splitlines() if not line.startswith("Running as user")]
        code = "truncated-file" if "cut short" in said else "wireshark-error"
        self.fault = Fault(code, " ".join(lines)[:500] or f"tshark ended with status {status}")

    def close(self) -> None:
        """End tshark and remove the temporary file. May be called twice."""
        self._ended = True
        self._end()


def _end(process: subprocess.Popen[bytes], errors: IO[bytes], spool: str | None) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
    errors.close()
    if spool is not None:
        Path(spool).unlink(missing_ok=True)
