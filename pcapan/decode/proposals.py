"""The proposals of an IKEv2 SA payload: which algorithms a peer offers or chose.

Knows the substructures of RFC 7296 section 3.3. Must not know the message around them, nor judge the
algorithms. Damaged input gives what was readable and says so; the numbers of proposals and transforms are
bounded. Not for IKEv1, whose SA payload begins with a domain of interpretation and nests differently.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from pcapan.decode.names import (
    TRANSFORM_ENCR,
    TRANSFORM_INTEG,
    TRANSFORM_KE,
    TRANSFORM_PRF,
    transform_name,
)

MAX_PROPOSALS: Final = 64
"""Windows offers 12 to 18."""
MAX_TRANSFORMS: Final = 128
"""Of one proposal."""

_MORE_PROPOSALS = 2
_MORE_TRANSFORMS = 3
_KEY_LENGTH = 14


class Transform(Struct, frozen=True):
    """One algorithm. Names: `pcapan.decode.names.transform_name`."""

    type: int
    """1 encryption, 2 pseudo-random function, 3 integrity, 4 key exchange, 5 sequence numbers ..."""
    id: int
    key_length: int | None
    """Bits, from the Key Length attribute; None when it is absent."""


class Proposal(Struct, frozen=True):
    """One proposal; of transforms of the same type the peer takes one."""

    number: int
    protocol_id: int
    """1 IKE, 2 AH, 3 ESP."""
    spi: bytes
    """Empty in IKE_SA_INIT; 8 bytes when an IKE SA is rekeyed, 4 for AH and ESP."""
    transforms: tuple[Transform, ...]
    complete: bool
    """False when something in it could not be read, or when the list breaks off behind it."""


def decode_proposals(sa_payload_body: bytes) -> list[Proposal]:
    """Read the proposals of an SA payload, without its four-byte generic header.

    Gives those that could be read, in order. The last one is not `complete` when the list is damaged behind
    it; an empty list means that not even one header could be read. Never raises.
    """
    proposals: list[Proposal] = []
    at = 0
    end = len(sa_payload_body)
    while at + 8 <= end and len(proposals) < MAX_PROPOSALS:
        more = sa_payload_body[at]
        length = int.from_bytes(sa_payload_body[at + 2 : at + 4], "big")
        stop = min(at + length, end)
        whole = length >= 8 and at + length <= end
        if length < 8:
            stop = end  # the length is nonsense, but the fields behind it may be readable
        room = stop + 8 <= end and len(proposals) + 1 < MAX_PROPOSALS
        goes_on = whole and more == _MORE_PROPOSALS and room
        # The list must end where the bytes end, and nowhere else.
        complete = whole and (goes_on or (more == 0 and stop == end))
        proposals.append(_decode_proposal(sa_payload_body[at:stop], complete))
        if not goes_on:
            break
        at = stop
    return proposals


def _decode_proposal(data: bytes, complete: bool) -> Proposal:
    """`data` begins with the proposal's eight-byte header and ends with its last byte that is there."""
    spi_size, announced = data[6], data[7]
    spi = bytes(data[8 : 8 + spi_size])
    at = 8 + spi_size
    if at > len(data):
        return Proposal(data[4], data[5], spi, (), False)
    transforms: list[Transform] = []
    while at < len(data) and len(transforms) < MAX_TRANSFORMS:
        if at + 8 > len(data):
            complete = False
            break
        more = data[at]
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 8 or at + length > len(data):
            complete = False
            length = len(data) - at
        key_length, readable = _key_length(data, at + 8, at + length)
        transforms.append(Transform(data[at + 4], int.from_bytes(data[at + 6 : at + 8], "big"), key_length))
        at += length
        if not readable or more != (_MORE_TRANSFORMS if at < len(data) else 0):
            complete = False
    if at < len(data) or len(transforms) != announced:
        complete = False
    return Proposal(data[4], data[5], spi, tuple(transforms), complete)


def _key_length(data: bytes, at: int, end: int) -> tuple[int | None, bool]:
    """The Key Length attribute among a transform's attributes, and whether all of them could be read."""
    found: int | None = None
    while at + 4 <= end:
        kind = int.from_bytes(data[at : at + 2], "big")
        value = int.from_bytes(data[at + 2 : at + 4], "big")
        at += 4
        if kind & 0x8000:
            if kind & 0x7FFF == _KEY_LENGTH and found is None:
                found = value
        else:  # type, length, value: the length counts the value only
            at += value
    return found, at == end


#: The order people write a suite in; anything else follows by number.
_ORDER = (TRANSFORM_ENCR, TRANSFORM_INTEG, TRANSFORM_PRF, TRANSFORM_KE)


def describe(proposal: Proposal) -> str:
    """One line: ``ENCR_AES_CBC-256 / AUTH_HMAC_SHA2_256_128 / PRF_HMAC_SHA2_256 / MODP-2048``.

    Alternatives of one type are joined by `` or ``; a proposal that could not be read to its end finishes
    with ``(incomplete)``, one without transforms is ``no transforms``.
    """
    by_type: dict[int, list[str]] = {}
    for transform in proposal.transforms:
        name = transform_name(transform.type, transform.id, transform.key_length)
        names = by_type.setdefault(transform.type, [])
        if name not in names:
            names.append(name)
    types = [kind for kind in _ORDER if kind in by_type]
    types += sorted(kind for kind in by_type if kind not in _ORDER)
    text = " / ".join(" or ".join(by_type[kind]) for kind in types) or "no transforms"
    return text if proposal.complete else f"{text} (incomplete)"
