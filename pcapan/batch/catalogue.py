"""What was seen inside files before, so that a second run need not open them again.

Knows that a file with the same stamp holds the same captures. Losing the catalogue costs time only.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from pcapan.batch.layout import Layout
from pcapan.batch.model import Found, Input, Refused


class Catalogue:
    """By name: the stamp it was looked at under, and what was found."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._changed = False
        try:
            read = json.loads(layout.inventory.read_bytes())
        except (OSError, ValueError):
            read = None
        whole = (
            isinstance(read, dict)
            and isinstance(read.get("seen"), dict)
            and isinstance(read.get("began"), dict)
        )
        self._seen: dict[str, dict[str, Any]] = read["seen"] if whole else {}
        self._began: dict[str, list[Any]] = read["began"] if whole else {}

    def inside(self, name: str, stamp: str) -> Found | None:
        """What is in the file, if it was looked at before."""
        entry = self._seen.get(name)
        return found_from_json(entry["found"]) if entry is not None and entry["stamp"] == stamp else None

    def keep(self, name: str, stamp: str, found: dict[str, Any]) -> None:
        """Remember what is in a file."""
        self._seen[name] = {"stamp": stamp, "found": found}
        self._changed = True

    def began(self, entry: Input) -> list[int | None] | None:
        """A list with the time of its first packet, if that was looked for before."""
        known = self._began.get(entry.name)
        return [known[1]] if known is not None and known[0] == entry.stamp else None

    def keep_began(self, entry: Input, first_ns: int | None) -> None:
        """Remember when a capture begins."""
        self._began[entry.name] = [entry.stamp, first_ns]
        self._changed = True

    def save(self) -> None:
        """Write it down if something was learned; raises OSError."""
        if self._changed:
            text = json.dumps({"seen": self._seen, "began": self._began})
            self._layout.write(self._layout.inventory, text.encode())
            self._changed = False


def found_from_json(data: dict[str, Any]) -> Found:
    """What a worker found in a file."""
    return Found(
        [Input.from_json(entry) for entry in data["inputs"]],
        [Refused(**entry) for entry in data["refused"]],
        data["other_files"],
    )


def found_to_json(found: Found) -> dict[str, Any]:
    """The reverse of `found_from_json`."""
    return {
        "inputs": [entry.to_json() for entry in found.inputs],
        "refused": [asdict(entry) for entry in found.refused],
        "other_files": found.other_files,
    }
