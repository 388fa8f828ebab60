"""A flood is told from clients, from scanners and from a morning's rush; nobody else is counted with it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from pcapan.pipeline import analyze
from pcapan.scan.columns import FileScan
from pcapan.tables.facts import Site, gather_facts
from pcapan.track.flood import LEAST, RATE, find_flood
from tests.bench.traffic import SERVER, flood
from tests.kit.frames import EPOCH, Frame, pcap, scan

MS = 1_000_000


def asked(count: int, apart: int, *, again: int = 0) -> Iterator[Frame]:
    """Requests of as many addresses, `apart` ns; the first of them repeat `again` times after a second."""
    made = [frame for _, _, frame in itertools.islice(flood(1), count)]
    for number, frame in enumerate(made):
        for repeat in range(again + 1):
            yield Frame(EPOCH + number * apart + repeat * 1000 * MS, frame)


def scanned(frames: Iterable[Frame]) -> FileScan:
    return scan(sorted(frames, key=lambda frame: frame.ts))


def test_a_flood_is_named_and_left_out() -> None:
    made = scanned(asked(LEAST, 1000 * MS // RATE))
    found = find_flood([made])
    assert found is not None
    assert (found.requests, found.answers, found.server) == (LEAST, 0, SERVER)
    assert len(found.first_requests) == 8
    facts = gather_facts([], [made], Site())
    assert not facts.track.attempts
    assert not facts.sources
    assert facts.track.roles.servers == ["192.0.2.10"]
    assert sum(1 for _ in facts.track.timeline.messages_as_captured()) == LEAST


@pytest.mark.parametrize(
    ("count", "apart", "again"),
    [
        (LEAST - 1, 1 * MS, 0),  # too few
        (LEAST, 1000 * MS // RATE * 2, 0),  # too slow: a big gateway of which a capture shows UDP 500 only
        (LEAST, 1 * MS, 1),  # they repeat: clients that nobody answers
    ],
)
def test_no_flood(count: int, apart: int, again: int) -> None:
    assert find_flood([scanned(asked(count, apart, again=again))]) is None


def test_clients_in_a_flood_stay_clients() -> None:
    """Whoever repeats is a client: it keeps its attempts."""
    frames = list(asked(LEAST + 1000, 1 * MS))
    clients = [Frame(frame.ts + 1000 * MS, frame.data) for frame in frames[:20]]
    facts = gather_facts([], [scanned([*frames, *clients])], Site())
    assert facts.track.timeline.flood is not None
    assert facts.track.timeline.flood.requests == LEAST + 1000 - 20
    assert len(facts.track.attempts) == 20
    assert all(len(attempt.requests) == 2 for attempt in facts.track.attempts)


def test_a_flood_over_two_files() -> None:
    frames = list(asked(LEAST, 1 * MS))
    half = LEAST // 2
    found = find_flood([scan(frames[:half]), scan(frames[half:])])
    assert found is not None
    assert found.requests == LEAST
    assert [sum(rows) for rows in found.rows] == [half, half]


def test_the_rule_says_so(tmp_path: Path) -> None:
    capture = tmp_path / "flood.pcap"
    capture.write_bytes(pcap(asked(LEAST, 1 * MS)))
    [found] = [one for one in analyze(capture).result.findings if one.id == "init-flood"]
    assert found.verdict == "confirmed"
    assert found.numbers["flood_requests"] == LEAST
    assert len(found.evidence) == 8
    assert "10,000 requests within 10 s" in found.summary
