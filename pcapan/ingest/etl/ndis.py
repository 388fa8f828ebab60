"""Provider Microsoft-Windows-NDIS-PacketCapture: what ``netsh trace start capture=yes`` logs.

Knows events 1001 (a frame or a part of one), 1002 (data about the next frame, skipped), 1003 (a frame in
a Hyper-V switch) and 5101 (names), and which of several layers to keep. Field lists: the provider's
manifest. The medium is told by the keyword alone; how long a cut frame was is not told at all.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from struct import Struct

from pcapan.ingest.capture import text
from pcapan.ingest.etl.ipbytes import LINK_ETHERNET, LINK_RAW, LINK_WIFI
from pcapan.ingest.etl.records import EVENT_FIELDS, EVENT_HEADER, user_data
from pcapan.ingest.etl.store import NOWHERE, FrameIndex, Store
from pcapan.ingest.frames import DIRECTION_INBOUND, DIRECTION_OUTBOUND, DIRECTION_UNKNOWN, Interface

FRAGMENT, METADATA, SWITCH_FRAGMENT, SOURCE_NAME = 1001, 1002, 1003, 5101

_START, _END, _BOTH = 0x40000000, 0x80000000, 0xC0000000
_SEND, _RECEIVE = 0x1_0000_0000, 0x2_0000_0000
_WWAN, _WIFI = 0x200, 0x10000

_THREE = Struct("<III").unpack_from
_ONE = Struct("<I").unpack_from

#: Frames that may be open at once (one a thread and layer), and longest frame put together, bytes.
_MAX_OPEN, _MAX_FRAME = 256, 262_144


@dataclass(frozen=True, slots=True)
class Source:
    """One place in the stack where frames were seen."""

    miniport: int
    lower: int
    link: int
    port: int
    """Port of a Hyper-V switch; -1 outside of one."""


class NdisCapture:
    """Collects the frames of one trace into a `FrameIndex`."""

    def __init__(self, store: Store) -> None:
        self.index = FrameIndex()
        self.sources: list[Source] = []
        self._numbers: dict[Source, int] = {}
        self._last: tuple[int, int, int] = (-1, -1, -1)
        self._last_number = 0
        self._port_names: dict[int, str] = {}
        self._names: dict[int, str] = {}
        self._store = store
        self._open: dict[tuple[int, int, int], tuple[int, list[bytes]]] = {}
        self.events = 0
        """Events 1001 and 1003."""
        self.bad = 0
        """Events whose lengths contradict each other."""
        self.orphans = 0
        """Parts of frames whose other parts are missing."""

    def event(self, data: bytes | bytearray, position: int, size: int, origin: int) -> None:
        """Take one event of the provider; `origin` is where `data[0]` lies in the trace, or `NOWHERE`."""
        flags, thread, process, stamp, kind, _version, _opcode, keyword = EVENT_FIELDS(data, position)
        start = position + EVENT_HEADER
        end = position + size
        if flags & 1:
            start = user_data(data, position, size, flags)
        if kind == FRAGMENT:
            self.events += 1
            if start + 12 > end:
                self.bad += 1
                return
            miniport, lower, length = _THREE(data, start)
            start += 12
            port = -1
        elif kind == SWITCH_FRAGMENT:
            self.events += 1
            found = self._switch(data, start, end)
            if found is None:
                self.bad += 1
                return
            miniport, lower, port, start, length = found
        else:
            if kind == SOURCE_NAME:
                self._source_name(data, start, end)
            return
        if length > end - start:
            self.bad += 1
            return
        link = LINK_ETHERNET
        if keyword & (_WIFI | _WWAN):
            link = LINK_WIFI if keyword & _WIFI else LINK_RAW
        if keyword & _BOTH != _BOTH:
            self._part(data[start : start + length], (process, thread, lower), stamp, keyword)
            if not keyword & _END:
                return
            whole = self._finish((process, thread, lower))
            if whole is None:
                return
            stamp, frame = whole
            length = len(frame)
            place = self._store.add(frame)
        elif origin != NOWHERE:
            place = origin + start
        else:
            place = self._store.add(bytes(data[start : start + length]))
        if (miniport, lower, link) == self._last and port < 0:
            number = self._last_number
        else:
            number = self._number(Source(miniport, lower, link, port))
            if port < 0:
                self._last, self._last_number = (miniport, lower, link), number
        direction = DIRECTION_UNKNOWN
        if keyword & _SEND:
            direction = DIRECTION_OUTBOUND
        elif keyword & _RECEIVE:
            direction = DIRECTION_INBOUND
        self.index.add(stamp, place, length, 0, number, direction)

    def _number(self, source: Source) -> int:
        number = self._numbers.get(source)
        if number is None:
            number = self._numbers[source] = len(self.sources)
            self.sources.append(source)
        return number

    def _part(self, piece: bytes | bytearray, key: tuple[int, int, int], stamp: int, keyword: int) -> None:
        """Keep a part of a frame (Windows 7 and 8 split long ones) until its end arrives."""
        if keyword & _START:
            if key in self._open:
                self.orphans += 1
            elif len(self._open) >= _MAX_OPEN:
                self._open.pop(next(iter(self._open)))
                self.orphans += 1
            self._open[key] = (stamp, [bytes(piece)])
            return
        known = self._open.get(key)
        if known is None:
            self.orphans += 1
        elif sum(map(len, known[1])) + len(piece) > _MAX_FRAME or len(known[1]) > 64:
            del self._open[key]
            self.orphans += 1
        else:
            known[1].append(bytes(piece))

    def _finish(self, key: tuple[int, int, int]) -> tuple[int, bytes] | None:
        known = self._open.pop(key, None)
        return (known[0], b"".join(known[1])) if known is not None else None

    def _switch(self, data: bytes | bytearray, start: int, end: int) -> tuple[int, int, int, int, int] | None:
        """Miniport, layer, port, where the frame begins, its length; None when it does not add up."""
        if start + 12 > end:
            return None
        miniport, lower, port = _THREE(data, start)
        start += 12
        names = []
        for _ in range(3):
            name = wide_string(data, start, end)
            if name is None:
                return None
            names.append(name[0])
            start = name[1]
        if start + 4 > end:
            return None
        (destinations,) = _ONE(data, start)
        start += 4 + 8 * destinations
        if start + 4 > end:
            return None
        (length,) = _ONE(data, start)
        if len(self._port_names) < 4096:
            self._port_names.setdefault(port, " ".join(filter(None, (names[2], names[1]))))
        return miniport, lower, port, start + 4, length

    def _source_name(self, data: bytes | bytearray, start: int, end: int) -> None:
        name = wide_string(data, start + 1, end)
        if name is not None and name[1] + 4 <= end and len(self._names) < 4096:
            self._names.setdefault(_ONE(data, name[1])[0], name[0])

    def kept_sources(self) -> set[int]:
        """The numbers of the sources that stand for a card each: the lowest layer, else the busiest."""
        frames = Counter(self.index.sources)
        best: dict[tuple[int, int], int] = {}
        for number, source in enumerate(self.sources):
            key = (source.miniport, source.port)
            rank = (source.lower == source.miniport, frames[number])
            held = best.get(key)
            if held is None or rank > (self.sources[held].lower == source.miniport, frames[held]):
                best[key] = number
        chosen = {(key, self.sources[number].lower) for key, number in best.items()}
        return {
            number
            for number, source in enumerate(self.sources)
            if ((source.miniport, source.port), source.lower) in chosen
        }

    def interface(self, number: int) -> Interface:
        """Describe a source."""
        source = self.sources[number]
        kind = {LINK_WIFI: "wifi", LINK_RAW: "mbb"}.get(source.link, "eth")
        name = f"{kind}:{source.miniport}"
        description = self._names.get(source.miniport, "")
        if source.port >= 0:
            name = f"vswitch:{source.port}"
            description = self._port_names.get(source.port, "")
        if source.lower != source.miniport:
            description = f"{description} layer {source.lower} over interface {source.miniport}".strip()
        return Interface(
            link_type=source.link, name=text(name.encode()), description=text(description.encode())
        )


def wide_string(data: bytes | bytearray, start: int, end: int) -> tuple[str, int] | None:
    """A UTF-16 string with its end mark, and what follows it; None when the mark is missing."""
    at = start
    while True:
        at = data.find(b"\0\0", at, end)
        if at < 0:
            return None
        if (at - start) % 2 == 0:
            return bytes(data[start:at]).decode("utf-16-le", "replace"), at + 2
        at += 1
