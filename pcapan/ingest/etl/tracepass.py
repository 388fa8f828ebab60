"""One pass over the events of a trace: who wrote them, and each to whom it concerns.

Knows which module reads which provider. Events of everybody else are counted by provider and skipped; this
loop decides how fast a trace full of them is read. Must not know the fields of any event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

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
        last = end - EVENT_HEADER
        while True:
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
        if len(events) > _MAX_PROVIDERS:
            self._forget_rare()

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
        ranked = sorted(self.events.items(), key=lambda item: item[1], reverse=True)
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
