"""A flood of first requests: more addresses than clients could be, each of which asks once.

Knows how many such requests a second no crowd of clients makes. Must not know attempts: what belongs to a
flood never becomes one, because a million of them would bury the clients, and the memory too.

A client that gets no answer repeats its request after a second, one that gets an answer goes on with
IKE_AUTH. Whoever sends one IKE_SA_INIT and nothing else is neither. Single ones are everyday scanners; so
many in every second are made by a program, nearly always under forged addresses.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from pcapan.decode.numbers import FLAG_RESPONSE, IKE_SA_INIT
from pcapan.scan.columns import MARK_COPY, FileScan

#: Addresses that ask once, at least; a big gateway has that many clients, but not in a few seconds.
LEAST = 10_000
#: New ones in every second of the flood, at least. The biggest gateways take some tens of clients a second.
RATE = 200

_SECOND = 1_000_000_000
#: Requests that are kept to be shown.
_SHOWN = 8


class Flood(Struct, frozen=True):
    """Requests that belong to a flood, and their answers."""

    rows: tuple[bytes, ...]
    """Per file: one byte a row of its messages, not 0 where the row belongs to the flood."""
    requests: int
    answers: int
    server: bytes
    """Where most of them go, network order."""
    first_ts: int
    last_ts: int
    first_requests: tuple[tuple[int, int, int], ...]
    """(file, frame, time) of some."""


def find_flood(scans: Sequence[FileScan]) -> Flood | None:
    """The flood in the files of one incident; None where there is none."""
    if sum(len(scan.addresses) for scan in scans) < LEAST:
        return None
    sent: list[Counter[int]] = [Counter(scan.messages.src) for scan in scans]
    if sum(list(counts.values()).count(1) for counts in sent) < LEAST:
        return None
    lone = _lone_requests(scans, sent)
    if sum(map(len, lone)) < LEAST:
        return None
    both = list(zip(scans, lone, strict=True))
    crowd = Counter(scan.messages.ts[row] // _SECOND for scan, rows in both for row in rows)
    crowded = {second for second, count in crowd.items() if count >= RATE}
    members = [
        array("Q", [row for row in rows if scan.messages.ts[row] // _SECOND in crowded])
        for scan, rows in both
    ]
    if sum(map(len, members)) < LEAST:
        return None
    return _flood(scans, members)


def _lone_requests(scans: Sequence[FileScan], sent: Sequence[Counter[int]]) -> list[array[int]]:
    """Per file: rows of IKE_SA_INIT requests whose sender sends no other IKE, no ESP, no keepalive.

    `sent`: IKE messages by sender, per file.
    """
    busy = {scan.addresses[flow.src] for scan in scans for flow in (*scan.esp, *scan.keepalives)}
    if len(scans) > 1:
        # The same address may be in several files.
        seen: set[bytes] = set()
        for scan, counts in zip(scans, sent, strict=True):
            for index in counts:
                (busy if scan.addresses[index] in seen else seen).add(scan.addresses[index])
    found = []
    for scan, counts in zip(scans, sent, strict=True):
        rows = scan.messages
        asks = zip(rows.exchange, rows.flags, rows.spi_r, rows.marks, rows.src, strict=True)
        found.append(
            array(
                "Q",
                [
                    row
                    for row, (exchange, flags, spi_r, marks, src) in enumerate(asks)
                    if exchange == IKE_SA_INIT
                    and not flags & FLAG_RESPONSE
                    and not spi_r
                    and not marks & MARK_COPY
                    and counts[src] == 1
                    and scan.addresses[src] not in busy
                ],
            )
        )
    return found


def _flood(scans: Sequence[FileScan], members: Sequence[array[int]]) -> Flood:
    marked: list[bytes] = []
    answers = 0
    servers: Counter[bytes] = Counter()
    times: list[tuple[int, int]] = []
    for scan, own in zip(scans, members, strict=True):
        rows = scan.messages
        flags = bytearray(len(rows))
        asked_by = bytearray(len(scan.addresses))
        for row in own:
            flags[row] = 1
            asked_by[rows.src[row]] = 1
        for row, dst in enumerate(rows.dst):
            if asked_by[dst]:
                flags[row] = 1
                answers += 1
        for index, count in Counter(rows.dst[row] for row in own).items():
            servers[scan.addresses[index]] += count
        if own:
            times.append((min(rows.ts[row] for row in own), max(rows.ts[row] for row in own)))
        marked.append(bytes(flags))
    shown = [
        (file, scan.messages.frame[row], scan.messages.ts[row])
        for file, (scan, own) in enumerate(zip(scans, members, strict=True), 1)
        for row in own[:_SHOWN]
    ]
    shown.sort(key=lambda request: request[2])
    return Flood(
        rows=tuple(marked),
        requests=sum(map(len, members)),
        answers=answers,
        server=servers.most_common(1)[0][0],
        first_ts=min(first for first, _ in times),
        last_ts=max(last for _, last in times),
        first_requests=tuple(shown[:_SHOWN]),
    )
