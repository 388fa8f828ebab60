# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""Every IKE message goes to its attempt or its SA, in order of time: the hot loop of the tracker.

Knows which attempt a message of IKE_SA_INIT belongs to (RFC 7296 sections 1.2, 2.6 and 2.7: COOKIE,
INVALID_KE_PAYLOAD and retransmissions keep the initiator SPI, a redial has a new one) and that everything
later belongs to the SA of its SPI pair. Must not judge what became of either. There may be a million
messages, so the columns are read where they lie and nothing is made of a message that need not stay.
Cython compiles this source where it can (see `pcapan.compiled`; C types are in the .pxd).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set
from typing import TYPE_CHECKING

from pcapan.decode.numbers import COOKIE, FLAG_RESPONSE, IKE_PORT, IKE_SA_INIT
from pcapan.scan.columns import MARK_CUT
from pcapan.scan.keys import KeyTable
from pcapan.track.attempts import (
    RETRANSMISSION_GAP,
    Answer,
    Attempt,
    Request,
    asks_for_an_sa,
    read_answer,
)
from pcapan.track.file_rows import FileRows, file_rows
from pcapan.track.sas import IkeSa
from pcapan.track.timeline import Message, Timeline

if TYPE_CHECKING:
    from pcapan import shadow as cython
else:
    try:
        import cython
    except ImportError:
        from pcapan import shadow as cython
if not cython.compiled:
    from pcapan.decode.natd import natd_matches as matches

_INIT, _RESPONSE, _CUT, _IKE_PORT, _GAP = IKE_SA_INIT, FLAG_RESPONSE, MARK_CUT, IKE_PORT, RETRANSMISSION_GAP

Row = tuple[int, int]
"""A message that only few captures have many of: index of its file, row in the columns of that file."""


class Intake:
    """Takes all messages of a timeline; what it finds stands in its attributes."""

    def __init__(self, timeline: Timeline, servers: Collection[str], files: Mapping[str, set[int]]) -> None:
        """`files` tells by address which files show IKE of it; nothing where there is only one file."""
        self._servers = frozenset(servers)
        self._files = files
        self.attempts: list[Attempt] = []
        """One each initiator SPI, source and server."""
        self.sas: list[IkeSa] = []
        """One each pair of SPIs and server."""
        self.ttls: dict[str, dict[int, int]] = {}
        """Per client address: time to live of its IKE messages after IKE_SA_INIT, and how many have it."""
        self._names: list[str] = []
        """Addresses of all files; one that several have has one number, its index here."""
        self._numbers: dict[str, int] = {}
        self._attempt_rows = KeyTable()
        self._attempts_at: list[Attempt | None] = []
        """By row of the table before."""
        self._sa_rows = KeyTable()
        self._sas_at: list[IkeSa | None] = []
        """By row of the table before; None = there is one at another address, see `_elsewhere`."""
        self._ttl_rows = KeyTable()
        self._ttls: list[tuple[int, int]] = []
        """By row of the table before: a client's number and a time to live."""
        self._ttl_counts: list[int] = []
        """How many of its messages have it."""
        self._spi_rows = KeyTable()
        self._first_at: list[Attempt | None] = []
        """By row of the table before: the first attempt with this initiator SPI."""
        self._others_of: dict[int, list[Attempt]] = {}
        """By initiator SPI, those after the first, if any, from or to other addresses."""
        self._pair_rows = KeyTable()
        self._sa_at: list[IkeSa | None] = []
        """By row of the table before: the first SA with these SPIs whose IKE_SA_INIT was answered here."""
        self._stray_answers: list[Row] = []
        self._odd_requests: list[Row] = []
        self._old_versions: list[Row] = []
        self._take_all(timeline)
        self.stray_answers: list[Message] = timeline.messages_at(self._stray_answers)
        """Responses whose request is not in the capture."""
        self.odd_requests: list[Message] = timeline.messages_at(self._odd_requests)
        """Requests that no client sends: a bare header, a damaged chain."""
        self.old_versions: list[Message] = timeline.messages_at(self._old_versions)
        """IKEv1 and AuthIP messages."""

    def settle(self, both_ways: Set[str], late: int) -> None:
        """What is known of an attempt once all messages are.

        `both_ways` are the servers of which both directions were captured; a request after `late` (a time in
        ns) may have an answer after the end of the capture.
        """
        continued = set()
        for sa in self.sas:
            if sa.exchanges:
                continued.add(sa.spi_i)
        for attempt in self.attempts:
            # Written only where it is not as it was made: nearly all are alike.
            if attempt.spi_i in continued:
                attempt.continued = True
            if attempt.server not in both_ways:
                attempt.server_heard = False
            if attempt.requests[len(attempt.requests) - 1].ts > late:
                attempt.undecided = True

    def _take_all(self, timeline: Timeline) -> None:
        files = file_rows(timeline.scans, timeline.names)  # with notes of its own
        for file, row in timeline.order():
            self._take(files[file], row)
        for (client, ttl), count in zip(self._ttls, self._ttl_counts, strict=True):
            self.ttls.setdefault(self._names[client], {})[ttl] = count

    def _number(self, rows: FileRows, index: int) -> int:
        """The number of an address of a file, the same in all files."""
        known = rows.numbers[index]
        if known == 0:
            name = rows.names.text(index)
            number = self._numbers.get(name)
            if number is None:
                number = self._numbers[name] = len(self._names)
                self._names.append(name)
            known = rows.numbers[index] = number + 1
        return known - 1

    def _take(self, rows: FileRows, row: int) -> None:
        kind = rows.exchange[row]
        if kind == _INIT or kind < 0 or rows.version[row] >> 4 == 1:
            self._take_special(rows, row)
        elif rows.spi_r[row]:
            self._take_later(rows, row)

    def _take_special(self, rows: FileRows, row: int) -> None:
        """IKE_SA_INIT, and what is no readable IKEv2."""
        flags = rows.flags[row]
        if rows.version[row] >> 4 == 1:
            self._old_versions.append((rows.index, row))
        elif rows.exchange[row] == _INIT and flags >= 0 and flags & _RESPONSE:
            self._response(rows, row)
        elif not rows.spi_r[row]:  # cut behind the SPIs: a zero responder SPI means IKE_SA_INIT
            self._request(rows, row)

    def _take_later(self, rows: FileRows, row: int) -> None:
        """A message of an SA."""
        ts = rows.ts[row]
        flags = rows.flags[row]
        is_response = flags >= 0 and flags & _RESPONSE != 0
        src, dst = rows.src[row], rows.dst[row]
        by_client = rows.names.text(src) not in self._servers
        if by_client:
            near, port, far = src, rows.sport[row], dst
        else:
            near, port, far = dst, rows.dport[row], src
        client = rows.names.text(near)
        at = self._sa_row(rows.spi_i[row], rows.spi_r[row], self._number(rows, far))
        sa = self._sas_at[at]
        if sa is None:
            sa = self._sa_unknown(rows, row, at, client, rows.names.text(far))
        exchange = sa.exchange(rows.exchange[row], rows.message_id[row], by_client != is_response, ts)
        exchange.add(
            is_response,
            rows.file,
            rows.frame[row],
            ts,
            rows.length[row],
            rows.encrypted[row],
            rows.fragment_number[row],
            rows.fragment_total[row],
        )
        sa.seen(ts, client, port)
        if by_client:
            self._count_ttl(self._number(rows, near), rows.ttl[row])

    def _count_ttl(self, client: int, ttl: int) -> None:
        at = self._ttl_rows.row(client, ttl, 0)
        if at == len(self._ttl_counts):
            self._ttls.append((client, ttl))
            self._ttl_counts.append(0)
        self._ttl_counts[at] += 1

    def _sa_row(self, spi_i: int, spi_r: int, server: int) -> int:
        """Where in `_sas_at` the SA of these SPIs at this server (see `_number`) stands."""
        at = self._sa_rows.row(server, spi_i, spi_r)
        if at == len(self._sas_at):
            self._sas_at.append(None)
        return at

    def _sa_unknown(self, rows: FileRows, row: int, at: int, client: str, server: str) -> IkeSa:
        """The SA of a message that is the first of its SPIs at this server."""
        spi_i, spi_r = rows.spi_i[row], rows.spi_r[row]
        sa = self._elsewhere(spi_i, spi_r, server)
        if sa is None:
            # Its IKE_SA_INIT may be here although the answer is not: one direction, or a lost packet.
            attempt = self._attempt_of(spi_i, server)
            sa = self._sas_at[at] = IkeSa(spi_i, spi_r, client, server, rows.file, rows.ts[row], attempt)
            self.sas.append(sa)
        return sa

    def _spi_row(self, spi_i: int) -> int:
        """Where in `_first_at` an initiator SPI stands."""
        at = self._spi_rows.row(spi_i, 0, 0)
        if at == len(self._first_at):
            self._first_at.append(None)
        return at

    def _first_of(self, spi_i: int) -> Attempt | None:
        return self._first_at[self._spi_row(spi_i)]

    def _pair_row(self, spi_i: int, spi_r: int) -> int:
        """Where in `_sa_at` a pair of SPIs stands."""
        at = self._pair_rows.row(spi_i, spi_r, 0)
        if at == len(self._sa_at):
            self._sa_at.append(None)
        return at

    def _attempt_of(self, spi_i: int, server: str) -> Attempt | None:
        """The attempt of this initiator SPI at this server, from whatever address it came."""
        first = self._first_of(spi_i)
        if first is None or first.server == server:
            return first
        for attempt in self._others_of.get(spi_i, ()):
            if attempt.server == server:
                return attempt
        return None

    def _elsewhere(self, spi_i: int, spi_r: int, server: str) -> IkeSa | None:
        """The SA of this SPI pair at another address of the same capture point as this server's.

        Two servers behind one balancer may each see one half of a handshake: those stay apart. They
        are two when no file shows both.
        """
        first = self._sa_at[self._pair_row(spi_i, spi_r)]
        if first is None or not self._files:
            return first
        return first if self._files[first.server] & self._files[server] else None

    def _request(self, rows: FileRows, row: int) -> None:
        """An IKE_SA_INIT request (R flag clear)."""
        shape_index = rows.shape[row]
        shape = rows.shapes[shape_index]
        asks = rows.asks[shape_index]
        if asks is None:
            asks = rows.asks[shape_index] = asks_for_an_sa(shape)
        is_cut = rows.marks[row] & _CUT != 0
        if not asks and not is_cut:
            self._odd_requests.append((rows.index, row))
            return
        ts = rows.ts[row]
        digest = rows.digest[row]
        at = self._attempt_row(rows, rows.spi_i[row], rows.src[row], rows.dst[row])
        attempt = self._attempts_at[at]
        request = Request(rows.file, rows.frame[row], ts, digest, COOKIE in shape.notifies)
        if attempt is None:
            spi_i = rows.spi_i[row]
            attempt = self._attempts_at[at] = self._begin(rows, row, spi_i, request)
            self.attempts.append(attempt)
            if self._first_of(spi_i) is None:
                self._first_at[self._spi_row(spi_i)] = attempt
            else:
                self._others_of.setdefault(spi_i, []).append(attempt)
        else:
            last = attempt.requests[len(attempt.requests) - 1]
            if digest == last.digest:
                if ts - last.ts < _GAP:
                    return
                if last.answer is not None and last.answer is not Answer.COOKIE:
                    attempt.repeats_after_answer += 1
            elif last.answer is None and not is_cut:
                # A repeat is the same bytes (RFC 7296, section 2.1): a changed request had an answer.
                last.answer = Answer.COOKIE if request.has_cookie else Answer.INVALID_KE
                last.answer_ts = request.ts
                attempt.unseen += (last.answer,)
            attempt.requests.append(request)

    def _attempt_row(self, rows: FileRows, spi_i: int, src: int, dst: int) -> int:
        """Where in `_attempts_at` the attempt of this SPI stands, from and to these addresses of the file."""
        ends = self._number(rows, src) << 32 | self._number(rows, dst)
        at = self._attempt_rows.row(ends, spi_i, 0)
        if at == len(self._attempts_at):
            self._attempts_at.append(None)
        return at

    def _begin(self, rows: FileRows, row: int, spi: int, request: Request) -> Attempt:
        """`spi` is the initiator's as an object, of which one is enough."""
        src, dst = rows.src[row], rows.dst[row]
        sport, dport = rows.sport[row], rows.dport[row]
        spi_i, spi_r = rows.spi_i[row], rows.spi_r[row]
        near, far = rows.octets[src], rows.octets[dst]
        source, destination = rows.natd.of(row)
        source_fits = matches(source, spi_i, spi_r, near, sport)
        destination_fits = matches(destination, spi_i, spi_r, far, dport)
        # Another address or port: a lone hash that fitted one fits no other.
        if sport == _IKE_PORT:
            source_fits_500 = source_fits
        elif source_fits and len(source) == 1:
            source_fits_500 = False
        else:
            source_fits_500 = matches(source, spi_i, spi_r, near, _IKE_PORT)
        if near == far:
            destination_is_source = destination_fits
        elif destination_fits and len(destination) == 1:
            destination_is_source = False
        else:
            destination_is_source = matches(destination, spi_i, spi_r, near, dport)
        # By position: with their names it takes twice the time.
        return Attempt(
            spi,
            rows.names.text(src),
            sport,
            rows.names.text(dst),
            dport,
            rows.file,
            [request],
            rows.shapes[rows.shape[row]],
            rows.ttl[row],
            rows.mac_pairs[rows.macs[row]],
            source_fits,
            source_fits_500,
            destination_fits,
            destination_is_source,
            rows.hashes,
            row,
        )

    def _response(self, rows: FileRows, row: int) -> None:
        """An IKE_SA_INIT response (R flag set); it answers the latest request before it."""
        spi_i = rows.spi_i[row]
        spi_r = rows.spi_r[row]
        src, dst = rows.src[row], rows.dst[row]
        sport, dport = rows.sport[row], rows.dport[row]
        attempt = self._attempts_at[self._attempt_row(rows, spi_i, dst, src)]
        if attempt is None:  # answered from or to another address: the SPI still tells
            attempt = self._first_of(spi_i)
        if attempt is None:
            self._stray_answers.append((rows.index, row))
            return
        shape_index = rows.shape[row]
        answer = rows.says[shape_index]
        if answer is None:
            answer = rows.says[shape_index] = read_answer(rows.shapes[shape_index])
        ts, frame = rows.ts[row], rows.frame[row]
        accepts = answer is Answer.ACCEPTED or answer is Answer.UNREADABLE
        if accepts and spi_r and spi_r not in attempt.spi_r:
            attempt.spi_r += (spi_r,)
        attempt.answers.append((rows.file, frame, ts, answer))
        came_from, went_to = rows.names.text(src), rows.names.text(dst)
        if attempt.server != came_from or attempt.dport != sport or attempt.src != went_to:
            attempt.reply_elsewhere = True
        if not attempt.reply_macs[0]:
            attempt.reply_macs = rows.mac_pairs[rows.macs[row]]
        request = attempt.requests[len(attempt.requests) - 1]
        if request.answer is None or request.answer is Answer.COOKIE:
            request.answer = answer
            request.answer_ts = ts
            request.answer_frame = frame
        source, destination = rows.natd.of(row)
        if source:
            attempt.response_natd_source_matches = matches(source, spi_i, spi_r, rows.octets[src], sport)
            attempt.response_natd_destination_matches = matches(
                destination, spi_i, spi_r, rows.octets[dst], dport
            )
        if spi_r in attempt.spi_r:
            self._open(spi_r, ts, attempt)

    def _open(self, spi_r: int, ts: int, attempt: Attempt) -> None:
        """The SA that an answer makes possible, if it is new."""
        spi_i = attempt.spi_i
        at = self._sa_row(spi_i, spi_r, self._numbers[attempt.server])
        if self._sas_at[at] is None:
            sa = self._sas_at[at] = IkeSa(
                spi_i, spi_r, attempt.src, attempt.server, attempt.file, ts, attempt, ts
            )
            self.sas.append(sa)
            pair = self._pair_row(spi_i, spi_r)
            if self._sa_at[pair] is None:
                self._sa_at[pair] = sa

