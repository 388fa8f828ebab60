"""The payload walker: headers, chains, notifies, fragments, and everything that is wrong with them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pcapan.decode.ike import IkeMessage, parse_ike
from pcapan.decode.ike_walk import MAX_PAYLOADS, looks_like_ike
from tests.kit import ike

SA = (ike.SA, ike.SA_BODY)
NONCE = (ike.NONCE, b"\x22" * 32)


def read(data: bytes, *, wire: int | None = None) -> IkeMessage:
    """Parse a datagram that lies in the middle of other bytes."""
    around = b"\xee" * 7
    end = 7 + len(data)
    message = parse_ike(around + data + around, 7, end, end if wire is None else 7 + wire)
    assert message is not None
    return message


def refused(data: bytes) -> bool:
    return parse_ike(data, 0, len(data), len(data)) is None


class TestHeader:
    def test_every_field(self) -> None:
        message = read(
            ike.message(
                spi_i=0x0102030405060708, spi_r=2**64 - 1, exchange=35, flags=0x28, message_id=2**32 - 1
            )
        )
        assert (message.spi_i, message.spi_r) == (0x0102030405060708, 2**64 - 1)
        assert (message.version, message.major_version) == (0x20, 2)
        assert (message.exchange, message.flags, message.message_id) == (35, 0x28, 2**32 - 1)
        assert (message.length, message.next_payload) == (28, 0)
        assert message.complete and message.payloads == [] and message.problem == ""

    @pytest.mark.parametrize("exchange", [34, 35, 36, 37, 38, 43, 44, 240, 255])
    def test_exchanges_of_ikev2(self, exchange: int) -> None:
        assert read(ike.message(exchange=exchange)).exchange == exchange

    @pytest.mark.parametrize("exchange", [0, 2, 4, 5, 33, 45, 239])
    def test_exchanges_that_are_not(self, exchange: int) -> None:
        assert refused(ike.message(exchange=exchange))

    @pytest.mark.parametrize("exchange", [0, 1, 2, 4, 5, 6, 32, 33, 243, 246])
    def test_exchanges_of_ikev1_and_authip(self, exchange: int) -> None:
        assert read(ike.message(exchange=exchange, version=0x10)).major_version == 1

    @pytest.mark.parametrize("exchange", [7, 31, 34, 35, 239])
    def test_exchanges_that_ikev1_has_not(self, exchange: int) -> None:
        assert refused(ike.message(exchange=exchange, version=0x10))

    @pytest.mark.parametrize("version", [0x00, 0x30, 0xF0])
    def test_versions_nobody_speaks(self, version: int) -> None:
        assert refused(ike.message(version=version))

    def test_minor_version_is_kept(self) -> None:
        assert read(ike.message(version=0x2F)).version == 0x2F

    @pytest.mark.parametrize("length", [0, 27, 65536, 2**32 - 1])
    def test_impossible_lengths(self, length: int) -> None:
        assert refused(ike.message(length=length))

    @pytest.mark.parametrize("size", range(28))
    def test_shorter_than_a_header(self, size: int) -> None:
        assert refused(ike.message()[:size])

    def test_exact_wants_the_length_of_the_datagram(self) -> None:
        data = ike.message([NONCE])
        assert looks_like_ike(data, 0, len(data), exact=True)
        assert not looks_like_ike(data + b"\0", 0, len(data) + 1, exact=True)
        assert looks_like_ike(data + b"\0", 0, len(data) + 1, exact=False)


class TestChain:
    def test_payloads_in_order(self) -> None:
        message = read(ike.message([SA, ike.ke(20, 96), NONCE, (ike.VENDOR, ike.MS9), (ike.VENDOR, b"")]))
        assert message.payloads == [33, 34, 40, 43, 43]
        assert message.sa_body == ike.SA_BODY
        assert (message.ke_group, message.nonce_length) == (20, 32)
        assert message.vendor_ids == [ike.MS9, b""]
        assert message.complete

    def test_first_sa_and_ke_count(self) -> None:
        message = read(ike.message([SA, (ike.SA, b"another"), ike.ke(14), ike.ke(19)]))
        assert (message.sa_body, message.ke_group) == (ike.SA_BODY, 14)

    def test_short_ke_has_no_group(self) -> None:
        assert read(ike.message([(ike.KE, b"\0\x0e\0")])).ke_group == 0

    def test_unknown_payloads_are_walked(self) -> None:
        message = read(ike.message([(200, b"abc"), (1, b""), NONCE]))
        assert message.payloads == [200, 1, 40] and message.complete

    @pytest.mark.parametrize("length", [0, 3])
    def test_payload_shorter_than_its_header(self, length: int) -> None:
        data = bytearray(ike.message([SA, NONCE]))
        at = 28 + 4 + len(ike.SA_BODY)
        data[at + 2 : at + 4] = length.to_bytes(2, "big")
        message = read(bytes(data))
        assert message.payloads == [33, 40]
        assert (message.problem, message.complete, message.nonce_length) == ("ike-payload-length", False, 0)

    def test_payload_beyond_the_message(self) -> None:
        data = bytearray(ike.message([SA, NONCE]))
        data[30:32] = (4 + len(ike.SA_BODY) + 37).to_bytes(2, "big")
        message = read(bytes(data))
        assert (message.payloads, message.problem, message.sa_body) == ([33], "ike-chain-cut", b"")

    def test_payload_that_fills_the_message_exactly(self) -> None:
        data = bytearray(ike.message([SA, NONCE]))
        data[30:32] = (4 + len(ike.SA_BODY) + 36).to_bytes(2, "big")
        message = read(bytes(data))  # the nonce is now part of the SA; no room is left for what follows
        assert (message.payloads, message.problem) == ([33], "ike-chain-cut")

    @pytest.mark.parametrize("left", [0, 1, 3])
    def test_chain_that_goes_on_behind_the_end(self, left: int) -> None:
        message = read(ike.message([NONCE], inner=41, tail=bytes(left)))
        assert (message.payloads, message.problem, message.complete) == ([40], "ike-chain-cut", False)

    @pytest.mark.parametrize(("count", "complete"), [(MAX_PAYLOADS, True), (MAX_PAYLOADS + 1, False)])
    def test_longest_chain(self, count: int, complete: bool) -> None:
        message = read(ike.message([(43, b"")] * count))
        assert (len(message.payloads), message.complete) == (MAX_PAYLOADS, complete)
        assert message.problem == ("" if complete else "ike-too-many-payloads")

    def test_bytes_behind_the_message(self) -> None:
        message = read(ike.message([NONCE]) + b"\0\0")
        assert (message.problem, message.complete) == ("ike-length-short-of-datagram", True)

    def test_payloads_end_with_the_message_and_not_with_the_datagram(self) -> None:
        data = ike.message([NONCE], length=28 + 20)
        message = read(data)
        assert (message.payloads, message.complete) == ([40], False)

    def test_message_that_claims_more_than_there_is(self) -> None:
        message = read(ike.message([NONCE], length=5000))
        assert (message.problem, message.length) == ("ike-length-beyond-datagram", 5000)
        assert message.complete  # the chain itself is whole


class TestCutBySnapLength:
    WHOLE = ike.message([SA, NONCE], spi_i=1, spi_r=2, exchange=35, flags=0x20, message_id=3)

    @pytest.mark.parametrize("kept", range(8, 28))
    def test_header_as_far_as_it_goes(self, kept: int) -> None:
        message = read(self.WHOLE[:kept], wire=len(self.WHOLE))
        assert message.problem == "ike-header-cut" and not message.complete
        assert (message.spi_i, message.length) == (1, -1)
        assert message.spi_r == (2 if kept >= 16 else 0)
        assert message.version == (0x20 if kept >= 18 else -1)
        assert message.major_version == (2 if kept >= 18 else -1)
        assert (message.exchange, message.flags) == ((35, 0x20) if kept >= 20 else (-1, -1))
        assert message.message_id == (3 if kept >= 24 else -1)

    @pytest.mark.parametrize("kept", [0, 7])
    def test_without_an_spi_it_is_nothing(self, kept: int) -> None:
        assert parse_ike(self.WHOLE[:kept], 0, kept, 200) is None

    def test_version_decides_as_soon_as_it_is_there(self) -> None:
        other = ike.message(version=0x40)
        assert parse_ike(other[:18], 0, 18, 200) is None
        assert parse_ike(other[:17], 0, 17, 200) is not None

    def test_a_datagram_too_short_for_ike_is_not_cut_ike(self) -> None:
        assert parse_ike(self.WHOLE[:20], 0, 20, 27) is None

    def test_chain(self) -> None:
        message = read(self.WHOLE[:-1], wire=len(self.WHOLE))
        assert (message.payloads, message.problem) == ([33, 40], "ike-chain-cut")
        assert message.nonce_length == 0 and not message.complete


class TestNotify:
    def test_data_behind_the_spi(self) -> None:
        message = read(ike.message([ike.notify(16393, b"data", protocol=3, spi=b"\1\2\3\4"), ike.notify(14)]))
        assert message.notifies == [16393, 14]
        assert message.notify_data == [b"data", b""]

    def test_spi_longer_than_the_payload(self) -> None:
        message = read(ike.message([(ike.NOTIFY, bytes([0, 200]) + (16388).to_bytes(2, "big") + b"rest")]))
        assert (message.notifies, message.notify_data) == ([16388], [b""])
        assert message.natd_source == [b""]

    @pytest.mark.parametrize("size", [0, 3])
    def test_too_short(self, size: int) -> None:
        message = read(ike.message([(ike.NOTIFY, bytes(size)), NONCE]))
        assert (message.problem, message.notifies) == ("ike-notify-short", [])
        assert message.payloads == [41, 40]

    def test_nat_detection(self) -> None:
        hashes = [bytes([n]) * 20 for n in range(3)]
        message = read(
            ike.message(
                [ike.notify(16388, hashes[0]), ike.notify(16389, hashes[1]), ike.notify(16388, hashes[2])]
            )
        )
        assert message.natd_source == [hashes[0], hashes[2]]
        assert message.natd_destination == [hashes[1]]

    @pytest.mark.parametrize(("data", "group"), [(b"\0\x13", 19), (b"\x13", 0), (b"\0\0\x13", 0)])
    def test_wanted_group(self, data: bytes, group: int) -> None:
        assert read(ike.message([ike.notify(17, data)])).invalid_ke_group == group


class TestEncrypted:
    def test_sk_ends_the_chain(self) -> None:
        message = read(ike.message([NONCE, (ike.SK, b"\x99" * 100)], exchange=35, inner=35))
        assert message.payloads == [40, 46]
        assert (message.encrypted_length, message.complete) == (100, True)
        assert (message.fragment_number, message.fragment_total) == (0, 0)

    def test_skf(self) -> None:
        message = read(ike.message([ike.fragment(2, 3, b"\x99" * 60)], exchange=35, inner=35))
        assert (message.payloads, message.encrypted_length) == ([53], 60)
        assert (message.fragment_number, message.fragment_total, message.complete) == (2, 3, True)

    def test_skf_without_room_for_its_numbers(self) -> None:
        message = read(ike.message([(ike.SKF, b"\0\1\0")], exchange=35))
        assert (message.problem, message.complete, message.fragment_number) == (
            "ike-fragment-header",
            False,
            0,
        )

    def test_cut_sk_has_no_size(self) -> None:
        data = ike.message([(ike.SK, b"\x99" * 100)], exchange=35, inner=35)
        message = read(data[:60], wire=len(data))
        assert (message.payloads, message.encrypted_length, message.complete) == ([46], 0, False)


class TestIkev1:
    def test_chain(self) -> None:
        payloads = [(1, b"sa"), (10, b"n" * 16), (11, bytes(4) + b"\1\0\x60\x02"), (13, ike.MS9), (13, b"x")]
        message = read(ike.message(payloads, version=0x10, exchange=2, flags=0))
        assert message.payloads == [1, 10, 11, 13, 13]
        assert (message.sa_body, message.nonce_length) == (b"sa", 16)
        assert message.notifies == [0x6002]
        assert message.vendor_ids == [ike.MS9, b"x"]
        assert message.complete

    def test_encryption_flag_hides_the_chain(self) -> None:
        message = read(ike.message([NONCE], version=0x10, exchange=5, flags=1))
        assert (message.payloads, message.encrypted_length, message.complete) == ([], 36, True)

    def test_short_notify(self) -> None:
        assert read(ike.message([(11, bytes(7))], version=0x10, exchange=5)).notifies == []

    def test_cut_chain(self) -> None:
        message = read(ike.message([(1, b"sa")], version=0x10, exchange=2, inner=13))
        assert (message.payloads, message.problem) == ([1], "ike-chain-cut")

    def test_payload_shorter_than_its_header(self) -> None:
        data = bytearray(ike.message([(1, b"sa")], version=0x10, exchange=2))
        data[30:32] = b"\0\x03"
        assert read(bytes(data)).problem == "ike-chain-cut"

    def test_endless_chain(self) -> None:
        message = read(ike.message([(13, b"")] * 100, version=0x10, exchange=2))
        assert (len(message.payloads), message.complete) == (MAX_PAYLOADS, False)


def _check(data: bytes, start: int, end: int, wire_end: int) -> None:
    message = parse_ike(data, start, end, wire_end)
    if message is None:
        return
    assert end - start >= 8
    assert len(message.payloads) <= MAX_PAYLOADS
    assert len(message.notifies) == len(message.notify_data) or message.major_version == 1
    assert message.encrypted_length <= end - start
    assert message.complete or message.problem
    held = [*message.vendor_ids, *message.notify_data, message.sa_body]
    assert sum(map(len, held)) <= end - start
    assert message.fragment_number < 2**16 and message.ke_group < 2**16


@given(st.binary(max_size=300), st.integers(0, 20), st.integers(0, 20), st.integers(0, 2000))
@example(bytes(28), 0, 0, 0)
def test_any_bytes(data: bytes, before: int, behind: int, lost: int) -> None:
    start = min(before, len(data))
    end = max(start, len(data) - behind)
    _check(data, start, end, end + lost)


_PAYLOADS = st.lists(
    st.tuples(st.sampled_from([1, 11, 13, 33, 34, 40, 41, 43, 46, 53, 200]), st.binary(max_size=40)),
    max_size=8,
)
_CHANGES = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4)


@given(
    _PAYLOADS,
    st.sampled_from([0x10, 0x20, 0x21]),
    st.sampled_from([2, 34, 35, 243]),
    _CHANGES,
    st.integers(0, 400),
)
def test_damaged_messages(
    payloads: list[ike.Payload], version: int, exchange: int, changes: list[tuple[int, int]], kept: int
) -> None:
    data = bytearray(ike.message(payloads, version=version, exchange=exchange))
    for at, value in changes:
        data[at % len(data)] = value
    _check(bytes(data), 0, len(data), len(data))
    _check(bytes(data), 0, min(kept, len(data)), len(data))


@given(_PAYLOADS)
def test_good_chains_are_read_to_the_end(payloads: list[ike.Payload]) -> None:
    plain = [(kind, content) for kind, content in payloads if kind not in (41, 46, 53)]
    message = read(ike.message(plain))
    assert message.complete and not message.problem
    assert message.payloads == [kind for kind, _ in plain]
    assert message.vendor_ids == [content for kind, content in plain if kind == 43]
