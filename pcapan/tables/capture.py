"""Table `capture`: the one row about the view that this capture gives.

Every rule may use these columns without a prefix; most of them are what gates are made of.
"""

from __future__ import annotations

from pcapan.scan.columns import MARK_COPY, MARK_CUT
from pcapan.tables.declare import Table
from pcapan.tables.facts import Facts

CAPTURE = Table("capture", "whole capture")

#: ESP flows of the server shorter than this say nothing about loss.
_MEASURABLE_FLOW = 20
#: The marks of all messages but those that are cut and no copy.
_NOT_CUT = bytes(mark for mark in range(256) if mark & MARK_COPY or not mark & MARK_CUT)


@CAPTURE.column()
def has_ipsec(facts: Facts) -> bool:
    """There is IKE or ESP in this capture."""
    return any(scan.ike or scan.esp_packets for scan in facts.scans)


@CAPTURE.column("packets")
def ipsec_packets(facts: Facts) -> int:
    """IKE and ESP packets."""
    return sum(scan.ike + scan.esp_packets for scan in facts.scans)


@CAPTURE.column()
def both_directions(facts: Facts) -> bool:
    """Packets to a server and packets it sent (of any protocol) are here, for one server at least."""
    return facts.track.both_directions


@CAPTURE.column()
def from_server(facts: Facts) -> bool:
    """At least one packet of any protocol was sent by a server."""
    return bool(facts.track.senders)


@CAPTURE.column()
def to_server(facts: Facts) -> bool:
    """At least one packet of IKE or ESP goes to a server."""
    return bool(facts.track.receivers)


@CAPTURE.column("servers")
def one_way_servers(facts: Facts) -> int:
    """VPN servers of which only one direction was captured."""
    return len((facts.track.senders | facts.track.receivers) - facts.track.both_ways)


@CAPTURE.column("servers")
def servers(facts: Facts) -> int:
    """VPN servers found."""
    return len(facts.track.roles.servers)


@CAPTURE.column("packets")
def capture_packets(facts: Facts) -> int:
    """Packets, copies left out."""
    return sum(scan.packets - scan.copies for scan in facts.scans)


@CAPTURE.column("ns")
def capture_ns(facts: Facts) -> int:
    """From the first to the last frame."""
    return facts.track.last_ts - facts.track.first_ts


@CAPTURE.column("sources")
def source_count(facts: Facts) -> int:
    """Source addresses with clients: attempts, SAs or ESP."""
    return facts.population.with_ike


@CAPTURE.column("attempts")
def all_attempts(facts: Facts) -> int:
    """IKE_SA_INIT attempts of all sources, probes left out."""
    return sum([len(source.attempts) for source in facts.population.asking])


@CAPTURE.column("attempts")
def all_answered(facts: Facts) -> int:
    """Attempts of all sources that got a real answer."""
    return sum([source.answered() for source in facts.population.asking])


@CAPTURE.column("SAs")
def older_sas(facts: Facts) -> int:
    """IKE SAs older than the capture: two-way ESP or finished exchanges without a handshake."""
    return facts.older_sas


@CAPTURE.column("files")
def damaged_files(facts: Facts) -> int:
    """Input files that are cut or damaged part-way."""
    return sum(entry.damaged for entry in facts.inputs)


@CAPTURE.column("frames")
def cut_frames(facts: Facts) -> int:
    """Frames of which the snap length kept only a part."""
    return sum(scan.cut_frames for scan in facts.scans)


@CAPTURE.column("messages")
def cut_messages(facts: Facts) -> int:
    """IKE messages of which the snap length kept only a part."""
    return sum(len(scan.messages.marks.tobytes().translate(None, _NOT_CUT)) for scan in facts.scans)


@CAPTURE.column("packets")
def copies(facts: Facts) -> int:
    """Packets captured more than once."""
    return sum(scan.copies for scan in facts.scans)


@CAPTURE.column("ratio")
def copy_share(facts: Facts) -> float:
    """Copies in relation to the packets they are copies of."""
    packets = capture_packets(facts)
    return copies(facts) / packets if packets else 0.0


@CAPTURE.column("packets")
def dropped_packets(facts: Facts) -> int | None:
    """Packets that the capture itself lost, as the file says; unknown when it says nothing."""
    counts = [i.dropped for entry in facts.inputs for i in entry.interfaces if i.dropped is not None]
    return sum(counts) if counts else None


@CAPTURE.column("packets")
def esp_missing_from_server(facts: Facts) -> int:
    """ESP sequence numbers missing in the server's own packets: lost before they reached the file."""
    return _losses(facts)[1]


@CAPTURE.column("ratio")
def esp_missing_share(facts: Facts) -> float:
    """The same in relation to the packets the server sent in those flows."""
    sent, missing = _losses(facts)
    return missing / (sent + missing) if sent else 0.0


def _losses(facts: Facts) -> tuple[int, int]:
    return facts.track.esp.losses(facts.track.roles.servers, _MEASURABLE_FLOW)


@CAPTURE.column("packets")
def port_500(facts: Facts) -> int:
    """UDP packets on port 500."""
    return sum(scan.ports[500] for scan in facts.scans)


@CAPTURE.column("packets")
def port_4500(facts: Facts) -> int:
    """UDP packets on port 4500."""
    return sum(scan.ports[4500] for scan in facts.scans)


@CAPTURE.column("packets")
def other_packets(facts: Facts) -> int:
    """Packets of other protocols, ARP included."""
    return sum(scan.other for scan in facts.scans)


@CAPTURE.column("fragments")
def fragments(facts: Facts) -> int:
    """IP fragments of any protocol."""
    return sum(scan.fragments for scan in facts.scans)


@CAPTURE.column("fragments")
def tail_fragments(facts: Facts) -> int:
    """IP fragments other than the first of their datagram; a filter by port loses them."""
    return sum(scan.tail_fragments for scan in facts.scans)


@CAPTURE.column()
def capture_filter(facts: Facts) -> str | None:
    """The capture filter that the file names; unknown when it names none."""
    filters = [i.capture_filter for entry in facts.inputs for i in entry.interfaces if i.capture_filter]
    return "; ".join(dict.fromkeys(filters)) or None


@CAPTURE.column("attempts")
def responses_genuine(facts: Facts) -> int:
    """Answered attempts whose response carries a NAT-D hash that fits the packet."""
    return sum(
        bool(a.response_natd_source_matches or a.response_natd_destination_matches)
        for a in facts.track.attempts
    )


@CAPTURE.column("attempts")
def responses_rewritten(facts: Facts) -> int:
    """Answered attempts of whose response neither NAT-D hash fits the packet."""
    return sum(
        a.response_natd_source_matches is False and a.response_natd_destination_matches is False
        for a in facts.track.attempts
    )


@CAPTURE.column("messages")
def ikev1_messages(facts: Facts) -> int:
    """IKEv1 and AuthIP messages."""
    return len(facts.track.old_versions)


@CAPTURE.column("sources")
def untranslated_sources(facts: Facts) -> int:
    """Sources whose NAT-D source hash fits: their own address arrives at the server."""
    return facts.population.untranslated.total()


@CAPTURE.column()
def drops_told(facts: Facts) -> bool:
    """A file tells which packets the server's system dropped, or which its IKE service received."""
    return facts.delivery.known or any(entry.side.drop_events for entry in facts.inputs)


@CAPTURE.column("packets")
def drop_events(facts: Facts) -> int:
    """Drops of any kind that the files tell of."""
    return sum(entry.side.drop_events for entry in facts.inputs)


@CAPTURE.column("requests")
def service_received(facts: Facts) -> int:
    """IKE_SA_INIT requests that the server's IKE service says it received."""
    return facts.delivery.received


@CAPTURE.column("requests")
def service_unanswered(facts: Facts) -> int:
    """Requests that the IKE service received and nobody answered in the capture."""
    return facts.delivery.received_unanswered


@CAPTURE.column("failures")
def service_failures(facts: Facts) -> int:
    """Failures that the server's IKE service and IPsec report."""
    return sum(facts.delivery.failures.values())


@CAPTURE.column("SAs")
def limit_given(facts: Facts) -> int | None:
    """The limit per source that the user says is configured; unknown = not told."""
    return facts.site.limit


@CAPTURE.column("requests")
def flood_requests(facts: Facts) -> int:
    """IKE_SA_INIT requests of addresses that ask once, too many a second for clients; in no other count."""
    flood = facts.track.timeline.flood
    return flood.requests if flood else 0


@CAPTURE.column("ns")
def flood_ns(facts: Facts) -> int:
    """From the first to the last request of a flood."""
    flood = facts.track.timeline.flood
    return flood.last_ts - flood.first_ts if flood else 0


@CAPTURE.column("messages")
def flood_answers(facts: Facts) -> int:
    """Answers to requests of a flood, COOKIE challenges included."""
    flood = facts.track.timeline.flood
    return flood.answers if flood else 0
