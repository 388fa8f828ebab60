"""IKE_SA_INIT exchanges become attempts: who asked, how often, and what was answered.

Knows RFC 7296 sections 1.2, 2.6 and 2.7: COOKIE, INVALID_KE_PAYLOAD and retransmissions belong to
one attempt, keyed by the initiator SPI; a redial has a new one. Must not judge why an answer is
missing: `pcapan.detect` does.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct, field

from pcapan.decode.numbers import (
    COOKIE,
    FIRST_STATUS_NOTIFY,
    INVALID_KE_PAYLOAD,
    NO_PROPOSAL_CHOSEN,
    PAYLOAD_KE,
    PAYLOAD_NONCE,
    PAYLOAD_SA,
    REDIRECT,
)
from pcapan.scan.columns import Shape
from pcapan.scan.hashes import Hashes, NatdHashes
from pcapan.track.flows import SECOND

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


# Asked of every attempt, so where it is found fastest: Python 3.11 looks for a member at each `Answer.X`.
_ACCEPTED, _COOKIE, _UNREADABLE = Answer.ACCEPTED, Answer.COOKIE, Answer.UNREADABLE


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
    hashes: NatdHashes
    """Those of the file of the first request."""
    hash_row: int
    """Its row among them; see `natd`."""
    answers: list[tuple[int, int, int, Answer]] = field(default_factory=list)
    """(file, frame, time, answer) of every response, in order."""
    unseen: tuple[Answer, ...] = ()
    """Answers that are not in the capture, but proved by a request that was changed on them."""
    spi_r: tuple[int, ...] = ()
    """Responder SPIs of the answers that accept, each once."""
    response_natd_source_matches: bool | None = None
    """Does the responder's own source hash fit the packet? False = addresses rewritten or falsified."""
    response_natd_destination_matches: bool | None = None
    reply_elsewhere: bool = False
    """A response came from another address or port than was asked, or went to another."""
    reply_macs: tuple[bytes, bytes] = (b"", b"")
    """(source, destination) MAC address of the first response."""
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
    def natd(self) -> Hashes:
        """What the NAT_DETECTION notifies of the first request hold; few ask for it."""
        return self.hashes.get(self.hash_row, ((), ()))

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
            if answer[3] is not _COOKIE:
                return True
        return bool(self.unseen) and any(answer is not _COOKIE for answer in self.unseen)

    @property
    def accepted(self) -> bool:
        """Whether the responder agreed to an SA (or the answer could not be read)."""
        if self.continued:
            return True
        said = [answer[3] for answer in self.answers]
        return _ACCEPTED in said or _UNREADABLE in said

    @property
    def cookie_rounds(self) -> int:
        """COOKIE challenges received."""
        seen = self.unseen.count(_COOKIE) if self.unseen else 0
        for answer in self.answers:
            if answer[3] is _COOKIE:
                seen += 1
        return seen

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
            if request.answer_frame and request.answer is not _COOKIE:
                return request.answer_ts - request.ts
        return None


class Asked(Struct, frozen=True):
    """One request and whether it got a response."""

    ts: int
    responded: bool
    attempt: Attempt
    request: Request


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
