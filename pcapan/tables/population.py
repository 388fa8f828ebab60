"""All sources of an incident looked at together: classes, pools and their share of the clients.

Knows how to count over all sources once, so that a column of one source costs nothing more. Must not
judge.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from ipaddress import ip_network

from msgspec import Struct, field

from pcapan.track.gathering import Sources
from pcapan.track.numbered import Numbered, numbered
from pcapan.track.probes import ProbeSeries
from pcapan.track.sources import Source
from pcapan.track.survey import Survey

_CLASSES = [
    (network.version, int(network[0]), int(network[-1]), name)
    for network, name in (
        (ip_network("10.0.0.0/8"), "private"),
        (ip_network("172.16.0.0/12"), "private"),
        (ip_network("192.168.0.0/16"), "private"),
        (ip_network("fc00::/7"), "private"),
        (ip_network("100.64.0.0/10"), "carrier"),
        (ip_network("169.254.0.0/16"), "link-local"),
        (ip_network("fe80::/10"), "link-local"),
    )
]
"""IP version, first and last address of each network."""
_HEAD_BITS = {4: 24, 6: 120}
"""How far the first octet of an address is shifted."""
_HEADS = {
    (version, head)
    for version, first, last, _ in _CLASSES
    for head in range(first >> _HEAD_BITS[version], (last >> _HEAD_BITS[version]) + 1)
}
"""First octets of those networks: nearly all addresses begin with another one."""


def class_of(address: str) -> str:
    """private, carrier, link-local or public."""
    version, number = numbered(address)
    if (version, number >> _HEAD_BITS[version]) not in _HEADS:
        return "public"
    for of_version, first, last, name in _CLASSES:
        if version == of_version and first <= number <= last:
            return name
    return "public"


def pool_of(address: str) -> Numbered:
    """Addresses with the same key are neighbours: same /28 (IPv4) or /120 (IPv6)."""
    version, number = numbered(address)
    return version, number >> (4 if version == 4 else 8)


def is_untranslated(source: Source) -> bool:
    """Whether a NAT-D source hash proves that nobody translated this source."""
    return bool(source.attempts) and any(fits for fits, _, _ in source.hashes())


class Population(Struct):
    """Counts over all sources."""

    clients: int = 0
    """Clients at once, summed over all sources."""
    with_ike: int = 0
    """Sources with attempts or SAs."""
    asking: list[Source] = field(default_factory=list)
    """Sources with attempts. All the others there may be a hundred thousand of, tunnels that just went on."""
    asking_at: list[int] = field(default_factory=list)
    """Where each of them stands among all."""
    clients_of: list[int] = field(default_factory=list)
    """Clients at once, of each source."""
    probes: list[ProbeSeries] = field(default_factory=list)
    """Series of probes of all sources."""
    untranslated: Counter[str] = field(default_factory=Counter)
    """Sources whose NAT-D source hash fits, by class."""
    pools: dict[Numbered, list[Source]] = field(default_factory=lambda: defaultdict(list))
    """Sources with at least two clients at once, by neighbourhood."""


def take_census(sources: Sources) -> Population:
    """Count all sources once."""
    found = Survey(sources)
    pools: dict[Numbered, list[Source]] = defaultdict(list)
    for source in found.crowded:
        pools[pool_of(source.address)].append(source)
    return Population(
        clients=sum(found.clients),
        with_ike=found.with_ike,
        asking=found.asking,
        asking_at=found.asking_at,
        clients_of=found.clients,
        probes=found.probes,
        untranslated=Counter(class_of(source.address) for source in found.asking if is_untranslated(source)),
        pools=pools,
    )
