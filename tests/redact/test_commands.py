"""Keys, mapping files and what the commands refuse."""

from __future__ import annotations

import csv
import io
import os
import stat
from ipaddress import ip_address
from pathlib import Path

import pytest

from pcapan.detect.ruleset import default_rules_dir
from tests.cli.conftest import Cli
from tests.redact.attack import Secrets, fitting_hashes, found
from tests.redact.frames import load
from tests.samples_kit import sample

SERVER = "10.10.10.20"
CAPTURE = sample("sa-limit-8")


def servers(cli: Cli, *options: str | Path) -> list[str]:
    ran = cli("analyze", CAPTURE, "--redact", "-f", "json", *options)
    assert ran.code == 0, ran.err
    found = ran.document["capture"]["server"]
    assert isinstance(found, list)
    return found


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PCAPAN_REDACT_KEY", raising=False)


def test_a_key_gives_the_same_pseudonyms_wherever_it_comes_from(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = servers(cli, "--redact-key", "a long passphrase")
    assert told != [SERVER]
    file = tmp_path / "key"
    file.write_text("a long passphrase\n")
    assert servers(cli, "--redact-key", f"@{file}") == told
    monkeypatch.setenv("PCAPAN_REDACT_KEY", "a long passphrase")
    assert servers(cli) == told
    monkeypatch.setenv("PCAPAN_REDACT_KEY", f"@{file}")
    assert servers(cli) == told
    assert servers(cli, "--redact-key", "another passphrase") != told


def test_without_a_key_every_run_has_its_own(cli: Cli) -> None:
    assert len({tuple(servers(cli)) for _ in range(4)}) > 1


def test_all_commands_agree_under_one_key(cli: Cli, tmp_path: Path) -> None:
    key = ("--redact", "--redact-key", "k")
    (server,) = servers(cli, "--redact-key", "k")
    plain = tmp_path / "plain.json"
    plain.write_bytes(cli("analyze", CAPTURE, "-f", "json").raw)
    assert cli("report", plain, *key, "-f", "json").document["capture"]["server"] == [server]
    compared = cli("compare", plain, CAPTURE, *key, "-f", "json").out
    assert server in compared and SERVER not in compared
    assert server in cli("tables", CAPTURE, *key, "-t", "attempts").out
    cli("extract", CAPTURE, "-o", tmp_path / "x.pcapng", *key)
    assert cli("analyze", tmp_path / "x.pcapng", "-f", "json").document["capture"]["server"] == [server]


def test_what_the_user_names_is_a_name_too(cli: Cli) -> None:
    ran = cli(
        "analyze",
        CAPTURE,
        *("--server", SERVER, "--vip", "203.0.113.10", "--balancer", "10.10.10.1", "--redact", "-f", "json"),
    )
    options = ran.document["run"]["options"]
    assert options["redact"] is True
    assert options["server"] == ran.document["capture"]["server"] != [SERVER]
    assert not {SERVER, "203.0.113.10", "10.10.10.1"} & {*options["vip"], *options["balancer"]}
    assert SERVER not in ran.out and "203.0.113.10" not in ran.out


def test_own_rules_are_told_without_their_place(cli: Cli, tmp_path: Path) -> None:
    own = tmp_path / "contoso" / "full-nat.toml"
    own.parent.mkdir()
    own.write_bytes((default_rules_dir() / own.name).read_bytes())
    ran = cli("analyze", CAPTURE, "--rules", own, "--redact", "-f", "json")
    assert ran.code == 0, ran.err
    assert ran.document["run"]["options"]["rules"] == ["rules-1.toml"]
    assert "contoso" not in ran.out


def test_recovered_addresses_become_pseudonyms_that_can_be_recovered(cli: Cli, tmp_path: Path) -> None:
    recover = ("--recover-addresses", "--recover-seconds", "60", "-f", "json")
    capture, out = sample("branch-nat"), tmp_path / "out"
    before = cli("analyze", capture, *recover).document
    redacted = cli("analyze", capture, *recover, "-o", out, "--redact", "--redact-key", "k").document
    told = [[row["recovered_addresses"] for row in one["sources"]] for one in (before, redacted)]
    assert [len(one) for one in told[0]] == [len(one) for one in told[1]]
    original, made = ({address for one in side for address in one} for side in told)
    assert len(original) > 8 and not original & made
    verdicts = [[(f["id"], f["verdict"]) for f in one["findings"]] for one in (before, redacted)]
    assert verdicts[0] == verdicts[1]
    secrets = Secrets.of([capture])
    secrets.addresses |= {ip_address(text).packed for text in original}
    secrets.names.clear()
    assert not found(secrets, [(path.name, path.read_bytes()) for path in out.rglob("*.*") if path.is_file()])
    interfaces, blocks = load(out / "evidence.pcapng")
    assert fitting_hashes(secrets, blocks, interfaces) == []
    again = cli("analyze", out / "evidence.pcapng", *recover).document
    recovered = {address for row in again["sources"] for address in row["recovered_addresses"]}
    assert recovered and recovered <= made


def test_a_mapping_is_written_on_request_for_its_owner_only(cli: Cli, tmp_path: Path) -> None:
    place = tmp_path / "map.csv"
    ran = cli("analyze", CAPTURE, "--redact", "--redact-map", place, "-f", "json")
    assert ran.code == 0
    rows = list(csv.DictReader(io.StringIO(place.read_text())))
    known = {row["name"]: row["pseudonym"] for row in rows}
    assert known[SERVER] == ran.document["capture"]["server"][0]
    assert known[str(CAPTURE)] == ran.document["inputs"][0]["path"] == "capture-1.pcap"
    assert {row["kind"] for row in rows} == {"capture", "address", "mac", "ike-spi", "esp-spi"}
    if os.name == "posix":
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert cli("analyze", CAPTURE, "--redact", "--redact-map", place).code == 2
    assert cli("analyze", CAPTURE, "--redact", "--redact-map", place, "--force").code == 0


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--redact-key", "x"), "not asked for"),
        (("--redact-map", "m.csv"), "not asked for"),
        (("--redact", "--redact-key", ""), "empty"),
        (("--redact", "--redact-key", "@"), "cannot be read"),
        (("--redact", "--redact-key", "@nowhere"), "cannot be read"),
        (("--redact", "--redact-map", "-"), "standard output"),
        (("--redact", "-o", "out", "--redact-map", "out/m.csv"), "handed on"),
        (("--redact", "-o", "out", "--redact-map", "out/deep/../m.csv"), "handed on"),
        (("--redact", "--redact-map", str(CAPTURE)), "capture"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_read(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], word: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = cli("analyze", CAPTURE, *options)
    assert ran.code == 2 and word in ran.err and len(ran.err.splitlines()) == 3
    assert list(tmp_path.iterdir()) == []


def test_a_key_in_the_environment_redacts_nothing_by_itself(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PCAPAN_REDACT_KEY", "x")
    assert cli("analyze", CAPTURE, "-f", "json").document["capture"]["server"] == [SERVER]


def test_an_extract_of_standard_input_is_refused(cli: Cli, tmp_path: Path) -> None:
    ran = cli("extract", "-", "-o", tmp_path / "x.pcapng", "--redact", stdin=CAPTURE.read_bytes())
    assert ran.code == 2 and "only once" in ran.err


def test_an_analysis_of_standard_input_is_redacted(cli: Cli) -> None:
    ran = cli("analyze", "-", "--redact", "-f", "json", stdin=CAPTURE.read_bytes())
    assert ran.code == 0 and SERVER not in ran.out


def test_words_to_the_terminal_name_files_and_the_result_does_not(cli: Cli, tmp_path: Path) -> None:
    missing = tmp_path / "contoso.pcap"
    ran = cli("analyze", CAPTURE, missing, "--redact", "-f", "json")
    assert ran.code == 5 and str(missing) in ran.err
    assert "contoso" not in ran.out and str(tmp_path) not in ran.out
    (problem,) = [row for row in ran.document["problems"] if row["code"] == "unreadable"]
    assert problem["file"] == "capture-2.pcap"


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_reports_say_that_names_are_pseudonyms_and_offer_no_command_with_one(cli: Cli, form: str) -> None:
    if form == "html":
        pytest.importorskip("matplotlib", reason="needs the extra report: redacted HTML is not tested")
    plain = cli("analyze", CAPTURE, "-f", form, "-v").out
    told = cli("analyze", CAPTURE, "-f", form, "-v", "--redact").out
    assert "pseudonyms" not in plain and (f"-i {SERVER}" in plain or form == "text")
    assert "pseudonyms" in " ".join(told.split())
    assert "pktmon filter add" not in told
    assert "fingerprint" in told


def test_a_cut_is_chosen_by_real_names_and_written_with_pseudonyms(cli: Cli, tmp_path: Path) -> None:
    captures = [sample("no-persistence-node1"), sample("no-persistence-node2")]
    plain, told = tmp_path / "plain.pcapng", tmp_path / "told.pcapng"
    cut = ("--source", "198.51.100.11", "--ike")
    assert cli("extract", *captures, *cut, "-o", plain).code == 0
    assert cli("extract", *captures, *cut, "-o", told, "--redact", "--redact-key", "k").code == 0
    counts = [cli("info", path, "-f", "json").document["inputs"][0]["packets"] for path in (plain, told)]
    assert counts[0] == counts[1] > 0
    secrets = Secrets.of(captures)
    assert not found(secrets, [(told.name, told.read_bytes())])
    rows = [
        [line.split(",")[5:7] for line in cli("tables", path, "-t", "messages").out.splitlines()[1:]]
        for path in (plain, told)
    ]
    assert rows[0] == rows[1], "ports stay"
