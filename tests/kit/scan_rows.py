"""Prints a hash of what scanning and tracking each of some captures finds, and which engine found it.

Every capture is scanned in blocks, and past them in stretches of some sizes, as big files are; what is found
then is told where it differs. Run as a program, so that one process can run compiled and another one
interpreted; see tests/scan/test_engines.py. Imports nothing of the tests.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from msgspec import Struct

from pcapan import compiled
from pcapan.errors import UnreadableError
from pcapan.ingest import open as opening
from pcapan.ingest.open import open_capture
from pcapan.record import Record, as_dict
from pcapan.scan.columns import FileScan
from pcapan.scan.scanner import Scanner
from pcapan.track.sas import IkeSa
from pcapan.track.tracker import track

#: Bytes of a piece in stretches: less than a packet has, more than most have, and as many as there ever are.
PIECES = (400, 5000, 1 << 20)


def plain(value: Any) -> Any:
    """The value in a form that reads the same in every process."""
    if isinstance(value, Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Record):
        return {name: plain(held) for name, held in as_dict(value).items()}
    if isinstance(value, dict):
        return sorted((repr(key), plain(held)) for key, held in value.items())
    if isinstance(value, set):
        return sorted(map(repr, value))
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return repr(value)


def of_sa(sa: IkeSa) -> list[Any]:
    """What is known of an SA, other SAs by their SPIs."""
    exchanges = [
        (
            *(
                key,
                e.kind,
                e.message_id,
                e.by_client,
                e.first_ts,
                e.last_ts,
                e.answered,
                e.repeats_after_response,
            ),
            *(
                (h.sends, h.encrypted, h.fragments_total, h.missing_fragments, h.lengths)
                for h in (e.request, e.response)
            ),
        )
        for key, e in sa.exchanges.items()
    ]
    lists = [[(e.kind, e.message_id) for e in listed] for listed in (sa.auths(), sa.later())]
    linked = [other and (other.spi_i, other.spi_r) for other in (sa.predecessor, sa.successor, sa.root)]
    states = (
        sa.state,
        sa.basis,
        sa.established_ts,
        sa.ended_ts,
        sa.first_ts,
        sa.last_ts,
        sa.has_esp,
        sa.esp_packets,
    )
    names = (sa.spi_i, sa.spi_r, sa.src, sa.server, sa.file, sa.peers)
    return [repr((names, states, linked, lists, exchanges)), plain(sa.attempt), plain(sa.esp)]


def tracked(scan: FileScan) -> dict[str, Any]:
    """What the tracker finds in a scan."""
    found = track([scan])
    told = {name: plain(getattr(found, name)) for name in ("attempts", "stray_answers", "odd_requests")}
    told["old_versions"], told["ttls"] = plain(found.old_versions), plain(found.ttls)
    for name in ("sas", "orphan_auths", "stray"):
        told[name] = [of_sa(sa) for sa in getattr(found, name)]
    return told


def told(path: str, piece: int = 0) -> str:
    """A hash of what is found in a capture, or why it cannot be read; in pieces of so many bytes where it is
    read in stretches."""
    try:
        entry = open_capture(path, hash_all=False, chunk_size=piece) if piece else open_capture(path)
        scanner = Scanner()
        if piece:
            entry.scanning = scanner
        for block in entry.blocks():
            scanner.feed(block, entry.interfaces)
        scan = scanner.finish()
    except UnreadableError as error:
        return error.message
    assert entry.bytes_read == Path(path).stat().st_size
    found = {name: plain(getattr(scan, name)) for name in scan.__fields__ if name != "messages"}
    found["messages"] = {name: list(column) for name, column in vars(scan.messages).items()}
    found["container"] = [plain(entry.problems), plain(entry.interfaces), entry.damaged, entry.format]
    found["track"] = tracked(scan)
    counts = (scan.packets, scan.ike, scan.esp_packets, scan.keepalive_packets, scan.other, scan.copies)
    return f"{counts} {hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()}"


def both_ways(path: str) -> str:
    """`told` in blocks, and in stretches where that differs."""
    whole = told(path)
    other = {piece: said for piece in PIECES if (said := told(path, piece)) != whole}
    return f"{whole}, but {other}" if other else whole


if __name__ == "__main__":
    vars(opening)["HASH_LIMIT"] = 0  # what is hashed is not read in stretches
    print(json.dumps([compiled.engine(), [both_ways(path) for path in sys.argv[1:]]]))
