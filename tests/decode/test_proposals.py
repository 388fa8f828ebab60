"""Proposals: read in full, described in a line, and never a surprise from damaged ones."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pcapan.decode.proposals import (
    MAX_PROPOSALS,
    MAX_TRANSFORMS,
    Proposal,
    Transform,
    decode_proposals,
    describe,
)

from .builders import proposal, transform

SUITE: list[tuple[int, int, int | None]] = [(1, 12, 256), (2, 5, None), (3, 12, None), (4, 14, None)]


def test_one_proposal() -> None:
    (read,) = decode_proposals(proposal(SUITE))
    assert read == Proposal(
        number=1,
        protocol_id=1,
        spi=b"",
        transforms=(
            Transform(1, 12, 256),
            Transform(2, 5, None),
            Transform(3, 12, None),
            Transform(4, 14, None),
        ),
        complete=True,
    )
    assert describe(read) == "ENCR_AES_CBC-256 / AUTH_HMAC_SHA2_256_128 / PRF_HMAC_SHA2_256 / MODP-2048"


def test_written_out_by_hand() -> None:
    """RFC 7296 section 3.3, not through the builder: 3DES, SHA1-96, PRF SHA1, group 2."""
    body = bytes.fromhex(
        "00000028 0101000403000008 0100000303000008 0300000203000008 0200000200000008 04000002".replace(
            " ", ""
        )
    )
    (read,) = decode_proposals(body)
    assert read.complete
    assert describe(read) == "ENCR_3DES / AUTH_HMAC_SHA1_96 / PRF_HMAC_SHA1 / MODP-1024"


def test_several_proposals_and_alternatives() -> None:
    body = proposal(SUITE, last=False) + proposal(
        [(1, 20, 128), (1, 20, 256), (5, 0, None)], number=2, protocol=3, spi=b"\xc0\xff\xee\x01"
    )
    first, second = decode_proposals(body)
    assert first.complete
    assert second.complete
    assert (second.number, second.protocol_id, second.spi) == (2, 3, b"\xc0\xff\xee\x01")
    assert describe(second) == "ENCR_AES_GCM_16-128 or ENCR_AES_GCM_16-256 / NO_ESN"


def test_other_attributes_are_skipped() -> None:
    attributes = bytes.fromhex("0063000401020304 800e0080 80630001".replace(" ", ""))
    one = bytes([0, 0, 0, 8 + len(attributes), 1, 0, 0, 12]) + attributes
    body = bytes([0, 0, 0, 8 + len(one), 1, 1, 0, 1]) + one
    (read,) = decode_proposals(body)
    assert read.transforms == (Transform(1, 12, 128),)
    assert read.complete


def test_every_cut_gives_what_was_readable() -> None:
    whole = proposal(SUITE, last=False) + proposal(SUITE, number=2)
    for cut in range(len(whole)):
        read = decode_proposals(whole[:cut])
        assert not read or not read[-1].complete
        for one in read:
            for got, wanted in zip(one.transforms, decode_proposals(whole)[0].transforms, strict=False):
                assert (got.type, got.id) == (wanted.type, wanted.id)
    assert [one.complete for one in decode_proposals(whole)] == [True, True]
    assert len(decode_proposals(whole[:-1])[1].transforms) == 3


def test_incomplete_ones_say_so() -> None:
    trailing = decode_proposals(proposal(SUITE) + b"\0" * 8)
    assert [one.complete for one in trailing] == [False]
    promised = decode_proposals(proposal(SUITE, last=False))
    assert [one.complete for one in promised] == [False]
    assert describe(promised[0]).endswith("(incomplete)")
    miscounted = bytearray(proposal(SUITE))
    miscounted[7] = 9
    assert not decode_proposals(bytes(miscounted))[0].complete
    zero_length = bytearray(proposal(SUITE))
    zero_length[2:4] = b"\0\0"
    assert len(decode_proposals(bytes(zero_length))[0].transforms) == 4
    assert not decode_proposals(bytes(zero_length))[0].complete
    oversized_spi = bytes([0, 0, 0, 8, 1, 1, 200, 0])
    assert decode_proposals(oversized_spi) == [Proposal(1, 1, b"", (), False)]
    assert describe(decode_proposals(oversized_spi)[0]) == "no transforms (incomplete)"
    assert decode_proposals(b"") == decode_proposals(bytes(7)) == []


def test_numbers_are_bounded() -> None:
    many = proposal(SUITE, last=False) * (MAX_PROPOSALS + 5) + proposal(SUITE)
    read = decode_proposals(many)
    assert len(read) == MAX_PROPOSALS
    assert not read[-1].complete
    exactly = decode_proposals(proposal(SUITE, last=False) * (MAX_PROPOSALS - 1) + proposal(SUITE))
    assert len(exactly) == MAX_PROPOSALS
    assert exactly[-1].complete
    wide = decode_proposals(proposal([(1, 12, 256)] * (MAX_TRANSFORMS + 1)))
    assert len(wide[0].transforms) == MAX_TRANSFORMS
    assert not wide[0].complete


@given(st.binary(max_size=300))
def test_any_bytes(body: bytes) -> None:
    check(decode_proposals(body))


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 2, 3]),
            st.integers(0, 80),
            st.binary(min_size=4, max_size=4),
            st.binary(max_size=40),
        ),
        max_size=6,
    )
)
def test_any_structure(parts: list[tuple[int, int, bytes, bytes]]) -> None:
    check(
        decode_proposals(
            b"".join(bytes([more, 0, 0, length]) + head + body for more, length, head, body in parts)
        )
    )


@given(
    st.lists(
        st.tuples(st.integers(0, 255), st.integers(0, 65535), st.one_of(st.none(), st.integers(0, 65535))),
        max_size=20,
    ),
    st.binary(max_size=16),
)
def test_what_is_built_is_read_back(suite: list[tuple[int, int, int | None]], spi: bytes) -> None:
    (read,) = decode_proposals(proposal(suite, spi=spi))
    assert read.complete
    assert read.spi == spi
    assert [(one.type, one.id, one.key_length) for one in read.transforms] == suite
    assert describe(read)


def test_last_transform_marker_in_the_middle_is_noted() -> None:
    inner = transform(1, 12, 256, last=True) + transform(2, 5, last=True)
    body = bytes([0, 0, 0, 8 + len(inner), 1, 1, 0, 2]) + inner
    (read,) = decode_proposals(body)
    assert len(read.transforms) == 2
    assert not read.complete


def check(read: list[Proposal]) -> None:
    assert len(read) <= MAX_PROPOSALS
    for one in read:
        assert len(one.transforms) <= MAX_TRANSFORMS
        assert describe(one)
