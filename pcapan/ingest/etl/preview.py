"""A first look at the end of a big compressed trace: which components are network cards.

Knows how to find the last buffer of every processor, where pktmon's rundown stands, without inflating the
others. What it says is checked afterwards: a wrong answer costs a second pass, never a packet.
"""

from __future__ import annotations

from typing import BinaryIO

from pcapan.ingest.etl.container import FLAG_COMPRESSED, HEADER, MAX_BUFFER, TYPE_HEADER, read_header
from pcapan.ingest.etl.provider_names import PKTMON
from pcapan.ingest.etl.records import EVENT, EVENT_FIELDS, EVENT_HEADER, kind_and_size, user_data
from pcapan.ingest.etl.rundown import Rundown
from pcapan.ingest.etl.selection import choose
from pcapan.ingest.etl.xpress import inflate

#: Below this many inflated bytes it is cheaper to keep every packet event until the end.
_WORTH_IT = 48 * 1024 * 1024
_MAX_BUFFERS = 1_000_000


def preview(trace: BinaryIO | None) -> frozenset[int] | None:
    """The components that are cards, or None when that cannot be told or is not worth looking for."""
    if trace is None:
        return None
    position = inflated = 0
    last: dict[int, tuple[int, int, int]] = {}
    for _ in range(_MAX_BUFFERS):
        trace.seek(position)
        head = trace.read(HEADER)
        if len(head) < HEADER:
            break
        size, processor, _logger, _state, filled, flags, buffer_kind = read_header(head, 0)
        if not HEADER < size <= MAX_BUFFER or not HEADER <= filled <= MAX_BUFFER:
            break
        if flags & FLAG_COMPRESSED:
            inflated += filled
            last[processor] = (position, size, filled)
        elif buffer_kind != TYPE_HEADER:
            return None  # what is not compressed can be read again at no cost
        position += size
    if inflated < _WORTH_IT:
        return None
    rundown = Rundown()
    seen: dict[int, int] = {}
    for begin, size, filled in last.values():
        trace.seek(begin + HEADER)
        packed = trace.read(size - HEADER)
        data, _sound = inflate(packed, min(filled - HEADER, 100 * len(packed) + 65536))
        _read(data, rundown, seen)
    return choose(rundown, seen).components


def _read(data: bytearray, rundown: Rundown, seen: dict[int, int]) -> None:
    position, end = 0, len(data)
    while True:
        kind, size = kind_and_size(data, position, end)
        if not size:
            return
        if kind == EVENT and data[position + 0x18 : position + 0x28] == PKTMON:
            flags, _thread, _process, _stamp, number, *_rest = EVENT_FIELDS(data, position)
            start = user_data(data, position, size, flags) if flags & 1 else position + EVENT_HEADER
            if number < 100:
                rundown.event(number, data, start, position + size)
            elif number == 160 and start + 18 <= position + size:
                component = data[start + 16] | data[start + 17] << 8
                seen[component] = seen.get(component, 0) + 1
        position += size + 7 & -8
