"""``pcapan extract``: cuts by address, SPI, time and IKE; several captures; what goes wrong."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from pcapan.ingest.again import frame_of
from pcapan.ingest.frames import Frame
from pcapan.ingest.open import open_capture
from tests.cli.conftest import Cli
from tests.ingest.builders import epb, idb, option, shb, spb
from tests.kit.frames import read
from tests.report.test_terminal import HOSTILE
from tests.samples_kit import sample

#: The first packet of sa-limit-8 is at 2026-11-23T12:01:40.847476Z.
CLIENT, LIMITED = "198.51.100.210", "10.10.10.1"


def content(path: Path) -> list[Frame]:
    capture = open_capture(str(path))
    found = [frame_of(block, index) for block in capture.blocks() for index in range(len(block))]
    assert not capture.problems
    return found


def cut(cli: Cli, tmp_path: Path, *arguments: str | Path, stdin: bytes = b"") -> list[Frame]:
    out = tmp_path / "cut.pcapng"
    ran = cli("extract", *arguments, "-o", out, "--force", stdin=stdin)
    assert ran.code == 0, ran.err
    return content(out)


def plain(frames: list[Frame]) -> list[tuple[int, bytes, int]]:
    return [(frame.time, frame.data, frame.wire_length) for frame in frames]


FILTERS = {
    "sa-limit-8": [
        (["--source", LIMITED], f"ip.addr == {LIMITED}"),
        (["--source", CLIENT, "--source", "198.51.100.211"], f"ip.addr in {{{CLIENT}, 198.51.100.211}}"),
        (["--ike"], "isakmp"),
        (["--ike", "--source", LIMITED], f"isakmp && ip.addr == {LIMITED}"),
        (["--spi", "edd42b43"], "esp.spi == 0xedd42b43"),
        (["--from", "+10", "--to", "+20.5"], "frame.time_relative >= 10 && frame.time_relative <= 20.5"),
        (
            ["--from", "2026-11-23 12:01:55 UTC", "--ike"],
            'isakmp && frame.time >= "2026-11-23 12:01:55"',
        ),
    ],
    "healthy-dnat-ipv6": [
        (["--source", "2001:db8:a:2::11"], "ipv6.addr == 2001:db8:a:2::11"),
        (["--ike"], "isakmp"),
    ],
    "ip-fragments-lost": [(["--source", "203.0.113.13"], "ip.addr == 203.0.113.13")],
    "server-silent": [(["--source", "198.51.100.11"], "ip.addr == 198.51.100.11")],
    "ike-service-stopped": [(["--source", "198.51.100.11"], "ip.addr == 198.51.100.11")],
    "udp-500-only": [(["--ike"], "isakmp")],
    "duplicated": [(["--ike"], "isakmp")],
    "auth-failed": [(["--ike"], "isakmp")],
}


@pytest.mark.tshark
@pytest.mark.parametrize("name", FILTERS)
def test_the_same_packets_as_wireshark_shows(name: str, cli: Cli, tshark: str, tmp_path: Path) -> None:
    frames = content(sample(name))
    for arguments, display_filter in FILTERS[name]:
        command = [tshark, "-n", "-r", str(sample(name)), "-Y", display_filter]
        command += ["-T", "fields", "-e", "frame.number"]
        shown = subprocess.run(
            command, capture_output=True, text=True, check=True, env={**os.environ, "TZ": "UTC"}
        ).stdout.split()
        made = cut(cli, tmp_path, sample(name), *arguments)
        assert plain(made) == plain([frames[int(number) - 1] for number in shown]), display_filter
        assert made, display_filter


def test_fragments_come_along(cli: Cli, tmp_path: Path) -> None:
    whole = cut(cli, tmp_path, sample("ip-fragments-lost"), "--ike")
    before = cli("tables", sample("ip-fragments-lost"), "-t", "messages").raw.count(b"\n")
    after = cli("tables", tmp_path / "cut.pcapng", "-t", "messages").raw.count(b"\n")
    assert before == after
    assert any(frame.data[20:22] == b"\x20\x00" for frame in whole)
    ran = cli("analyze", tmp_path / "cut.pcapng", "--format", "json")
    assert ran.findings["ip-fragment-loss"] == "confirmed"


def test_an_ike_sa_by_either_spi(cli: Cli, tmp_path: Path) -> None:
    out = cli("tables", sample("mobike"), "-t", "sas", "-f", "jsonl").out.splitlines()[0]
    spis = {name: out.split(f'"{name}": "')[1][:16] for name in ("spi_i", "spi_r")}
    by_i = cut(cli, tmp_path, sample("mobike"), "--spi", spis["spi_i"])
    by_r = cut(cli, tmp_path, sample("mobike"), "--spi", f"0x{spis['spi_r'].upper()}")
    colons = ":".join(spis["spi_i"][at : at + 2] for at in range(0, 16, 2))
    assert plain(by_i) == plain(by_r) == plain(cut(cli, tmp_path, sample("mobike"), "--spi", colons))
    assert all(bytes.fromhex(spis["spi_i"]) in frame.data for frame in by_i)
    ports = {frame.data[36:38] for frame in by_i}
    assert {b"\x01\xf4", b"\x11\x94"} <= ports  # 500 and 4500


def test_standard_input_in_and_out(cli: Cli, tmp_path: Path) -> None:
    made = cut(cli, tmp_path, sample("mobike"), "--ike")
    ran = cli("extract", "-", "--ike", "-o", "-", stdin=sample("mobike").read_bytes())
    assert ran.code == 0
    (tmp_path / "piped.pcapng").write_bytes(ran.raw)
    assert content(tmp_path / "piped.pcapng") == made


def test_several_captures_are_merged_by_time(cli: Cli, tmp_path: Path) -> None:
    names = [sample("no-persistence-node2"), sample("no-persistence-node1")]
    made = cut(cli, tmp_path, *names)
    assert sorted(plain(made)) == sorted(plain(content(names[0])) + plain(content(names[1])))
    assert [frame.time for frame in made] == sorted(frame.time for frame in made)
    capture = open_capture(str(tmp_path / "cut.pcapng"))
    assert list(capture.blocks())
    assert [one.name for one in capture.interfaces] == [path.name for path in names]
    assert {frame.interface for frame in made} == {0, 1}


def test_a_capture_out_of_order_keeps_its_order(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    path.write_bytes(shb() + idb() + b"".join(epb(bytes(60), ticks=at * 10**6) for at in (5, 3, 9, 1)))
    other = tmp_path / "y.pcapng"
    other.write_bytes(shb() + idb() + b"".join(epb(bytes(61), ticks=at * 10**6) for at in (4, 6)))
    made = cut(cli, tmp_path, path, other)
    assert [frame.time // 10**9 for frame in made] == [4, 5, 3, 6, 9, 1]


def test_relative_times_begin_with_the_first_packet_of_all(cli: Cli, tmp_path: Path) -> None:
    names = [sample("no-persistence-node2"), sample("no-persistence-node1")]
    first = min(frame.time for name in names for frame in content(name))
    made = cut(cli, tmp_path, *names, "--to", "+5")
    assert made and all(first <= frame.time <= first + 5 * 10**9 for frame in made)
    both = cut(cli, tmp_path, *names, "--from", "2020-01-01", "--to", "+5")
    assert plain(both) == plain(made)


def test_comments_of_packets_stay_and_are_inert(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    _, frames = read(sample("server-silent"))
    for arguments in ([], ["--ike"]):
        for text in (*HOSTILE, "two\nlines"):
            raw = option(1, text.encode("utf-8", "surrogateescape")[:200])
            data = shb(options=raw) + idb(options=option(2, raw[4:60]))
            path.write_bytes(data + b"".join(epb(frame.data, options=raw) for frame in frames[:40]))
            made = cut(cli, tmp_path, path, *arguments)
            assert made and all(len(frame.comments) == 1 for frame in made)
            capture = open_capture(str(tmp_path / "cut.pcapng"))
            list(capture.blocks())
            said = [*capture.comments, *(one.name for one in capture.interfaces)]
            assert all(line.isprintable() for one in said for line in one.split("\n"))
        assert made[0].comments == ("two\nlines",)
        assert len(capture.own_comments) == 1 + len(arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--source", "192.0.2.99"], ["--source 192.0.2.99: 0 packets", "-t sources"]),
        (["--source", "192.0.2.99", "--ike"], ["--source 192.0.2.99: 0 packets", "--ike: 167 packets"]),
        (["--spi", "00000001"], ["--spi 00000001: 0 packets", "-t esp"]),
        (["--spi", "0000000000000001"], ["-t sas"]),
        (["--from", "+3600"], ["2026-11-23T12:01:40.847476000Z to 2026-11-23T12:02:56.693656000Z"]),
        (["--to", "1970-01-01"], ["the packets run from"]),
        (["--source", CLIENT, "--spi", "edd42b43"], ["leave one out"]),
    ],
)
def test_no_packet_is_exit_2_and_no_file(
    arguments: list[str], words: list[str], cli: Cli, tmp_path: Path
) -> None:
    ran = cli("extract", sample("sa-limit-8"), "-o", tmp_path / "out", *arguments)
    assert ran.code == 2 and len(ran.err.splitlines()) == 3
    assert all(word in ran.err for word in words), ran.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--source", "vpn.example.test"], "no IP address"),
        (["--source", "10.0.0.0/8"], "IP address"),
        (["--spi", "xyz"], "8 of an ESP SPI"),
        (["--spi", "1234"], "8 of an ESP SPI"),
        (["--spi", "0" * 16], "is no SPI"),
        (["--spi", "\x1b[2J"], "is no SPI"),
        (["--from", "yesterday"], "+12.5"),
        (["--from", "12:00"], "+12.5"),
        (["--from", "2026-13-01"], "+12.5"),
        (["--from", "2026-11-23T25:00"], "+12.5"),
        (["--from", "0001-01-01T00:00+14:00"], "+12.5"),
        (["--from", "-5"], "+12.5"),
        (["--from", "+5", "--to", "+4"], "exchange"),
        (["--from", "2026-11-23T12:00:00+01:00", "--to", "2026-11-23T10:59:59Z"], "exchange"),
        (["--ike", "--spi", "edd42b43"], "leave one"),
    ],
)
def test_what_cannot_be_meant_is_exit_2_before_reading(
    arguments: list[str], word: str, cli: Cli, tmp_path: Path
) -> None:
    ran = cli("extract", tmp_path / "none.pcap", "-o", tmp_path / "out", *arguments)
    assert ran.code == 2 and len(ran.err.splitlines()) == 3 and "\x1b" not in ran.err
    assert word.replace("no IP address", "is not an IP address") in ran.err
    assert list(tmp_path.iterdir()) == []


def test_times_with_zones_and_fractions(cli: Cli, tmp_path: Path) -> None:
    wanted = plain(cut(cli, tmp_path, sample("sa-limit-8"), "--from", "+10", "--to", "+11"))
    for begin, end in (
        ("2026-11-23T12:01:50.847476Z", "2026-11-23T12:01:51.847476Z"),
        ("2026-11-23 12:01:50.847476000", "2026-11-23 12:01:51.847476 UTC"),
        ("2026-11-23T13:01:50.847476+01:00", "2026-11-23T06:31:51.847476-05:30"),
    ):
        assert plain(cut(cli, tmp_path, sample("sa-limit-8"), "--from", begin, "--to", end)) == wanted


def test_frames_without_times_have_that_of_the_frame_before(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    path.write_bytes(
        shb()
        + idb()
        + epb(bytes(60), ticks=10**7)
        + spb(bytes(61))
        + epb(bytes(62), ticks=2 * 10**7)
        + spb(bytes(63))
    )
    assert [len(frame.data) for frame in cut(cli, tmp_path, path, "--from", "+5")] == [62, 63]
    assert [len(frame.data) for frame in cut(cli, tmp_path, path, "--to", "+5")] == [60, 61]


def test_one_capture_of_several_that_cannot_be_read_is_exit_5(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    out = tmp_path / "out"
    ran = cli("extract", sample("mobike"), tmp_path / "empty", "-o", out, "--ike")
    assert ran.code == 5 and "the file is empty" in ran.err and content(out)
    assert cli("extract", tmp_path / "empty", "-o", tmp_path / "x", "--ike").code == 3
    assert cli("extract", sample("mobike"), sample("mobike"), "-o", tmp_path / "x").code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "out"]


@pytest.mark.parametrize("arguments", [[], ["--ike"]])
def test_an_output_is_whole_or_not_there(
    arguments: list[str], cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.write_bytes(b"precious")
    ran = cli("extract", sample("mobike"), "-o", out, *arguments)
    assert ran.code == 2 and "--force" in ran.err and out.read_bytes() == b"precious"
    assert cli("extract", sample("mobike"), "-o", sample("mobike"), "--force", *arguments).code == 2

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pcapan.ingest.pcapng_writer.PcapngWriter.statistics", full)
    monkeypatch.setattr("pcapan.ingest.pcapng_writer.PcapngWriter.packet", full)
    ran = cli("extract", sample("mobike"), "-o", out, "--force", *arguments)
    assert ran.code == 70 and "No space left" in ran.err and len(ran.err.splitlines()) == 3
    assert out.read_bytes() == b"precious" and [path.name for path in tmp_path.iterdir()] == ["out"]


def test_drops_of_a_trace_keep_their_words_in_a_cut(cli: Cli, tmp_path: Path) -> None:
    made = cut(cli, tmp_path, sample("server-drop"), "--ike")
    said = [frame for frame in made if any("reason 1409" in comment for comment in frame.comments)]
    assert len(said) == 94
    assert (tmp_path / "cut.pcapng").read_bytes().count(b"\x07\0\x09\0\x02\x01\0\0\0\0\0\0\0") == 94


def test_a_redacted_cut_names_nobody(cli: Cli, tmp_path: Path) -> None:
    names = [tmp_path / "berlin1.pcap", tmp_path / "berlin2.pcap"]
    for node, path in enumerate(names, 1):
        path.write_bytes(sample(f"no-persistence-node{node}").read_bytes())
    plain_cut = cut(cli, tmp_path, *names, "--ike", "--source", "198.51.100.11")
    made = cut(cli, tmp_path, *names, "--ike", "--source", "198.51.100.11", "--redact")
    assert [frame.time for frame in made] == [frame.time for frame in plain_cut]
    data = (tmp_path / "cut.pcapng").read_bytes()
    for word in (b"berlin", b"198.51.100", bytes((198, 51, 100, 11)), plain_cut[0].data[42:50]):
        assert word not in data
    assert cli("extract", "-", "--redact", "-o", tmp_path / "x", stdin=names[0].read_bytes()).code == 2
