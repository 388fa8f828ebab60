"""Whatever the bytes are: rewriting never fails, keeps lengths and all that decoders read, but for names."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.decode.ike import parse_ike
from pcapan.decode.ip import parse_ip
from pcapan.decode.link import find_ip
from pcapan.decode.natd import natd_hash
from pcapan.decode.vendor_ids import is_microsoft, vendor_name, windows_generation
from pcapan.ingest.frames import FrameBlock, Interface
from pcapan.redact.ike import rewrite_ike
from pcapan.redact.keyed import Key
from pcapan.redact.links import rewrite_frame
from pcapan.redact.names import Pseudonyms
from pcapan.redact.rewriter import Rewriter
from tests.redact.frames import columns, learned, load, rewritten, scan_blocks
from tests.samples_kit import sample

LINKS = (0, 1, 9, 12, 50, 51, 100, 101, 104, 105, 108, 113, 127, 192, 204, 228, 229, 258, 276, 4711)
NAMES = Pseudonyms(Key(b"a key for tests"))
_, _BLOCKS = load(sample("healthy-dnat"))
_, _MORE = load(sample("ikev1"))
FRAMES = [
    bytes(block.data[offset : offset + length])
    for block in (*_BLOCKS, *_MORE)
    for offset, length in zip(block.offsets, block.lengths, strict=True)
]
MESSAGES = [frame[42:] for frame in FRAMES if frame[34:38] == b"\x01\xf4\x01\xf4"]


@st.composite
def damaged(draw: st.DrawFn, whole: list[bytes]) -> bytes:
    """A packet with some bytes changed, cut or grown."""
    data = bytearray(draw(st.sampled_from(whole)))
    for _ in range(draw(st.integers(0, 6))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))]) + draw(st.binary(max_size=8))


@given(st.sampled_from(LINKS), st.binary(max_size=200) | damaged(FRAMES))
def test_any_bytes_of_any_link_are_rewritten(link: int, data: bytes) -> None:
    made = rewrite_frame(link, data, NAMES)
    assert len(made) == len(data)
    assert made == rewrite_frame(link, data, NAMES)
    before, after = find_ip(link, data), find_ip(link, made)
    assert after == before
    if before.offset >= 0:
        one, other = parse_ip(data, before.offset, len(data)), parse_ip(made, before.offset, len(made))
        if isinstance(one, str):
            assert other == one
        else:
            assert other == one._replace(src=NAMES.address(one.src), dst=NAMES.address(one.dst))


@given(st.binary(max_size=120) | damaged(MESSAGES))
def test_an_ike_message_keeps_everything_but_names(data: bytes) -> None:
    made = rewrite_ike(data, NAMES, ())
    assert len(made) == len(data)
    one, other = parse_ike(data, 0, len(data), 65535), parse_ike(made, 0, len(made), 65535)
    assert (one is None) == (other is None)
    if one is None or other is None:
        return
    for name in ("version", "exchange", "flags", "message_id", "length", "payloads", "notifies", "ke_group"):
        assert getattr(other, name) == getattr(one, name), name
    for name in ("invalid_ke_group", "nonce_length", "encrypted_length", "fragment_number", "problem"):
        assert getattr(other, name) == getattr(one, name), name
    assert (other.spi_i, other.spi_r) == (NAMES.ike_spi(one.spi_i), NAMES.ike_spi(one.spi_r))
    assert [bool(spi) for spi in (other.spi_i, other.spi_r)] == [bool(one.spi_i), bool(one.spi_r)]
    assert [len(data) for data in other.notify_data] == [len(data) for data in one.notify_data]
    told = [vendor_name(vid) for vid in one.vendor_ids]
    assert [vendor_name(vid) for vid in other.vendor_ids] == told
    assert windows_generation(other.vendor_ids) == windows_generation(one.vendor_ids)


@given(st.sampled_from(FRAMES), st.integers(0, 200), st.integers(0, 255))
def test_the_short_way_for_esp_is_the_long_way(frame: bytes, place: int, value: int) -> None:
    data = bytearray(frame)
    data[place % len(data)] = value
    assert Rewriter(NAMES).frame(1, 1, bytes(data)) == rewrite_frame(1, bytes(data), NAMES)


SRC, DST = bytes([198, 51, 100, 11]), bytes([10, 10, 10, 20])


@pytest.mark.parametrize(
    ("end", "fits"),
    [((SRC, 500), True), ((SRC, 4500), True), ((DST, 500), True), ((bytes([10, 1, 2, 3]), 500), False)],
)
def test_a_hash_that_fits_is_made_again_and_any_other_is_random(end: tuple[bytes, int], fits: bool) -> None:
    names = Pseudonyms(Key(b"k"))
    data = natd_hash(17, 0, *end)
    made = names.natd(data, 17, 0, ((SRC, 500), (DST, 500)))
    again = natd_hash(names.ike_spi(17), 0, names.address(end[0]), end[1])
    assert (made == again) is fits
    assert made != data and len(made) == len(data)
    assert names.natd(data, 17, 0, ()) == made, "the same hash stays the same where it fits nothing"


@pytest.mark.parametrize("length", [0, 1, 19, 21, 64, 300])
def test_a_hash_of_any_length_keeps_it(length: int) -> None:
    made = Pseudonyms(Key(b"k")).natd(bytes(range(255))[:length] + bytes(max(0, length - 255)), 1, 2, ())
    assert len(made) == length


@given(st.binary(max_size=80))
def test_vendor_ids_that_are_not_known_are_replaced_as_a_whole(vid: bytes) -> None:
    made = NAMES.vendor_id(vid)
    assert len(made) == len(vid) and vendor_name(made) == vendor_name(vid)
    if vendor_name(vid) is None and len(vid) >= 8:
        assert vid[:8] not in made
    assert is_microsoft(made) == is_microsoft(vid)


@given(st.sets(st.integers(1, 2**32 - 1), min_size=2, max_size=60))
def test_spis_are_replaced_one_to_one(spis: set[int]) -> None:
    names = Pseudonyms(Key(b"k"))
    names.esp_spis.know(spis)
    made = {names.esp_spi(spi) for spi in spis}
    assert len(made) == len(spis) and not made & spis and min(made) > 255
    assert names.esp_spi(0) == names.ike_spi(0) == 0


def test_messages_in_ip_fragments_are_rewritten_as_a_whole() -> None:
    """An IKE_SA_INIT whose NAT detection hashes lie in its second fragment."""
    init = next(frame for frame in FRAMES if frame[34:38] == b"\x01\xf4\x01\xf4" and frame[60] == 34)
    header, payload = bytearray(init[14:34]), init[34:]
    frames = []
    for offset, more in ((0, True), (200, True), (400, False)):
        part = payload[offset : offset + 200] if more else payload[offset:]
        header[2:4] = (20 + len(part)).to_bytes(2, "big")
        header[4:8] = b"\x12\x34" + ((0x2000 if more else 0) | offset // 8).to_bytes(2, "big")
        frames.append(init[:14] + bytes(header) + part)
    lengths = array("I", map(len, frames))
    block = FrameBlock(
        b"".join(frames),
        1,
        array("Q", [sum(map(len, frames[:n])) for n in range(3)]),
        lengths,
        lengths,
        array("q", [10**9, 10**9 + 1000, 10**9 + 2000]),
        array("I", bytes(12)),
        array("B", bytes(3)),
    )
    names = learned([block], [Interface(1)])
    scan = scan_blocks(rewritten([block], [Interface(1)], names), [Interface(1)])
    told = columns(scan)
    ((source, destination),) = told["natd"].values()
    spi, (src, dst) = told["spi_i"][0], scan.addresses[:2]
    assert natd_hash(spi, 0, src, 500) in source and len(destination) == 1
    assert src != init[26:30] and dst != init[30:34]
