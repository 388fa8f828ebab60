"""Incidents unlike those of the lab, written by hand: what is said of them, and that nothing else is.

Every finding that is reported must be named by the case; the same must be said of the frames in a
VLAN, and of the same site renumbered.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from pcapan.model import Finding
from tests.kit.cases import load_cases
from tests.kit.dsl import Case
from tests.kit.expect import check, facts_of
from tests.kit.frames import Frame
from tests.robust.addresses import readdress, renumbered
from tests.robust.gateways import through_gateways
from tests.robust.judge import findings_of

CASES = load_cases(Path(__file__).parent / "cases")
each_case = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
#: Where the networks of the cases move to, within their class.
MOVES = (
    ("172.16.5.0", "192.168.222.0"),
    ("192.168.40.0", "172.29.1.0"),
    ("198.18.40.0", "198.19.7.0"),
    ("81.2.69.0", "203.0.113.0"),
    ("89.160.20.0", "198.51.100.0"),
    ("fd5a:1:2::", "fd77:8:9::"),
)


def _files(case: Case) -> list[list[Frame]]:
    """The case as a server's own network card sees it: one router for both ways."""
    servers = [host.address for name, host in case.hosts.items() if name.startswith(("rras", "lan", "six"))]
    return [through_gateways(frames, servers) for frames in case.files]


@cache
def _findings(name: str) -> list[Finding]:
    return findings_of(_files(next(case for case in CASES if case.name == name)), 1)


def _told(findings: Sequence[Finding]) -> dict[str, set[str]]:
    told: dict[str, set[str]] = {}
    for finding in findings:
        if finding.verdict.reported:
            told.setdefault(f"{finding.id} {finding.verdict}", set()).update(finding.addresses)
    return told


@each_case
def test_what_the_tables_hold(case: Case) -> None:
    expected = [e for e in case.expectations if e.words[0] != "finding"]
    check(replace(case, expectations=expected), facts_of(_files(case)))


@each_case
def test_what_is_reported_and_nothing_else(case: Case) -> None:
    findings = _findings(case.name)
    told = _told(findings)
    named = {}
    for _, rule, verdict, *names in (e.words for e in case.expectations if e.words[0] == "finding"):
        assert verdict in {finding.verdict for finding in findings if finding.id == rule}
        if verdict in ("confirmed", "suspected"):
            named[f"{rule} {verdict}"] = {case.hosts[name].address for name in names}
        else:
            assert not {f"{rule} confirmed", f"{rule} suspected"} & set(told)
    for text, addresses in named.items():
        assert not addresses or told.get(text) == addresses
    assert set(told) == set(named)


@each_case
def test_in_a_vlan(case: Case) -> None:
    tag = struct.pack("!HH", 0x8100, 31)
    tagged = [[f._replace(data=f.data[:12] + tag + f.data[12:]) for f in frames] for frames in _files(case)]
    assert _told(findings_of(tagged, 1)) == _told(_findings(case.name))


@each_case
def test_at_another_site(case: Case) -> None:
    moved = [readdress(frames, 1, renumbered(MOVES), rehash=True) for frames in _files(case)]
    here, there = (
        {name: len(addresses) for name, addresses in _told(findings).items()}
        for findings in (_findings(case.name), findings_of(moved, 1))
    )
    assert there == here
