"""Recovering the clients' own and the dialled addresses: order, budget, interruption, processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from msgspec.structs import replace

from pcapan.decode import natd_lanes
from pcapan.decode.natd import natd_hash, natd_matches
from pcapan.decode.natd_search import Match, address_range
from pcapan.pipeline import read_facts
from pcapan.scan.columns import Shape
from pcapan.scan.hashes import NatdHashes
from pcapan.track import search_plan
from pcapan.track.attempts import Attempt, Request
from pcapan.track.recover import Miss, RecoveredAddress, Recovery, explain_miss, recover_addresses
from pcapan.track.search_plan import Tiers
from pcapan.track.search_pool import Report, Unit, run_units

VIP = "203.0.113.80"
SERVER = "10.9.9.9"
SPACE: Tiers = ([address_range("192.168.0.0/22")], [address_range("10.0.0.0/20")])
"""Small, in two tiers."""


def hash_of(spi_i: int, address: str, port: int = 500) -> bytes:
    return natd_hash(spi_i, 0, ip_address(address).packed, port)


def attempt(
    spi_i: int,
    own: str | None,
    src: str = "198.51.100.1",
    *,
    own_port: int = 500,
    sport: int = 500,
    dport: int = 500,
    dialled: str = VIP,
    more: tuple[bytes, ...] = (),
) -> Attempt:
    """An attempt of a client that believes in its address `own`; None: it hashes random bytes."""
    source = (hash_of(spi_i, own, own_port) if own else b"\x5a" * 20, *more)

    def fits(hashes: tuple[bytes, ...], address: str, port: int) -> bool | None:
        return natd_matches(hashes, spi_i, 0, ip_address(address).packed, port)

    destination = (hash_of(spi_i, dialled, dport),)
    return Attempt(
        spi_i=spi_i,
        src=src,
        sport=sport,
        server=SERVER,
        dport=dport,
        file=0,
        requests=[Request(0, 1, 0, 0, False)],
        shape=Shape(b"", (), (), b"", 0, 0, 0, True, ""),
        ttl=128,
        macs=(b"", b""),
        natd_source_matches=fits(source, src, sport),
        natd_source_matches_500=fits(source, src, 500),
        natd_destination_matches=fits(destination, SERVER, dport),
        natd_destination_is_source=False,
        hashes=NatdHashes({0: (source, destination)}),
        hash_row=0,
    )


def recover(attempts: list[Attempt], *candidates: str, jobs: int = 1, space: Tiers = SPACE) -> Recovery:
    return recover_addresses(attempts, candidates or (VIP,), jobs=jobs, space=space)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_plan, "_CHUNK", 256)


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch, small_chunks: None) -> list[tuple[int, int]]:
    """(SPI, number of the unit) of every unit that is run."""
    units: list[tuple[int, int]] = []
    run = Unit.run

    def noted(self: Unit, should_stop: Callable[[], bool]) -> Report:
        units.append((self.spi_i, self.number))
        return run(self, should_stop)

    monkeypatch.setattr(Unit, "run", noted)
    return units


class Ticks:
    """A clock that goes one second a look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def test_home_and_dialled_addresses() -> None:
    found = recover([attempt(1, "192.168.1.7"), attempt(2, "10.0.3.4", "198.51.100.2")], "192.0.2.1", VIP)
    assert found.clients == {
        (1, "198.51.100.1"): RecoveredAddress("192.168.1.7", 500),
        (2, "198.51.100.2"): RecoveredAddress("10.0.3.4", 500),
    }
    assert found.dialled == {VIP: 2}
    assert (found.dialled_unknown, found.not_found, found.not_searched) == (0, [], [])
    assert found.complete
    assert not found.interrupted
    assert found.seconds >= 0


def test_nothing_to_do() -> None:
    assert recover([]).complete
    silent = replace(attempt(1, "192.168.1.7"), hashes=NatdHashes())
    probe = replace(attempt(2, "192.168.1.7"), is_probe=True)
    found = recover([silent, probe])
    assert (found.clients, found.dialled, found.not_found, found.complete) == ({}, {}, [], True)


def test_visible_address_needs_no_search(searched: list[tuple[int, int]]) -> None:
    direct = attempt(1, "198.51.100.7", "198.51.100.7", own_port=4500, sport=4500, dport=4500)
    moved = attempt(2, "198.51.100.8", "198.51.100.8", sport=61000)
    found = recover([direct, moved])
    assert found.clients == {
        (1, "198.51.100.7"): RecoveredAddress("198.51.100.7", 4500),
        (2, "198.51.100.8"): RecoveredAddress("198.51.100.8", 500),
    }
    assert searched == []


def test_port_of_the_hash() -> None:
    on_4500 = attempt(1, "192.168.1.7", own_port=4500, dport=4500, sport=33000)
    translated = attempt(2, "10.0.3.4", "198.51.100.2", sport=33000)
    kept = attempt(3, "192.168.2.9", "198.51.100.3", own_port=33000, sport=33000)
    found = recover([on_4500, translated, kept])
    assert [address.port for address in found.clients.values()] == [4500, 500, 33000]


def test_miss_is_told_from_not_searched() -> None:
    found = recover([attempt(1, None), attempt(2, "192.168.3.255")])
    assert found.not_found == [(1, "198.51.100.1")]
    assert list(found.clients) == [(2, "198.51.100.1")]
    assert found.complete


def test_ipv6_is_not_searched(searched: list[tuple[int, int]]) -> None:
    found = recover([attempt(1, "2001:db8::5", "2001:db8:1::5")])
    assert found.not_searchable == [(1, "2001:db8:1::5")]
    assert found.complete
    assert searched == []


def test_dialled_address_is_the_server_where_nobody_translates() -> None:
    clients = [attempt(1, "192.168.0.1", dialled=SERVER), attempt(2, "192.168.0.1", dialled=SERVER)]
    others = [attempt(3, "192.168.0.1"), attempt(4, "192.168.0.1", dialled="192.0.2.77")]
    found = recover([*clients, *others])
    assert found.dialled == {SERVER: 2, VIP: 1}
    assert found.dialled_unknown == 1


def test_hopeless_candidates_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pcapan.track.recover._CANDIDATE_MISSES", 2)
    odd = [attempt(spi, "192.168.0.1", dialled=f"192.0.2.{spi}") for spi in (1, 2, 3)]
    assert recover([*odd, attempt(4, "192.168.0.1")]).dialled == {}
    assert recover([attempt(4, "192.168.0.1"), *odd, attempt(5, "192.168.0.1")]).dialled == {VIP: 2}


def test_candidate_that_is_no_address() -> None:
    with pytest.raises(ValueError, match=r"vpn\.example"):
        recover([attempt(1, "192.168.0.1")], "vpn.example")


def test_one_attempt_of_every_source_comes_first(searched: list[tuple[int, int]]) -> None:
    clients = [
        attempt(1, "10.0.15.1", "198.51.100.1"),
        attempt(2, "10.0.14.1", "198.51.100.1"),
        attempt(3, "10.0.13.1", "198.51.100.2"),
    ]
    recover(clients)
    first_tier = [(spi, number) for number in range(4) for spi in (1, 3)]
    assert searched[:8] == first_tier, "the likely addresses of every source before any others"
    assert [spi for spi, _ in searched].index(2) > max(i for i, (spi, _) in enumerate(searched) if spi != 2)
    assert len(set(searched)) == len(searched)


def test_redial_is_answered_by_one_hash(searched: list[tuple[int, int]]) -> None:
    redials = [attempt(spi, "10.0.15.200", f"198.51.100.{spi % 2}") for spi in range(1, 9)]
    found = recover(redials)
    assert set(found.clients.values()) == {RecoveredAddress("10.0.15.200", 500)}
    assert {spi for spi, _ in searched} == {1, 2}, "one attempt of each source is under way at the hit"
    assert max(number for spi, number in searched if spi == 2) < max(number for _, number in searched)


def test_neighbours_come_first(searched: list[tuple[int, int]]) -> None:
    found = recover([attempt(1, "10.0.15.200"), attempt(2, "10.0.15.3")])
    assert found.clients[2, "198.51.100.1"].address == "10.0.15.3"
    assert [number for spi, number in searched if spi == 2] == [0]


def test_one_attempt_seen_before_and_behind_the_balancer() -> None:
    before = attempt(1, "10.200.0.5", "10.200.0.5")
    behind = attempt(1, "10.200.0.5", "10.9.9.1")
    found = recover([behind, before])
    assert set(found.clients.values()) == {RecoveredAddress("10.200.0.5", 500)}
    assert len(found.clients) == 2


#: In this thread, in threads where the search is compiled, and in processes.
CREWS = [(1, False), (2, False), *([(2, True)] if natd_lanes.COMPILED else [])]


@pytest.fixture(params=CREWS)
def jobs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    count, threads = request.param
    monkeypatch.setattr(natd_lanes, "COMPILED", threads)
    return int(count)


def test_multihomed_client_gets_its_first_address(jobs: int, small_chunks: None) -> None:
    both = attempt(1, "10.0.9.9", more=(hash_of(1, "10.0.8.8"),))
    known = [attempt(spi, "10.0.9.9") for spi in (2, 3)]
    found = recover([known[0], both, known[1]], jobs=jobs)
    assert found.clients[1, "198.51.100.1"].address == "10.0.8.8"


def test_budget_is_kept_and_told() -> None:
    clients = [attempt(spi, None, f"198.51.100.{spi}") for spi in range(1, 5)]
    clock = Ticks()
    found = recover_addresses(clients, [], jobs=1, budget_seconds=14, clock=clock, space=SPACE)
    assert 14 <= found.seconds <= 19
    assert not found.complete
    assert not found.interrupted
    assert found.not_found == []
    assert found.not_searched == [(spi, f"198.51.100.{spi}") for spi in range(1, 5)]


def test_no_budget_at_all() -> None:
    found = recover_addresses([attempt(1, "192.168.0.1")], [VIP], jobs=2, budget_seconds=0, space=SPACE)
    assert (found.clients, found.dialled, found.complete) == ({}, {}, False)
    assert found.not_searched == [(1, "198.51.100.1")]


def test_progress_reaches_its_end(jobs: int, small_chunks: None) -> None:
    seen: list[tuple[int, int]] = []
    clients = [attempt(1, None), attempt(2, "10.0.15.200"), attempt(3, "10.0.15.200")]
    recover_addresses(
        clients, [VIP], jobs=jobs, space=SPACE, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == sorted(seen)
    assert {total for _, total in seen} == {60}
    assert seen[-1] == (60, 60)


def test_interruption_keeps_what_was_found(jobs: int, small_chunks: None) -> None:
    def interrupt(done: int, total: int) -> None:
        if done >= 21:
            raise KeyboardInterrupt

    clients = [attempt(1, "192.168.0.9"), attempt(2, None, "198.51.100.2")]
    found = recover_addresses(clients, [VIP], jobs=jobs, progress=interrupt, space=SPACE)
    assert found.interrupted
    assert not found.complete
    assert found.clients == {(1, "198.51.100.1"): RecoveredAddress("192.168.0.9", 500)}
    assert found.not_searched == [(2, "198.51.100.2")]
    assert multiprocessing.active_children() == []


def test_crews_find_the_same(jobs: int, small_chunks: None) -> None:
    clients = [attempt(spi, f"10.0.{spi}.{spi}", f"198.51.100.{spi % 5}") for spi in range(1, 13)]
    clients += [attempt(20, None), attempt(21, "192.168.3.77")]
    alone, together = recover(clients, jobs=1), recover(clients, jobs=jobs)
    alone.seconds = together.seconds = 0.0
    assert alone == together
    assert list(alone.clients) == list(together.clients)
    assert len(together.clients) == 13
    assert multiprocessing.active_children() == []


def units_for(count: int) -> Iterator[Unit]:
    target = frozenset({hash_of(7, "10.0.0.1")})
    for number in range(count):
        yield Unit(0, number, 7, target, (500,), (address_range(f"10.0.{number}.0/24"),))


def test_work_goes_on_here_where_processes_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError("no semaphores")

    monkeypatch.setattr(natd_lanes, "COMPILED", False)
    monkeypatch.setattr("concurrent.futures.process.ProcessPoolExecutor", refuse)
    outcomes: dict[int, Match | None] = {}
    run_units(units_for(4), lambda unit, report: outcomes.update({unit.number: report[0]}), lambda: False, 4)
    assert [match is not None for match in outcomes.values()] == [True, False, False, False]


def test_work_goes_on_here_when_a_process_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(natd_lanes, "COMPILED", False)
    killed = False
    outcomes: list[int] = []

    def settle(unit: Unit, report: Report) -> None:
        nonlocal killed
        outcomes.append(unit.number)
        for child in multiprocessing.active_children() if not killed else ():
            child.kill()
        killed = True

    run_units(units_for(40), settle, lambda: False, 2)
    assert sorted(outcomes) == list(range(40))
    assert multiprocessing.active_children() == []


def test_a_miss_is_never_called_proof() -> None:
    miss = attempt(1, None)
    assert explain_miss(miss) is Miss.NOT_PRIVATE_OR_FALSIFIED
    assert explain_miss(replace(miss, response_natd_source_matches=True)) is Miss.NOT_PRIVATE_OR_FALSIFIED
    assert explain_miss(replace(miss, response_natd_source_matches=False)) is Miss.REWRITTEN_OR_FALSIFIED
    assert explain_miss(replace(miss, hashes=NatdHashes())) is None
    assert explain_miss(attempt(2, "198.51.100.1")) is None
    assert all(" or " in wording for wording in Miss)


@pytest.mark.shared
def test_real_windows_client(shared_dir: Path) -> None:
    """Taken at the client, so the hash fits; then as if a router had translated it."""
    name = "corelight__zeek-spicy-ipsec__tests_traces_ipsec_client.pcap"
    facts, _ = read_facts(shared_dir / "corpus" / "ike" / name)
    [real] = facts.track.attempts
    hidden = replace(
        real, src="198.51.100.1", server=SERVER, natd_source_matches=False, natd_source_matches_500=False
    )
    for client in (real, hidden):
        found = recover_addresses([client], ["203.0.113.1", "144.76.154.114"], jobs=1)
        assert found.clients == {(client.spi_i, client.src): RecoveredAddress("192.168.0.10", 500)}
        assert found.dialled == {"144.76.154.114": 1}
