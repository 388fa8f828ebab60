"""Strangers' text made harmless: file names, vendor ids, comments, interface names.

Knows which characters a terminal or a reader could take for an order instead of a sign. Must not
know what is rendered, nor to what.
"""

from __future__ import annotations

#: Controls, invisible and direction-changing characters, lone surrogates, line and paragraph separators.
_UNSAFE = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))


def clean(text: str) -> str:
    r"""The text on one line; whatever is more than a sign is spelled, as ``\x1b`` or ``\u202e``."""
    if text.isascii() and text.isprintable():
        return text
    from unicodedata import category  # most text is plain

    return "".join(_escape(char) if category(char) in _UNSAFE else char for char in text)


def _escape(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
