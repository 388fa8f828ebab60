"""Everything the tables are made from, gathered once for one incident.

Knows the trackers' results, the input files and what the user told about the network. Must not
know columns or rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct, field

from pcapan.ingest.inputs import InputFacts
from pcapan.scan.columns import FileScan
from pcapan.tables.population import Population, take_census
from pcapan.track.attempts import Attempt
from pcapan.track.drops import Delivery, DropGroup, find_drops
from pcapan.track.episodes import Episode, Silence, find_episodes, find_silences, list_requests
from pcapan.track.gathering import Sources, gather_sources
from pcapan.track.lost import LostDatagram, find_lost
from pcapan.track.probes import ProbeSeries
from pcapan.track.sas import IkeSa
from pcapan.track.survey import SaSurvey
from pcapan.track.tracker import Track, track

if TYPE_CHECKING:
    from pcapan.track.recover import Recovery


class Site(Struct, frozen=True):
    """What the user told about the network; every part may be missing."""

    servers: tuple[str, ...] = ()
    vips: tuple[str, ...] = ()
    """Addresses that clients dial: the balancer's virtual servers."""
    balancers: tuple[str, ...] = ()
    """Addresses that the balancer (or firewall) uses towards the servers."""
    limit: int | None = None
    """IkeNumEstablishedForInitialQuery as configured on the servers."""
    recover_seconds: float | None = None
    """Search the NAT detection hashes for clients' own addresses, for this long; None = do not search."""


class Facts(Struct):
    """One incident, ready to be turned into tables."""

    inputs: list[InputFacts]
    scans: list[FileScan]
    track: Track
    sources: Sources
    episodes: list[Episode]
    silences: list[Silence]
    population: Population
    ike_sas: list[IkeSa]
    """The SAs of `track` of which there are IKE messages; of any number of others only ESP is seen."""
    ike_sas_at: list[int] = field(default_factory=list)
    """Where each of them stands among all."""
    older_sas: int = 0
    """SAs that were there before the capture began; a chain of rekeyed SAs is one."""
    orphaned: dict[int, list[Attempt]] = field(default_factory=dict)
    """Attempts at any server by the initiator SPIs of IKE_AUTH whose IKE_SA_INIT its server never saw."""
    never_continued: Counter[str] = field(default_factory=Counter)
    """Handshakes answered and never continued, by server; left out are probes and clients that asked again
    after the answer: they did not get it, so what followed could not come."""
    ike_fragments: bool = True
    """Fragments of IKE messages (RFC 7383) are in the capture."""
    stranded: dict[int, str] = field(default_factory=dict)
    """Initiator SPI -> server that got its IKE_AUTH without having done its IKE_SA_INIT."""
    lost_by_spi: Counter[int] = field(default_factory=Counter)
    """Incomplete datagrams by the initiator SPI in their first fragment."""
    site: Site = field(default_factory=Site)
    recovery: Recovery | None = None
    """Clients' own addresses, when the user asked for them: personal data."""
    probes: list[ProbeSeries] = field(default_factory=list)
    lost: list[LostDatagram] = field(default_factory=list)
    drops: list[DropGroup] = field(default_factory=list)
    delivery: Delivery = field(default_factory=Delivery)
    cut_headers: frozenset[tuple[int, int]] = frozenset()
    """(File, frame) of IKE messages whose header the snap length cut."""


def gather_facts(
    inputs: list[InputFacts],
    scans: list[FileScan],
    site: Site,
    progress: Callable[[int, int], None] | None = None,
    recovery: Recovery | None = None,
    jobs: int = 1,
) -> Facts:
    """Track the scans and derive sources, episodes and silences; `inputs` and `scans` run in parallel.

    `progress` is told about the address search, when `site` asks for one: (units done, units in all);
    `jobs` is the number of cores for it. What an earlier search of the same attempts found can be given as
    `recovery` instead.
    """
    tracked = track(scans, site.servers)
    sources = gather_sources(tracked)
    if site.recover_seconds is not None and recovery is None:
        from pcapan.track.recover import recover_addresses

        recovery = recover_addresses(
            [attempt for attempt in tracked.attempts if not attempt.is_probe],
            [*site.vips, *site.balancers, *(name for names in tracked.timeline.names for name in names)],
            jobs=jobs,
            budget_seconds=site.recover_seconds,
            progress=progress,
        )
    lost = find_lost(tracked.timeline)
    sas = SaSurvey(tracked.sas)
    population = take_census(sources)
    requests = list_requests(population.asking)
    orphaned: dict[int, list[Attempt]] = {sa.spi_i: [] for sa in tracked.orphan_auths}
    for attempt in tracked.attempts if orphaned else ():
        if attempt.spi_i in orphaned:
            orphaned[attempt.spi_i].append(attempt)
    drops, delivery = find_drops([entry.side for entry in inputs], tracked.roles.servers, tracked.attempts)
    return Facts(
        inputs=inputs,
        drops=drops,
        delivery=delivery,
        scans=scans,
        track=tracked,
        sources=sources,
        ike_sas=sas.with_ike,
        ike_sas_at=sas.with_ike_at,
        older_sas=sas.older,
        episodes=find_episodes(tracked, population.asking, requests),
        silences=find_silences(tracked, sources, requests),
        population=population,
        orphaned=orphaned,
        never_continued=Counter(
            sa.server
            for sa in sas.with_ike
            if not sa.exchanges
            and sa.attempt is not None
            and not sa.attempt.is_probe
            and not sa.attempt.repeats_after_answer
        ),
        ike_fragments=any(scan.messages.fragment_total.tobytes().strip(b"\0") for scan in scans),
        stranded={sa.spi_i: sa.server for sa in tracked.orphan_auths},
        lost_by_spi=Counter(entry.spi_i for entry in lost if entry.spi_i is not None),
        site=site,
        recovery=recovery,
        lost=lost,
        probes=population.probes,
        cut_headers=frozenset(
            (file, frame)
            for file, scan in enumerate(scans, 1)
            if scan.cut_frames
            for frame, length in zip(scan.messages.frame, scan.messages.length, strict=True)
            if length < 0
        ),
    )
