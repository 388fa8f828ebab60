"""Which IKE SA an ESP flow belongs to, and the tunnels of which only ESP is seen.

Knows that the receiver chooses the SPI, that IKE_AUTH and CREATE_CHILD_SA make keys, and that NAT
hands ports on to other clients. Must not know states: `pcapan.track.sas` judges them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence

from pcapan.decode.numbers import CREATE_CHILD_SA, IKE_AUTH
from pcapan.track.roles import Roles
from pcapan.track.sas import Basis, IkeSa, SaState
from pcapan.track.timeline import SECOND, EspFlow

#: ESP may overtake the IKE message that created its SA by this much in a capture.
ESP_SLACK = SECOND // 5
#: One-way ESP counts as a tunnel from this many packets on, when their sequence has no large gaps:
#: a scanner's random bytes never look like that.
TUNNEL_PACKETS = 5

Peer = tuple[str, int]
"""A client's address and UDP port; port 0 stands for native ESP."""


def attach_esp(
    flows: Sequence[EspFlow], sas: Iterable[IkeSa], roles: Roles, both_ways: frozenset[str]
) -> list[IkeSa]:
    """Give every flow to its SA; gives the tunnels without any IKE message, as SAs of their own.

    `both_ways` are the servers of which both directions were captured.
    """
    made = _key_times(sas)
    by_spi: dict[tuple[str, int, bool], IkeSa] = {}
    bare: dict[tuple[str, int, str], IkeSa] = {}
    for flow in flows:
        outward = flow.src in roles.servers
        client, port, server = (
            (flow.dst, flow.flow.dport, flow.src) if outward else (flow.src, flow.flow.sport, flow.dst)
        )
        # The same SPI is the same SA even from a new port; a port alone may have gone to another client.
        sa = by_spi.get((server, flow.flow.spi, outward)) or _latest(made.get((client, port)), flow)
        if sa is None:
            sa = bare.get((client, port, server))
        if sa is None:
            sa = bare[client, port, server] = IkeSa(0, 0, client, server, flow.file, flow.flow.first_ts)
            sa.peers.append((flow.flow.first_ts, client, port))
        by_spi.setdefault((server, flow.flow.spi, outward), sa)
        sa.esp.append(flow)
        sa.last_ts = max(sa.last_ts, flow.flow.last_ts)
    tunnels = [sa for sa in bare.values() if _is_tunnel(sa, sa.server in both_ways)]
    for sa in tunnels:
        sa.state, sa.basis, sa.established_ts = SaState.ESTABLISHED, Basis.OLDER, sa.first_ts
    return tunnels


def _key_times(sas: Iterable[IkeSa]) -> dict[Peer, list[tuple[int, IkeSa]]]:
    """Per client address and port: when which SA made keys or moved there, in order of time."""
    made: dict[Peer, list[tuple[int, IkeSa]]] = defaultdict(list)
    for sa in sas:
        for ts, address, port in sa.peers:
            made[address, port].append((ts, sa))
            made[address, 0].append((ts, sa))
        for exchange in sa.exchanges.values():
            if exchange.kind in (IKE_AUTH, CREATE_CHILD_SA):
                peer = max((p for p in sa.peers if p[0] <= exchange.last_ts), default=sa.peers[0])
                made[peer[1:]].append((exchange.last_ts, sa))
                made[peer[1], 0].append((exchange.last_ts, sa))
    for events in made.values():
        events.sort(key=lambda event: event[0])
    return made


def _latest(events: list[tuple[int, IkeSa]] | None, flow: EspFlow) -> IkeSa | None:
    """The SA that last made keys before the flow began, else the first that did after."""
    if not events:
        return None
    at = bisect_right(events, flow.flow.first_ts + ESP_SLACK, key=lambda event: event[0])
    return events[max(0, at - 1)][1]


def _is_tunnel(sa: IkeSa, both_directions: bool) -> bool:
    """ESP both ways; or, where only one direction was captured, a steady one-way sequence."""
    if sa.has_esp_both_ways:
        return True
    return not both_directions and any(
        flow.flow.packets >= TUNNEL_PACKETS
        and flow.flow.highest_sequence - flow.flow.lowest_sequence < 2 * flow.flow.packets
        for flow in sa.esp
    )
