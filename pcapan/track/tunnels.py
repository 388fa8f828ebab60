"""Which IKE SA an ESP flow belongs to, and the tunnels of which only ESP is seen.

Knows that the receiver chooses the SPI, that IKE_AUTH and CREATE_CHILD_SA make keys, and that NAT
hands ports on to other clients. Must not know states: `pcapan.track.sas` judges them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence, Set

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
    ends = [_ends(flow, flow.src in roles.servers) for flow in flows]
    made = _key_times(sas, {(client, port) for client, port, _, _ in ends})
    by_spi: dict[tuple[str, int, bool], IkeSa] = {}
    bare: dict[tuple[str, int, str], IkeSa] = {}
    for flow, (client, port, server, outward) in zip(flows, ends, strict=True):
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


def _ends(flow: EspFlow, outward: bool) -> tuple[str, int, str, bool]:
    """Client, its port, server, and whether the server sends."""
    if outward:
        return flow.dst, flow.flow.dport, flow.src, outward
    return flow.src, flow.flow.sport, flow.dst, outward


def _key_times(sas: Iterable[IkeSa], wanted: Set[Peer]) -> dict[Peer, list[tuple[int, IkeSa]]]:
    """Per client address and port, of those wanted: when which SA made keys or moved there, by time."""
    made: dict[Peer, list[tuple[int, IkeSa]]] = {peer: [] for peer in wanted}
    clients = {client for client, _ in wanted}
    for sa in sas if clients else ():
        peers = sa.peers
        if clients.isdisjoint([peer[1] for peer in peers]):
            continue
        moments = list(peers)
        for exchange in sa.exchanges.values():
            if exchange.kind in (IKE_AUTH, CREATE_CHILD_SA):
                ts = exchange.last_ts
                at = peers[0] if len(peers) == 1 else max([p for p in peers if p[0] <= ts], default=peers[0])
                moments.append((ts, *at[1:]))
        for ts, address, port in moments:
            for peer in ((address, port), (address, 0)):
                if peer in made:
                    made[peer].append((ts, sa))
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
