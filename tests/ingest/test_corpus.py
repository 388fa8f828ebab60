"""The corpus beside the checkout: every frame where, when and as long as tshark says.

Each capture has `NAME.truth.jsonl`: one line on the file, then one on each packet of interest (all of
them in `ike` and `derived`).
"""

from __future__ import annotations

import json
import resource
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pcapan.errors import UnreadableError
from pcapan.ingest.frames import NO_TIME
from pcapan.ingest.open import open_capture

from .builders import Read, read_all

pytestmark = pytest.mark.shared

FOLDERS = ("ike", "derived", "negative", "hostile")

#: (number, time in ns, captured, on the wire) of one frame.
Line = tuple[int, int, int, int]

#: Files with which tshark does something else than what their bytes say; ending of the name -> why.
EXCEPTIONS = {
    "test007.ntar": "a block of 139 bytes, its lengths agree; tshark looks for the second elsewhere",
    "frf16_magic_ie-oobr.pcap": "tshark refuses link type 182",
    "vtp_asan.pcap": "tshark refuses link type 182",
    "vtp_asan-2.pcap": "tshark refuses link type 182",
    "atm-heapoverflow.pcap": "tshark takes the pseudo-header of link type 123 off the frame",
    "atm-oam-loopback-print-overrun.pcap": "the same; and microseconds beyond 2**31 ns overflow in tshark",
    "timestamp_invalid_nano.pcap": "nanoseconds beyond 2**31 overflow in tshark",
    "icmp-icmp_print-oobr-2.pcap": "more captured than was on the wire: the longer one counts",
    "slip-sliplink_print-oobr.pcap": "more captured than was on the wire: the longer one counts",
}

#: Frames tshark numbers that carry no network packet (pcapng custom blocks): file -> numbers.
NO_PACKET = {
    "hadrielk__pcapng-test-generator__output_le_advanced_test102.pcapng": {1, 3, 8},
    "hadrielk__pcapng-test-generator__output_le_basic_test017.pcapng": {1, 2, 3, 4},
    "hadrielk__pcapng-test-generator__output_le_basic_test018.pcapng": {1, 4, 6, 8},
    "hadrielk__pcapng-test-generator__output_le_difficult_test202.pcapng": {1, 7, 10},
}


def _captures(shared_dir: Path) -> list[Path]:
    files = [path for folder in FOLDERS for path in sorted((shared_dir / "corpus" / folder).iterdir())]
    return [path for path in files if path.suffix != ".jsonl"]


def _excepted(path: Path) -> bool:
    return path.name.endswith(tuple(EXCEPTIONS))


def _nanoseconds(text: str) -> int:
    if not text:
        return NO_TIME
    seconds, _, fraction = text.lstrip("-").partition(".")
    value = int(seconds) * 10**9 + int(fraction)
    return -value if text.startswith("-") else value


def _read(path: Path) -> Read | None:
    try:
        return read_all(open_capture(str(path)))
    except UnreadableError:
        return None


def _lines(read: Read) -> list[Line]:
    return [(row.number, row.time, len(row.data), row.wire) for row in read.rows]


def test_corpus_matches_truth(shared_dir: Path) -> None:
    wrong: list[str] = []
    started = time.process_time()
    before = _peak()
    files = _captures(shared_dir)
    assert len(files) > 300
    for path in files:
        with path.with_name(path.name + ".truth.jsonl").open() as lines:
            file, *packets = (json.loads(line) for line in lines)
        begun = time.process_time()
        read = _read(path)
        if time.process_time() - begun > 10:
            wrong.append(f"{path.name}: slow")
        if read is None:
            if file["frames_read_by_tshark"] or not _cut_header(file):
                wrong.append(f"{path.name}: refused")
            continue
        capture = read.capture
        if (capture.sha256, capture.size) != (file["sha256"], file["size"]):
            wrong.append(f"{path.name}: hash or size")
        if _excepted(path):
            continue
        if capture.damaged != (file.get("tshark_rc", 0) != 0):
            wrong.append(f"{path.name}: damaged is {capture.damaged}")
        if len(read.rows) + len(NO_PACKET.get(path.name, ())) != file["frames_read_by_tshark"]:
            wrong.append(f"{path.name}: {len(read.rows)} frames, not {file['frames_read_by_tshark']}")
        ours = {line[0]: line for line in _lines(read)}
        for packet in packets:
            line = _truth_line(packet)
            if ours.get(line[0]) != line:
                wrong.append(f"{path.name}: {line} is {ours.get(line[0])}")
    assert wrong == []
    assert time.process_time() - started < 120
    assert _peak() - before < 100 * 1024


def _peak() -> int:
    """Most memory this process ever had, KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _cut_header(file: dict[str, Any]) -> bool:
    return bool(file["size"] < 24)


def _truth_line(packet: dict[str, Any]) -> Line:
    return (
        int(packet["frame.number"]),
        _nanoseconds(packet["frame.time_epoch"]),
        int(packet["frame.cap_len"]),
        int(packet["frame.len"]),
    )


@pytest.mark.tshark
@pytest.mark.heavy
def test_corpus_matches_tshark(shared_dir: Path, tshark: str) -> None:
    files = [path for path in _captures(shared_dir) if not _excepted(path)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda path: _ask(tshark, path), files))
    wrong: list[str] = []
    for path, lines in zip(files, answers, strict=True):
        numbered = NO_PACKET.get(path.name, set())
        expected = [line for line in lines if line[0] not in numbered]
        read = _read(path)
        if (_lines(read) if read is not None else []) != expected:
            wrong.append(path.name)
    assert wrong == []


def _ask(tshark: str, path: Path) -> list[Line]:
    fields = ("frame.number", "frame.time_epoch", "frame.cap_len", "frame.len")
    command = [tshark, "-n", "-r", str(path), "-T", "fields"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    rows = (line.split("\t") for line in done.stdout.splitlines())
    return [(int(row[0]), _nanoseconds(row[1]), int(row[2]), int(row[3])) for row in rows]
