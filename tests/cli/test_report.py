"""``pcapan report`` and ``analyze -o``: the same words from a result, and files whole or not at all."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from pcapan.report.evidence import gather_evidence
from pcapan.tables.registry import TABLES
from tests.cli.conftest import Cli
from tests.samples_kit import sample

REPORTS = ["evidence.pcapng", "report.html", "report.md", "result.json", "tables"]


def tree(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def result(cli: Cli, tmp_path: Path) -> Path:
    path = tmp_path / "result.json"
    path.write_bytes(cli("analyze", sample("sa-limit-8"), "--format", "json").raw)
    return path


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json"])
@pytest.mark.parametrize("name", ["sa-limit-8", "healthy-dnat", "no-packets"])
def test_a_result_says_what_the_analysis_says(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, form: str
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1795440000")
    more = ["--vendor", "kemp", "--tz", "Europe/Berlin"]
    path = tmp_path / "result.json"
    path.write_bytes(cli("analyze", sample(name), "--format", "json").raw)
    fresh = cli("analyze", sample(name), "--format", form, *more)
    loaded = cli("report", path, "--format", form, *more)
    assert (fresh.code, loaded.code) == (0, 0)
    assert loaded.raw == fresh.raw
    written = tmp_path / "written"
    assert cli("report", path, "--format", form, "-o", written, *more).code == 0
    assert written.read_bytes() == loaded.raw


def test_standard_input_and_folders_are_read(cli: Cli, result: Path) -> None:
    assert cli("report", "-", "-q", stdin=result.read_bytes()).out.startswith("Verdict: CONFIRMED")
    assert cli("report", result.parent, "-q").out.startswith("Verdict: CONFIRMED")


def test_verbose_and_quiet(cli: Cli, result: Path) -> None:
    assert len(cli("report", result, "-q").out.splitlines()) == 1
    assert "Provenance" in cli("report", result, "-v").out


def test_a_vendor_gets_its_own_steps(cli: Cli, result: Path) -> None:
    text = cli("report", result, "--vendor", "Citrix").out
    assert "Use Client IP" in text and "Source Address Translation" not in text and "without --vendor" in text


@pytest.mark.parametrize(
    "zone", ["Mars/Olympus", "../../etc/passwd", "/etc/passwd", "Europe", "\x1b[2J", "a" * 5000]
)
def test_an_unknown_zone_is_exit_2(cli: Cli, result: Path, zone: str) -> None:
    ran = cli("report", result, "--tz", zone)
    assert ran.code == 2 and ran.raw == b"" and len(ran.err.splitlines()) == 3 and "\x1b" not in ran.err


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"\xd4\xc3\xb2\xa1", b'{"schema_version": "2.0"}', b"[" * 99999]
)
def test_what_is_no_result_is_exit_3(cli: Cli, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(data)
    ran = cli("report", path, "--format", "html", "-o", tmp_path / "x.html")
    assert ran.code == 3 and ran.raw == b"" and len(ran.err.splitlines()) == 3
    assert tree(tmp_path) == ["x.json"]


def test_a_missing_result_is_exit_3(cli: Cli, tmp_path: Path) -> None:
    assert cli("report", tmp_path / "none.json").code == 3
    assert cli("report", tmp_path).code == 3


def test_a_file_is_not_overwritten_without_force(cli: Cli, result: Path, tmp_path: Path) -> None:
    target = tmp_path / "r.md"
    target.write_text("mine")
    ran = cli("report", result, "-f", "markdown", "-o", target)
    assert ran.code == 2 and "--force" in ran.err and target.read_text() == "mine"
    assert cli("report", result, "-f", "markdown", "-o", target, "--force").code == 0
    assert target.read_text().startswith("# VPN capture")
    before = result.read_bytes()
    assert cli("report", result, "-o", result, "--force").code == 2
    assert result.read_bytes() == before
    assert tree(tmp_path) == ["r.md", "result.json"]


def test_a_folder_holds_everything(cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "out"
    ran = cli("analyze", sample("sa-limit-8"), "-o", target, "-q")
    assert ran.code == 0 and ran.out.startswith("Verdict: CONFIRMED") and ran.err == ""
    assert tree(target) == REPORTS and tree(tmp_path) == ["out"]
    assert tree(target / "tables") == sorted(f"{name}.csv" for name in TABLES)
    for form, name in (("html", "report.html"), ("markdown", "report.md"), ("json", "result.json")):
        assert cli("report", target / "result.json", "-f", form).raw == (target / name).read_bytes()
    table = cli("tables", sample("sa-limit-8"), "-t", "attempts").raw
    assert (target / "tables" / "attempts.csv").read_bytes() == table


def test_a_folder_with_something_in_it_is_refused(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    ran = cli("analyze", sample("healthy-dnat"), "-o", tmp_path)
    assert ran.code == 2 and ran.raw == b"" and "--force" in ran.err
    assert tree(tmp_path) == ["notes.txt"]
    assert cli("analyze", sample("healthy-dnat"), "-o", tmp_path, "--force").code == 0
    assert cli("analyze", sample("healthy-dnat"), "-o", tmp_path, "--force", "--tables", "parquet").code == 0
    assert tree(tmp_path) == sorted(["notes.txt", *REPORTS])
    assert tree(tmp_path / "tables") == sorted(f"{name}.parquet" for name in TABLES)


def test_evidence_comes_with_a_piped_capture(cli: Cli, tmp_path: Path) -> None:
    target, other = tmp_path / "piped", tmp_path / "read"
    assert cli("analyze", "-", "-o", target, "-q", stdin=sample("mobike").read_bytes()).code == 0
    assert cli("analyze", sample("mobike"), "-o", other, "-q").code == 0
    sizes = [cli("info", folder / "evidence.pcapng", "-f", "json").document for folder in (target, other)]
    assert sizes[0]["inputs"][0]["packets"] == sizes[1]["inputs"][0]["packets"] > 0


def test_evidence_that_is_analysed_is_not_replaced(cli: Cli, tmp_path: Path) -> None:
    assert cli("analyze", sample("sa-limit-8"), "-o", tmp_path).code == 0
    before = (tmp_path / "evidence.pcapng").read_bytes()
    ran = cli("analyze", tmp_path / "evidence.pcapng", "-o", tmp_path, "--force")
    assert ran.code == 2 and "overwrite a capture" in ran.err
    assert (tmp_path / "evidence.pcapng").read_bytes() == before


def test_a_capture_that_vanishes_leaves_nothing(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = tmp_path / "x.pcap"
    capture.write_bytes(sample("sa-limit-8").read_bytes())

    def gone(*arguments: Any) -> list[Any]:
        capture.unlink()
        return gather_evidence(*arguments)

    monkeypatch.setattr("pcapan.commands.folder.gather_evidence", gone)
    ran = cli("analyze", capture, "-o", tmp_path / "out")
    assert ran.code == 3 and str(capture) in ran.err and len(ran.err.splitlines()) == 3
    assert tree(tmp_path) == []


def test_an_empty_folder_is_filled(cli: Cli, tmp_path: Path) -> None:
    assert cli("analyze", sample("healthy-dnat"), "-o", tmp_path).code == 0
    assert tree(tmp_path) == REPORTS


def test_a_capture_is_never_replaced(cli: Cli, tmp_path: Path) -> None:
    capture = tmp_path / "report.md"
    capture.write_bytes(sample("healthy-dnat").read_bytes())
    ran = cli("analyze", capture, "-o", tmp_path, "--force")
    assert ran.code == 2 and "capture" in ran.err
    assert capture.read_bytes() == sample("healthy-dnat").read_bytes()
    assert not [name for name in tree(tmp_path) if name.startswith(".")]


@pytest.mark.parametrize("where", ["missing/out", "file", "file/out", "nul\0"])
def test_a_place_that_cannot_be_is_exit_2_before_reading(cli: Cli, tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("mine")
    ran = cli("analyze", tmp_path / "none.pcap", "-o", f"{tmp_path}/{where}")
    assert ran.code == 2, ran.err
    assert len(ran.err.splitlines()) == 3 and tree(tmp_path) == ["file"]


@pytest.mark.parametrize("command", ["analyze", "evidence", "report"])
def test_a_full_disk_leaves_nothing(
    cli: Cli, result: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def no_room(*_: object) -> None:
        raise full

    target = tmp_path / "out"
    if command in ("analyze", "evidence"):
        name = "write_table" if command == "analyze" else "write_evidence"
        monkeypatch.setattr(f"pcapan.commands.folder.{name}", no_room)
        ran = cli("analyze", sample("healthy-dnat"), "-o", target)
    else:
        monkeypatch.setattr("pcapan.commands.files.os.fsync", no_room)
        ran = cli("report", result, "-f", "json", "-o", target)
    assert ran.code == 70 and "No space left" in ran.err and len(ran.err.splitlines()) == 3
    assert tree(tmp_path) == ["result.json"]


@pytest.mark.skipif(
    sys.platform == "win32", reason="needs EACCES as POSIX has it: a closed folder is not tested on Windows"
)
def test_a_read_only_folder_is_told(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> str:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("tempfile.mkdtemp", refused)
    ran = cli("analyze", sample("healthy-dnat"), "-o", tmp_path / "out")
    assert ran.code == 2 and "Permission denied" in ran.err and tree(tmp_path) == []


def test_missing_libraries_are_told_before_reading(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    for arguments in (["-o", str(tmp_path / "out")], ["--format", "html"]):
        ran = cli("analyze", tmp_path / "none.pcap", *arguments)
        assert ran.code == 2 and "jinja2 and matplotlib" in ran.err and "pcapan[report]" in ran.err
    assert cli("analyze", sample("healthy-dnat"), "--format", "markdown").code == 0
