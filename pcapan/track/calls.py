"""What the clients behind one address asked for with IKE_SA_INIT, and what they were answered.

Knows attempts one by one; must not know SAs, ESP or other addresses. What is asked of all attempts is noted
as they are added, in the order in which they were made: to visit them again source by source, all over the
memory, would take several times as long.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from operator import attrgetter

from pcapan.scan.columns import Shape
from pcapan.track.attempts import GRACE, Answer, Asked, Attempt
from pcapan.track.overlap import Interval, join

# Asked of every attempt, so where it is found fastest: Python 3.11 looks for a member at each `Answer.X`.
_COOKIE = Answer.COOKIE

_SHAPE = attrgetter("shape")
_HASHES = attrgetter("natd_source_matches", "natd_destination_matches", "natd_destination_is_source")

_NO_ATTEMPTS: list[Attempt] = []
_NO_DELAYS: list[int] = []
"""Stand in for those of a source that has none; nothing is ever added to them."""

Fits = tuple[bool | None, bool | None, bool | None]
"""Whether NAT-D hashes fit: source, destination, source as destination."""


class Calls:
    """The attempts of one source address, probes left out. Add all of them before asking."""

    __slots__ = (
        "_hashes",
        "_shapes",
        "answers",
        "asked",
        "attempts",
        "delays",
        "first_times",
        "on_one_port",
        "other_delays",
        "repeated",
    )

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self.first_times: list[int] = []
        """Time of the first request of each attempt."""
        self.answers: list[bool] = []
        """For each attempt whether it got a real answer."""
        self.asked: list[Asked] = []
        """Requests of the attempts; undecided ones at the capture's end are left out."""
        self.repeated = _NO_ATTEMPTS
        """Attempts with more than one request."""
        self.delays: list[int] = []
        """Time from request to answer, ns, of the first request of each attempt that got a real answer."""
        self.other_delays = _NO_DELAYS
        """The same of requests that were answered with a COOKIE challenge, and of later ones."""
        self.on_one_port = True
        """Whether all attempts have the same client port."""
        self._hashes: Mapping[Fits, int] | None = None
        self._shapes: list[tuple[Shape, int]] | None = None

    def add(self, attempt: Attempt, capture_end: int) -> None:
        """Take an attempt."""
        requests = attempt.requests
        if self.on_one_port and self.attempts and self.attempts[0].sport != attempt.sport:
            self.on_one_port = False
        self.attempts.append(attempt)
        self.first_times.append(requests[0].ts)
        self.answers.append(attempt.answered)
        if len(requests) > 1:
            if self.repeated is _NO_ATTEMPTS:
                self.repeated = []
            self.repeated.append(attempt)
        waiting = True
        for request in requests:
            answer, ts = request.answer, request.ts
            if answer is None:
                continued = attempt.continued and request is requests[-1]
                if continued or ts <= capture_end - GRACE:
                    self.asked.append(Asked(ts, continued, attempt, request))
                continue
            self.asked.append(Asked(ts, True, attempt, request))
            if not request.answer_frame:
                continue
            if waiting and answer is not _COOKIE:
                self.delays.append(request.answer_ts - ts)
                waiting = False
            else:
                if self.other_delays is _NO_DELAYS:
                    self.other_delays = []
                self.other_delays.append(request.answer_ts - ts)

    def hashes(self) -> Mapping[Fits, int]:
        """How many attempts have NAT-D hashes that fit so."""
        if self._hashes is None:
            if len(self.attempts) == 1:
                self._hashes = {_HASHES(self.attempts[0]): 1}
            else:
                self._hashes = Counter(map(_HASHES, self.attempts))
        return self._hashes

    def shapes(self) -> list[tuple[Shape, int]]:
        """The shapes of the first requests, and of how many attempts each is."""
        if self._shapes is None:
            shapes = list(map(_SHAPE, self.attempts))
            counts = Counter(map(id, shapes))  # equal ones are mostly one object, and long to compare
            each = dict(zip(map(id, shapes), shapes, strict=True))
            self._shapes = [(each[key], count) for key, count in counts.items()]
        return self._shapes

    def intervals(self) -> list[Interval]:
        """[from, to] in ns of the attempts of each client port."""
        spans: dict[int, list[Interval]] = defaultdict(list)
        for attempt in self.attempts:
            requests = attempt.requests
            spans[attempt.sport].append((requests[0].ts, requests[-1].ts))
        return [interval for intervals in spans.values() for interval in join(intervals)]
