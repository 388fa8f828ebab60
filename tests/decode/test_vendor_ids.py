"""Vendor ids as they were seen on the wire, against the texts they are the hashes of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.decode import vendor_ids
from pcapan.decode.vendor_ids import is_microsoft, vendor_name, windows_generation

#: What a Windows client of 2015 sent in IKE_SA_INIT, in its order.
WINDOWS = [
    bytes.fromhex(text)
    for text in (
        "1e2b516905991c7d7c96fcbfb587e46100000009",
        "fb1de3cdf341b7ea16b7e5be0855f120",
        "26244d38eddb61b3172a36e3d0cfb819",
        "01528bbbc00696121849ab9a1c5b2a5100000002",
    )
]


def test_windows_client() -> None:
    assert [vendor_name(vid) for vid in WINDOWS] == [
        "MS NT5 ISAKMPOAKLEY version 9",
        "MS-Negotiation Discovery Capable",
        "Microsoft Vid-Initial-Contact",
        "Microsoft, unnamed (IKEv2)",
    ]
    assert all(map(is_microsoft, WINDOWS))


@pytest.mark.parametrize(
    ("hexadecimal", "name", "microsoft"),
    [
        ("e3a5966a76379fe707228231e5ce8652", "Microsoft IKE CGA version 1", True),
        ("214ca4faffa7f32d6748e5303395ae83", "MS-MamieExists (AuthIP supported)", True),
        ("01528bbbc00696121849ab9a1c5b2a5100000001", "Microsoft, unnamed (IKEv1)", True),
        ("01528bbbc00696121849ab9a1c5b2a51", "Microsoft, unnamed", True),
        ("1e2b516905991c7d7c96fcbfb587e461", "MS NT5 ISAKMPOAKLEY", True),
        ("7bb93867d76c8d80df0f40fae8fc3b1900000003", "Microsoft AuthIP key exchange", True),
        ("4048b7d56ebce88525e7de7f00d6c2d3", "FRAGMENTATION (IKEv1; Cisco, Microsoft and others)", False),
        (
            "4048b7d56ebce88525e7de7f00d6c2d3c0000000",
            "FRAGMENTATION (IKEv1; Cisco, Microsoft and others)",
            False,
        ),
        ("882fe56d6fd20dbc2251613b2ebe5beb", "strongSwan", False),
        ("4a131c81070358455c5728f20e95452f", "RFC 3947 NAT-Traversal", False),
        ("90cb80913ebb696e086381b5ec427b1f", "draft-ietf-ipsec-nat-t-ike-02", False),
        ("cd60464335df21f87cfdb2fc68b6a448", "draft-ietf-ipsec-nat-t-ike-02", False),
        ("7d9419a65310ca6f2c179d9215529d56", "draft-ietf-ipsec-nat-t-ike-03", False),
        ("439b59f8ba676c4c7737ae22eab8f582", "draft-ietf-ipsec-nat-t-ike-07", False),
        ("27bab5dc01ea0760ea4e3190ac27c0d0", "draft-stenberg-ipsec-nat-traversal-01", False),
        ("afcad71368a1f1c96b8696fc77570100", "RFC 3706 Dead Peer Detection", False),
        ("09002689dfd6b712", "XAUTH", False),
        ("12f5f28c457168a9702d9fe274cc0100", "CISCO-UNITY", False),
        ("12f5f28c457168a9702d9fe274cc02d4", "CISCO-UNITY", False),
        ("1f07f70eaa6514d3b0fa96542a500400", "Cisco VPN 3000 concentrator", False),
        ("434953434f2d44454c4554452d524541534f4e", "Cisco Delete Reason", False),
        ("699369228741c6d4ca094c93e242c9de19e7b7c60000000500000500", "Juniper NetScreen", False),
        ("f4ed19e0c114eb516faaac0ee37daf2807b4381f00000001", "Check Point", False),
        ("7003cbc1097dbe9c2600ba6983bc8b35", "KAME/racoon", False),
        ("4f70656e494b45442d372e34", "OpenIKED", False),
        ("4f45706c75746f756e697430", "Openswan", False),
    ],
)
def test_ids_seen_on_the_wire(hexadecimal: str, name: str, microsoft: bool) -> None:
    vid = bytes.fromhex(hexadecimal)
    assert vendor_name(vid) == name
    assert is_microsoft(vid) is microsoft


@pytest.mark.parametrize("vid", [b"", b"OE", b"\0" * 16, bytes(12), WINDOWS[1] + b"\0", WINDOWS[1][:15]])
def test_unknown_ids_have_no_name(vid: bytes) -> None:
    assert vendor_name(vid) is None
    assert not is_microsoft(vid)


def test_windows_generation_says_no_more_than_is_known() -> None:
    generation = windows_generation(WINDOWS)
    assert generation is not None
    assert "Windows 8.1 and Windows 10" in generation
    assert "not told apart" in generation

    def version(number: int) -> list[bytes]:
        return [vendor_ids.MS_NT5 + number.to_bytes(4, "big")]

    assert windows_generation(version(2)) == "Windows 2000"
    assert windows_generation(version(5)) == "Windows Vista"
    assert windows_generation(version(8)) == "Windows (IKE version 8: release not known)"
    assert windows_generation(version(77)) == "Windows (IKE version 77: release not known)"
    assert windows_generation(WINDOWS[1:]) == "Windows (release not told)"
    assert windows_generation([bytes.fromhex("882fe56d6fd20dbc2251613b2ebe5beb")]) is None
    assert windows_generation([]) is None


def test_no_prefix_hides_another() -> None:
    prefixes = list(vendor_ids._NAMES_OF_PREFIXES)
    for prefix in prefixes:
        assert [other for other in prefixes if prefix.startswith(other)] == [prefix]


@given(
    st.one_of(
        st.binary(max_size=40), st.sampled_from(WINDOWS).flatmap(lambda v: st.binary().map(v[:16].__add__))
    )
)
def test_names_never_carry_the_sender_s_bytes(vid: bytes) -> None:
    name = vendor_name(vid)
    assert name is None or name.isprintable()
    if is_microsoft(vid):
        assert name is not None
        assert windows_generation([vid]) is not None
