"""Flows of several files put together, and found by whose they are, as compiled and as the source says."""

from __future__ import annotations

from array import array
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.record import changed
from pcapan.scan.columns import FLOW_COLUMNS, Flow, FlowColumns
from pcapan.track import flows
from pcapan.track.addresses import Addresses
from pcapan.track.flows import SECOND
from tests.kit.sources import source_of

#: Without a compiler both are the source.
MODULES = (flows, source_of(flows))

ADDRESSES = [bytes((198, 18, 0, host)) for host in range(4)] + [bytes(15) + b"\1"]
NAMES = ["198.18.0.0", "198.18.0.1", "198.18.0.2", "198.18.0.3", "::1"]
PORTS = st.sampled_from([0, 1, 4500, 0x9001, 65535])
NUMBER = st.integers(0, 2**32 - 1)


@st.composite
def a_flow(draw: st.DrawFn) -> Flow:
    first = draw(st.integers(0, 8)) * SECOND // 2
    lowest, highest = sorted((draw(NUMBER), draw(NUMBER)))
    return Flow(
        src=draw(st.integers(0, 4)),
        dst=draw(st.integers(0, 4)),
        sport=draw(PORTS),
        dport=draw(PORTS),
        spi=draw(st.sampled_from([0, 0x100, 0xFFFFFFFF])),
        packets=draw(st.integers(1, 2**40)),
        octets=draw(NUMBER),
        first_ts=first,
        last_ts=first + draw(st.integers(0, 4)) * SECOND,
        first_frame=draw(st.integers(1, 50)),
        last_frame=draw(st.integers(1, 50)),
        lowest_sequence=lowest,
        highest_sequence=highest,
        longest_gap=draw(st.integers(0, 3)) * SECOND,
        gap_from=draw(NUMBER),
        copies=draw(NUMBER),
    )


def key_of(flow: Flow) -> tuple[int, ...]:
    return flow.src, flow.dst, flow.sport, flow.dport, flow.spi


#: As of one file: no key twice.
A_FILE = st.lists(a_flow(), max_size=8, unique_by=key_of)


def columns_of(rows: list[Flow]) -> FlowColumns:
    made = FlowColumns()
    for name, kind in FLOW_COLUMNS.items():
        setattr(made, name, array(kind, [getattr(row, name) for row in rows]))
    return made


def joined(one: Flow, other: Flow) -> Flow:
    gaps = [(one.longest_gap, one.gap_from), (other.first_ts - one.last_ts, one.last_ts)]
    longest, begun = max([*gaps, (other.longest_gap, other.gap_from)], key=lambda gap: gap[0])
    last_ts, last_frame = one.last_ts, one.last_frame
    if other.last_ts > last_ts:
        last_ts, last_frame = other.last_ts, other.last_frame
    return changed(
        one,
        packets=one.packets + other.packets,
        octets=one.octets + other.octets,
        last_ts=last_ts,
        last_frame=last_frame,
        lowest_sequence=min(one.lowest_sequence, other.lowest_sequence),
        highest_sequence=max(one.highest_sequence, other.highest_sequence),
        longest_gap=longest,
        gap_from=begun,
        copies=one.copies + other.copies,
    )


def expected(files: list[list[Flow]]) -> list[tuple[int, Flow]]:
    """The same in plain words: in order of time, and a flow that goes on in a later file is one."""
    rows = [(number, flow) for number, file in enumerate(files, 1) for flow in file]
    rows.sort(key=lambda row: (row[1].first_ts, row[0], row[1].first_frame))
    kept: list[tuple[int, Flow]] = []
    latest: dict[tuple[int, ...], int] = {}
    for number, flow in rows:
        at = latest.get(key_of(flow))
        if at is not None and flow.first_ts >= kept[at][1].last_ts - SECOND:
            kept[at] = (kept[at][0], joined(kept[at][1], flow))
        else:
            latest[key_of(flow)] = len(kept)
            kept.append((number, flow))
    return kept


@given(st.lists(A_FILE, min_size=1, max_size=4))
def test_files_put_together(files: list[list[Flow]]) -> None:
    for module in MODULES:
        addresses = Addresses([ADDRESSES] * len(files))
        found = module.gather_flows([columns_of(file) for file in files], addresses)
        assert [(one.file, one.flow) for one in found] == expected(files)
        for one in found:
            assert (one.src, one.dst) == (NAMES[one.flow.src], NAMES[one.flow.dst])


@pytest.mark.parametrize("module", MODULES)
def test_every_file_has_its_own_numbers_for_addresses(module: ModuleType) -> None:
    flow = Flow(0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9)
    addresses = Addresses([ADDRESSES[:2], ADDRESSES[::-1]])
    found = module.gather_flows([columns_of([flow]), columns_of([flow])], addresses)
    assert [(one.file, one.src, one.dst) for one in found] == [
        (1, "198.18.0.0", "198.18.0.1"),
        (2, "::1", "198.18.0.3"),
    ]


@given(A_FILE, st.lists(st.integers(0, 4), min_size=8, max_size=8))
def test_groups(rows: list[Flow], owners: list[int]) -> None:
    owners = owners[: len(rows)]
    for module in MODULES:
        made = module.gather_flows([columns_of(rows)], Addresses([ADDRESSES]))
        groups = module.FlowGroups(made, array("I", owners), 6)
        for owner in range(6):
            own = [one for one, whose in zip(made, owners, strict=True) if whose == owner]
            seen = [one.flow for one in own]
            assert groups.of(owner) == own
            assert groups.count(owner) == len(own)
            assert groups.since(owner) == (seen[0].first_ts if seen else 0)
            assert groups.until(owner) == max([flow.last_ts for flow in seen], default=0)
            assert groups.longest_gap(owner) == max([flow.longest_gap for flow in seen], default=0)
            assert groups.packets(owner) == sum(flow.packets for flow in seen)
            assert groups.comes_from_both(owner, 2) is ({flow.src == 2 for flow in seen} == {True, False})
            spans = [
                (port, flow.first_ts, flow.last_ts)
                for flow in seen
                for port, to in ((flow.sport, flow.dport) if flow.src == owner else (flow.dport, flow.sport),)
                if to == 4500
            ]
            assert groups.spans(owner, 4500) == spans


@given(A_FILE)
def test_what_is_asked_of_all_flows(rows: list[Flow]) -> None:
    for module in MODULES:
        made = module.gather_flows([columns_of(rows)], Addresses([ADDRESSES]))
        seen = [one.flow for one in made]
        assert list(made.ends()) == [(one.src, one.flow.sport, one.dst, one.flow.dport) for one in made]
        of_two = [flow for flow in seen if flow.src in (1, 4)]
        last_of = [(NAMES[flow.src], flow.sport, flow.last_ts) for flow in of_two]
        assert list(made.last_of(["198.18.0.1", "::1", "192.0.2.1"])) == last_of
        moments = [(2 * SECOND, 2 * SECOND), (2 * SECOND, 3 * SECOND), (3 * SECOND, 4 * SECOND)]
        assert made.going_on(1, moments) == [
            sum(
                flow.first_ts < begin and flow.last_ts > end and 1 in (flow.src, flow.dst) for flow in seen
            )
            for begin, end in moments
        ]
        measured = [flow for flow in seen if flow.src in (0, 4) and flow.packets >= 100]
        missing = [flow.highest_sequence - flow.lowest_sequence + 1 - flow.packets for flow in measured]
        assert made.losses(["198.18.0.0", "::1"], 100) == (
            sum(flow.packets for flow in measured),
            sum(max(0, lost) for lost in missing),
        )


def _steady(packets: int, lowest: int, highest: int) -> Flow:
    return Flow(0, 1, 1, 2, 3, packets, 5, 6, 7, 8, 9, lowest, highest)


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    ("flow", "steady"),
    [
        (_steady(5, 1, 5), True),
        (_steady(5, 1, 10), True),
        (_steady(5, 1, 11), False),
        (_steady(4, 1, 4), False),
        (_steady(5, 0, 2**32 - 1), False),
    ],
)
def test_a_steady_sequence(module: ModuleType, flow: Flow, steady: bool) -> None:
    made = module.gather_flows([columns_of([flow])], Addresses([ADDRESSES]))
    assert module.FlowGroups(made, array("I", [0]), 1).is_steady(0, 5) is steady


def test_no_file_has_no_flows() -> None:
    for module in MODULES:
        assert list(module.gather_flows([], Addresses([]))) == []
