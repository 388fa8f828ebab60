"""Which captures are one incident: names of ring buffers, nodes, folders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.batch.grouping import Grouping, group, to_be_timed
from pcapan.batch.model import Input

HOUR = 3600 * 1_000_000_000


def inputs(*names: str, size: int = 100, first: dict[str, int] | None = None) -> list[Input]:
    return [Input(name, size, "s", first_ns=(first or {}).get(name)) for name in names]


def grouped(
    *names: str, mode: Grouping = Grouping.AUTO, first: dict[str, int] | None = None
) -> list[set[str]]:
    return [set(item.names) for item in group(inputs(*names, first=first), mode)]


CASES = {
    "dumpcap ring": (
        ["v/vpn_00001_20261123100000.pcapng", "v/vpn_00002_20261123110000.pcapng", "v/other.pcap"],
        [{0, 1}, {2}],
    ),
    "numbers behind stamps, as newer Wireshark writes them": (
        ["vpn_20261123100000_00001.pcapng", "vpn_20261123110000_00002.pcapng"],
        [{0, 1}],
    ),
    "numbering starts anew": (
        [
            "vpn_00001_20261123100000.pcapng",
            "vpn_00002_20261123103000.pcapng",
            "vpn_00001_20261123110000.pcapng",
        ],
        [{0, 1}, {2}],
    ),
    "the first parts of the ring are gone": (
        ["vpn_00917_20261123100000.pcapng", "vpn_00918_20261123103000.pcapng"],
        [{0, 1}],
    ),
    "a gap of a night": (
        ["vpn_00001_20261123180000.pcapng", "vpn_00002_20261124080000.pcapng"],
        [{0}, {1}],
    ),
    "two days are cut at midnight": (
        [f"vpn_{n + 1:05}_202611{23 + n // 8}{n % 8 * 3:02}0000.pcapng" for n in range(16)],
        [set(range(8)), set(range(8, 16))],
    ),
    "an hour around midnight stays whole": (
        ["vpn_00001_20261123233000.pcapng", "vpn_00002_20261124003000.pcapng"],
        [{0, 1}],
    ),
    "same names in two folders": (
        ["a/vpn_00001_20261123100000.pcapng", "b/vpn_00002_20261123110000.pcapng"],
        [{0}, {1}],
    ),
    "no date in the stamp": (
        ["vpn_00001_99999999999999.pcapng", "vpn_00002_99999999999999.pcapng"],
        [{0}, {1}],
    ),
    "numbers without stamps": (["trace_000001.etl", "trace_000002.etl", "trace_000009.etl"], [{0, 1}, {2}]),
    "tcpdump -C": (["x.pcap", "x.pcap1", "x.pcap2", "y.pcap2"], [{0, 1, 2}, {3}]),
    "tcpdump -W": (["x.pcap00", "x.pcap01"], [{0, 1}]),
    "packed parts": (
        ["vpn_00001_20261123100000.pcapng.gz", "vpn_00002_20261123100500.pcapng.gz"],
        [{0, 1}],
    ),
    "inside an archive": (
        ["t.zip::vpn_00001_20261123100000.pcapng", "t.zip::vpn_00002_20261123100500.pcapng", "t.zip::a.pcap"],
        [{0, 1}, {2}],
    ),
    "nodes of one time, each a ring": (
        [
            "rras1/vpn_00001_20261123100000.pcapng",
            "rras1/vpn_00002_20261123101000.pcapng",
            "rras2/vpn_00001_20261123100020.pcapng",
            "rras2/vpn_00002_20261123101500.pcapng",
        ],
        [{0, 1, 2, 3}],
    ),
    "nodes of different days": (
        ["rras1_00001_20261123100000.pcapng", "rras2_00001_20261124100000.pcapng"],
        [{0}, {1}],
    ),
    "numbered captures are no nodes": (["cap1.pcap", "cap2.pcap", "capture-3.pcap"], [{0}, {1}, {2}]),
}


@pytest.mark.parametrize("name", CASES)
def test_auto(name: str) -> None:
    names, wanted = CASES[name]
    found = grouped(*names)
    expected = [{names[n] for n in numbers} for numbers in wanted]
    assert sorted(map(sorted, found)) == sorted(map(sorted, expected))


def test_nodes_need_the_same_time() -> None:
    names = ["a/incident-node1.pcap", "a/incident-node2.pcap"]
    assert [entry.name for entry in to_be_timed(inputs(*names))] == names
    assert len(grouped(*names, first={names[0]: 0, names[1]: HOUR // 10})) == 1
    assert len(grouped(*names, first={names[0]: 0, names[1]: HOUR})) == 2
    assert len(grouped(*names)) == 2  # nobody could tell when they begin
    assert to_be_timed(inputs("a/vpn.pcap", "b/vpn2.txt")) == []


def test_two_captures_of_one_node_are_no_two_nodes() -> None:
    names = ["node1.pcap", "node1.pcap.gz"]
    assert len(grouped(*names, first=dict.fromkeys(names, 5))) == 2


def test_folder_and_file() -> None:
    names = ["a/x.pcap", "a/y.pcap", "a/b/z.pcap", "t.zip::x.pcap", "t.zip::d/y.pcap"]
    assert sorted(map(len, grouped(*names, mode=Grouping.FOLDER))) == [1, 1, 1, 2]
    assert len(grouped(*names, mode=Grouping.FILE)) == 5


def test_largest_first() -> None:
    entries = [Input("b", 5, ""), Input("c", 9, ""), Input("a", 5, "")]
    assert [item.names[0] for item in group(entries, Grouping.FILE)] == ["c", "a", "b"]


@given(
    st.lists(
        st.text(st.sampled_from("a_/.:1209pcapngzode\\\udc80"), min_size=1, max_size=24),
        unique=True,
        max_size=12,
    ),
    st.sampled_from(list(Grouping)),
)
def test_every_capture_is_in_exactly_one_incident(names: list[str], mode: Grouping) -> None:
    items = group(inputs(*names), mode)
    assert sorted(name for item in items for name in item.names) == sorted(names)
