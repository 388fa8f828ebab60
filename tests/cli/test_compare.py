"""``pcapan compare``: captures, results and folders on either side, and its exit statuses."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.samples_kit import sample


@pytest.fixture
def folder(cli: Cli, tmp_path: Path) -> Path:
    assert cli("analyze", sample("sa-limit-8"), "-o", tmp_path / "before", "-q").code == 0
    return tmp_path / "before"


def test_captures_results_and_folders_say_the_same(cli: Cli, folder: Path) -> None:
    after = sample("healthy-dnat")
    said = [
        cli("compare", before, after).out for before in (sample("sa-limit-8"), folder, folder / "result.json")
    ]
    assert said[0].startswith("Change: WORKED IN PART - Gone: full-nat") and len(set(said)) == 1


@pytest.mark.parametrize(
    ("before", "after", "fail_on", "code"),
    [
        ("sa-limit-8", "sa-limit-8", "still", 1),
        ("sa-limit-8", "sa-limit-8", "new", 0),
        ("healthy-dnat", "sa-limit-8", "new", 1),
        ("healthy-dnat", "sa-limit-8", "still", 0),
        ("healthy-dnat", "sa-limit-8", "still|new", 1),
        ("server-silent", "healthy-dnat", "still,new", 0),
        ("healthy-dnat", "truncated-tail", "", 5),
    ],
)
def test_exit_statuses(cli: Cli, before: str, after: str, fail_on: str, code: int) -> None:
    more = ["--fail-on", fail_on] if fail_on else []
    assert cli("compare", sample(before), sample(after), "-q", *more).code == code


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json"])
def test_formats_go_to_files_whole_and_once(cli: Cli, tmp_path: Path, form: str) -> None:
    sides = (sample("server-silent"), sample("healthy-dnat"))
    target = tmp_path / "out"
    assert cli("compare", *sides, "-f", form, "-o", target).code == 0
    assert target.read_bytes() == cli("compare", *sides, "-f", form).raw
    ran = cli("compare", *sides, "-f", form, "-o", target)
    assert ran.code == 2 and "--force" in ran.err
    assert cli("compare", *sides, "-f", form, "-o", target, "--force").code == 0


def test_standard_input_is_a_capture(cli: Cli) -> None:
    data = sample("sa-limit-8").read_bytes()
    assert cli("compare", "-", sample("sa-limit-8"), "-q", stdin=data).out.startswith("Change: DID NOT WORK")


@pytest.mark.parametrize(
    ("sides", "code"),
    [(("-", "-"), 2), (("none.pcap", "none.json"), 3), (("none.json", "none.pcap"), 3)],
)
def test_what_cannot_be_read(cli: Cli, sides: tuple[str, str], code: int) -> None:
    ran = cli("compare", *sides)
    assert ran.code == code and ran.raw == b"" and len(ran.err.splitlines()) == 3


@pytest.mark.parametrize(
    "data",
    [b"{}", b'{"schema_version": "2.0"}', b"", b"no capture", gzip.compress(b"{}")],
    ids=["no-keys", "other-schema", "nothing", "words", "gzip-of-json"],
)
def test_what_is_neither_capture_nor_result(cli: Cli, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    ran = cli("compare", path, sample("healthy-dnat"))
    assert ran.code == 3 and ran.raw == b"" and "x" in ran.err


def test_options_that_say_nothing(cli: Cli) -> None:
    side = sample("healthy-dnat")
    for more in (["--fail-on", "gone"], ["-q", "-v"], ["--tz", "Mars"], ["--set", "x"], ["--server", "x"]):
        assert cli("compare", side, side, *more).code == 2
