"""MAC addresses as on a server's own network card: the way in and the way out."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from tests.kit.frames import Frame
from tests.robust.addresses import network_layer

ROUTER = "02000a000001"


def through_gateways(
    frames: Iterable[Frame], servers: Iterable[str], comes_from: str = ROUTER, leaves_to: str = ROUTER
) -> list[Frame]:
    """What goes to the server comes from one router's MAC address, what it sends leaves to another's."""
    own = {ip_address(server).packed for server in servers}
    changed = []
    for frame in frames:
        data = frame.data
        at, kind = network_layer(1, data)
        if kind == "ip":
            four = data[at] >> 4 == 4
            source, target = (
                (data[at + 12 : at + 16], data[at + 16 : at + 20])
                if four
                else (data[at + 8 : at + 24], data[at + 24 : at + 40])
            )
            if source in own:
                data = bytes.fromhex(leaves_to) + b"\x02\x00" + source[-4:] + data[12:]
            else:
                data = b"\x02\x00" + target[-4:] + bytes.fromhex(comes_from) + data[12:]
        changed.append(frame._replace(data=data))
    return changed
