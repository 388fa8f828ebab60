"""Table `sources`: one row a source address, as the server sees it.

Knows how to count; whether a count is a problem is for the rules. Health probes are never counted
as clients, attempts or failures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from itertools import repeat
from typing import overload

from msgspec import Struct

from pcapan.decode.natd import natd_matches
from pcapan.decode.numbers import IKE_PORT
from pcapan.decode.vendor_ids import is_microsoft
from pcapan.tables.declare import Table
from pcapan.tables.facts import Facts
from pcapan.tables.population import class_of, is_untranslated, pool_of
from pcapan.track.attempts import Attempt
from pcapan.track.sources import INITIAL_TTLS, Source

SOURCES = Table("sources", "source address")


class SourceSubject(Struct, frozen=True):
    """A source and the incident around it."""

    source: Source
    facts: Facts


class _Subjects(Sequence[SourceSubject]):
    """Subjects that are made when they are looked at."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._sources = facts.sources.in_order

    def __len__(self) -> int:
        return len(self._sources)

    def __iter__(self) -> Iterator[SourceSubject]:
        return map(SourceSubject, self._sources, repeat(self._facts))

    @overload
    def __getitem__(self, index: int) -> SourceSubject: ...
    @overload
    def __getitem__(self, index: slice) -> list[SourceSubject]: ...
    def __getitem__(self, index: int | slice) -> SourceSubject | list[SourceSubject]:
        if isinstance(index, slice):
            return [SourceSubject(source, self._facts) for source in self._sources[index]]
        return SourceSubject(self._sources[index], self._facts)


def source_subjects(facts: Facts) -> Sequence[SourceSubject]:
    """Sources in order of appearance; those without attempts are idle."""
    return _Subjects(facts)


def _hashed(row: SourceSubject, which: int, fits: bool) -> int:
    """Attempts one of whose NAT-D hashes, by number, fits or does not."""
    return sum([count for found, count in row.source.hashes().items() if found[which] is fits])


@SOURCES.column()
def address(row: SourceSubject) -> str:
    """The address, in text form."""
    return row.source.address


@SOURCES.column()
def address_class(row: SourceSubject) -> str:
    """private (RFC 1918, RFC 4193), carrier (RFC 6598: 100.64.0.0/10), link-local or public."""
    return class_of(row.source.address)


@SOURCES.column("attempts", idle=0)
def attempts(row: SourceSubject) -> int:
    """IKE_SA_INIT attempts (initiator SPIs), probes left out."""
    return len(row.source.attempts)


@SOURCES.column("attempts", idle=0)
def answered(row: SourceSubject) -> int:
    """Attempts that got a real answer."""
    return row.source.answered()


@SOURCES.column("attempts", idle=0)
def unanswered(row: SourceSubject) -> int:
    """Attempts without a real answer."""
    return row.source.unanswered()


@SOURCES.column("SAs")
def sas(row: SourceSubject) -> int:
    """IKE SAs that were established at some time; a chain of rekeyed SAs is one."""
    return len(row.source.live_intervals())


@SOURCES.column("SAs")
def sas_concurrent_max(row: SourceSubject) -> int:
    """Most established IKE SAs at once (a lower bound when some are older than the capture)."""
    return row.source.peak_live()


@SOURCES.column("SAs")
def sas_older(row: SourceSubject) -> int:
    """IKE SAs that were there before the capture began."""
    return row.source.older


@SOURCES.column("SAs")
def sas_half_open(row: SourceSubject) -> int:
    """IKE_SA_INITs that were answered and never followed by IKE_AUTH."""
    return row.source.half_open


@SOURCES.column("clients")
def clients_at_once(row: SourceSubject) -> int:
    """Clients behind the address at the same time, at least: distinct UDP ports in use at once."""
    return row.source.clients_at_once()


@SOURCES.column("attempts", idle=0)
def natd_source_match(row: SourceSubject) -> int:
    """Attempts whose NAT-D source hash fits: nobody translated this source."""
    return _hashed(row, 0, True)


@SOURCES.column("attempts", idle=0)
def natd_source_mismatch(row: SourceSubject) -> int:
    """Attempts whose NAT-D source hash does not fit: translated somewhere, or falsified."""
    return _hashed(row, 0, False)


@SOURCES.column("attempts", idle=0)
def natd_destination_match(row: SourceSubject) -> int:
    """Attempts whose NAT-D destination hash fits the server's own address: no balancer translated it."""
    return _hashed(row, 1, True)


@SOURCES.column("attempts", idle=0)
def natd_destination_mismatch(row: SourceSubject) -> int:
    """Attempts whose NAT-D destination hash does not fit the server's address: the client dialled another."""
    return _hashed(row, 1, False)


@SOURCES.column("attempts", idle=0)
def natd_destination_is_source(row: SourceSubject) -> int:
    """Attempts whose NAT-D destination hash fits this source itself: the client dialled this address."""
    return _hashed(row, 2, True)


@SOURCES.column()
def on_link(row: SourceSubject) -> bool:
    """On the server's own network: ARP or neighbour discovery showed it, or it is in its /64 or private /24.

    Public IPv4 addresses of one /24 often belong to different customers: there only ARP tells.
    """
    if row.source.is_neighbour:
        return True
    own = ":" in row.source.address or class_of(row.source.address) == "private"
    return row.source.same_subnet and own


@SOURCES.column()
def neighbour(row: SourceSubject) -> bool:
    """ARP or neighbour discovery showed the address on the server's own link."""
    return row.source.is_neighbour


@SOURCES.column()
def was_forwarded(row: SourceSubject) -> bool | None:
    """Its packets passed a router before they came here: no TTL is an initial one; unknown without IKE."""
    return row.source.ttl_was_decremented()


@SOURCES.column("hops")
def hop_spread(row: SourceSubject) -> int | None:
    """Difference between the longest and the shortest path of its packets, from their TTLs.

    One host, or hosts behind one office NAT, are about equally far away; clients that a device near
    the server put behind one address are not.
    """
    seen = row.source.ttls or {attempt.ttl: 1 for attempt in row.source.attempts}
    hops = [next((start for start in INITIAL_TTLS if start >= ttl), 255) - ttl for ttl in seen]
    return max(hops) - min(hops) if hops else None


@SOURCES.column("fingerprints", idle=0)
def fingerprints(row: SourceSubject) -> int:
    """Different IKE_SA_INIT fingerprints: payload order, proposals, vendor IDs, key exchange group."""
    shapes = [shape for shape, _ in row.source.shapes()]
    return len({(s.payloads, s.sa_body, s.vendor_ids, s.ke_group) for s in shapes})


@SOURCES.column("attempts", idle=0)
def windows_attempts(row: SourceSubject) -> int:
    """Attempts with a Microsoft vendor ID."""
    shapes = row.source.shapes()
    return sum(count for shape, count in shapes if any(is_microsoft(vid) for vid in shape.vendor_ids))


@SOURCES.column("series")
def probe_series(row: SourceSubject) -> int:
    """Series of periodic probes from this address."""
    return len(row.source.probes)


@SOURCES.column("packets")
def esp_in(row: SourceSubject) -> int:
    """ESP packets from this source to a server."""
    return sum(flow.flow.packets for flow in row.source.esp if flow.src == row.source.address)


@SOURCES.column("packets")
def esp_out(row: SourceSubject) -> int:
    """ESP packets from a server to this source."""
    return sum(flow.flow.packets for flow in row.source.esp if flow.src != row.source.address)


@SOURCES.column("ratio")
def share_of_clients(row: SourceSubject) -> float:
    """Its part of all clients seen at once, over all sources."""
    everybody = row.facts.population.clients
    return row.source.clients_at_once() / everybody if everybody else 0.0


@SOURCES.column("sources")
def same_class_untranslated(row: SourceSubject) -> int:
    """Other sources of the same class whose NAT-D source hash fits: their source was not translated."""
    same = row.facts.population.untranslated.get(class_of(row.source.address), 0)
    return same - is_untranslated(row.source)


@SOURCES.column("sources")
def pool_size(row: SourceSubject) -> int:
    """Sources in the same /28 (IPv4) or /120 (IPv6), itself included, that carry several clients at once."""
    return len(_pool(row))


@SOURCES.column("clients")
def pool_clients(row: SourceSubject) -> int:
    """Clients at once of all sources of that pool."""
    return sum(source.clients_at_once() for source in _pool(row))


@SOURCES.column("ratio")
def pool_share(row: SourceSubject) -> float:
    """The pool's part of all clients seen at once."""
    everybody = row.facts.population.clients
    return pool_clients(row) / everybody if everybody else 0.0


def _pool(row: SourceSubject) -> list[Source]:
    return row.facts.population.pools.get(pool_of(row.source.address), [])


@SOURCES.column("attempts")
def dialled_vip(row: SourceSubject) -> int | None:
    """Attempts whose NAT-D destination hash fits a virtual server named by the user; unknown = none named."""
    vips = [ip_address(vip).packed for vip in row.facts.site.vips]
    if not vips:
        return None
    return sum(any(_dialled(attempt, vip) for vip in vips) for attempt in row.source.attempts)


def _dialled(attempt: Attempt, address: bytes) -> bool:
    """Whether the attempt's NAT-D destination hash fits this address."""
    ports = {attempt.dport, IKE_PORT}
    return any(natd_matches(attempt.natd[1], attempt.spi_i, 0, address, port) for port in ports)


@SOURCES.column()
def is_balancer(row: SourceSubject) -> bool:
    """The user named this address as one of the balancer's."""
    return row.source.address in (*row.facts.site.balancers, *row.facts.site.vips)


@SOURCES.column()
def recovered_addresses(row: SourceSubject) -> list[str]:
    """Clients' own addresses behind it, recovered on request from NAT-D hashes: personal data."""
    recovery = row.facts.recovery
    if recovery is None:
        return []
    found = (recovery.clients.get((a.spi_i, a.src)) for a in row.source.attempts)
    return sorted({one.address for one in found if one is not None})


@SOURCES.column()
def dialled_addresses(row: SourceSubject) -> list[str]:
    """Addresses its clients dialled, recovered on request from NAT-D hashes among known addresses."""
    recovery = row.facts.recovery
    known = recovery.dialled if recovery is not None else {}
    return [
        address
        for address in known
        if any(_dialled(attempt, ip_address(address).packed) for attempt in row.source.attempts)
    ]


@SOURCES.column("clients")
def recovered_clients(row: SourceSubject) -> int | None:
    """Different addresses of clients recovered behind it, its own left out; unknown = not searched."""
    if row.facts.recovery is None:
        return None
    return len([address for address in recovered_addresses(row) if address != row.source.address])
