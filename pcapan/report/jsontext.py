"""The result document as JSON text.

Knows what JSON cannot hold (numbers that are none) and what UTF-8 cannot hold (the bytes of a file
name that are no text). Must not know what the keys mean.
"""

from __future__ import annotations

import math
from typing import Any


def json_text(document: Any, *, indent: int | None = 2, ascii_only: bool = False) -> str:
    """Valid JSON for any document of plain values: NaN and infinities become null."""
    import json  # a report in words needs none of it

    try:
        return json.dumps(document, indent=indent, ensure_ascii=ascii_only, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(document), indent=indent, ensure_ascii=ascii_only, allow_nan=False)


def json_bytes(text: str) -> bytes:
    r"""JSON text as UTF-8; a lone surrogate, which UTF-8 has no bytes for, becomes its ``\udc80`` escape."""
    return text.encode("utf-8", "backslashreplace")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
