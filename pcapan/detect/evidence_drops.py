"""Evidence about packets that the server's own system dropped: a named selector for rules.

Knows how drops point back to frames. Must not judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pcapan.detect.exhibits import Exhibit, selector, spi_filter
from pcapan.tables.facts import Facts
from pcapan.track.drops import DropGroup, is_auth, is_init


@selector("dropped-packets")
def dropped_packets(facts: Facts, subject: Any) -> Iterator[Exhibit]:
    """Frames that show dropped packets at the network card."""
    if not isinstance(subject, DropGroup):
        return
    for packet in subject.packets:
        if not packet.frame:
            continue
        kind = "IKE_SA_INIT" if is_init(packet) else "IKE_AUTH" if is_auth(packet) else "IKE"
        if packet.is_esp:
            kind = "ESP"
        reason = f"reason {subject.reason}" if subject.reason is not None else "no reason told"
        shown = f"frame.number == {packet.frame}"
        if packet.spi_i:
            shown = spi_filter(packet.spi_i, packet.sport if packet.dport in (500, 4500) else packet.dport)
        yield Exhibit(
            packet.file, packet.frame, packet.ts, f"{kind} from {packet.src}, dropped: {reason}", shown
        )
