"""Decides once which addresses are VPN servers, and keeps the reason.

Knows that a server is who receives and answers IKE_SA_INIT from many peers; must not know
findings. Everything later asks `Roles`, nothing decides a second time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from msgspec import Struct, field

from pcapan.decode.numbers import FLAG_INITIATOR, FLAG_RESPONSE, IKE_PORT, NAT_T_PORT
from pcapan.track.askers import Init
from pcapan.track.flows import Ends, Flows
from pcapan.track.timeline import Pair, Timeline


class Roles(Struct):
    """Who is a server and why."""

    servers: list[str] = field(default_factory=list)
    reason: str = "no IKE and no ESP in this capture"


def decide_roles(timeline: Timeline, esp: Flows, given: Sequence[str] = ()) -> Roles:
    """Find the servers: those given, else who answers IKE_SA_INIT, who receives it, who speaks from 4500.

    A gateway that itself dials a peer does not make that peer a server: an address whose only
    partner is an address already decided for is that one's client or site-to-site peer. A file in
    which none of the servers appears (the second node of a pair) is judged by itself.
    """
    if given:
        return Roles(list(dict.fromkeys(given)), "named by the user")
    pairs = timeline.pairs()
    roles = _decide(timeline.inits(), pairs, esp.ends())
    if not roles.servers and timeline.flood is not None:
        roles = Roles([str(ip_address(timeline.flood.server))], "receives IKE_SA_INIT")
    files = {pair[0] for pair in pairs}.union(esp.files) if len(timeline.scans) > 1 else set()
    for file in sorted(files) if len(files) > 1 else ():
        own = [pair for pair in pairs if pair[0] == file]
        seen = {a for _, *both, _ in own for a in both}
        seen.update(a for src, _, dst, _ in esp.ends(file) for a in (src, dst))
        if not seen & set(roles.servers):
            roles.servers += _decide(timeline.inits(file), own, esp.ends(file)).servers
    return roles


def _decide(inits: Iterable[Init], pairs: Iterable[Pair], esp: Iterable[Ends]) -> Roles:
    """See `Timeline.inits`, `Timeline.pairs` and `Flows.ends`."""
    answered: dict[str, None] = {}
    asked: dict[str, set[str]] = defaultdict(set)
    for src, dst, is_response, was_asked in inits:
        if is_response:
            answered[src] = answered[was_asked] = None
            asked[src].add(dst)
        else:
            asked[dst].add(src)
    servers = _choose({a: len(asked[a]) for a in answered}, asked)
    if servers:
        return Roles(servers, "answers IKE_SA_INIT")
    servers = _choose({a: len(peers) for a, peers in asked.items()}, asked)
    if servers:
        return Roles(servers, "receives IKE_SA_INIT")
    ported = _ported(pairs, esp)
    servers = _choose({a: len(peers) for a, peers in ported.items()}, ported)
    return Roles(servers, "speaks from port 500 or 4500 to most peers") if servers else Roles()


def _ported(pairs: Iterable[Pair], esp: Iterable[Ends]) -> dict[str, set[str]]:
    """Per address that may be a server's by its ports: its peers."""
    ported: dict[str, set[str]] = defaultdict(set)
    for _, src, dst, flags in pairs:
        is_response, from_initiator = flags & FLAG_RESPONSE > 0, flags & FLAG_INITIATOR > 0
        if flags < 0 or is_response == from_initiator:
            continue  # the I and R flags do not tell who is the original responder here
        responder, peer = (src, dst) if is_response else (dst, src)
        ported[responder].add(peer)
    for src, sport, dst, dport in esp:
        _note_port(ported, src, sport, dst)
        _note_port(ported, dst, dport, src)
    return ported


def _note_port(ported: dict[str, set[str]], address: str, port: int, peer: str) -> None:
    """A server keeps its well-known port; NAT often changes the client's."""
    if port in (IKE_PORT, NAT_T_PORT, 0):
        ported[address].add(peer)


def _choose(candidates: dict[str, int], partners: dict[str, set[str]]) -> list[str]:
    """The candidates in order of peers, without those whose only partners are servers already.

    Of equals the one seen first comes first: what an address looks like must not decide.
    """
    chosen: list[str] = []
    for address in sorted(candidates, key=lambda a: -candidates[a]):
        if partners[address] - set(chosen):
            chosen.append(address)
    return chosen
