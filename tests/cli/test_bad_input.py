"""Bad input ends in three clear lines and exit 3, or in a result and exit 5; never in a traceback."""

from __future__ import annotations

import gzip
import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, Ran
from tests.samples_kit import sample

PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)

Make = Callable[[Path], Path]


def _file(name: str, data: bytes) -> Make:
    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(data)
        return path

    return make


def _folder(folder: Path) -> Path:
    return folder


def _missing(folder: Path) -> Path:
    return folder / "missing.pcap"


UNREADABLE: dict[str, Make] = {
    "missing": _missing,
    "folder": _folder,
    "empty": _file("empty.pcap", b""),
    "text": _file("notes.pcap", b"Dear colleague,\nthe capture follows tomorrow.\n" * 20),
    "random": _file("random.pcap", random.Random(500).randbytes(20_000)),
    "cut-pcap-header": _file("cut.pcap", PCAP_HEADER[:17]),
    "cut-pcapng-header": _file("cut.pcapng", struct.pack("<IIIH", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1)),
    "gzip-of-nothing": _file("nothing.pcap.gz", gzip.compress(b"")),
    "gzip-of-text": _file("text.pcap.gz", gzip.compress(b"no capture either\n" * 10)),
    "zip": _file("capture.zip", b"PK\x03\x04" + bytes(100)),
    "bomb-of-zeros": _file("zeros.gz", gzip.compress(bytes(32 * 1024 * 1024))),
}

DAMAGED: dict[str, Callable[[bytes], bytes]] = {
    "tail-cut": lambda whole: whole[: len(whole) * 3 // 4],
    "lying-length": lambda whole: whole[:20_000] + struct.pack("<IIII", 1, 1, 0xFFFFFFF0, 0xFFFFFFF0) + whole,
    "gzip-cut": lambda whole: gzip.compress(whole, mtime=0)[:-30_000],
}


def _three_lines(ran: Ran) -> None:
    lines = ran.err.splitlines()
    assert len(lines) == 3, ran.err
    assert lines[0].startswith("pcapan: ")
    assert lines[1].startswith("  where: ")
    assert lines[2].startswith("  to do: ")


@pytest.mark.parametrize("command", ["analyze", "info", "tables"])
@pytest.mark.parametrize("kind", UNREADABLE)
def test_unreadable_is_three_lines_and_exit_3(cli: Cli, tmp_path: Path, kind: str, command: str) -> None:
    path = UNREADABLE[kind](tmp_path)
    ran = cli(command, path, *(["-t", "messages"] if command == "tables" else []))
    assert ran.code == 3
    assert ran.raw == b""
    _three_lines(ran)
    assert str(path) in ran.err


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_gives_a_result_and_exit_5(cli: Cli, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "damaged.pcap"
    path.write_bytes(DAMAGED[kind](sample("full-nat-3-clients").read_bytes()))
    ran = cli("analyze", path, "--format", "json")
    assert ran.code == 5
    assert ran.document["inputs"][0]["damaged"]
    assert ran.findings["capture-truncated"] == "confirmed"
    assert "cut, damaged or could not be read" in ran.err
    assert cli("analyze", path).out.startswith("Verdict: ")


def test_an_expanding_file_stays_bounded(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "bomb.pcap.gz"
    path.write_bytes(gzip.compress(PCAP_HEADER + bytes(32 * 1024 * 1024)))
    ran = cli("analyze", path, "--format", "json")
    assert ran.code in (0, 5)
    assert not [
        finding for finding in ran.findings if ran.findings[finding] == "confirmed" and "nat" in finding
    ]


def test_one_of_several_unreadable_is_exit_5(cli: Cli, tmp_path: Path) -> None:
    ran = cli("analyze", sample("sa-limit-8"), tmp_path / "missing.pcap", "--format", "json")
    assert ran.code == 5
    assert ran.findings["sa-limit-exhaustion"] == "confirmed"
    assert [problem["code"] for problem in ran.document["problems"]] == ["unreadable"]
    assert "there is no such file" in ran.err


def test_all_of_several_unreadable_is_exit_3(cli: Cli, tmp_path: Path) -> None:
    ran = cli("analyze", tmp_path / "one.pcap", tmp_path / "two.pcap")
    assert ran.code == 3
    _three_lines(ran)


def test_a_header_without_packets_is_a_result_without_claims(cli: Cli) -> None:
    ran = cli("analyze", sample("no-packets"), "--format", "json")
    assert ran.code == 0
    assert set(ran.findings.values()) <= {"inconclusive", "not_observed"}
    assert "inconclusive" in ran.findings.values()


def test_random_endings_never_give_a_traceback(cli: Cli, tmp_path: Path) -> None:
    whole = sample("healthy-dnat").read_bytes()
    dice = random.Random(4500)
    path = tmp_path / "mutated.pcap"
    for _ in range(25):
        data = bytearray(whole[: dice.randrange(20, len(whole))])
        for _ in range(dice.randrange(40)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        path.write_bytes(data)
        ran = cli("analyze", path, "--format", "json")
        assert ran.code in (0, 3, 5), ran.err
        assert "Traceback" not in ran.err
        if ran.code != 3:
            counts = ran.document["capture"]["counts"]
            kinds = counts["ike"] + counts["esp"] + counts["keepalive"] + counts["other"]
            assert kinds + sum(counts["undecoded"].values()) == counts["packets"]
