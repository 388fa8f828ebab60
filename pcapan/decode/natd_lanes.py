# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""Which addresses of a range give a NAT_DETECTION hash: sixteen are tried at a time.

Knows SHA-1 (FIPS 180-4 section 6.1.2) of the one block that RFC 7296 section 2.23 hashes: two SPIs,
an address and a port; ranges are of IPv4. Must not know which ranges are worth a search
(`pcapan.decode.natd_search`), nor a single hash (`pcapan.decode.natd_digest`). Cython compiles this source
where it can (see `pcapan.compiled`; C types are in the .pxd), and the C compiler makes vector instructions of
the loops over lanes; uncompiled it is slower than `hashlib`.

In a search only the address differs from hash to hash, and what is not needed is not computed:
- The message schedule is linear over single bits, so that of an address is that of its upper 24 bits,
  changed where the next four bits say so, changed where the last four do. The sixteen values of these
  are the rows of `groups` and the lanes of `changes`, the same for every search.
- Five rounds are the same for all addresses. Four rounds are not run: the last word of a hash is
  made in round 76 of 80. What fits there is a candidate, which is false once in 4,294,967,296 times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableSequence, Sequence

    from pcapan import shadow as cython

    Words = MutableSequence[int]
else:
    try:
        import cython
    except ImportError:
        from pcapan import shadow as cython
if not cython.compiled:
    from pcapan.octets import turned

#: Whether this module is worth using.
COMPILED: bool = cython.compiled

#: Hashes that can be looked for at once.
MOST_WANTED = 16

_STATE = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)


def last_word(digest: bytes) -> int:
    """What `candidate` looks for, of a hash of 20 bytes: its last word before the final addition and turn.

    Raises:
        ValueError: when the hash has another length; no address gives it.
    """
    if len(digest) != 20:
        raise ValueError(f"a SHA-1 has 20 bytes, not {len(digest)}")
    return turned((int.from_bytes(digest[16:], "big") - _STATE[4]) & 0xFFFFFFFF, 2)


def _unsigned(number: int) -> int:
    """The last 32 bits; what is compiled keeps no others."""
    if cython.compiled:
        return number
    return number & 0xFFFFFFFF


def _expand(words: Words, start: int) -> None:
    """Complete a message schedule of 80 words whose first 16 are given at `start`."""
    for at in range(start + 16, start + 80):
        words[at] = turned(words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16], 1)


def _choose(
    a: Words, b: Words, c: Words, d: Words, e: Words, word: int, changes: Words, at: int, constant: int
) -> None:
    """A round of 0 to 19 in every lane; its result is in `e`."""
    for lane in range(16):
        turned = a[lane] << 5 | a[lane] >> 27
        chosen = d[lane] ^ (b[lane] & (c[lane] ^ d[lane]))
        e[lane] = _unsigned(e[lane] + turned + chosen + (word ^ changes[at + lane]) + constant)
        b[lane] = _unsigned(b[lane] << 30 | b[lane] >> 2)


def _parity(
    a: Words, b: Words, c: Words, d: Words, e: Words, word: int, changes: Words, at: int, constant: int
) -> None:
    """A round of 20 to 39 or from 60 on."""
    for lane in range(16):
        turned = a[lane] << 5 | a[lane] >> 27
        parity = b[lane] ^ c[lane] ^ d[lane]
        e[lane] = _unsigned(e[lane] + turned + parity + (word ^ changes[at + lane]) + constant)
        b[lane] = _unsigned(b[lane] << 30 | b[lane] >> 2)


def _majority(
    a: Words, b: Words, c: Words, d: Words, e: Words, word: int, changes: Words, at: int, constant: int
) -> None:
    """A round of 40 to 59."""
    for lane in range(16):
        turned = a[lane] << 5 | a[lane] >> 27
        majority = (b[lane] & c[lane]) | (d[lane] & (b[lane] | c[lane]))
        e[lane] = _unsigned(e[lane] + turned + majority + (word ^ changes[at + lane]) + constant)
        b[lane] = _unsigned(b[lane] << 30 | b[lane] >> 2)


def candidate(spi_i: int, spi_r: int, port: int, first: int, last: int, wanted: Sequence[int]) -> int:
    """First IPv4 address from `first` to `last` whose hash ends like one of those wanted; -1 when none does.

    `wanted` holds what `last_word` gives, `MOST_WANTED` at most. Other threads run meanwhile.

    Raises:
        IndexError: when more are wanted.
    """
    few = [0] * 16
    count = len(wanted)
    if count > 16:
        raise IndexError(f"16 hashes are looked for at most, not {count}")
    for at in range(count):
        few[at] = wanted[at]
    with cython.nogil:
        return _find(spi_i, spi_r, port, first, last, few, count)


def _find(spi_i: int, spi_r: int, port: int, first: int, last: int, wanted: Words, count: int) -> int:
    base = [0] * 80
    words = [0] * 80
    groups = [0] * 1280
    changes = [0] * 1280
    a, b, c, d, e = [0] * 16, [0] * 16, [0] * 16, [0] * 16, [0] * 16
    for lane in range(16):
        words[4] = lane
        _expand(words, 0)
        for at in range(80):
            changes[16 * at + lane] = words[at]
        groups[80 * lane + 4] = 16 * lane
        _expand(groups, 80 * lane)
    base[0], base[1], base[2], base[3] = spi_i >> 32, _unsigned(spi_i), spi_r >> 32, _unsigned(spi_r)
    base[5], base[15] = port << 16 | 0x8000, 22 * 8
    va, vb, vc, vd, ve = 0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0
    for at in range(5):
        made = _unsigned(turned(va, 5) + (vd ^ (vb & (vc ^ vd))) + ve + base[at] + 0x5A827999)
        va, vb, vc, vd, ve = made, va, turned(vb, 30), vc, vd
    block = first >> 8
    while block <= last >> 8:
        base[4] = block << 8
        _expand(base, 0)
        for group in range(16):
            for at in range(80):
                words[at] = base[at] ^ groups[80 * group + at]
            for lane in range(16):
                a[lane] = _unsigned(va + (words[4] | lane))
                b[lane], c[lane], d[lane], e[lane] = vb, vc, vd, ve
            for at in range(5, 20, 5):
                _choose(a, b, c, d, e, words[at], changes, 16 * at, 0x5A827999)
                _choose(e, a, b, c, d, words[at + 1], changes, 16 * at + 16, 0x5A827999)
                _choose(d, e, a, b, c, words[at + 2], changes, 16 * at + 32, 0x5A827999)
                _choose(c, d, e, a, b, words[at + 3], changes, 16 * at + 48, 0x5A827999)
                _choose(b, c, d, e, a, words[at + 4], changes, 16 * at + 64, 0x5A827999)
            for at in range(20, 40, 5):
                _parity(a, b, c, d, e, words[at], changes, 16 * at, 0x6ED9EBA1)
                _parity(e, a, b, c, d, words[at + 1], changes, 16 * at + 16, 0x6ED9EBA1)
                _parity(d, e, a, b, c, words[at + 2], changes, 16 * at + 32, 0x6ED9EBA1)
                _parity(c, d, e, a, b, words[at + 3], changes, 16 * at + 48, 0x6ED9EBA1)
                _parity(b, c, d, e, a, words[at + 4], changes, 16 * at + 64, 0x6ED9EBA1)
            for at in range(40, 60, 5):
                _majority(a, b, c, d, e, words[at], changes, 16 * at, 0x8F1BBCDC)
                _majority(e, a, b, c, d, words[at + 1], changes, 16 * at + 16, 0x8F1BBCDC)
                _majority(d, e, a, b, c, words[at + 2], changes, 16 * at + 32, 0x8F1BBCDC)
                _majority(c, d, e, a, b, words[at + 3], changes, 16 * at + 48, 0x8F1BBCDC)
                _majority(b, c, d, e, a, words[at + 4], changes, 16 * at + 64, 0x8F1BBCDC)
            for at in range(60, 75, 5):
                _parity(a, b, c, d, e, words[at], changes, 16 * at, 0xCA62C1D6)
                _parity(e, a, b, c, d, words[at + 1], changes, 16 * at + 16, 0xCA62C1D6)
                _parity(d, e, a, b, c, words[at + 2], changes, 16 * at + 32, 0xCA62C1D6)
                _parity(c, d, e, a, b, words[at + 3], changes, 16 * at + 48, 0xCA62C1D6)
                _parity(b, c, d, e, a, words[at + 4], changes, 16 * at + 64, 0xCA62C1D6)
            _parity(a, b, c, d, e, words[75], changes, 1200, 0xCA62C1D6)
            fits = 0
            for at in range(count):
                for lane in range(16):
                    fits |= e[lane] == wanted[at]
            if fits:
                for lane in range(16):
                    address = words[4] | lane
                    for at in range(count):
                        if e[lane] == wanted[at] and first <= address <= last:
                            return address
        block += 1
    return -1
