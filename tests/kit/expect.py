"""What a case file promises, checked against the tables.

    expect TABLE N [column=value ...]                        so many rows have these values
    expect TABLE column=value ... -> column=value ...        exactly one row has the first, and the second
    expect servers NAME ...                                  who was taken for a server, in any order
    expect reason WORDS                                      why
    expect live NAME at=TIME N                               established SAs of a source at that time
    expect half-open NAME at=TIME N                          answered INITs without IKE_AUTH
    expect finding RULE VERDICT [NAME ...]                   what the rules say

Values: yes, no, none, numbers, names of hosts, SPIs as in the packets, lists with commas (``[]`` is
empty); seconds in columns of nanoseconds, counted from the beginning of the case in points of time.
``<N`` and ``>N`` compare.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

from pcapan.pipeline import Options, built_in_rules, make_result
from pcapan.reading import scan_file
from pcapan.tables.declare import Column
from pcapan.tables.facts import Facts, Site, gather_facts
from pcapan.tables.registry import TABLES, rows_of
from tests.kit.dsl import Case, Expectation
from tests.kit.frames import EPOCH, Frame, pcap

_SPIS = {"spi_i": 16, "spi_r": 16, "rekeyed_from": 16, "spi": 8}


def facts_of(files: Iterable[Sequence[Frame]], servers: Sequence[str] = (), link: int = 1) -> Facts:
    """Each list of frames is a file; nothing touches the disk."""
    read = [scan_file("-", stdin=io.BytesIO(pcap(frames, link))) for frames in files]
    inputs, scans = [entry for entry, _ in read], [scan for _, scan in read]
    return gather_facts(inputs, scans, Site(servers=tuple(servers)))


def play(case: Case) -> Facts:
    return facts_of(case.files, case.servers)


def check(case: Case, facts: Facts | None = None) -> None:
    """Every expectation of the case holds."""
    facts = facts or play(case)
    wrong = [f"line {e.line}: {text}" for e in case.expectations if (text := _fault(case, facts, e))]
    assert not wrong, "\n".join([case.name, *wrong])


def _fault(case: Case, facts: Facts, expectation: Expectation) -> str:
    kind, *words = expectation.words
    if kind == "servers":
        wanted = sorted(case.hosts[name].address for name in words)
        got = sorted(facts.track.roles.servers)
        return "" if got == wanted else f"servers are {got}"
    if kind == "reason":
        return "" if facts.track.roles.reason == " ".join(words) else facts.track.roles.reason
    if kind in ("live", "half-open"):
        return _fault_at(case, facts, kind, words)
    if kind == "finding":
        return _fault_finding(case, facts, words)
    return _fault_rows(case, facts, kind, words)


def _fault_at(case: Case, facts: Facts, kind: str, words: list[str]) -> str:
    name, at, wanted = words
    source = facts.sources[case.hosts[name].address]
    ts = EPOCH + round(float(at.removeprefix("at=")) * 10**9)
    got = source.live_at(ts) if kind == "live" else source.half_open_at(ts)
    return "" if got == int(wanted) else f"{kind} {name} {at}: {got}, not {wanted}"


def _fault_finding(case: Case, facts: Facts, words: list[str]) -> str:
    rule, verdict, *names = words
    options = Options()
    found = [f for f in make_result(facts, built_in_rules(options), options).findings if f.id == rule]
    if [f for f in found if f.verdict == verdict] == []:
        return f"{rule} is {[str(f.verdict) for f in found]}"
    addresses = {a for f in found if f.verdict == verdict for a in f.addresses}
    wanted = {case.hosts[name].address for name in names}
    return "" if not wanted or wanted == addresses else f"{rule} holds for {sorted(addresses)}"


def _fault_rows(case: Case, facts: Facts, table: str, words: list[str]) -> str:
    columns = {column.name: column for column in TABLES[table].columns}
    rows = list(rows_of(table, facts))
    if words[0].isdigit():
        found = [row for row in rows if _fits(case, columns, row, words[1:])]
        return "" if len(found) == int(words[0]) else f"{len(found)} rows of {table} are like {words[1:]}"
    at = words.index("->") if "->" in words else len(words)
    found = [row for row in rows if _fits(case, columns, row, words[:at])]
    if len(found) != 1:
        return f"{len(found)} rows of {table} are like {words[:at]}"
    unfit = [word for word in words[at + 1 :] if not _fits(case, columns, found[0], [word])]
    return f"{unfit} of {words}: {[found[0][w.split('=')[0]] for w in unfit]}" if unfit else ""


def _fits(case: Case, columns: dict[str, Column], row: dict[str, Any], words: Iterable[str]) -> bool:
    for word in words:
        name, _, text = word.partition("=")
        got = row[name]
        if text[:1] in "<>" and text:
            limit = _value(case, columns[name], text[1:])
            if got is None or not (got < limit if text[0] == "<" else got > limit):
                return False
        elif got != _value(case, columns[name], text):
            return False
    return True


def _value(case: Case, column: Column, text: str) -> Any:
    if column.type.startswith("list"):
        inner = Column(column.name, column.type[5:-1], column.unit, column.value)
        return [] if text == "[]" else [_value(case, inner, part) for part in text.split(",")]
    if text in ("yes", "no"):
        return text == "yes"
    if text == "none":
        return None
    if column.name in _SPIS:
        return (text * 16)[: _SPIS[column.name]]
    if column.unit.startswith("ns"):
        return round(float(text) * 10**9) + (EPOCH if "since" in column.unit else 0)
    if column.type == "int":
        return int(text)
    if column.type == "float":
        return float(text)
    return case.hosts[text].address if text in case.hosts else text
