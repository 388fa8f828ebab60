"""Reads a Windows event trace: passes over its events, then hands out its packets by time.

Knows the order of the steps. A trace has to be gone through before its first packet can be given: buffers
of several processors follow each other in no order of time, and pktmon writes at the end which component
is a network card. Memory holds the largest buffer and some 30 bytes a packet; what was compressed goes to
a temporary file in between. Must not know the bytes of buffers and events.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from pcapan.errors import UnreadableError
from pcapan.ingest.capture import Capture
from pcapan.ingest.etl import container, explain, selection
from pcapan.ingest.etl.container import Container
from pcapan.ingest.etl.delivery import deliver, describe, keep_ndis, keep_pktmon, refetch
from pcapan.ingest.etl.preview import preview
from pcapan.ingest.etl.store import Store
from pcapan.ingest.etl.tracepass import TracePass
from pcapan.ingest.feeder import Feeder
from pcapan.ingest.frames import FrameBlock
from pcapan.ingest.stream import CHUNK_SIZE, StoredStream, no_room


def read(feeder: Feeder, capture: Capture) -> Iterator[FrameBlock]:
    """Check that the file holds a whole header record; the trace itself is read with the first block.

    Raises:
        UnreadableError: the file ends inside the header record.
    """
    if not feeder.need(container.HEADER + 0x20 + 0x118):
        raise UnreadableError(
            "the event trace is cut inside its header and holds no events",
            where=f"{capture.path}: {feeder.available} bytes",
            hint="copy the file again from where it was recorded",
        )
    return _Reading(feeder, capture).blocks()


class _Reading:
    def __init__(self, feeder: Feeder, capture: Capture) -> None:
        self._feeder = feeder
        self._capture = capture
        self._trace: BinaryIO | None = None

    def blocks(self) -> Iterator[FrameBlock]:
        capture = self._capture
        feeder = self._feeder
        capture.stored.forget()  # the store below keeps what can be read only once
        if capture.plain_file:
            try:
                self._trace = Path(capture.path).open("rb")  # noqa: SIM115
            except OSError as error:
                raise UnreadableError(
                    f"the trace cannot be opened a second time: {error.strerror}",
                    where=capture.path,
                    hint="leave the file in its place while it is read",
                ) from None
        else:
            self._trace = _spool(feeder)
        store = Store(self._trace)
        try:
            wanted = preview(self._trace)
            if not capture.plain_file:
                feeder = self._again()
            done = self._pass(feeder, store, wanted)
            chosen = selection.choose(done.pktmon.rundown, done.pktmon.seen)
            if wanted is not None and chosen.components != wanted:
                # The first look was wrong about the cards: what was left out must be read again.
                store.clear()
                capture.problems.clear()
                capture.damaged = False
                done = self._pass(self._again(), store, chosen.components)
                chosen = selection.choose(done.pktmon.rundown, done.pktmon.seen)
            if done.header is None:
                raise UnreadableError(
                    "the first record of the event trace does not describe it: times cannot be told",
                    where=capture.path,
                    hint="copy the file again from where it was recorded",
                )
            kept = keep_ndis(done, store) or keep_pktmon(done, store, chosen)
            describe(capture, done, kept)
            if kept is None:
                raise explain.no_packets(capture.path, done, capture.side.facts, damaged=capture.damaged)
            yield from deliver(capture, done.header, store, kept)
            if capture.keep:
                capture.refetch = partial(refetch, done.header, store, kept)
                capture.on_forget(store.close)
        finally:
            if capture.refetch is None:
                store.close()

    def _again(self) -> Feeder:
        """Read the trace from its beginning once more; the file belongs to the store."""
        trace = cast(BinaryIO, self._trace)
        trace.seek(0)
        return Feeder(StoredStream(trace, size=None, owned=False), CHUNK_SIZE)

    def _pass(self, feeder: Feeder, store: Store, wanted: frozenset[int] | None) -> TracePass:
        capture = self._capture
        walked = Container(feeder, lambda code, said: capture.damage(code, 0, said))
        done = TracePass(walked, store, wanted)
        for buffer in walked.buffers():
            done.buffer(buffer)
        done.finish()
        if walked.truncated:
            capture.damage("truncated-file", 0, f"the trace ends inside its buffer {walked.count}")
        if done.broken:
            capture.note(
                "broken-records", 0, "the records of a buffer stop making sense before its end", done.broken
            )
            capture.damaged = True
        bad = done.ndis.bad + done.pktmon.bad + done.wfp.bad
        if bad:
            capture.note("bad-event", 0, "an event whose lengths contradict each other", bad)
        if done.ndis.orphans:
            capture.note(
                "incomplete-packet",
                0,
                "a packet of several events of which one is missing",
                done.ndis.orphans,
            )
        return done


def _spool(feeder: Feeder) -> BinaryIO:
    """Put what cannot be read twice into a temporary file."""
    try:
        spool = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115
        while True:
            if feeder.available:
                spool.write(memoryview(feeder.data)[feeder.position : feeder.end])
                feeder.position = feeder.end
            if not feeder.more():
                spool.flush()
                return spool
    except OSError as error:
        raise no_room("the trace", error) from None
