"""What a secret key makes of bytes and numbers: fingerprints that nobody without the key can make or undo.

Knows keyed hashing and how to turn it into permutations. Must not know what is hidden with it. Everything is
a function of the key alone, so that two runs with one key agree; labels keep the uses apart.
"""

from __future__ import annotations

import hashlib
import secrets

#: Rounds that make guessing a key from its outcomes slow: a tenth of a second a guess.
_STRETCH = 200_000
_SALT = b"pcapan redaction key, version 1"

#: Four rounds make a strong pseudorandom permutation (Luby and Rackoff); more for the small domains here.
_ROUNDS = 8

#: Bytes of a fingerprint that stand in for a longer text; what follows is zero.
FINGERPRINT = 16


class Key:
    """A secret and the functions it selects."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        self._secret = hashlib.blake2b(secret, digest_size=32).digest()

    @classmethod
    def random(cls) -> Key:
        """A key that nobody knows, and that is gone when the process ends."""
        return cls(secrets.token_bytes(32))

    @classmethod
    def of_text(cls, text: bytes) -> Key:
        """The key that a passphrase, or the content of a key file, stands for."""
        return cls(hashlib.pbkdf2_hmac("sha256", text, _SALT, _STRETCH))

    def octets(self, label: bytes, data: bytes, length: int) -> bytes:
        """`length` bytes (at most 64) that depend on all of `data`; `label` has at most 16 bytes."""
        return hashlib.blake2b(data, digest_size=length, key=self._secret, person=label).digest()

    def permuted(self, label: bytes, value: int, bits: int, tweak: int = 0) -> int:
        """The place of `value` in a permutation of 0 to 2**bits - 1; `bits` is even, at most 128.

        Every `tweak` selects another permutation.
        """
        half = bits // 2
        mask = (1 << half) - 1
        width = (half + 7) // 8
        left, right = value >> half, value & mask
        head = bits.to_bytes(2, "big") + tweak.to_bytes(4, "big")
        for number in range(_ROUNDS):
            made = self.octets(label, head + bytes((number,)) + right.to_bytes(width, "big"), width)
            left, right = right, left ^ (int.from_bytes(made, "big") & mask)
        return left << half | right

    def scrambled(self, data: bytes) -> bytes:
        """Bytes of the same length in place of `data`: equal for equal data, different for different.

        Up to 16 bytes are permuted; of longer texts a fingerprint is left, and zeros behind it.
        """
        size = len(data)
        if size > FINGERPRINT:
            return self.octets(b"text", data, FINGERPRINT) + bytes(size - FINGERPRINT)
        if not size:
            return b""
        return self.permuted(b"short text", int.from_bytes(data, "big"), 8 * size).to_bytes(size, "big")

    def random_like(self, label: bytes, data: bytes) -> bytes:
        """Random-looking bytes of the same length, for what has to look random: equal for equal data."""
        seed = self.octets(label, data, 32)
        blocks = (
            self.octets(label, seed + number.to_bytes(4, "big"), 64) for number in range(-(-len(data) // 64))
        )
        return b"".join(blocks)[: len(data)]
