"""Addresses become the numbers that the system's own reading gives."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.track.numbered import numbered


@given(st.ip_addresses())
def test_an_address_is_its_octets(address: object) -> None:
    text = str(address)
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    assert numbered(text)[1] == int.from_bytes(socket.inet_pton(family, text), "big")


@pytest.mark.parametrize(
    "text",
    ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.04", "1.2.3.+4", "1.2.3. 4", "a.b.c.d", "1::2::3", "::1%"],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(OSError):
        numbered(text)
