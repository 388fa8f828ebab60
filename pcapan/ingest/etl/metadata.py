"""What a trace says about itself: the system it was recorded on, and names of values in its events.

Knows two kinds of classic records that Windows adds when a trace is merged: system configuration, and the
maps of event metadata (EVENT_MAP_INFO, https://learn.microsoft.com/windows/win32/api/tdh/ns-tdh-event_map_info).
Texts are for display; nothing is decided by them.
"""

from __future__ import annotations

from struct import Struct

from pcapan.ingest.capture import text
from pcapan.ingest.etl.ndis import wide_string
from pcapan.ingest.etl.provider_names import EVENT_METADATA, PKTMON, SYSTEM_CONFIG
from pcapan.ingest.etl.records import CLASSIC_HEADER

_OPCODE_SYSTEM, _OPCODE_MAP = 32, 33
_MAP_HEAD = Struct("<IIII").unpack_from
_PAIR = Struct("<II").unpack_from
#: Entries believed of one map; that of drop reasons has some 300.
_MAX_ENTRIES = 5000


class Metadata:
    """Collects self-descriptions while a trace is read."""

    def __init__(self) -> None:
        self.build_lab = ""
        """Build string, as ``20348.2461.amd64fre.fe_release...``."""
        self.product = ""
        """Product name; that of Windows 11 still says Windows 10."""
        self.drop_reasons: dict[int, str] = {}

    def classic(self, provider: bytes, data: bytes | bytearray, position: int, size: int) -> None:
        """Take a classic record, when it is one of those read here."""
        opcode = data[position + 4]
        start, end = position + CLASSIC_HEADER, position + size
        if provider == SYSTEM_CONFIG and opcode == _OPCODE_SYSTEM:
            lab = wide_string(data, start + 8, end)
            if lab is not None:
                self.build_lab = self.build_lab or text(lab[0].encode("utf-8", "replace"))
                product = wide_string(data, lab[1], end)
                if product is not None:
                    self.product = self.product or text(product[0].encode("utf-8", "replace"))
        elif provider == EVENT_METADATA and opcode == _OPCODE_MAP:
            self._map(data, start, end)

    def _map(self, data: bytes | bytearray, start: int, end: int) -> None:
        base = start + 16
        if base + 16 > end or bytes(data[start:base]) != PKTMON:
            return
        name_at, _flag, count, _type = _MAP_HEAD(data, base)
        name = wide_string(data, min(base + name_at, end), end)
        if name is None or name[0] != "DropReason":
            return
        at = base + 16
        for _ in range(min(count, _MAX_ENTRIES)):
            if at + 8 > end:
                return
            offset, value = _PAIR(data, at)
            at += 8
            said = wide_string(data, min(base + offset, end), end)
            if said is not None:
                self.drop_reasons.setdefault(value, text(said[0].strip().encode("utf-8", "replace")))
