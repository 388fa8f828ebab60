"""Tables that gather single observations: `orphans`, `fragment_losses`, `icmp_errors`, `legacy`, `nodes`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import cache

from msgspec import Struct, field

from pcapan.decode.numbers import IKE_PORT, NAT_T_PORT
from pcapan.scan.columns import IcmpObservation
from pcapan.tables.declare import Table
from pcapan.tables.facts import Facts
from pcapan.track.attempts import Attempt
from pcapan.track.lost import LostDatagram
from pcapan.track.sas import IkeSa
from pcapan.track.sources import LIVE
from pcapan.track.timeline import Message

ORPHANS = Table("orphans", "first IKE_AUTH whose IKE_SA_INIT this server never saw")
FRAGMENT_LOSSES = Table("fragment_losses", "pair of hosts with IP datagrams that never became whole")
ICMP_ERRORS = Table("icmp_errors", "sender and kind of ICMP errors that quote our ports")
LEGACY = Table("legacy", "source address that speaks IKEv1 or AuthIP")
NODES = Table("nodes", "VPN server")

_INFORMATIONAL_V1 = 5


class Orphan(Struct, frozen=True):
    """An IKE_AUTH without its IKE_SA_INIT, and the incident around it."""

    sa: IkeSa
    facts: Facts

    @property
    def elsewhere(self) -> Attempt | None:
        """The attempt with the same initiator SPI at another server."""
        same = self.facts.orphaned.get(self.sa.spi_i, ())
        return next((attempt for attempt in same if attempt.server != self.sa.server), None)


class LossPair(Struct):
    """Incomplete datagrams from one host to another."""

    src: str
    dst: str
    facts: Facts
    lost: list[LostDatagram] = field(default_factory=list)


class IcmpGroup(Struct):
    """ICMP errors of one kind from one host to another."""

    src: str
    dst: str
    name: str
    facts: Facts
    seen: list[tuple[int, IcmpObservation, str]] = field(default_factory=list)
    """(file, observation, source of the quoted packet)"""


class LegacySource(Struct):
    """IKEv1 and AuthIP messages of one source."""

    src: str
    asked: list[Message] = field(default_factory=list)
    answers: list[Message] = field(default_factory=list)


class Node(Struct, frozen=True):
    """One VPN server."""

    address: str
    facts: Facts
    attempts: list[Attempt]
    """Attempts that came to it, probes included."""
    established: Callable[[], Counter[str]]
    """Gives how many IKE SAs were established at some time, by server: found for all when one is asked."""

    def answered(self) -> list[Attempt]:
        """Attempts of which a response is in the capture."""
        return [attempt for attempt in self.attempts if attempt.answers]


def orphan_subjects(facts: Facts) -> Iterator[Orphan]:
    """IKE_AUTH with message id 1 of unknown SPI pairs."""
    for sa in facts.track.orphan_auths:
        yield Orphan(sa, facts)


def loss_subjects(facts: Facts) -> list[LossPair]:
    """Incomplete datagrams by pair of hosts."""
    pairs: dict[tuple[str, str], LossPair] = {}
    for entry in facts.lost:
        key = (entry.src, entry.dst)
        pairs.setdefault(key, LossPair(*key, facts)).lost.append(entry)
    return list(pairs.values())


def icmp_subjects(facts: Facts) -> list[IcmpGroup]:
    """ICMP errors by sender, receiver and kind."""
    groups: dict[tuple[str, str, str], IcmpGroup] = {}
    for file, src, dst, seen in facts.track.timeline.icmp():
        key = (src, dst, seen.name)
        quoted = facts.track.timeline.names[file - 1][seen.quoted_src]
        groups.setdefault(key, IcmpGroup(*key, facts)).seen.append((file, seen, quoted))
    return list(groups.values())


def legacy_subjects(facts: Facts) -> list[LegacySource]:
    """Sources of IKEv1 and AuthIP; answers are the servers' messages that are no mere error notify."""
    sources: dict[str, LegacySource] = {}
    servers = set(facts.track.roles.servers)
    for message in facts.track.old_versions:
        outward = message.src in servers or (not servers and message.spi_r != 0 and message.sport == IKE_PORT)
        client = message.dst if outward else message.src
        entry = sources.setdefault(client, LegacySource(client))
        if not outward:
            entry.asked.append(message)
        elif message.exchange != _INFORMATIONAL_V1:
            entry.answers.append(message)
    return list(sources.values())


def node_subjects(facts: Facts) -> Iterator[Node]:
    """Every VPN server."""
    attempts: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in facts.track.attempts:
        attempts[attempt.server].append(attempt)

    @cache
    def established() -> Counter[str]:
        return Counter(sa.server for sa in facts.track.sas if sa.predecessor is None and sa.state in LIVE)

    for address in facts.track.roles.servers:
        yield Node(address, facts, attempts[address], established)


@ORPHANS.column()
def orphan_client(row: Orphan) -> str:
    """Source address."""
    return row.sa.src


@ORPHANS.column()
def orphan_server(row: Orphan) -> str:
    """The server that got the IKE_AUTH."""
    return row.sa.server


@ORPHANS.column("ns")
def since_start_ns(row: Orphan) -> int:
    """From the beginning of this server's capture to the first IKE_AUTH."""
    return row.sa.first_ts - row.facts.track.began.get(row.sa.server, row.sa.first_ts)


@ORPHANS.column("requests")
def orphan_sends(row: Orphan) -> int:
    """How often the IKE_AUTH request was sent."""
    return len(row.sa.auths()[0].request.sends)


@ORPHANS.column()
def orphan_answered(row: Orphan) -> bool:
    """The server answered it."""
    return any(exchange.answered for exchange in row.sa.auths())


@ORPHANS.column()
def init_elsewhere(row: Orphan) -> str | None:
    """The other server whose capture holds the IKE_SA_INIT of the same initiator SPI; unknown = none."""
    found = row.elsewhere
    return found.server if found else None


@ORPHANS.column("handshakes")
def node_half_open(row: Orphan) -> int:
    """Handshakes at this server that were answered and never continued: the other halves."""
    return row.facts.never_continued[row.sa.server]


@FRAGMENT_LOSSES.column()
def loss_src(row: LossPair) -> str:
    """Sender of the fragments."""
    return row.src


@FRAGMENT_LOSSES.column()
def loss_dst(row: LossPair) -> str:
    """Receiver of the fragments."""
    return row.dst


@FRAGMENT_LOSSES.column()
def loss_to_server(row: LossPair) -> bool:
    """The fragments were on their way to a server."""
    return row.dst in row.facts.track.roles.servers


@FRAGMENT_LOSSES.column("datagrams")
def incomplete(row: LossPair) -> int:
    """Datagrams of which a fragment is missing."""
    return len(row.lost)


@FRAGMENT_LOSSES.column("datagrams")
def without_tail(row: LossPair) -> int:
    """Of them, datagrams whose last fragment is missing."""
    return sum(not entry.has_tail for entry in row.lost)


@FRAGMENT_LOSSES.column("datagrams")
def ike_auth_incomplete(row: LossPair) -> int:
    """Of them, datagrams whose first fragment begins an IKE_AUTH message."""
    return sum(entry.exchange == 35 for entry in row.lost)


@ICMP_ERRORS.column()
def icmp_sender(row: IcmpGroup) -> str:
    """Who sent the errors."""
    return row.src


@ICMP_ERRORS.column()
def icmp_receiver(row: IcmpGroup) -> str:
    """Who got the errors."""
    return row.dst


@ICMP_ERRORS.column()
def icmp_name(row: IcmpGroup) -> str:
    """Kind of error, in words."""
    return row.name


@ICMP_ERRORS.column()
def from_vpn_server(row: IcmpGroup) -> bool:
    """Sent by a VPN server itself."""
    return row.src in row.facts.track.roles.servers


@ICMP_ERRORS.column("errors")
def icmp_count(row: IcmpGroup) -> int:
    """Errors of this kind from the sender to the receiver."""
    return len(row.seen)


@ICMP_ERRORS.column("errors")
def about_requests(row: IcmpGroup) -> int:
    """Of them, errors about packets that went to the sender's own port 500 or 4500."""
    return sum(
        seen.quoted_dport in (IKE_PORT, NAT_T_PORT) and quoted != row.src for _, seen, quoted in row.seen
    )


@LEGACY.column()
def legacy_source(row: LegacySource) -> str:
    """Source address."""
    return row.src


@LEGACY.column("messages")
def legacy_asked(row: LegacySource) -> int:
    """IKEv1 or AuthIP messages from it."""
    return len(row.asked)


@LEGACY.column("messages")
def legacy_answers(row: LegacySource) -> int:
    """Messages of a server to it that carry a negotiation on, error notifies left out."""
    return len(row.answers)


@LEGACY.column()
def authip(row: LegacySource) -> bool:
    """Exchange types of AuthIP (Microsoft) are among them."""
    return any(message.exchange >= 240 for message in row.asked)


@NODES.column()
def node(row: Node) -> str:
    """The server's address."""
    return row.address


@NODES.column("attempts")
def node_attempts(row: Node) -> int:
    """IKE_SA_INIT attempts that came to it, probes left out."""
    return [attempt.is_probe for attempt in row.attempts].count(False)


@NODES.column("attempts")
def node_answered(row: Node) -> int:
    """Of them, attempts it answered."""
    return [attempt.answered for attempt in row.attempts if not attempt.is_probe].count(True)


@NODES.column("sources")
def node_sources(row: Node) -> int:
    """Source addresses that use it."""
    return row.facts.sources.count_with(row.address)


@NODES.column("SAs")
def node_sas(row: Node) -> int:
    """IKE SAs established at it at some time."""
    return row.established()[row.address]


@NODES.column("handshakes")
def node_never_continued(row: Node) -> int:
    """Handshakes it answered, and whose answer the client seems to have got, never continued here."""
    return row.facts.never_continued[row.address]


@NODES.column("attempts")
def replies_elsewhere(row: Node) -> int:
    """Attempts whose response came from another address or port than asked, or went elsewhere."""
    return [attempt.reply_elsewhere for attempt in row.answered()].count(True)


def _leaves_otherwise(attempt: Attempt) -> bool:
    came_from, went_to = attempt.macs[0], attempt.reply_macs[1]
    return bool(came_from and went_to and came_from != went_to)


@NODES.column("attempts")
def replies_other_hop(row: Node) -> int:
    """Attempts whose response left to another MAC address than the request came from."""
    return len([attempt for attempt in row.answered() if _leaves_otherwise(attempt)])


@NODES.column("attempts")
def replies_with_macs(row: Node) -> int:
    """Answered attempts whose MAC addresses are known both ways."""
    return len([attempt for attempt in row.answered() if attempt.macs[0] and attempt.reply_macs[1]])


@NODES.column("attempts")
def other_hop_in_vain(row: Node) -> int:
    """Of those with another MAC address, attempts that the client repeated after the answer or gave up."""
    in_vain = [a for a in row.answered() if a.repeats_after_answer > 0 and not a.continued]
    return len([attempt for attempt in in_vain if _leaves_otherwise(attempt)])
