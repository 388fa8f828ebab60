"""One pass over the events of a trace: who wrote them, and each to whom it concerns.

Knows which module reads which provider. Events of everybody else are counted by provider and skipped; this
loop decides how fast a trace full of them is read, except where `pcapan.ingest.etl.plain` is compiled, which
then goes first. Must not know the fields of any event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from pcapan.ingest.etl import plain
from pcapan.ingest.etl.clock import LogfileHeader, parse_header
from pcapan.ingest.etl.container import Buffer, Container
from pcapan.ingest.etl.metadata import Metadata
from pcapan.ingest.etl.ndis import NdisCapture
from pcapan.ingest.etl.pktmon import PktMon
from pcapan.ingest.etl.provider_names import NDIS_CAPTURE, PKTMON, WFP
from pcapan.ingest.etl.records import (
    BROKEN,
    CLASSIC,
    END,
    EVENT,
    EVENT_32,
    EVENT_64,
    EVENT_HEADER,
    SIZE_MARKER_PROVIDER,
    SYSTEM,
    WPP,
    kind_and_size,
)
from pcapan.ingest.etl.store import Store
from pcapan.ingest.etl.wfp import WfpEvents

Handler = Callable[[bytes | bytearray, int, int, int], None]

#: Providers counted by name; a hostile file could have one in every event.
_MAX_PROVIDERS = 10_000


class TracePass:
    """Reads all buffers of one container."""

    def __init__(self, container: Container, store: Store, wanted: frozenset[int] | None) -> None:
        self.container = container
        self.header: LogfileHeader | None = None
        self.metadata = Metadata()
        self.ndis = NdisCapture(store)
        self.pktmon = PktMon(store, wanted)
        self.wfp = WfpEvents()
        self.events: defaultdict[bytes, int] = defaultdict(int)
        """Provider -> events."""
        self.kernel_events = 0
        self.wpp_events = 0
        self.broken = 0
        """Buffers whose records stop making sense before the end."""
        self._handlers: dict[bytes, Handler] = {
            NDIS_CAPTURE: self.ndis.event,
            PKTMON: self.pktmon.event,
            WFP: self.wfp.event,
        }
        self._store = store
        self._plain = plain.PlainEvents(NDIS_CAPTURE, PKTMON, WFP) if plain.COMPILED else None
        self._known_sources = 0
        if self._plain is not None and wanted is not None:
            self._plain.want(wanted)

    @property
    def event_count(self) -> int:
        """Events of all kinds."""
        return sum(self.events.values()) + self.kernel_events + self.wpp_events

    def buffer(self, buffer: Buffer) -> None:
        """Take the records of one buffer."""
        data, position, end, origin = buffer.data, buffer.start, buffer.end, buffer.origin
        handlers = self._handlers
        events = self.events
        unpack = SIZE_MARKER_PROVIDER
        plain_too = self._plain is not None
        last = end - EVENT_HEADER
        while True:
            if plain_too:
                position = self._plain_events(data, position, end, origin)
            begin = position
            while position <= last:
                size, marker, provider = unpack(data, position)
                if (marker != EVENT_64 and marker != EVENT_32) or size < EVENT_HEADER:
                    break
                if provider in handlers:
                    if position + size > end:
                        break
                    handlers[provider](data, position, size, origin)
                events[provider] += 1
                position += size + 7 & -8
                if plain_too:
                    break
            if plain_too and position != begin:
                continue
            if position > end + 7:
                self.broken += 1
                break
            kind, size = kind_and_size(data, position, end)
            if kind == END:
                break
            if kind == BROKEN:
                # What was allocated and never written is zero.
                if data.count(0, position, end) != end - position:
                    self.broken += 1
                break
            self._other(kind, data, position, size)
            position += size + 7 & -8
        if plain_too:
            self._count_plain()
        if len(events) > _MAX_PROVIDERS:
            self._forget_rare()

    def _plain_events(self, data: bytes | bytearray, position: int, end: int, origin: int) -> int:
        """Take what is plain; returns where something else lies."""
        taker = self._plain
        assert taker is not None
        sources = self.ndis.sources
        while self._known_sources < len(sources):
            source = sources[self._known_sources]
            if source.port < 0:
                taker.learn_source(source.miniport, source.lower, source.link, self._known_sources)
            self._known_sources += 1
        position = taker.walk(data, position, end, origin, self._store.end)
        if taker.count:
            pktmon = self.pktmon
            index = pktmon.index if taker.of_pktmon else self.ndis.index
            taker.hand_over(index, (pktmon.groups, pktmon.numbers, pktmon.appearances), self._store)
        return position

    def _count_plain(self) -> None:
        """Count the plain events of a buffer as if they had been taken one by one."""
        taker = self._plain
        assert taker is not None
        found = [(lo.to_bytes(8, "little") + hi.to_bytes(8, "little"), n) for lo, hi, n in taker.counted()]
        found += [(NDIS_CAPTURE, taker.ndis_events), (PKTMON, taker.pktmon_events)]
        self.ndis.events += taker.ndis_events
        self.pktmon.events += taker.pktmon_events
        taker.ndis_events = taker.pktmon_events = 0
        for provider, count in found:
            if count:
                self.events[provider] += count

    def finish(self) -> None:
        """To be called after the last buffer."""
        if self._plain is not None:
            for component, count in self._plain.seen():
                self.pktmon.seen[component] = self.pktmon.seen.get(component, 0) + count

    def _other(self, kind: int, data: bytes | bytearray, position: int, size: int) -> None:
        if kind == SYSTEM:
            if (
                self.header is None
                and data[position + 2] in (1, 2)
                and not any(data[position + 6 : position + 8])
            ):
                self.header = parse_header(data, position, position + size)
                if self.header is not None:
                    self.container.stride = self.header.buffer_size
            else:
                self.kernel_events += 1
        elif kind == WPP:
            self.wpp_events += 1
        elif kind == CLASSIC:
            provider = bytes(data[position + 0x18 : position + 0x28])
            self.events[provider] += 1
            self.metadata.classic(provider, data, position, size)
        elif kind == EVENT:
            self.events[bytes(data[position + 0x18 : position + 0x28])] += 1
        else:
            self.kernel_events += 1

    def _forget_rare(self) -> None:
        """Keep the providers with most events; the counts of the others go to an unnamed one."""
        ranked = sorted(self.events.items(), key=lambda item: (-item[1], item[0]))
        rest = sum(
            count for provider, count in ranked[_MAX_PROVIDERS // 2 :] if provider not in self._handlers
        )
        kept = dict(ranked[: _MAX_PROVIDERS // 2])
        for provider in self._handlers:
            if provider in self.events:
                kept[provider] = self.events[provider]
        self.events.clear()
        self.events.update(kept)
        self.events[bytes(16)] += rest
