"""IKE_SA_INIT exchanges become attempts: who asked, how often, and what was answered.

Knows RFC 7296 sections 1.2, 2.6 and 2.7: COOKIE, INVALID_KE_PAYLOAD and retransmissions belong to
one attempt, keyed by the initiator SPI; a redial has a new one. Must not judge why an answer is
missing: `pcapan.detect` does.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_address

from msgspec import Struct, field

from pcapan.decode.natd import natd_matches
from pcapan.decode.numbers import (
    COOKIE,
    FIRST_STATUS_NOTIFY,
    IKE_PORT,
    INVALID_KE_PAYLOAD,
    NO_PROPOSAL_CHOSEN,
    PAYLOAD_KE,
    PAYLOAD_NONCE,
    PAYLOAD_SA,
    REDIRECT,
)
from pcapan.scan.columns import Shape
from pcapan.track.timeline import SECOND, Message

#: Sends of the same bytes closer together than this are one send: Windows repeats after 1 s, and
#: one implementation sends a COOKIE retry twice within a millisecond.
RETRANSMISSION_GAP = SECOND // 2

#: A request this close to the end of the capture may still be answered after it. Servers answer in
#: milliseconds; the slowest ones are overtaken by the client's repeat after one second.
GRACE = 2 * SECOND


class Answer(StrEnum):
    """What a response to IKE_SA_INIT says."""

    ACCEPTED = "accepted"
    """SA, KE and nonce of the responder: the exchange is done."""
    COOKIE = "cookie"
    """A challenge (RFC 7296 section 2.6), which is no answer to the request itself."""
    INVALID_KE = "invalid-ke-payload"
    NO_PROPOSAL = "no-proposal-chosen"
    REDIRECT = "redirect"
    ERROR = "error-notify"
    UNREADABLE = "unreadable"
    """The snap length cut the payloads away: an answer, but not known which."""


class Outcome(StrEnum):
    """How an attempt ended, as far as the capture shows."""

    ANSWERED = "answered"
    CHALLENGED = "challenged"
    """COOKIE challenges only."""
    REJECTED = "rejected"
    """The last answer was an error notify."""
    UNANSWERED = "unanswered"


class Request(Struct):
    """One send of an IKE_SA_INIT request (copies and double sends folded)."""

    file: int
    frame: int
    ts: int
    digest: int
    has_cookie: bool
    answer: Answer | None = None
    answer_ts: int = 0
    answer_frame: int = 0
    """0 = not in the capture, though a later request proves that there was an answer."""


class Attempt(Struct):
    """All IKE_SA_INIT messages of one initiator SPI between one source and one server."""

    spi_i: int
    src: str
    sport: int
    server: str
    dport: int
    file: int
    requests: list[Request]
    shape: Shape
    ttl: int
    macs: tuple[bytes, bytes]
    natd_source_matches: bool | None
    """Source hash of the request fits the packet; None when the request carries none."""
    natd_source_matches_500: bool | None
    """Source hash fits the source address with port 500: only the port was translated."""
    natd_destination_matches: bool | None
    """Destination hash fits the server's address: nobody translated the destination."""
    natd_destination_is_source: bool | None
    """Destination hash fits the packet's SOURCE: the client dialled the address it arrives from."""
    natd: tuple[tuple[bytes, ...], tuple[bytes, ...]]
    ip_ids: list[int] = field(default_factory=list)
    answers: list[tuple[int, int, int, Answer]] = field(default_factory=list)
    """(file, frame, time, answer) of every response, in order."""
    unseen: list[Answer] = field(default_factory=list)
    """Answers that are not in the capture, but proved by a request that was changed on them."""
    spi_r: set[int] = field(default_factory=set)
    response_digests: set[int] = field(default_factory=set)
    response_natd_source_matches: bool | None = None
    """Does the responder's own source hash fit the packet? False = addresses rewritten or falsified."""
    response_natd_destination_matches: bool | None = None
    reply_elsewhere: bool = False
    """A response came from another address or port than was asked, or went to another."""
    reply_macs: tuple[bytes, bytes] = (b"", b"")
    """(source, destination) MAC address of the first response."""
    last_activity: int = 0
    repeats_after_answer: int = 0
    """Requests repeated, 0.5 s or more later, although the capture shows an answer before."""
    continued: bool = False
    """IKE_AUTH or ESP followed, so an answer was given even where the capture lacks it."""
    server_heard: bool = True
    """Both directions of this server were captured, so that an answer could be seen."""
    undecided: bool = False
    """The last request is so close to the end of the capture that its answer may come after it."""
    is_probe: bool = False
    """Set by `pcapan.track.probes`: a monitor's, not a client's."""

    @property
    def first_ts(self) -> int:
        """Time of the first request."""
        return self.requests[0].ts

    @property
    def last_ts(self) -> int:
        """Time of the last request or answer."""
        return max(self.requests[-1].ts, self.answers[-1][2] if self.answers else 0)

    @property
    def answered(self) -> bool:
        """Whether a request got a real answer; a COOKIE challenge alone is none."""
        if self.continued:
            return True
        for answer in self.answers:
            if answer[3] is not Answer.COOKIE:
                return True
        return any(answer is not Answer.COOKIE for answer in self.unseen)

    @property
    def accepted(self) -> bool:
        """Whether the responder agreed to an SA (or the answer could not be read)."""
        accepting = (Answer.ACCEPTED, Answer.UNREADABLE)
        return self.continued or any(answer in accepting for *_, answer in self.answers)

    @property
    def cookie_rounds(self) -> int:
        """COOKIE challenges received."""
        seen = sum(answer == Answer.COOKIE for *_, answer in self.answers)
        return seen + self.unseen.count(Answer.COOKIE)

    @property
    def outcome(self) -> Outcome:
        """How it ended."""
        if self.accepted:
            return Outcome.ANSWERED
        if not self.answers and not self.unseen:
            return Outcome.UNANSWERED
        if self.answered:
            return Outcome.REJECTED
        return Outcome.CHALLENGED

    def answer_delay(self) -> int | None:
        """Time from the first answered request to its answer, ns."""
        for request in self.requests:
            if request.answer not in (None, Answer.COOKIE) and request.answer_frame:
                return request.answer_ts - request.ts
        return None


def asks_for_an_sa(shape: Shape) -> bool:
    """Whether an IKE_SA_INIT request could come from a client: SA, KE and nonce, well-formed.

    What the snap length cut is given the benefit of the doubt by the caller; a bare header or a damaged
    chain that arrived whole is a probe's or a scanner's.
    """
    if shape.problem == "ike-length-beyond-datagram":
        return False
    return shape.complete and all(kind in shape.payloads for kind in (PAYLOAD_SA, PAYLOAD_KE, PAYLOAD_NONCE))


def read_answer(shape: Shape) -> Answer:
    """What an IKE_SA_INIT response of this shape says; the first notify that decides wins."""
    if PAYLOAD_SA in shape.payloads:
        return Answer.ACCEPTED
    for kind, answer in (
        (COOKIE, Answer.COOKIE),
        (INVALID_KE_PAYLOAD, Answer.INVALID_KE),
        (NO_PROPOSAL_CHOSEN, Answer.NO_PROPOSAL),
        (REDIRECT, Answer.REDIRECT),
    ):
        if kind in shape.notifies:
            return answer
    if any(kind < FIRST_STATUS_NOTIFY for kind in shape.notifies):
        return Answer.ERROR
    return Answer.UNREADABLE


class _Packed(dict[str, bytes]):
    """Addresses in network order by their text form."""

    def __missing__(self, name: str) -> bytes:
        packed = self[name] = ip_address(name).packed
        return packed


class AttemptTracker:
    """Feeds on IKE_SA_INIT messages in order of time."""

    def __init__(self) -> None:
        self.attempts: dict[tuple[int, str, str], Attempt] = {}
        self.stray_answers: list[Message] = []
        """Responses whose request is not in the capture."""
        self.odd_requests: list[Message] = []
        """Requests that no client sends: a bare header, a damaged chain."""
        self._packed = _Packed()
        self._by_spi: dict[int, list[Attempt]] = {}
        self._asks: dict[int, bool] = {}
        """Whether a shape asks for an SA, by its identity: there are few shapes and many messages."""
        self._says: dict[int, Answer] = {}
        """What responses of a shape say."""

    def request(self, message: Message) -> Attempt | None:
        """Take a request (R flag clear)."""
        shape = message.shape
        asks = self._asks.get(id(shape))
        if asks is None:
            asks = self._asks[id(shape)] = asks_for_an_sa(shape)
        if not asks and not message.is_cut:
            self.odd_requests.append(message)
            return None
        key = (message.spi_i, message.src, message.dst)
        request = Request(
            message.file, message.frame, message.ts, message.digest, COOKIE in message.shape.notifies
        )
        attempt = self.attempts.get(key)
        if attempt is None:
            attempt = self.attempts[key] = self._begin(message, request)
            self._by_spi.setdefault(message.spi_i, []).append(attempt)
        else:
            last = attempt.requests[-1]
            if request.digest == last.digest and request.ts - last.ts < RETRANSMISSION_GAP:
                return attempt
            if request.digest == last.digest and last.answer not in (None, Answer.COOKIE):
                attempt.repeats_after_answer += 1
            if request.digest != last.digest and last.answer is None and not message.is_cut:
                # A repeat is the same bytes (RFC 7296, section 2.1): a changed request had an answer.
                last.answer = Answer.COOKIE if request.has_cookie else Answer.INVALID_KE
                last.answer_ts = request.ts
                attempt.unseen.append(last.answer)
            attempt.requests.append(request)
        attempt.ip_ids.append(message.ip_id)
        attempt.last_activity = message.ts
        return attempt

    def response(self, message: Message) -> Attempt | None:
        """Take a response (R flag set); it answers the latest request before it."""
        attempt = self.attempts.get((message.spi_i, message.dst, message.src))
        if attempt is None:  # answered from or to another address: the SPI still tells
            attempt = next(iter(self._by_spi.get(message.spi_i, ())), None)
        if attempt is None:
            self.stray_answers.append(message)
            return None
        answer = self._says.get(id(message.shape))
        if answer is None:
            answer = self._says[id(message.shape)] = read_answer(message.shape)
        if message.spi_r and answer in (Answer.ACCEPTED, Answer.UNREADABLE):
            attempt.spi_r.add(message.spi_r)
        attempt.answers.append((message.file, message.frame, message.ts, answer))
        attempt.last_activity = message.ts
        asked = (attempt.server, attempt.dport, attempt.src)
        attempt.reply_elsewhere |= asked != (message.src, message.sport, message.dst)
        if not attempt.reply_macs[0]:
            attempt.reply_macs = message.macs
        request = attempt.requests[-1]
        if request.answer is None or request.answer == Answer.COOKIE:
            request.answer = answer
            request.answer_ts = message.ts
            request.answer_frame = message.frame
        if message.natd_source:
            attempt.response_natd_source_matches = natd_matches(
                message.natd_source, message.spi_i, message.spi_r, self._packed[message.src], message.sport
            )
            attempt.response_natd_destination_matches = natd_matches(
                message.natd_destination,
                message.spi_i,
                message.spi_r,
                self._packed[message.dst],
                message.dport,
            )
        return attempt

    def of_spi(self, spi_i: int, server: str) -> Attempt | None:
        """The attempt of this initiator SPI at this server, from whatever address it came."""
        return next((a for a in self._by_spi.get(spi_i, ()) if a.server == server), None)

    def _begin(self, message: Message, request: Request) -> Attempt:
        def fits(hashes: tuple[bytes, ...], address: str, port: int) -> bool | None:
            return natd_matches(hashes, message.spi_i, message.spi_r, self._packed[address], port)

        def fits_too(fitted: bool | None, hashes: tuple[bytes, ...], address: str, port: int) -> bool | None:
            """Another address or port; a lone hash that fitted one fits no other."""
            return False if fitted and len(hashes) == 1 else fits(hashes, address, port)

        source, destination = message.natd_source, message.natd_destination
        source_fits = fits(source, message.src, message.sport)
        destination_fits = fits(destination, message.dst, message.dport)
        return Attempt(
            spi_i=message.spi_i,
            src=message.src,
            sport=message.sport,
            server=message.dst,
            dport=message.dport,
            file=message.file,
            requests=[request],
            shape=message.shape,
            ttl=message.ttl,
            macs=message.macs,
            natd_source_matches=source_fits,
            natd_source_matches_500=source_fits
            if message.sport == IKE_PORT
            else fits_too(source_fits, source, message.src, IKE_PORT),
            natd_destination_matches=destination_fits,
            natd_destination_is_source=destination_fits
            if message.src == message.dst
            else fits_too(destination_fits, destination, message.src, message.dport),
            natd=(source, destination),
        )
