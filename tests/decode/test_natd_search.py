"""The search for the address behind a NAT_DETECTION hash."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, ip_address
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcapan.decode import natd_lanes, natd_search
from pcapan.decode.natd import natd_hash
from pcapan.decode.natd_search import (
    AddressRange,
    Match,
    address_range,
    chunks,
    disjoint,
    first_match,
    search,
    search_order,
)

#: By hashlib, and, where it is compiled, by lanes.
WAYS = (False, True) if natd_lanes.COMPILED else (False,)

SPI = 0x0123_4567_89AB_CDEF


@pytest.fixture(autouse=True, scope="module", params=WAYS)
def lanes(request: pytest.FixtureRequest) -> Iterator[bool]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(natd_lanes, "COMPILED", request.param)
        yield request.param


def never() -> bool:
    return False


def hash_of(address: str, port: int = 500, spi_i: int = SPI, spi_r: int = 0) -> bytes:
    return natd_hash(spi_i, spi_r, ip_address(address).packed, port)


def find(network: str, *targets: bytes, ports: tuple[int, ...] = (500,)) -> Match | None:
    return search(SPI, 0, frozenset(targets), ports, [address_range(network)], never)


def test_hash_is_that_of_a_real_windows_client() -> None:
    """The IKE_SA_INIT of a Windows client in the corpus: 192.168.0.10 dialled 144.76.154.114."""
    spi_i = 0x238671C80375A0FB
    source = bytes.fromhex("ed0f45d615ee1cc7f636df4ee075fd9d18791bb1")
    destination = bytes.fromhex("52749dfdd6970df361f69d01015724d708dc4544")
    found = search(spi_i, 0, frozenset({source}), (500,), [address_range("192.168.0.0/16")], never)
    assert found == Match(int(IPv4Address("192.168.0.10")), 500)
    assert found.text == "192.168.0.10"
    dialled = [ip_address("192.168.0.10").packed, ip_address("144.76.154.114").packed]
    assert first_match(spi_i, 0, frozenset({destination}), (500,), dialled) == (dialled[1], 500)


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(["192.168.0.0/16", "10.7.0.0/16", "172.31.0.0/16", "100.127.0.0/16"]),
    st.integers(0, 0xFFFF),
    st.sampled_from([500, 4500, 1, 65535]),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 1),
)
def test_any_address_is_found(network: str, host: int, port: int, spi_i: int, spi_r: int) -> None:
    within = address_range(network)
    address = within.first + host
    target = natd_hash(spi_i, spi_r, address.to_bytes(4, "big"), port)
    assert search(spi_i, spi_r, frozenset({target}), (port,), [within], never) == Match(address, port)


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(-3, 1003))
def test_ranges_are_searched_exactly(one: int, other: int, place: int) -> None:
    base = int(IPv4Address("10.0.0.0"))
    within = AddressRange(base + min(one, other), base + max(one, other))
    target = natd_hash(SPI, 0, (base + place).to_bytes(4, "big"), 500)
    found = search(SPI, 0, frozenset({target}), (500,), [within], never)
    inside = min(one, other) <= place <= max(one, other)
    assert found == (Match(base + place, 500) if inside else None)


def test_ends_of_the_address_space() -> None:
    assert find("0.0.0.0/24", hash_of("0.0.0.0")) == Match(0, 500)
    assert find("255.255.255.0/24", hash_of("255.255.255.255")) == Match(2**32 - 1, 500)
    for wrong in (AddressRange(-1, 5), AddressRange(2**32 - 1, 2**32)):
        with pytest.raises(ValueError, match="IPv4"):
            search(SPI, 0, frozenset({b""}), (500,), [wrong], never)


def test_several_targets_and_ports() -> None:
    targets = (hash_of("10.0.0.9", 4500), hash_of("10.0.0.200"), b"\0" * 20)
    assert find("10.0.0.0/24", *targets) == Match(int(IPv4Address("10.0.0.200")), 500)
    for ports in ((500, 4500), (4500, 500)):
        found = find("10.0.0.0/24", *targets, ports=ports)
        assert found == Match(int(IPv4Address("10.0.0.9")), 4500), "the first address, whatever its port"
    both = (hash_of("10.0.0.9", 4500), hash_of("10.0.0.9"))
    assert find("10.0.0.0/24", *both, ports=(4500, 500)) == Match(int(IPv4Address("10.0.0.9")), 4500)
    assert find("10.0.0.0/24", *both, ports=(500, 4500)) == Match(int(IPv4Address("10.0.0.9")), 500)
    assert find("10.0.0.0/24", *targets, ports=(4500,)) == Match(int(IPv4Address("10.0.0.9")), 4500)
    assert find("10.0.0.0/24", *targets, ports=(1701,)) is None
    assert find("10.0.0.0/24", ports=(500,)) is None
    assert find("10.0.0.0/24", *targets, ports=()) is None


def test_more_hashes_than_lanes_look_for() -> None:
    many = [hash_of(f"10.0.1.{place}") for place in range(100, 100 + natd_lanes.MOST_WANTED)]
    assert find("10.0.0.0/23", *many, hash_of("10.0.0.3")) == Match(int(IPv4Address("10.0.0.3")), 500)
    assert find("10.0.0.0/23", *many, b"short") == Match(int(IPv4Address("10.0.1.100")), 500)


def test_a_candidate_that_is_none_is_passed_over() -> None:
    real = hash_of("10.0.0.200")
    like = b"\0" * 16 + hash_of("10.0.0.5")[16:]
    assert find("10.0.0.0/24", like, real) == Match(int(IPv4Address("10.0.0.200")), 500)
    assert find("10.0.0.0/24", like) is None


def test_earlier_range_wins() -> None:
    targets = frozenset({hash_of("10.0.0.1"), hash_of("192.168.0.1")})
    ranges = [address_range("192.168.0.0/24"), address_range("10.0.0.0/24")]
    found = search(SPI, 0, targets, (500,), ranges, never)
    assert found is not None
    assert found.text == "192.168.0.1"


def test_stops_between_steps(lanes: bool) -> None:
    asked = 0

    def stop_at_the_third() -> bool:
        nonlocal asked
        asked += 1
        return asked >= 3

    step = (natd_search._ByLanes if lanes else natd_search._ByHashlib).step
    base = int(IPv4Address("10.0.0.0"))
    network = [AddressRange(base, base + 4 * step - 1)]
    late = frozenset({natd_hash(SPI, 0, (base + 2 * step).to_bytes(4, "big"), 500)})
    early = frozenset({natd_hash(SPI, 0, (base + 2 * step - 1).to_bytes(4, "big"), 500)})
    assert search(SPI, 0, late, (500,), network, stop_at_the_third) is None
    assert asked == 3
    asked = 0
    assert search(SPI, 0, early, (500,), network, stop_at_the_third) is not None
    assert search(SPI, 0, early, (500,), network, lambda: True) is None


def test_first_match_takes_both_families() -> None:
    addresses = [ip_address(text).packed for text in ("203.0.113.5", "2001:db8::5")]
    for text in ("203.0.113.5", "2001:db8::5"):
        target = frozenset({hash_of(text, 4500)})
        assert first_match(SPI, 0, target, (500, 4500), addresses) == (ip_address(text).packed, 4500)
    assert first_match(SPI, 0, frozenset({hash_of("203.0.113.6")}), (500, 4500), addresses) is None


def test_order_holds_every_private_and_carrier_address_once() -> None:
    everything = sorted(entry for tier in search_order() for entry in tier)
    assert all(one.last < two.first for one, two in pairwise(everything))
    merged: list[AddressRange] = []
    for entry in everything:
        if merged and merged[-1].last + 1 == entry.first:
            merged[-1] = AddressRange(merged[-1].first, entry.last)
        else:
            merged.append(entry)
    spaces = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.0.0.0/29", "192.168.0.0/16")
    assert merged == [address_range(network) for network in spaces]


def test_order_begins_with_the_homes_and_ends_with_the_carriers() -> None:
    tiers = search_order()
    assert tiers[0][0] == address_range("192.168.0.0/23")
    assert tiers[-1] == (address_range("100.64.0.0/10"),)
    sizes = [sum(entry.size for entry in tier) for tier in tiers]
    assert sizes[0] < 10_000, "the first tier is to cost milliseconds"


small = st.builds(
    lambda first, size: AddressRange(first, first + size), st.integers(0, 60), st.integers(0, 20)
)


@given(st.lists(small, max_size=6), st.lists(small, max_size=3))
def test_disjoint_keeps_the_first_place_of_every_address(
    ranges: list[AddressRange], taken: list[AddressRange]
) -> None:
    def addresses(entries: list[AddressRange]) -> list[int]:
        return [address for first, last in entries for address in range(first, last + 1)]

    gone = set(addresses(taken))
    wanted = [address for address in dict.fromkeys(addresses(ranges)) if address not in gone]
    assert addresses(disjoint(ranges, taken)) == wanted


@given(st.lists(small, max_size=6), st.integers(1, 30))
def test_chunks_are_of_one_size_and_in_order(ranges: list[AddressRange], size: int) -> None:
    parts = chunks(ranges, size)
    flat = [[address for first, last in part for address in range(first, last + 1)] for part in parts]
    assert [a for part in flat for a in part] == [a for first, last in ranges for a in range(first, last + 1)]
    assert all(len(part) == size for part in flat[:-1])
    assert all(0 < len(part) <= size for part in flat)
