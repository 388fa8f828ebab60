"""IKE SAs: from the answered IKE_SA_INIT to the last sign of life, and what is only inferred.

Knows RFC 7296 sections 1.2-1.4 and 2.8 as an observer sees them, who cannot read what is encrypted:
sizes, order and silence stand in for content, and every state carries its basis. Must not judge.

How an SA gets its state:
  half-open       IKE_SA_INIT answered, no IKE_AUTH seen
  authenticating  IKE_AUTH asked, not (yet) answered to the end
  established     observed: ESP or a later exchange followed; inferred: only the size of the last
                  IKE_AUTH response says that it carried an SA and traffic selectors
  failed          the last IKE_AUTH response was too small for that, and nothing followed
  ended           an established SA whose last exchange was INFORMATIONAL and after which the client
                  was silent for longer than ever before, or whose client stopped answering
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct, field

from pcapan.decode.numbers import CREATE_CHILD_SA, IKE_AUTH, INFORMATIONAL
from pcapan.track.attempts import Attempt
from pcapan.track.exchanges import Exchange
from pcapan.track.timeline import SECOND, EspFlow

#: Encrypted bytes of the IKE_AUTH response that completes the IKE SA, at least: identity (12), AUTH
#: (28 to 40), then the child SA (40) and its traffic selectors (48) or a notify that there is none,
#: IV and checksum (24 to 32). A lone error notify has up to 56, an EAP failure with its text up to
#: about 100; see RFC 7296 section 3 for the payload sizes.
SMALLEST_AUTH_SUCCESS = 112
#: Silence after an INFORMATIONAL exchange that is taken for a deletion when it is longer than any
#: silence of that client before, but at least this.
SHORTEST_SILENCE = 3 * SECOND
#: What stands in for the usual silence of a client that never sent ESP: keepalives come every 20 s
#: (RFC 3948), and Windows checks a silent peer within a minute.
USUAL_SILENCE = 30 * SECOND
#: Unanswered repeats of a server's request after which it gives the client up.
GIVEN_UP_AFTER = 3


class SaState(StrEnum):
    """What became of an IKE SA."""

    HALF_OPEN = "half-open"
    AUTHENTICATING = "authenticating"
    ESTABLISHED = "established"
    FAILED = "failed"
    ENDED = "ended"


class Basis(StrEnum):
    """What a state rests on."""

    OBSERVED = "observed"
    INFERRED = "inferred"
    OLDER = "older-than-capture"
    """The SA was there before the capture began."""


class IkeSa(Struct):
    """One IKE SA, keyed by its SPI pair; (0, 0) when only its ESP is seen."""

    spi_i: int
    spi_r: int
    src: str
    """The client's address when the SA began (or was first seen)."""
    server: str
    file: int
    first_ts: int
    attempt: Attempt | None = None
    peers: list[tuple[int, str, int]] = field(default_factory=list)
    """(time, address, port) of the client, each change once."""
    exchanges: dict[tuple[int, int, bool], Exchange] = field(default_factory=dict)
    """By exchange type, message id and whether the client asked; in order of appearance."""
    esp: list[EspFlow] = field(default_factory=list)
    predecessor: IkeSa | None = None
    """The SA that this one was rekeyed from (CREATE_CHILD_SA)."""
    successor: IkeSa | None = None
    state: SaState = SaState.HALF_OPEN
    basis: Basis = Basis.OBSERVED
    established_ts: int | None = None
    ended_ts: int | None = None
    last_ts: int = 0
    """Last IKE message or ESP packet."""
    _auths: list[Exchange] | None = None
    _later: list[Exchange] | None = None
    """Lists that are asked for many times over, once made; None after a new exchange."""

    def exchange(self, kind: int, message_id: int, by_client: bool, ts: int) -> Exchange:
        """The exchange of this type and message id that the client or the server asked for; new at `ts`."""
        key = (kind, message_id, by_client)
        exchange = self.exchanges.get(key)
        if exchange is None:
            exchange = self.exchanges[key] = Exchange(*key, ts, ts)
            self._auths = self._later = None
        return exchange

    def seen(self, ts: int, address: str, port: int) -> None:
        """Note a message (not of IKE_SA_INIT) from or to the client at this address and port."""
        if ts > self.last_ts:
            self.last_ts = ts
        peers = self.peers
        if not peers or peers[-1][2] != port or peers[-1][1] != address:
            peers.append((ts, address, port))

    def auths(self) -> list[Exchange]:
        """The client's IKE_AUTH exchanges by message id."""
        if self._auths is None:
            found = [e for e in self.exchanges.values() if e.kind == IKE_AUTH and e.by_client]
            self._auths = sorted(found, key=lambda e: e.message_id)
        return self._auths

    def later(self) -> list[Exchange]:
        """CREATE_CHILD_SA and INFORMATIONAL exchanges by time."""
        if self._later is None:
            found = [e for e in self.exchanges.values() if e.kind in (CREATE_CHILD_SA, INFORMATIONAL)]
            self._later = sorted(found, key=lambda e: e.first_ts)
        return self._later

    @property
    def root(self) -> IkeSa:
        """The SA that the chain of rekeyings began with."""
        sa = self
        while sa.predecessor is not None:
            sa = sa.predecessor
        return sa

    @property
    def has_esp_both_ways(self) -> bool:
        """ESP was seen from the client and to it."""
        directions = {flow.src == self.server for flow in self.esp}
        return len(directions) == 2

    @property
    def is_live_kind(self) -> bool:
        """Whether the SA was established at some time."""
        return self.state in (SaState.ESTABLISHED, SaState.ENDED)


def judge_establishment(sa: IkeSa, both_directions: bool) -> None:
    """Set state, basis and time of establishment from everything seen of the SA but its end."""
    auths = sa.auths()
    later = [e for e in sa.later() if _is_conversation(e, both_directions)]
    sign_of_life = bool(sa.esp) or any(e.kind == CREATE_CHILD_SA for e in later)
    if sa.attempt is None and not auths:
        if sign_of_life or later:
            sa.state, sa.basis = SaState.ESTABLISHED, Basis.OLDER
            sa.established_ts = sa.first_ts
        return
    if not auths:
        sa.state = SaState.ESTABLISHED if sign_of_life else SaState.HALF_OPEN
        sa.basis = Basis.INFERRED if sign_of_life else Basis.OBSERVED
        sa.established_ts = sa.esp[0].flow.first_ts if sa.esp else None
        if sign_of_life and sa.established_ts is None:
            sa.established_ts = later[0].first_ts
        return
    last = auths[-1]
    sa.established_ts = last.response.sends[0][2] if last.answered else last.request.sends[-1][2]
    if sign_of_life:
        sa.state, sa.basis = SaState.ESTABLISHED, Basis.OBSERVED
    elif not last.answered:
        sa.state, sa.established_ts = SaState.AUTHENTICATING, None
    elif last.response.encrypted >= SMALLEST_AUTH_SUCCESS and not client_backed_out(sa, last):
        sa.state = SaState.ESTABLISHED
        sa.basis = Basis.OBSERVED if later else Basis.INFERRED
    else:
        sa.state, sa.basis, sa.established_ts = SaState.FAILED, Basis.INFERRED, None


def _is_conversation(exchange: Exchange, both_directions: bool) -> bool:
    """Encrypted, and asked and answered as far as the capture can show: nothing a scanner brings about."""
    request, response = exchange.request, exchange.response
    asked = bool(request.sends) and request.encrypted > 0
    if asked != both_directions:  # then the other half decides nothing
        return asked
    return bool(response.sends) and response.encrypted > 0


def client_backed_out(sa: IkeSa, last: Exchange) -> bool:
    """The client sent an INFORMATIONAL within a second of the last IKE_AUTH response: it refuses."""
    done = last.response.sends[-1][2]
    return any(
        e.kind == INFORMATIONAL and e.by_client and 0 <= e.first_ts - done < SECOND for e in sa.later()
    )


def judge_end(sa: IkeSa, capture_end: int, keepalive_until: int) -> None:
    """Set the end of the last SA of a chain from silence; see the module's first lines.

    `keepalive_until` is the time of the last keepalive from the client's address and port.
    """
    if sa.state != SaState.ESTABLISHED or sa.successor is not None:
        return
    later = sa.later()
    if not later:
        return
    last = max(later, key=lambda e: e.last_ts)
    chain_esp = list(_chain_esp(sa))
    esp_until = max((flow.flow.last_ts for flow in chain_esp), default=0)
    active_until = max(esp_until, keepalive_until)
    gone = not last.answered and not last.by_client and len(last.request.sends) >= GIVEN_UP_AFTER
    if gone and active_until <= last.request.sends[0][2]:
        sa.state, sa.ended_ts = SaState.ENDED, last.last_ts
        return
    if last.kind != INFORMATIONAL or active_until > last.last_ts + SECOND:
        return
    # A rekeyed child SA is also deleted by INFORMATIONAL, right after its CREATE_CHILD_SA; silence tells.
    usual = max((flow.flow.longest_gap for flow in chain_esp), default=USUAL_SILENCE)
    if chain_esp and esp_until < last.first_ts - max(usual, SHORTEST_SILENCE):
        usual = max(usual, USUAL_SILENCE)
    if capture_end - last.last_ts > max(SHORTEST_SILENCE, usual):
        sa.state, sa.ended_ts = SaState.ENDED, last.last_ts


def _chain_esp(sa: IkeSa) -> list[EspFlow]:
    flows: list[EspFlow] = []
    link: IkeSa | None = sa
    while link is not None:
        flows += link.esp
        link = link.predecessor
    return flows
