# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""IKE SAs: from the answered IKE_SA_INIT to the last sign of life, and what is only inferred.

Knows RFC 7296 sections 1.2-1.4 and 2.8 as an observer sees them, who cannot read what is encrypted:
sizes, order and silence stand in for content, and every state carries its basis. Must not judge.
Cython compiles this source where it can (see `pcapan.compiled`; C types are in the .pxd).

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
from operator import attrgetter

from pcapan.decode.numbers import CREATE_CHILD_SA, IKE_AUTH, INFORMATIONAL
from pcapan.track.attempts import Attempt
from pcapan.track.exchanges import Exchange
from pcapan.track.flows import SECOND, EspFlow, FlowGroups

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

# The same numbers where compiled code finds them fastest.
_AUTH, _CHILD, _INFORMATIONAL, _SECOND = IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL, SECOND
_AUTH_SUCCESS = SMALLEST_AUTH_SUCCESS

_NOT_SORTED: list[Exchange] = []
_NO_EXCHANGES: dict[int, Exchange] = {}
"""Stands in for those of an SA that has none yet; nothing is ever added to it."""
_BY_MESSAGE_ID = attrgetter("message_id")
_BY_TIME = attrgetter("first_ts")


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


# Every SA begins so, and Python 3.11 looks for a member at each `SaState.X`.
_HALF_OPEN, _OBSERVED = SaState.HALF_OPEN, Basis.OBSERVED
_ESTABLISHED, _BEFORE = SaState.ESTABLISHED, Basis.OLDER


class IkeSa:
    """One IKE SA, keyed by its SPI pair; (0, 0) when only its ESP is seen."""

    def __init__(
        self,
        spi_i: int,
        spi_r: int,
        src: str,
        server: str,
        file: int,
        first_ts: int,
        attempt: Attempt | None = None,
        last_ts: int = 0,
    ) -> None:
        self.spi_i = spi_i
        self.spi_r = spi_r
        self.src = src
        """The client's address when the SA began (or was first seen)."""
        self.server = server
        self.file = file
        self.first_ts = first_ts
        self.attempt = attempt
        self._peers: list[tuple[int, str, int]] | None = None
        self._port = -1
        """The client's port where nothing is known of it but that: most such SAs are never asked for it."""
        self.exchanges = _NO_EXCHANGES
        """By message id, exchange type and whether the client asked; in order of appearance."""
        self._esp: FlowGroups | None = None
        self._esp_number = 0
        self.predecessor: IkeSa | None = None
        """The SA that this one was rekeyed from (CREATE_CHILD_SA)."""
        self.successor: IkeSa | None = None
        self.state = _HALF_OPEN
        self.basis = _OBSERVED
        self.established_ts: int | None = None
        self.ended_ts: int | None = None
        self.last_ts = last_ts
        """Last IKE message or ESP packet."""
        self._last: Exchange | None = None
        """That of the last message: a response nearly always follows its request."""
        self._auths = self._later = _NOT_SORTED
        """Lists that are asked for many times over, good while `_sorted`; not after a new exchange."""
        self._sorted = False

    def begin_older(self, port: int, established_ts: int) -> None:
        """Be a tunnel that was there before the capture: all that is seen of it is ESP at this port."""
        self._port = port
        self.state, self.basis, self.established_ts = _ESTABLISHED, _BEFORE, established_ts

    def carry(self, groups: FlowGroups, number: int) -> None:
        """Take the ESP that has this number among the groups."""
        self._esp = groups
        self._esp_number = number
        until = groups.until(number)
        if until > self.last_ts:
            self.last_ts = until

    @property
    def peers(self) -> list[tuple[int, str, int]]:
        """(time, address, port) of the client, each change once."""
        if self._peers is None:
            self._peers = [(self.first_ts, self.src, self._port)] if self._port >= 0 else []
        return self._peers

    @property
    def moves(self) -> int:
        """How often the client's address or port changed."""
        return 0 if self._peers is None else max(0, len(self._peers) - 1)

    @property
    def esp(self) -> list[EspFlow]:
        """Its ESP flows by time of their first packet."""
        return [] if self._esp is None else self._esp.of(self._esp_number)

    @property
    def has_esp(self) -> bool:
        """Whether any ESP was seen."""
        return self._esp is not None and self._esp.count(self._esp_number) > 0

    @property
    def esp_packets(self) -> int:
        """Packets of ESP, both ways."""
        return 0 if self._esp is None else self._esp.packets(self._esp_number)

    def esp_since(self) -> int | None:
        """When its ESP began, ns."""
        return self._esp.since(self._esp_number) if self._esp is not None and self.has_esp else None

    def exchange(self, kind: int, message_id: int, by_client: bool, ts: int) -> Exchange:
        """The exchange of this type and message id that the client or the server asked for; new at `ts`."""
        last = self._last
        if (
            last is not None
            and last.message_id == message_id
            and last.kind == kind
            and last.by_client == by_client
        ):
            return last
        key = message_id << 9 | kind << 1 | by_client
        exchange = self.exchanges.get(key)
        if exchange is None:
            if self.exchanges is _NO_EXCHANGES:
                self.exchanges = {}
            exchange = self.exchanges[key] = Exchange()
            exchange.begin(kind, message_id, by_client, ts)
            self._sorted = False
        self._last = exchange
        return exchange

    def seen(self, ts: int, address: str, port: int) -> None:
        """Note a message (not of IKE_SA_INIT) from or to the client at this address and port."""
        if ts > self.last_ts:
            self.last_ts = ts
        if self._peers is None:
            self._peers = [(ts, address, port)]
            return
        peer = self._peers[len(self._peers) - 1]
        if peer[2] != port or peer[1] != address:
            self._peers.append((ts, address, port))

    def auths(self) -> list[Exchange]:
        """The client's IKE_AUTH exchanges by message id."""
        if not self._sorted:
            self._sort()
        return self._auths

    def later(self) -> list[Exchange]:
        """CREATE_CHILD_SA and INFORMATIONAL exchanges by time."""
        if not self._sorted:
            self._sort()
        return self._later

    def _sort(self) -> None:
        auths: list[Exchange] = []
        later: list[Exchange] = []
        for exchange in self.exchanges.values():
            if exchange.kind == _AUTH:
                if exchange.by_client:
                    auths.append(exchange)
            elif exchange.kind == _CHILD or exchange.kind == _INFORMATIONAL:
                later.append(exchange)
        if len(auths) > 1:
            auths.sort(key=_BY_MESSAGE_ID)
        if len(later) > 1:
            later.sort(key=_BY_TIME)
        self._auths = auths
        self._later = later
        self._sorted = True

    @property
    def root(self) -> IkeSa:
        """The SA that the chain of rekeyings began with."""
        sa = self
        while sa.predecessor is not None:
            sa = sa.predecessor
        return sa

    @property
    def is_live_kind(self) -> bool:
        """Whether the SA was established at some time."""
        return self.state in (SaState.ESTABLISHED, SaState.ENDED)


def judge_establishment(sa: IkeSa, both_directions: bool) -> None:
    """Set state, basis and time of establishment from everything seen of the SA but its end."""
    auths = sa.auths()
    later = [e for e in sa.later() if _is_conversation(e, both_directions)]
    sign_of_life = sa.has_esp or bool([e for e in later if e.kind == _CHILD])
    if sa.attempt is None and not auths:
        if sign_of_life or later:
            sa.state, sa.basis = SaState.ESTABLISHED, Basis.OLDER
            sa.established_ts = sa.first_ts
        return
    if not auths:
        sa.state = SaState.ESTABLISHED if sign_of_life else SaState.HALF_OPEN
        sa.basis = Basis.INFERRED if sign_of_life else Basis.OBSERVED
        sa.established_ts = sa.esp_since()
        if sign_of_life and sa.established_ts is None:
            sa.established_ts = later[0].first_ts
        return
    last = auths[len(auths) - 1]
    sa.established_ts = last.response.first_ts if last.response.count else last.request.sent_ts
    if sign_of_life:
        sa.state, sa.basis = SaState.ESTABLISHED, Basis.OBSERVED
    elif not last.response.count:
        sa.state, sa.established_ts = SaState.AUTHENTICATING, None
    elif last.response.octets() >= _AUTH_SUCCESS and not client_backed_out(sa, last):
        sa.state = SaState.ESTABLISHED
        sa.basis = Basis.OBSERVED if later else Basis.INFERRED
    else:
        sa.state, sa.basis, sa.established_ts = SaState.FAILED, Basis.INFERRED, None


def _is_conversation(exchange: Exchange, both_directions: bool) -> bool:
    """Encrypted, and asked and answered as far as the capture can show: nothing a scanner brings about."""
    asked = exchange.request.octets() > 0
    if asked != both_directions:  # then the other half decides nothing
        return asked
    return exchange.response.octets() > 0


def client_backed_out(sa: IkeSa, last: Exchange) -> bool:
    """The client sent an INFORMATIONAL within a second of the last IKE_AUTH response: it refuses."""
    done = last.response.sent_ts
    for exchange in sa.later():
        if exchange.kind == _INFORMATIONAL and exchange.by_client and 0 <= exchange.first_ts - done < _SECOND:
            return True
    return False


def judge_end(sa: IkeSa, capture_end: int, keepalive_until: int) -> None:
    """Set the end of the last SA of a chain from silence; see the module's first lines.

    `keepalive_until` is the time of the last keepalive from the client's address and port.
    """
    if sa.state != SaState.ESTABLISHED or sa.successor is not None:
        return
    later = sa.later()
    if not later:
        return
    last = later[0]
    for exchange in later:
        if exchange.last_ts > last.last_ts:
            last = exchange
    last_ts = last.last_ts
    has_esp, esp_until, usual = _chain_esp(sa)
    active_until = max(esp_until, keepalive_until)
    gone = not last.response.count and not last.by_client and last.request.count >= GIVEN_UP_AFTER
    if gone and active_until <= last.request.first_ts:
        sa.state, sa.ended_ts = SaState.ENDED, last_ts
        return
    if last.kind != _INFORMATIONAL or active_until > last_ts + _SECOND:
        return
    # A rekeyed child SA is also deleted by INFORMATIONAL, right after its CREATE_CHILD_SA; silence tells.
    if not has_esp:
        usual = USUAL_SILENCE
    elif esp_until < last.first_ts - max(usual, SHORTEST_SILENCE):
        usual = max(usual, USUAL_SILENCE)
    if capture_end - last_ts > max(SHORTEST_SILENCE, usual):
        sa.state, sa.ended_ts = SaState.ENDED, last_ts


def _chain_esp(sa: IkeSa) -> tuple[bool, int, int]:
    """Whether there was ESP in a chain of SAs, when the last of it came, and its longest silence."""
    found, until, longest = False, 0, 0
    link: IkeSa | None = sa
    while link is not None:
        if link._esp is not None and link.has_esp:
            found = True
            until = max(until, link._esp.until(link._esp_number))
            longest = max(longest, link._esp.longest_gap(link._esp_number))
        link = link.predecessor
    return found, until, longest
