"""Table `drops`: IKE and ESP that the server's own system dropped or never handed to its IKE service.

Only event traces of Windows tell of it; for other captures the table is empty and the gate column
`drops_told` says so.
"""

from __future__ import annotations

from pcapan.tables.declare import Table
from pcapan.tables.facts import Facts
from pcapan.track.drops import DropGroup, is_auth, is_init

DROPS = Table("drops", "server, direction and reason of dropped IKE and ESP packets")


def drop_subjects(facts: Facts) -> list[DropGroup]:
    """Groups of dropped packets, those with most IKE first."""
    return sorted(
        facts.drops, key=lambda group: (-sum(not p.is_esp for p in group.packets), -len(group.packets))
    )


@DROPS.column()
def drop_server(row: DropGroup) -> str:
    """The VPN server whose system dropped them."""
    return row.server


@DROPS.column()
def drop_inward(row: DropGroup) -> bool:
    """The packets were sent to the server; false = by it."""
    return row.inward


@DROPS.column()
def drop_told(row: DropGroup) -> bool:
    """The system itself told of the drops; false = concluded from what its IKE service received."""
    return row.reason is not None


@DROPS.column()
def drop_reason(row: DropGroup) -> int | None:
    """Number of the reason, as pktmon prints it."""
    return row.reason


@DROPS.column()
def drop_reason_text(row: DropGroup) -> str | None:
    """The reason in words."""
    return row.reason_text or None


@DROPS.column()
def drop_location(row: DropGroup) -> str | None:
    """Place in the code that dropped them, hexadecimal as pktmon prints it."""
    return f"0x{row.location:08X}" if row.location else None


@DROPS.column()
def drop_component(row: DropGroup) -> str | None:
    """Part of the network stack that dropped them."""
    return row.component or None


@DROPS.column("packets")
def drop_packets(row: DropGroup) -> int:
    """IKE and ESP packets dropped."""
    return len(row.packets)


@DROPS.column("packets")
def drop_ike(row: DropGroup) -> int:
    """IKE messages among them."""
    return sum(not packet.is_esp for packet in row.packets)


@DROPS.column("packets")
def drop_init(row: DropGroup) -> int:
    """IKE_SA_INIT messages among them."""
    return sum(is_init(packet) for packet in row.packets)


@DROPS.column("packets")
def drop_auth(row: DropGroup) -> int:
    """IKE_AUTH messages among them."""
    return sum(is_auth(packet) for packet in row.packets)


@DROPS.column("packets")
def drop_esp(row: DropGroup) -> int:
    """ESP packets among them."""
    return sum(packet.is_esp for packet in row.packets)


@DROPS.column("sources")
def drop_sources(row: DropGroup) -> int:
    """Different addresses at the other end."""
    return len({packet.src if row.inward else packet.dst for packet in row.packets})


@DROPS.column("packets")
def drop_seen(row: DropGroup) -> int:
    """Those that the capture also shows at the network card."""
    return sum(packet.frame > 0 for packet in row.packets)


@DROPS.column("ns")
def drop_first_ns(row: DropGroup) -> int:
    """When the first one was dropped."""
    return row.packets[0].ts


@DROPS.column("ns")
def drop_last_ns(row: DropGroup) -> int:
    """When the last one was dropped."""
    return row.packets[-1].ts
