"""Captures in memory, rewritten with pseudonyms: what the tests of this room compare."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pcapan.ingest.frames import FrameBlock, Interface
from pcapan.ingest.open import open_capture
from pcapan.record import as_dict, changed
from pcapan.redact.fragments import FragmentPlan
from pcapan.redact.keyed import Key
from pcapan.redact.names import Pseudonyms
from pcapan.redact.rewriter import Rewriter, Survey
from pcapan.redact.scans import collect
from pcapan.scan.columns import FileScan
from pcapan.scan.scanner import Scanner

#: As much of a first fragment as decides anything: ports and length, then (behind a checksum that depends on
#: how much is there) marker and IKE header.
_READ_OF_FIRST = (slice(0, 6), slice(8, 40))


def load(path: Path) -> tuple[list[Interface], list[FrameBlock]]:
    """All frames of a file; the reader's own blocks are valid only until the next one."""
    reader = open_capture(str(path))
    blocks = [
        changed(
            block,
            data=bytes(block.data),
            **{
                column: getattr(block, column)[:]
                for column in ("offsets", "lengths", "wire_lengths", "times", "interfaces", "directions")
            },
        )
        for block in reader.blocks()
    ]
    return reader.interfaces, blocks


def scan_blocks(blocks: Sequence[FrameBlock], interfaces: Sequence[Interface]) -> FileScan:
    scanner = Scanner()
    for block in blocks:
        scanner.feed(block, interfaces)
    return scanner.finish()


def learned(
    blocks: Sequence[FrameBlock], interfaces: Sequence[Interface], key: bytes = b"a key for tests"
) -> Pseudonyms:
    """Pseudonyms that know everything that occurs in the frames."""
    names = Pseudonyms(Key(key))
    found = names.collector()
    survey = Survey(found)
    for block in blocks:
        survey.feed(block, interfaces)
    collect(scan_blocks(blocks, interfaces), found)
    names.know(found)
    return names


def rewritten(
    blocks: Sequence[FrameBlock], interfaces: Sequence[Interface], names: Pseudonyms
) -> list[FrameBlock]:
    plan = FragmentPlan(names)
    for block in blocks:
        plan.feed(block, interfaces)
    rewriter = Rewriter(names, plan)
    made = []
    for block in blocks:
        data, offsets = bytearray(), array("Q")
        frames = zip(block.offsets, block.lengths, block.interfaces, strict=True)
        for number, (offset, length, interface) in enumerate(frames, block.first_number):
            offsets.append(len(data))
            frame = rewriter.frame(
                number, interfaces[interface].link_type, bytes(block.data[offset : offset + length])
            )
            assert len(frame) == length
            data += frame
        made.append(changed(block, data=bytes(data), offsets=offsets))
    return made


def columns(scan: FileScan) -> dict[str, Any]:
    """Everything that a scan says, as plain values; hashes over the bytes of messages by their groups."""
    told = as_dict(scan)
    rows = told.pop("messages")
    for name in ("frame", "ts", "src", "dst", "sport", "dport", "ttl", "ip_id", "macs", "marks", "spi_i"):
        told[name] = list(getattr(rows, name))
    for name in ("spi_r", "version", "exchange", "flags", "message_id", "length", "encrypted"):
        told[name] = list(getattr(rows, name))
    first: dict[int, int] = {}
    told["digest"] = [first.setdefault(digest, len(first)) for digest in rows.digest]
    shapes = told.pop("shapes")
    told["shape"] = [shapes[index] for index in rows.shape]
    told["incomplete"] = [
        entry._replace(first_fragment=_read(entry.first_fragment)) for entry in scan.incomplete
    ]
    return told


def _read(first: bytes | None) -> bytes | None:
    return None if first is None else b"".join(first[part] for part in _READ_OF_FIRST)
