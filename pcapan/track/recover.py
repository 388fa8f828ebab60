"""The clients' own addresses and the dialled addresses, recovered from NAT_DETECTION hashes.

Knows attempts, the time budget and what a miss may mean; the order of the search is
`pcapan.track.search_plan`'s, the processes are `pcapan.track.search_pool`'s. Must not judge what an
address says about NAT: `pcapan.detect` does. What it finds is personal data: callers run it only
when asked to.

Limits. Only private and carrier IPv4 space is searched for a client (all of IPv4 takes hours an
attempt this way; IPv6 is out of reach), with the port the client normally sends from. The dialled
address is looked for among known addresses only, never blindly.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from ipaddress import ip_address
from typing import TYPE_CHECKING

from msgspec import Struct, field

from pcapan.decode.natd_search import first_match, search_order
from pcapan.track.search_plan import Plan, Progress, RecoveredAddress, Task, Tiers, make_tasks
from pcapan.track.search_pool import run_units

if TYPE_CHECKING:
    from pcapan.track.attempts import Attempt

__all__ = ["Miss", "RecoveredAddress", "Recovery", "explain_miss", "recover_addresses"]

Key = tuple[int, str]
"""Initiator SPI and visible source address of an attempt."""

#: Attempts for which every candidate for the dialled address is tried. All clients of a balancer
#: dial the same few addresses: what is not seen in this many misses is not among the candidates.
_CANDIDATE_MISSES = 256

Clock = Callable[[], float]


class Miss(StrEnum):
    """What it may mean that no address fits an attempt's source hash."""

    REWRITTEN_OR_FALSIFIED = "addresses rewritten, or hashes falsified"
    """The responder's hash does not fit its own packet either: addresses of the capture were
    replaced, the server is translated too, or one side falsifies its hashes."""
    NOT_PRIVATE_OR_FALSIFIED = "no private address, or the hash is falsified"
    """The client has a public or IPv6 address or an unusual port, or it hashes random bytes on
    purpose (strongSwan with forced encapsulation does). Which of them cannot be told."""


def explain_miss(attempt: Attempt) -> Miss | None:
    """Why a complete search may have found nothing; None when the hash fits the packet or is absent.

    Never a proof that the hash is falsified: no arithmetic tells random bytes from an address that
    was not tried.
    """
    if not attempt.natd[0] or attempt.natd_source_matches or attempt.natd_source_matches_500:
        return None
    if attempt.response_natd_source_matches is False:
        return Miss.REWRITTEN_OR_FALSIFIED
    return Miss.NOT_PRIVATE_OR_FALSIFIED


class Recovery(Struct):
    """What the search found; monitors' probes and attempts without a source hash are not in it."""

    clients: dict[Key, RecoveredAddress] = field(default_factory=dict)
    """The client's own address; equal to the visible one where nobody translated it."""
    dialled: dict[str, int] = field(default_factory=dict)
    """Attempts by the address the client dialled, the most dialled first."""
    dialled_unknown: int = 0
    """Attempts whose destination hash fits no candidate that was tried."""
    not_found: list[Key] = field(default_factory=list)
    """Searched completely without a match: see `explain_miss`."""
    not_searched: list[Key] = field(default_factory=list)
    """The budget ran out, or somebody interrupted, before the search was complete."""
    not_searchable: list[Key] = field(default_factory=list)
    """Translated IPv6 sources: that space cannot be searched."""
    seconds: float = 0.0
    complete: bool = True
    """Everything that can be searched was searched."""
    interrupted: bool = False
    """Ctrl-C ended the search early."""


def recover_addresses(
    attempts: Sequence[Attempt],
    candidates: Iterable[str],
    *,
    jobs: int | None = None,
    budget_seconds: float | None = None,
    progress: Progress | None = None,
    clock: Clock = time.monotonic,
    space: Tiers | None = None,
) -> Recovery:
    """Search the NAT_DETECTION hashes of the attempts for the addresses behind them.

    Args:
        attempts: of one incident; probes among them are left out.
        candidates: addresses that clients may have dialled: virtual servers, balancers, addresses
            seen in the capture. The servers of the attempts are added.
        jobs: processes to use, all cores when None; 1 starts none.
        budget_seconds: stop after this time; one attempt of every source comes first.
        progress: called with (units done, units in all) from this process.
        clock: seconds; for the budget and `Recovery.seconds`.
        space: ranges to search, in tiers; all private and carrier space when None.

    Processes are spawned: a script that calls this keeps its own start behind
    ``if __name__ == "__main__"``. Ctrl-C ends the search and keeps what was found (`Recovery.interrupted`).

    Raises:
        ValueError: when a candidate is no IP address.
    """
    began = clock()
    packed = [ip_address(text).packed for text in candidates]
    clients = [attempt for attempt in attempts if not attempt.is_probe]
    tasks = make_tasks(clients)
    plan = Plan(tasks, search_order() if space is None else space, progress)
    result = Recovery()

    def should_stop() -> bool:
        return budget_seconds is not None and clock() - began >= budget_seconds

    try:
        result.complete = _find_dialled(result, clients, packed, should_stop)
        workers = (os.cpu_count() or 1) if jobs is None else jobs
        run_units(plan.units(), plan.settle, should_stop, min(workers, plan.total))
    except KeyboardInterrupt:
        result.interrupted = True
    _collect(result, tasks)
    result.complete = result.complete and not result.not_searched and not result.interrupted
    result.seconds = clock() - began
    return result


def _find_dialled(
    result: Recovery,
    attempts: Sequence[Attempt],
    candidates: Iterable[bytes],
    should_stop: Callable[[], bool],
) -> bool:
    """Count the dialled addresses; False when stopped before the end."""
    servers = (ip_address(attempt.server).packed for attempt in attempts)
    everything = list(dict.fromkeys((*candidates, *servers)))
    counts: Counter[bytes] = Counter()
    misses = 0
    complete = True
    for attempt in attempts:
        targets = frozenset(attempt.natd[1])
        if not targets:
            continue
        if should_stop():
            complete = False
            break
        ports = tuple(dict.fromkeys((attempt.dport, 500, 4500)))
        hit = first_match(attempt.spi_i, 0, targets, ports, list(counts))
        if hit is None and misses < _CANDIDATE_MISSES:
            hit = first_match(attempt.spi_i, 0, targets, ports, everything)
            misses = misses + 1 if hit is None else 0
        if hit is None:
            result.dialled_unknown += 1
        else:
            counts[hit[0]] += 1
    result.dialled = {str(ip_address(address)): count for address, count in counts.most_common()}
    return complete


def _collect(result: Recovery, tasks: Iterable[Task]) -> None:
    for task in tasks:
        for attempt in task.attempts:
            key = (attempt.spi_i, attempt.src)
            if task.found is not None:
                result.clients[key] = task.found
            elif not task.searchable:
                result.not_searchable.append(key)
            else:
                (result.not_searched if task.open_units else result.not_found).append(key)
    for keys in (result.not_found, result.not_searched, result.not_searchable):
        keys[:] = [key for key in dict.fromkeys(keys) if key not in result.clients]
