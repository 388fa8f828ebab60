"""Numbers get the names of their registries; a number without one gets a name that says so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.decode import names


@pytest.mark.parametrize(
    ("version", "number", "name"),
    [
        (2, 34, "IKE_SA_INIT"),
        (2, 35, "IKE_AUTH"),
        (2, 43, "IKE_INTERMEDIATE"),
        (2, 44, "IKE_FOLLOWUP_KE"),
        (2, 240, "UNKNOWN(240)"),
        (1, 2, "Identity Protection (Main Mode)"),
        (1, 32, "Quick Mode"),
        (1, 34, "UNKNOWN(34)"),
        (1, 245, "AuthIP Extended Mode"),
    ],
)
def test_exchanges(version: int, number: int, name: str) -> None:
    assert names.exchange_name(version, number) == name


def test_payloads() -> None:
    assert names.payload_name(2, 33) == "Security Association"
    assert names.payload_name(1, 130) == "NAT-D (draft-ietf-ipsec-nat-t-ike)"
    assert names.payload_name(2, 130) == "UNKNOWN(130)"
    assert names.payload_notation(2, 53) == "SKF"
    assert names.payload_notation(1, 13) == "V"


def test_notifies() -> None:
    assert names.notify_name(16388) == "NAT_DETECTION_SOURCE_IP"
    assert names.notify_name(16430) == "IKEV2_FRAGMENTATION_SUPPORTED"
    assert names.notify_name(12345) == "MS_NOTIFY_STATUS"
    assert names.notify_name(4) == "INVALID_IKE_SPI"
    assert names.notify_name(4, major_version=1) == "INVALID-COOKIE"
    assert names.notify_name(54321) == "UNKNOWN(54321)"


@pytest.mark.parametrize(
    ("kind", "ident", "bits", "name"),
    [
        (1, 12, 256, "ENCR_AES_CBC-256"),
        (1, 3, None, "ENCR_3DES"),
        (2, 5, None, "PRF_HMAC_SHA2_256"),
        (3, 12, None, "AUTH_HMAC_SHA2_256_128"),
        (4, 14, None, "MODP-2048"),
        (4, 20, None, "ECP-384"),
        (5, 0, None, "NO_ESN"),
        (6, 36, None, "ML-KEM-768"),
        (1, 1024, None, "ENCR_UNKNOWN(1024)"),
        (1, 1024, 128, "ENCR_UNKNOWN(1024)-128"),
        (99, 7, None, "TYPE99_UNKNOWN(7)"),
    ],
)
def test_transforms(kind: int, ident: int, bits: int | None, name: str) -> None:
    assert names.transform_name(kind, ident, bits) == name


def test_small_tables() -> None:
    assert names.protocol_name(3) == "ESP"
    assert names.transform_type_name(12) == "ADDKE7"
    assert names.transform_type_name(13) == "UNKNOWN(13)"
    assert names.key_exchange_name(31) == "CURVE25519"
    assert names.key_exchange_name(0xFFFF) == "UNKNOWN(65535)"


@given(st.integers(), st.integers(), st.one_of(st.none(), st.integers()))
def test_any_number_has_a_name(first: int, second: int, bits: int | None) -> None:
    for text in (
        names.exchange_name(first, second),
        names.payload_name(first, second),
        names.payload_notation(first, second),
        names.notify_name(second, first),
        names.transform_name(first, second, bits),
        names.transform_type_name(first),
        names.protocol_name(first),
        names.key_exchange_name(first),
    ):
        assert text


def test_no_name_stands_for_two_numbers() -> None:
    for table in (
        names.EXCHANGES_V1,
        names.EXCHANGES_V2,
        names.NOTIFIES_V1,
        names.NOTIFIES_V2,
        names.TRANSFORM_TYPES,
        names.ENCRYPTION,
        names.PRF,
        names.INTEGRITY,
        names.KEY_EXCHANGE,
    ):
        assert len(set(table.values())) == len(table)
