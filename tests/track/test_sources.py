"""What is noted, sorted or cut short while sources are gathered, counted the long way on all samples."""

from __future__ import annotations

import pytest

from pcapan.pipeline import read_facts
from pcapan.tables.facts import Facts
from pcapan.track.attempts import GRACE, Asked
from pcapan.track.episodes import Episode, list_requests
from pcapan.track.flows import SECOND
from pcapan.track.overlap import peak
from pcapan.track.sources import Source
from tests.samples_kit import Sample, incidents


@pytest.fixture(scope="module", params=incidents(), ids=lambda sample: sample.name)
def facts(request: pytest.FixtureRequest) -> Facts:
    sample: Sample = request.param
    return read_facts([str(path) for path in sample.captures])[0]


def test_clients_at_once(facts: Facts) -> None:
    for source in facts.sources.values():
        most = max(peak(source.port_intervals()), peak(source.calls.intervals()))
        assert source.clients_at_once() == most, source.address


def test_what_is_noted_of_attempts(facts: Facts) -> None:
    for source in facts.sources.values():
        attempts = source.attempts
        assert source.calls.first_times == [attempt.first_ts for attempt in attempts]
        assert source.calls.answers == [attempt.answered for attempt in attempts]
        assert source.calls.repeated == [attempt for attempt in attempts if len(attempt.requests) > 1]
        delays = [delay for attempt in attempts if (delay := attempt.answer_delay()) is not None]
        assert source.calls.delays == delays
        answered = [
            one for a in attempts for one in a.requests if one.answer is not None and one.answer_frame
        ]
        every = [one.answer_ts - one.ts for one in answered]
        assert sorted(source.calls.delays + source.calls.other_delays) == sorted(every)


def test_requests(facts: Facts) -> None:
    wanted = {
        (attempt.server, request.file, request.frame): request.answer is not None
        or (attempt.continued and request is attempt.requests[-1])
        for source in facts.sources.values()
        for attempt in source.attempts
        for request in attempt.requests
    }
    listed = list_requests(facts.sources.values())
    found = {
        (server, one.request.file, one.request.frame): one.responded
        for server in listed
        for one in listed[server]
    }
    until = facts.track.last_ts - GRACE
    late = {
        (attempt.server, request.file, request.frame)
        for source in facts.sources.values()
        for attempt in source.attempts
        for request in attempt.requests
        if request.ts > until
    }
    assert found == {key: answered for key, answered in wanted.items() if answered or key not in late}
    for asked in listed.values():
        assert [one.ts for one in asked] == sorted(one.ts for one in asked)


def test_episodes(facts: Facts) -> None:
    listed = list_requests(facts.sources.values())
    silent = sum(not one.responded for asked in listed.values() for one in asked)
    assert sum(len(episode.asked) for episode in facts.episodes) == silent
    for episode in facts.episodes:
        everybody = listed[episode.server]
        own = [one for one in everybody if one.attempt.src == episode.source.address]
        begin = own.index(episode.asked[0])
        end = begin + len(episode.asked)
        assert own[begin:end] == episode.asked
        assert begin == 0 or own[begin - 1].responded
        assert (episode.resumed_ts is None) == (end == len(own))
        assert episode.answered_before == sum(one.responded for one in own[:begin])
        others = [
            one
            for one in everybody
            if episode.onset <= one.ts <= episode.end and one.attempt.src != episode.source.address
        ]
        assert episode.others_answered == sum(one.responded for one in others)
        assert _sources(others, answered=True) == episode.others_answered_sources
        assert _sources(others, answered=False) == episode.others_unanswered_sources
        live = _live(episode.source, episode.onset)
        more = [one for one in own[end:] if one.responded and _live(episode.source, one.ts) >= live]
        assert episode.answered_at_more == len(more)
        assert episode.released == _ended(episode)


def _sources(asked: list[Asked], *, answered: bool) -> int:
    return len({one.attempt.src for one in asked if one.responded is answered})


def _live(source: Source, ts: int) -> int:
    return sum(begin <= ts < end for begin, end in source.live_intervals())


def _ended(episode: Episode) -> int:
    begin = episode.onset - 5 * SECOND
    return sum(begin <= end < episode.end for _, end in episode.source.live_intervals())
