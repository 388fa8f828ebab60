"""Requests and responses of one IKE SA, with repeats and fragments."""

from __future__ import annotations

from pcapan.track.exchanges import Exchange
from tests.kit.dsl import parse
from tests.kit.expect import play
from tests.kit.frames import EPOCH

HEAD = """
host S 10.10.10.2
host C 203.0.113.5
0 C > S INIT i=a1
0.01 S > C INIT-R i=a1 r=b1
30 S > C OTHER
"""


def exchanges(lines: str) -> list[Exchange]:
    (sa,) = play(parse(HEAD + lines)).track.sas
    return list(sa.exchanges.values())


def times(sends: list[tuple[int, int, int]]) -> list[float]:
    return [(ts - EPOCH) / 10**9 for *_, ts in sends]


def test_request_and_response_by_message_id() -> None:
    one, other = exchanges(
        """
        1 C > S AUTH i=a1 r=b1 id=1 size=300
        1.1 S > C AUTH-R i=a1 r=b1 id=1 size=900
        1.2 C > S AUTH i=a1 r=b1 id=2 size=100
        """
    )
    assert (one.message_id, one.by_client, one.answered) == (1, True, True)
    assert (one.request.encrypted, one.response.encrypted) == (300, 900)
    assert (other.message_id, other.answered, times(other.request.sends)) == (2, False, [1.2])


def test_both_sides_count_their_own_ids() -> None:
    one, other = exchanges(
        """
        1 C > S INFO i=a1 r=b1 id=5
        1.1 S > C INFO i=a1 r=b1 id=5
        1.2 S > C INFO-R i=a1 r=b1 id=5
        1.3 C > S INFO-R i=a1 r=b1 id=5
        """
    )
    assert (one.by_client, other.by_client) == (True, False)
    assert (times(one.response.sends), times(other.response.sends)) == ([1.2], [1.3])


def test_repeats() -> None:
    (one,) = exchanges(
        """
        1 C > S AUTH i=a1 r=b1
        1.4 C > S AUTH i=a1 r=b1
        1.5 C > S AUTH i=a1 r=b1
        3.5 C > S AUTH i=a1 r=b1
        4 S > C AUTH-R i=a1 r=b1
        """
    )
    assert times(one.request.sends) == [1, 1.5, 3.5]
    assert one.repeats_after_response == 0
    assert (one.first_ts - EPOCH, one.last_ts - EPOCH) == (10**9, 4 * 10**9)


def test_repeats_after_the_response() -> None:
    (one,) = exchanges(
        """
        1 C > S AUTH i=a1 r=b1
        1.1 S > C AUTH-R i=a1 r=b1
        *2 2+2 C > S AUTH i=a1 r=b1
        *2 2.1+2 S > C AUTH-R i=a1 r=b1
        """
    )
    assert one.repeats_after_response == 2
    assert times(one.response.sends) == [1.1, 2.1, 4.1]


def test_fragments_are_one_send() -> None:
    (one,) = exchanges(
        """
        *3 1+0.001 C > S AUTH i=a1 r=b1 frag=#/3 size=400
        1.1 S > C AUTH-R i=a1 r=b1
        *3 2+0.001 C > S AUTH i=a1 r=b1 frag=#/3 size=400
        """
    )
    assert times(one.request.sends) == [1, 2]
    assert (one.request.encrypted, one.request.fragments_total, one.request.missing_fragments) == (1200, 3, 0)
    assert one.repeats_after_response == 1


def test_missing_fragments() -> None:
    (one,) = exchanges(
        """
        1 C > S AUTH i=a1 r=b1 frag=1/4
        1.01 C > S AUTH i=a1 r=b1 frag=4/4
        2 C > S AUTH i=a1 r=b1 frag=1/4
        2.01 C > S AUTH i=a1 r=b1 frag=4/4
        """
    )
    assert one.request.missing_fragments == 2


def test_reordered_fragments_are_not_missing() -> None:
    (one,) = exchanges(
        """
        1 C > S AUTH i=a1 r=b1 frag=3/3
        1.01 C > S AUTH i=a1 r=b1 frag=1/3
        1.02 C > S AUTH i=a1 r=b1 frag=2/3
        """
    )
    assert one.request.missing_fragments == 0
    assert len(one.request.sends) == 1


def test_smaller_fragments_start_over() -> None:
    (one,) = exchanges(
        """
        *2 1+0.001 C > S AUTH i=a1 r=b1 frag=#/2 size=1200
        *4 2+0.001 C > S AUTH i=a1 r=b1 frag=#/4 size=500
        """
    )
    assert (one.request.fragments_total, one.request.encrypted, one.request.missing_fragments) == (4, 2000, 0)
