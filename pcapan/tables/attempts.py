"""Table `attempts`: one row an IKE_SA_INIT attempt, keyed by its initiator SPI."""

from __future__ import annotations

from pcapan.decode.vendor_ids import is_microsoft, vendor_name, windows_generation
from pcapan.tables.declare import Table
from pcapan.track.attempts import Answer, Attempt

ATTEMPTS = Table("attempts", "IKE_SA_INIT attempt (initiator SPI)")

_INVALID_KE, _NO_PROPOSAL = Answer.INVALID_KE, Answer.NO_PROPOSAL


@ATTEMPTS.column()
def file_no(attempt: Attempt) -> int:
    """Number of the file of the first request."""
    return attempt.requests[0].file


@ATTEMPTS.column()
def first_frame_no(attempt: Attempt) -> int:
    """Frame of the first request."""
    return attempt.requests[0].frame


@ATTEMPTS.column()
def spi_i(attempt: Attempt) -> str:
    """Initiator SPI, 16 hex digits."""
    return f"{attempt.spi_i:016x}"


@ATTEMPTS.column()
def src(attempt: Attempt) -> str:
    """Source address, as the server sees it."""
    return attempt.src


@ATTEMPTS.column()
def sport(attempt: Attempt) -> int:
    """UDP source port."""
    return attempt.sport


@ATTEMPTS.column()
def dst(attempt: Attempt) -> str:
    """The server's address."""
    return attempt.server


@ATTEMPTS.column("requests")
def sends(attempt: Attempt) -> int:
    """Requests sent: the first, its repeats (half a second apart or more), COOKIE and KE retries."""
    return len(attempt.requests)


@ATTEMPTS.column()
def answered(attempt: Attempt) -> bool:
    """A request got a real answer; a COOKIE challenge alone is none."""
    return attempt.answered


@ATTEMPTS.column()
def outcome(attempt: Attempt) -> str:
    """answered, rejected (error notify), challenged (COOKIE only) or unanswered."""
    return attempt.outcome.value


@ATTEMPTS.column("ns since 1970-01-01 UTC")
def first_ns(attempt: Attempt) -> int:
    """Time of the first request."""
    return attempt.first_ts


@ATTEMPTS.column("ns since 1970-01-01 UTC")
def last_ns(attempt: Attempt) -> int:
    """Time of the last request or answer."""
    return attempt.last_ts


@ATTEMPTS.column("ns")
def answer_delay_ns(attempt: Attempt) -> int | None:
    """From the answered request to its answer."""
    return attempt.answer_delay()


@ATTEMPTS.column("challenges")
def cookie_rounds(attempt: Attempt) -> int:
    """COOKIE challenges received."""
    return attempt.cookie_rounds


@ATTEMPTS.column()
def spi_r(attempt: Attempt) -> list[str]:
    """Responder SPIs of accepting answers, hex."""
    return [f"{spi:016x}" for spi in sorted(attempt.spi_r)]


@ATTEMPTS.column()
def answers(attempt: Attempt) -> list[str]:
    """What each response said, in order."""
    return [answer.value for *_, answer in attempt.answers]


@ATTEMPTS.column("requests")
def repeats_after_answer(attempt: Attempt) -> int:
    """Requests repeated although the capture shows an answer before."""
    return attempt.repeats_after_answer


@ATTEMPTS.column()
def natd_source_matches(attempt: Attempt) -> bool | None:
    """NAT_DETECTION_SOURCE_IP fits the packet's source: nobody translated it on the way."""
    return attempt.natd_source_matches


@ATTEMPTS.column()
def natd_destination_matches(attempt: Attempt) -> bool | None:
    """NAT_DETECTION_DESTINATION_IP fits the server's own address: nobody translated it on the way."""
    return attempt.natd_destination_matches


@ATTEMPTS.column()
def natd_destination_is_source(attempt: Attempt) -> bool | None:
    """NAT_DETECTION_DESTINATION_IP fits the packet's SOURCE: the client dialled that address."""
    return attempt.natd_destination_is_source


@ATTEMPTS.column()
def ttl(attempt: Attempt) -> int:
    """Time to live of the first request."""
    return attempt.ttl


@ATTEMPTS.column()
def vendors(attempt: Attempt) -> list[str]:
    """Vendor IDs by name; the hex digits of those not known."""
    return [vendor_name(vid) or vid.hex() for vid in attempt.shape.vendor_ids]


@ATTEMPTS.column()
def is_windows(attempt: Attempt) -> bool:
    """A Microsoft vendor ID was sent."""
    return any(is_microsoft(vid) for vid in attempt.shape.vendor_ids)


@ATTEMPTS.column()
def windows(attempt: Attempt) -> str | None:
    """What the vendor IDs tell of the Windows release."""
    return windows_generation(attempt.shape.vendor_ids)


@ATTEMPTS.column()
def is_probe(attempt: Attempt) -> bool:
    """A monitor's or scanner's: sent once, without NAT detection, never continued."""
    return attempt.is_probe


@ATTEMPTS.column()
def undecided(attempt: Attempt) -> bool:
    """The last request is so close to the capture's end that its answer may come after it."""
    return attempt.undecided


@ATTEMPTS.column()
def invalid_ke(attempt: Attempt) -> bool:
    """The server asked for another key exchange group (INVALID_KE_PAYLOAD)."""
    return _said(attempt, _INVALID_KE)


@ATTEMPTS.column()
def no_proposal(attempt: Attempt) -> bool:
    """The server accepted none of the proposals (NO_PROPOSAL_CHOSEN)."""
    return _said(attempt, _NO_PROPOSAL)


def _said(attempt: Attempt, wanted: Answer) -> bool:
    times = 0
    for answer in attempt.answers:
        times += answer[3] is wanted
    return times > 0


@ATTEMPTS.column()
def accepted(attempt: Attempt) -> bool:
    """In the end the server agreed to an SA."""
    return attempt.accepted


@ATTEMPTS.column()
def continued(attempt: Attempt) -> bool:
    """IKE_AUTH or anything later of this initiator SPI followed."""
    return attempt.continued


@ATTEMPTS.column()
def reply_elsewhere(attempt: Attempt) -> bool:
    """A response came from another address or port than was asked, or went to another address."""
    return attempt.reply_elsewhere


@ATTEMPTS.column()
def reply_other_hop(attempt: Attempt) -> bool | None:
    """The response left to another MAC address than the request came from; unknown without both."""
    came_from, went_to = attempt.macs[0], attempt.reply_macs[1]
    return came_from != went_to if came_from and went_to else None


@ATTEMPTS.column()
def user_error(attempt: Attempt) -> str | None:
    """The error code a Windows user would have seen for it, as far as IKE_SA_INIT decides that."""
    if attempt.is_probe:
        return None
    if not attempt.answered:
        return "809"
    return "13868" if no_proposal(attempt) and not attempt.accepted else None


@ATTEMPTS.column()
def server_heard(attempt: Attempt) -> bool:
    """Both directions of this server were captured, so that an answer could be seen."""
    return attempt.server_heard


@ATTEMPTS.column("requests")
def sends_in_vain(attempt: Attempt) -> int:
    """Sends of the last request in the same bytes, none answered; a retry with COOKIE is another request."""
    count = 0
    for request in reversed(attempt.requests):
        if request.answer is not None or request.digest != attempt.requests[-1].digest:
            break
        count += 1
    return count
