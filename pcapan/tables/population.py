"""All sources of an incident looked at together: classes, pools and their share of the clients.

Knows how to count over all sources once, so that a column of one source costs nothing more. Must not
judge.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from ipaddress import ip_network

from msgspec import Struct, field

from pcapan.track.numbered import Numbered, numbered
from pcapan.track.sources import Source

_CLASSES = [
    ((network.version, int(network[0])), (network.version, int(network[-1])), name)
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
"""First and last address of each network."""


def class_of(address: str) -> str:
    """private, carrier, link-local or public."""
    number = numbered(address)
    return next((name for first, last, name in _CLASSES if first <= number <= last), "public")


def pool_of(address: str) -> Numbered:
    """Addresses with the same key are neighbours: same /28 (IPv4) or /120 (IPv6)."""
    version, number = numbered(address)
    return version, number >> (4 if version == 4 else 8)


def is_untranslated(source: Source) -> bool:
    """Whether a NAT-D source hash proves that nobody translated this source."""
    return any(fits for fits, _, _ in source.hashes())


class Population(Struct):
    """Counts over all sources."""

    clients: int = 0
    """Clients at once, summed over all sources."""
    untranslated: Counter[str] = field(default_factory=Counter)
    """Sources whose NAT-D source hash fits, by class."""
    pools: dict[Numbered, list[Source]] = field(default_factory=lambda: defaultdict(list))
    """Sources with at least two clients at once, by neighbourhood."""


def take_census(sources: Iterable[Source]) -> Population:
    """Count all sources once."""
    population = Population()
    for source in sources:
        clients = source.clients_at_once()
        population.clients += clients
        if is_untranslated(source):
            population.untranslated[class_of(source.address)] += 1
        if clients >= 2:
            population.pools[pool_of(source.address)].append(source)
    return population
