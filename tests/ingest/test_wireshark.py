"""Reading through tshark: captures only Wireshark knows, and what must not pass for one."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pcapan.errors import UnreadableError
from pcapan.ingest import wireshark
from pcapan.ingest.open import open_capture

from .builders import frame, read_all, read_bytes

pytestmark = pytest.mark.tshark


def snoop(count: int = 3, link: int = 4) -> bytes:
    """RFC 1761, Ethernet: microseconds, records padded to four bytes."""
    parts = [struct.pack(">8sII", b"snoop\0\0\0", 2, link)]
    for i in range(count):
        data = frame(i, 61)
        padded = data + bytes(-len(data) % 4)
        parts.append(struct.pack(">IIIIII", 99, len(data), 24 + len(padded), 0, 1_710_000_000, i) + padded)
    return b"".join(parts)


@pytest.mark.parametrize("how", ["file", "stdin", "gzip"])
def test_snoop(how: str, tshark: str, tmp_path: Path) -> None:
    assert tshark
    stored = gzip.compress(snoop()) if how == "gzip" else snoop()
    path = tmp_path / "-name.pcap"
    path.write_bytes(stored)
    if how == "stdin":
        read = read_bytes(stored)
    else:
        read = read_all(open_capture(str(path)))
    assert read.capture.format == "wireshark:Sun snoop" + ("+gzip" if how == "gzip" else "")
    assert [row.data for row in read.rows] == [frame(i, 61) for i in range(3)]
    assert [(row.number, row.wire) for row in read.rows] == [(1, 99), (2, 99), (3, 99)]
    assert [row.time for row in read.rows] == [1_710_000_000 * 10**9 + 1000 * i for i in range(3)]
    assert read.capture.interfaces[0].link_type == 1
    assert (read.codes, read.capture.damaged) == ([], False)
    assert read.capture.sha256 == hashlib.sha256(stored).hexdigest()
    assert (read.capture.application, read.capture.operating_system) == ("", "")


def test_cut_snoop_is_damaged(tshark: str, tmp_path: Path) -> None:
    assert tshark
    path = tmp_path / "cut"
    path.write_bytes(snoop()[:-10])
    read = read_all(open_capture(str(path)))
    assert len(read.rows) == 2
    assert read.codes == ["truncated-file"]
    assert str(tmp_path) not in read.capture.problems[0].example


@pytest.mark.parametrize(
    "stored",
    [
        bytes(300),
        b"\xff\xd8\xff\xe0\x00\x10JFIF\0" + bytes(300),
        b"\x89PNG\r\n\x1a\n" + bytes(300),
        b"ID3\x03\0\0\0" + bytes(300),
        (b"\x47\x1f\xff\x10" + bytes(184)) * 40,
        b"\x7fELF\2\1\1" + bytes(300),
        b"snoop\0\0\0",
        b"GMBU\0\2\1\0",
    ],
)
def test_what_is_no_capture(stored: bytes, tshark: str) -> None:
    assert tshark
    with pytest.raises(UnreadableError) as caught:
        read_bytes(stored)
    assert len(str(caught.value).splitlines()) == 3


def test_no_temporary_file_stays(tshark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tshark
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    read_bytes(snoop())
    with pytest.raises(UnreadableError):
        read_bytes(bytes(300))
    capture = open_capture("-", stdin=io.BytesIO(snoop(2000)))
    assert list(tmp_path.iterdir())
    capture.close()
    monkeypatch.setattr(wireshark, "SPOOL_LIMIT", 1000)
    with pytest.raises(UnreadableError, match="uncompressed"):
        read_bytes(snoop(2000))
    assert list(tmp_path.iterdir()) == []


def _program(folder: Path, text: str) -> str:
    path = folder / "tshark"
    path.write_text(f"#!{sys.executable}\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_silent_tshark_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = _program(tmp_path, "import time; time.sleep(60)")
    monkeypatch.setattr(wireshark, "find_tshark", lambda: fake)
    monkeypatch.setattr(wireshark, "IDLE_LIMIT", 0.5)
    with pytest.raises(UnreadableError):
        read_bytes(snoop())


def test_noisy_tshark_does_not_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = _program(tmp_path, "import sys; sys.stderr.write('x' * 1_000_000); sys.exit(2)")
    monkeypatch.setattr(wireshark, "find_tshark", lambda: fake)
    with pytest.raises(UnreadableError):
        read_bytes(snoop())


def test_configuration_in_the_working_directory_is_not_obeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = _program(tmp_path, "raise SystemExit(9)")
    (tmp_path / "config.ini").write_text(f"[tshark]\ntshark_path = {planted}\n")
    script = "from pcapan.ingest.wireshark import find_tshark; print(find_tshark())"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "PATH": "/nowhere"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "None"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert wireshark.find_tshark() is None
