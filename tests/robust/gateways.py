"""MAC addresses as on a server's own network card: the way in and the way out."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from tests.kit.frames import Frame
from tests.robust.addresses import network_layer

ROUTER = "02000a000001"


def through_gateways(
    frames: Iterable[Frame], server: str, comes_from: str = ROUTER, leaves_to: str = ROUTER
) -> list[Frame]:
    """What goes to the server comes from one router's MAC address, what it sends leaves to another's."""
    own = ip_address(server).packed
    mac = b"\x02\x00" + own[-4:]
    changed = []
    for frame in frames:
        data = frame.data
        at, kind = network_layer(1, data)
        if kind == "ip":
            source = data[at + 12 : at + 16] if len(own) == 4 else data[at + 8 : at + 24]
            outward = source == own
            ends = bytes.fromhex(leaves_to) + mac if outward else mac + bytes.fromhex(comes_from)
            data = ends + data[12:]
        changed.append(frame._replace(data=data))
    return changed
