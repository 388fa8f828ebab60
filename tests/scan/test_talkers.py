"""Senders of other protocols, looked through and asked for."""

from __future__ import annotations

import pickle

import pytest

from pcapan.scan.flows import FlowTable
from pcapan.scan.talkers import Talkers

_IPV4, _IPV6 = bytes([10, 1, 2, 3]), bytes(range(16))
#: IPv6 whose number is that of an IPv4 address.
_LIKE_IPV4 = bytes(12) + _IPV4


@pytest.fixture
def talkers() -> Talkers:
    table = FlowTable()
    for address, packets in ((_IPV6, 1), (_IPV4, 3), (_IPV6, 1)):
        for _ in range(packets):
            high, low = int.from_bytes(address[:-8], "big"), int.from_bytes(address[-8:], "big")
            table.count(4 if len(address) == 4 else 6, high, low, 0, 0, 0, 0, 0, 0)
    return Talkers(table)


def test_they_are_a_mapping(talkers: Talkers) -> None:
    assert list(talkers.items()) == [(_IPV6, 2), (_IPV4, 3)]
    assert talkers == {_IPV4: 3, _IPV6: 2}
    assert len(talkers) == 2
    assert talkers[_IPV4] == 3


@pytest.mark.parametrize(
    ("address", "known"),
    [
        (_IPV4, True),
        (_IPV6, True),
        (_LIKE_IPV4, False),
        (bytes([10, 1, 2, 4]), False),
        (bytes(16), False),
        (b"", False),
        ("10.1.2.3", False),
    ],
)
def test_one_is_asked_for(talkers: Talkers, address: object, known: bool) -> None:
    assert (address in talkers) is known
    assert address not in Talkers(FlowTable())


def test_another_process_gets_what_they_say(talkers: Talkers) -> None:
    assert pickle.loads(pickle.dumps(talkers)) == dict(talkers)
