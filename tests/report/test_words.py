"""Numbers, times and texts in words."""

from __future__ import annotations

import pytest

from pcapan.model import Fix
from pcapan.report.words import (
    commands_apart,
    listed,
    number_name,
    number_text,
    spoken_duration,
    spoken_time,
    vendor_fixes,
)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("2026-11-23T12:01:55.871652000Z", "2026-11-23 12:01:55.871652 UTC"),
        ("2026-11-23T12:01:55.871652123Z", "2026-11-23 12:01:55.871652123 UTC"),
        ("2026-11-23T12:01:55.000000000Z", "2026-11-23 12:01:55 UTC"),
        ("2026-11-23T12:01:55.120000000Z", "2026-11-23 12:01:55.120 UTC"),
        ("123 ns since 1970", "123 ns since 1970"),
    ],
)
def test_times_are_exact(text: str, spoken: str) -> None:
    assert spoken_time(text) == spoken


@pytest.mark.parametrize(
    ("ns", "spoken"),
    [
        (0, "0 ns"),
        (58_551_189_000, "58.6 s"),
        (7_200_000_000_000, "2 h"),
        (250_000_000, "250 ms"),
        (90_000_000_000, "1.5 min"),
    ],
)
def test_durations(ns: int, spoken: str) -> None:
    assert spoken_duration(ns) == spoken


def test_numbers_have_names_and_units() -> None:
    assert number_name("sas_at_onset") == "SAs at onset"
    assert number_name("natd_source_match") == "NAT-D source match"
    assert number_name("duration_ns") == "Duration"
    assert number_text("share_of_clients", 0.857) == "86%"
    assert number_text("resumed", False) == "no"
    assert number_text("anything", None) == "unknown"
    assert number_text("ports", [500, 4500]) == "500, 4500"


def test_lists() -> None:
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed("abcdefgh", most=3) == "a, b, c and 5 more"


@pytest.mark.parametrize(
    "text",
    ["No command here.", "On the server: nothing to run.", "Error 13882: ERROR_IPSEC_IKE_MM_LIMIT", ""],
)
def test_prose_stays_prose(text: str) -> None:
    assert commands_apart(text) == [(False, text)]


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (None, "all windows f5 azure-firewall azure-load-balancer"),
        ("all", "all windows f5 azure-firewall azure-load-balancer"),
        ("nobody", "all windows f5 azure-firewall azure-load-balancer"),
        ("F5", "all windows f5"),
        ("azure", "all windows azure-firewall azure-load-balancer"),
        ("Azure-Firewall", "all windows azure-firewall"),
        ("az", "all windows f5 azure-firewall azure-load-balancer"),
    ],
)
def test_a_vendor_gets_its_own_advice_and_everybodys(wanted: str | None, shown: str) -> None:
    vendors = ["all", "windows", "f5", "azure-firewall", "azure-load-balancer"]
    fixes = [Fix(vendor, vendor, [], "") for vendor in vendors]
    own, left = vendor_fixes(fixes, wanted)
    assert [fix.vendor for fix in own] == shown.split()
    assert len(own) + len(left) == len(fixes)
