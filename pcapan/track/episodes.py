"""Runs of unanswered IKE_SA_INIT requests: of one source, and of everybody.

Knows which requests got a response and what else was going on at that time (live SAs, other
sources, ESP). Must not know why: the rules weigh these facts.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from operator import attrgetter

from msgspec import Struct

from pcapan.track.attempts import Asked
from pcapan.track.flows import SECOND
from pcapan.track.sources import Source
from pcapan.track.tracker import Track


class Episode(Struct):
    """Consecutive unanswered requests of one source to one server."""

    source: Source
    server: str
    server_heard: bool
    """Both directions of this server were captured, so that an answer could be seen."""
    asked: list[Asked]
    resumed_ts: int | None
    """When a request of this source was answered again; None = not in this capture."""
    answered_before: int
    """Requests of this source answered before the episode."""
    others_answered: int
    """Requests of other sources that this server answered during the episode."""
    others_answered_sources: int
    others_unanswered_sources: int
    """Other sources with unanswered requests during the episode."""
    working_flows: int
    """ESP flows of this source that began before the episode and went on in it, or answered exchanges."""
    released: int
    """Established SAs of this source that ended from shortly before the episode to its end."""
    answered_at_more: int
    """Requests of this source answered, after the onset, while at least as many SAs were live as then."""

    @property
    def onset(self) -> int:
        """Time of the first unanswered request."""
        return self.asked[0].ts

    @property
    def end(self) -> int:
        """When answers resumed, else the last unanswered request."""
        return self.resumed_ts if self.resumed_ts is not None else self.asked[-1].ts

    @property
    def attempts(self) -> set[int]:
        """Initiator SPIs with unanswered requests in the episode."""
        return {asked.attempt.spi_i for asked in self.asked}

    @property
    def lost(self) -> set[int]:
        """Initiator SPIs that were never answered at all."""
        return {asked.attempt.spi_i for asked in self.asked if not asked.attempt.answered}


class Silence(Struct):
    """Consecutive unanswered requests of all sources to one server."""

    server: str
    server_heard: bool
    asked: list[Asked]
    resumed_ts: int | None
    answered_before: int
    sources: set[str]
    fresh_sources: set[str]
    """Those that held fewer than FRESH live SAs when the silence began: no limit explains them."""
    working_flows: int
    """ESP flows with this server that went on during the silence."""


#: A source with fewer live SAs than this is not near any per-source limit: Windows' reported default
#: is 10, and one computer with device and user tunnel holds two.
FRESH = 3

_BY_TIME = attrgetter("ts")


def list_requests(sources: Iterable[Source]) -> dict[str, list[Asked]]:
    """Clients' requests by server, in order of time; undecided ones at the capture's end are left out."""
    by_server: dict[str, list[Asked]] = defaultdict(list)
    for source in sources:
        for server, asked in source.asked_by_server().items():
            by_server[server] += asked
    for asked in by_server.values():
        asked.sort(key=_BY_TIME)
    return {server: asked for server, asked in by_server.items() if asked}


def find_episodes(track: Track, sources: Iterable[Source], requests: dict[str, list[Asked]]) -> list[Episode]:
    """All runs of unanswered requests of these sources, per server, by time of onset; see `list_requests`."""
    episodes: list[Episode] = []
    both_ways = track.both_ways
    for server, asked in requests.items():
        silent = [one for one in asked if not one.responded]
        if not silent:
            continue
        waiting = {one.attempt.src for one in silent}
        everybody = _Sent([one for one in asked if one.responded]), _Sent(silent)
        of_each = [
            (source, sorted(source.asked_by_server()[server], key=_BY_TIME))
            for source in sources
            if source.address in waiting
        ]
        of_each.sort(key=lambda entry: entry[1][0].ts)
        for source, own in of_each:
            episodes += _episodes(source, server, server in both_ways, own, *everybody)
    episodes.sort(key=lambda episode: episode.onset)
    return episodes


def find_silences(
    track: Track, sources: Mapping[str, Source], requests: dict[str, list[Asked]]
) -> list[Silence]:
    """All runs of requests that a server answered to nobody, by time; see `list_requests`."""
    silences = []
    for server, asked in requests.items():
        answered_before = list(accumulate([one.responded for one in asked], initial=0))
        runs = _runs(asked)
        spans = [(asked[begin].ts, asked[end - 1].ts) for begin, end in runs]
        moments = [(at, min(until, at + SECOND)) for at, until in spans]
        working = track.esp.going_on(track.timeline.addresses.number(server), moments) if runs else []
        for (begin, end), (at, _), flows in zip(runs, spans, working, strict=True):
            run = asked[begin:end]
            names = {one.attempt.src for one in run}
            silences.append(
                Silence(
                    server=server,
                    server_heard=server in track.both_ways,
                    asked=run,
                    resumed_ts=_answered_at(asked[end]) if end < len(asked) else None,
                    answered_before=answered_before[begin],
                    sources=names,
                    fresh_sources={name for name in names if sources[name].holds_fewer(FRESH, at)},
                    working_flows=flows,
                )
            )
    silences.sort(key=lambda silence: silence.asked[0].ts)
    return silences


def _runs(asked: Sequence[Asked]) -> list[tuple[int, int]]:
    """[begin, end) of each run of requests without a response."""
    runs = []
    begin: int | None = None
    for index, one in enumerate(asked):
        if one.responded:
            if begin is not None:
                runs.append((begin, index))
            begin = None
        elif begin is None:
            begin = index
    if begin is not None:
        runs.append((begin, len(asked)))
    return runs


def _answered_at(one: Asked) -> int:
    """When a request was answered; when it was asked where the answer itself is not in the capture."""
    return one.request.answer_ts or one.ts


class _Sent:
    """Requests in order of time, ready to be looked up by it."""

    def __init__(self, asked: Sequence[Asked]) -> None:
        self._times = [one.ts for one in asked]
        self._sources = [one.attempt.src for one in asked]

    def sources(self, begin: int, end: int) -> list[str]:
        """Who sent each of the requests from `begin` to `end`, both in ns and included."""
        return self._sources[bisect_left(self._times, begin) : bisect_right(self._times, end)]


def _episodes(
    source: Source, server: str, server_heard: bool, own: Sequence[Asked], answered: _Sent, silent: _Sent
) -> Iterator[Episode]:
    """The episodes of one source's requests, given everybody's to the same server, answered and not."""
    lives = source.live_at_each([one.ts for one in own if one.responded])
    myself = {source.address}
    unanswered = 0
    for begin, end in _runs(own):
        answered_before = begin - unanswered  # whatever is in no run was answered
        unanswered += end - begin
        run = list(own[begin:end])
        onset = run[0].ts
        resumed = _answered_at(own[end]) if end < len(own) else None
        last = resumed if resumed is not None else run[-1].ts
        answered_now = answered.sources(onset, last)
        yield Episode(
            source=source,
            server=server,
            server_heard=server_heard,
            asked=run,
            resumed_ts=resumed,
            answered_before=answered_before,
            others_answered=len(answered_now) - answered_now.count(source.address),
            others_answered_sources=len({*answered_now} - myself),
            others_unanswered_sources=len({*silent.sources(onset, last)} - myself),
            working_flows=_working(source, server, onset, last),
            released=source.ended_within(onset - 5 * SECOND, last),
            answered_at_more=sum(map(source.live_at(onset).__le__, lives[answered_before:])),
        )


def _working(source: Source, server: str, onset: int, last: int) -> int:
    """Signs that tunnels of this source worked on during the episode."""
    moment = min(last, onset + SECOND)
    flows = sum(
        flow.flow.first_ts < onset and flow.flow.last_ts > moment
        for flow in source.esp
        if server in (flow.src, flow.dst)
    )
    return flows + source.replies_within(onset, last)
