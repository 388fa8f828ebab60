"""Prints a hash of everything that scanning each of some captures finds, and which engine found it.

Run as a program, so that one process can run compiled and another one interpreted; see
tests/scan/test_engines.py. Imports nothing of the tests.
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

from msgspec import Struct

from pcapan import compiled
from pcapan.errors import UnreadableError
from pcapan.reading import scan_file


def plain(value: Any) -> Any:
    """The value in a form that reads the same in every process."""
    if isinstance(value, Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return sorted((repr(key), plain(held)) for key, held in value.items())
    if isinstance(value, set):
        return sorted(map(repr, value))
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return repr(value)


def told(path: str) -> str:
    """A hash of what is found in a capture, or why it cannot be read."""
    try:
        entry, scan = scan_file(path)
    except UnreadableError as error:
        return error.message
    found = {name: plain(getattr(scan, name)) for name in scan.__struct_fields__ if name != "messages"}
    found["messages"] = {name: list(column) for name, column in vars(scan.messages).items()}
    found["container"] = [plain(entry.problems), plain(entry.interfaces), entry.damaged, entry.format]
    counts = (scan.packets, scan.ike, scan.esp_packets, scan.keepalive_packets, scan.other, scan.copies)
    return f"{counts} {hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()}"


if __name__ == "__main__":
    print(json.dumps([compiled.engine(), [told(path) for path in sys.argv[1:]]]))
