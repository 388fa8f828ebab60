"""Pseudonyms of addresses: of the same kind, neighbours stay neighbours, and never an address that occurs."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.errors import PcapanError
from pcapan.redact.addresses import AddressPseudonyms
from pcapan.redact.blocks import NOBODY
from pcapan.redact.keyed import Key
from pcapan.tables.population import class_of

KEY = Key(b"a key for tests")

V4 = st.integers(0, 2**32 - 1).map(lambda value: value.to_bytes(4, "big"))
V6 = st.integers(0, 2**128 - 1).map(lambda value: value.to_bytes(16, "big"))
#: Random addresses hardly ever fall into the small blocks.
_SPECIAL = """
    10.1.2.3 172.16.0.1 172.31.255.254 192.168.178.20 100.64.0.1 100.127.255.254 169.254.7.7 127.0.0.1 8.8.8.8
    198.18.0.1 198.19.255.254 192.0.2.1 198.51.100.9 203.0.113.77 224.0.0.251 239.255.255.250 240.0.0.1
    fe80::1 fc00::1 fd12:3456:789a::1 2001:db8::1 2001::1 2002:808:808::1 2a00:1450::1 ff02::1 3fff::1 fec0::1
    ::ffff:10.0.0.1 64:ff9b::8.8.8.8 0.1.2.3
"""
SPECIAL = st.sampled_from([ip_address(text).packed for text in _SPECIAL.split()])
ANY = (V4 | V6 | SPECIAL).filter(lambda address: address not in NOBODY and address[-4:] not in NOBODY)


def fresh(*known: bytes, key: Key = KEY) -> AddressPseudonyms:
    made = AddressPseudonyms(key)
    made.know(known)
    return made


def packed(text: str) -> bytes:
    return ip_address(text).packed


def common(one: bytes, other: bytes) -> int:
    """Leading bits that two addresses share."""
    return 8 * len(one) - (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_length()


@given(ANY)
def test_a_pseudonym_is_of_the_same_kind(address: bytes) -> None:
    before, after = ip_address(address), ip_address(fresh().of(address))
    assert before.version == after.version
    assert class_of(str(before)) == class_of(str(after))
    for kind in ("is_private", "is_global", "is_multicast", "is_link_local", "is_loopback", "is_reserved"):
        assert getattr(before, kind) == getattr(after, kind), kind


@given(st.lists(ANY, min_size=1, max_size=40, unique=True))
def test_no_pseudonym_is_an_address_that_occurs_and_none_is_given_twice(addresses: list[bytes]) -> None:
    names = fresh(*addresses)
    made = [names.of(address) for address in addresses]
    assert not set(made) & set(addresses)
    assert len(set(made)) == len(made)


@given(ANY, ANY)
def test_late_addresses_find_a_place_too(known: bytes, late: bytes) -> None:
    names = fresh(known)
    first, second = names.of(late), names.of(known)
    if known != late:
        assert len({first, second, known}) == 3


@pytest.mark.parametrize("network", ["10.0.0.0/8", "2a00::/16", "8.8.8.0/24", "192.168.3.0/24", "fe80::/64"])
@given(data=st.data())
def test_neighbours_share_as_many_leading_bits_as_before(network: str, data: st.DataObject) -> None:
    block = ip_network(network)
    inside = st.integers(0, block.num_addresses - 1).map(lambda number: block[number].packed)
    one, other = data.draw(inside), data.draw(inside)
    names = AddressPseudonyms(KEY)
    assert common(names.of(one), names.of(other)) == common(one, other)


@given(ANY)
def test_the_key_alone_decides_where_nothing_is_in_the_way(address: bytes) -> None:
    assert fresh().of(address) == fresh(address).of(address)


def test_other_keys_give_other_pseudonyms() -> None:
    given = {fresh(key=Key(bytes([number]))).of(packed("10.10.10.20")) for number in range(50)}
    assert len(given) == 50


def test_a_unit_whose_pseudonyms_occur_is_placed_elsewhere_as_a_whole() -> None:
    one, other = packed("192.168.1.1"), packed("192.168.1.2")
    in_the_way = fresh().of(one)
    names = fresh(one, other, in_the_way)
    assert names.of(one) != in_the_way
    assert common(names.of(one), names.of(other)) == common(one, other)


def test_a_full_private_block_moves_into_the_big_one() -> None:
    everybody = [IPv4Address((192 << 24) + (168 << 16) + number).packed for number in range(0, 65536, 3)]
    names = fresh(*everybody)
    made = {names.of(address) for address in everybody}
    assert len(made) == len(everybody)
    assert not made & set(everybody)
    assert all(class_of(str(ip_address(address))) == "private" for address in made)


def test_a_block_without_room_is_an_error_not_a_leak() -> None:
    everybody = [IPv4Address((169 << 24) + (254 << 16) + number).packed for number in range(65536)]
    names = fresh(*everybody)
    with pytest.raises(PcapanError, match="not enough free addresses"):
        names.of(everybody[0])


def test_addresses_that_name_nobody_stay() -> None:
    for address in NOBODY:
        assert fresh(address).of(address) == address


def test_an_address_inside_another_becomes_its_pseudonym_there() -> None:
    names = fresh()
    inner = names.of(packed("8.8.8.8"))
    assert names.of(packed("::ffff:8.8.8.8"))[12:] == inner
    assert names.of(packed("64:ff9b::8.8.8.8"))[12:] == inner
    assert names.of(packed("2002:808:808::1"))[2:6] == inner
