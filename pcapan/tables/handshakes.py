"""Table `handshakes`: one row an IKE_SA_INIT that was accepted, and what became of it.

Knows which facts tell the ways apart in which a handshake can stop. Probes are left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from pcapan.tables.declare import Table
from pcapan.tables.facts import Facts
from pcapan.track.attempts import RETRANSMISSION_GAP
from pcapan.track.exchanges import Exchange
from pcapan.track.sas import SMALLEST_AUTH_SUCCESS, IkeSa, SaState, client_backed_out

HANDSHAKES = Table("handshakes", "accepted IKE_SA_INIT and what became of it")


class Handshake(Struct, frozen=True):
    """An SA whose IKE_SA_INIT is in the capture, and the incident around it."""

    sa: IkeSa
    facts: Facts
    server_heard: bool
    last_auth: Exchange | None
    """The client's last IKE_AUTH exchange."""


def handshake_subjects(facts: Facts) -> Iterator[Handshake]:
    """Accepted handshakes of clients, by time."""
    both_ways = facts.track.both_ways
    for sa in facts.ike_sas:
        attempt = sa.attempt
        if attempt is not None and not attempt.is_probe:
            auths = sa.auths()
            yield Handshake(sa, facts, sa.server in both_ways, auths[-1] if auths else None)


#: As `SaState` has them, found without asking each member for its value.
_WORDS = {state: state.value for state in SaState}


@HANDSHAKES.column()
def client(row: Handshake) -> str:
    """Source address."""
    return row.sa.src


@HANDSHAKES.column()
def state(row: Handshake) -> str:
    """half-open, authenticating, established, failed or ended."""
    return _WORDS[row.sa.state]


@HANDSHAKES.column("exchanges")
def auth_rounds(row: Handshake) -> int:
    """IKE_AUTH exchanges seen; EAP (user tunnel) takes several, a machine certificate one."""
    return len(row.sa.auths())


@HANDSHAKES.column()
def has_esp(row: Handshake) -> bool:
    """ESP of this SA was seen."""
    return row.sa.has_esp


@HANDSHAKES.column("requests")
def auth_sends(row: Handshake) -> int:
    """How often the last IKE_AUTH request was sent, sends of which fragments are missing included."""
    auth = row.last_auth
    return (len(auth.request.sends) if auth else 0) + lost_datagrams(row)


@HANDSHAKES.column()
def auth_answered(row: Handshake) -> bool:
    """The last IKE_AUTH request got an answer (or the client went on); no when none was sent."""
    auth = row.last_auth
    return auth is not None and (
        auth.answered
        or any(e.by_client and e.message_id > auth.message_id for e in row.sa.exchanges.values())
    )


@HANDSHAKES.column("requests")
def auth_repeats_after_answer(row: Handshake) -> int:
    """Repeats of an IKE_AUTH request after the capture shows it answered."""
    most = 0
    for exchange in row.sa.auths():
        if exchange.repeats_after_response > most:
            most = exchange.repeats_after_response
    return most


@HANDSHAKES.column("requests")
def init_repeats_after_answer(row: Handshake) -> int:
    """Repeats of the IKE_SA_INIT request after the capture shows it answered."""
    return row.sa.attempt.repeats_after_answer if row.sa.attempt else 0


@HANDSHAKES.column()
def small_reply(row: Handshake) -> bool:
    """The last IKE_AUTH response is too small for anything but an error or an EAP failure."""
    auth = row.last_auth
    return auth is not None and auth.answered and auth.response.encrypted < SMALLEST_AUTH_SUCCESS


@HANDSHAKES.column()
def client_refused(row: Handshake) -> bool:
    """The client sent an INFORMATIONAL within a second of the last IKE_AUTH response."""
    auth = row.last_auth
    return auth is not None and auth.answered and client_backed_out(row.sa, auth)


@HANDSHAKES.column("requests")
def auth_losses(row: Handshake) -> int:
    """IKE_AUTH requests that were sent more than once: packets may have been lost."""
    losses = 0
    for exchange in row.sa.auths():
        if exchange.last_ts - exchange.first_ts >= RETRANSMISSION_GAP:  # else nothing was sent again
            losses += len(exchange.request.sends) > 1
    return losses


@HANDSHAKES.column("fragments")
def ike_fragments_missing(row: Handshake) -> int:
    """IKE fragments (RFC 7383) missing in requests never answered, and in responses."""
    missing = 0
    for exchange in row.sa.exchanges.values() if row.facts.ike_fragments else ():
        in_response = exchange.response.missing_fragments
        if in_response or not exchange.answered:
            missing += exchange.request.missing_fragments + in_response
    return missing


@HANDSHAKES.column("datagrams")
def lost_datagrams(row: Handshake) -> int:
    """IP datagrams with messages of this SA of which IP fragments are missing."""
    lost = row.facts.lost_by_spi
    return lost[row.sa.spi_i] if lost else 0


@HANDSHAKES.column("ns")
def quiet_ns(row: Handshake) -> int:
    """From the last sign of this client's SA to the end of the capture."""
    last = max(row.sa.last_ts, row.sa.attempt.last_ts if row.sa.attempt else 0)
    return row.facts.track.last_ts - last


@HANDSHAKES.column()
def client_on_4500(row: Handshake) -> bool:
    """Anything of this source's address was seen on UDP 4500, fragments without ports included."""
    source = row.facts.sources.find(row.sa.src)
    return (
        (source is not None and (source.has_esp or any(sa.exchanges for sa in source.ike_sas)))
        or any(entry.src == row.sa.src and entry.sport != 500 for entry in row.facts.lost)
        or any(sa.src == row.sa.src for sa in row.facts.track.orphan_auths)
    )


@HANDSHAKES.column()
def server_heard(row: Handshake) -> bool:
    """Both directions of this server were captured, so that an answer could be seen."""
    return row.server_heard


@HANDSHAKES.column()
def auth_elsewhere(row: Handshake) -> str | None:
    """The other server that got the IKE_AUTH of this initiator SPI; unknown = none in these captures."""
    stranded = row.facts.stranded
    return stranded.get(row.sa.spi_i) if stranded else None
