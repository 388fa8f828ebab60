"""``pcapan info``, ``doctor`` and ``--version``."""

from __future__ import annotations

import pcapan
from tests.cli.conftest import Cli
from tests.samples_kit import sample


def test_info_tells_container_interfaces_and_comments(cli: Cli) -> None:
    ran = cli("info", sample("capture-loss-told"))
    assert ran.code == 0
    for word in ("pcapng", "Ethernet", "lab0", "37 packets lost", "Lab capture", "10.10.10.20", "140"):
        assert word in ran.out, word


def test_info_as_json(cli: Cli) -> None:
    document = cli("info", sample("sa-limit-8"), sample("server-silent"), "--format", "json").document
    assert [entry["packets"] for entry in document["inputs"]] == [795, 121]
    first = document["inputs"][0]
    assert first["interfaces"][0]["link_type_name"] == "Ethernet"
    assert first["counts"]["ike"] == 167
    assert document["direction"] == "both"


def test_info_of_a_damaged_file_is_exit_5(cli: Cli) -> None:
    ran = cli("info", sample("truncated-tail"))
    assert ran.code == 5
    assert "cut or damaged" in ran.out


def test_info_of_no_packets(cli: Cli) -> None:
    ran = cli("info", sample("no-packets"))
    assert ran.code == 0
    assert "none seen" in ran.out


def test_doctor_names_rules_and_libraries(cli: Cli) -> None:
    ran = cli("doctor")
    assert ran.code == 0
    for word in ("pcapan", "Python", "pandas", "tshark", "rules"):
        assert word in ran.out


def test_version(cli: Cli) -> None:
    ran = cli("--version")
    assert ran.code == 0
    assert ran.out.strip() == f"pcapan {pcapan.__version__}"
