"""What a trace without packets is, and what the user probably wanted to do.

Knows the mistakes people make with ``netsh trace``, pktmon and Windows Performance Recorder. Must not read
events: it is given counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from pcapan.errors import UnreadableError
from pcapan.ingest.etl.provider_names import BOOKKEEPING, INNER_TRAFFIC, NDIS_CAPTURE, PKTMON, provider_name
from pcapan.ingest.etl.tracepass import TracePass

#: Providers named in the explanation.
_SHOWN = 8

_NETSH = "netsh trace start capture=yes tracefile=X.etl maxsize=1024 (and later: netsh trace stop)"
_PKTMON = "pktmon start --capture --comp nics --pkt-size 0 --file-name X.etl (and later: pktmon stop)"


@dataclass(frozen=True, slots=True)
class Providers:
    """Names and counts, most first."""

    rows: list[tuple[str, int]]

    def words(self, limit: int = _SHOWN) -> str:
        """The first of them in one line."""
        if not self.rows:
            return "no events at all"
        said = [f"{name} {count}" for name, count in self.rows[:limit]]
        more = len(self.rows) - limit
        return "; ".join(said) + (f"; and {more} more" if more > 0 else "")


def providers(done: TracePass) -> Providers:
    """Who wrote the events of a trace, bookkeeping of Windows itself left out."""
    rows = [(provider_name(guid), n) for guid, n in done.events.items() if guid not in BOOKKEEPING and n]
    if done.kernel_events:
        rows.append(("Windows kernel and session records", done.kernel_events))
    if done.wpp_events:
        rows.append(("WPP trace messages (readable only with the vendor's symbols)", done.wpp_events))
    return Providers(sorted(rows, key=lambda row: (-row[1], row[0])))


class NoPacketsError(UnreadableError):
    """A trace was read to its end and holds no packets."""

    def __init__(self, path: str, message: str, hint: str, facts: list[tuple[str, str]]) -> None:
        where = "\n".join([path, *(f"{label}: {said}" for label, said in facts)])
        super().__init__(message, where=where, hint=hint)
        self.path = path
        self.facts = facts


def no_packets(path: str, done: TracePass, facts: list[tuple[str, str]], *, damaged: bool) -> NoPacketsError:
    """The error that explains why there are no packets."""
    message, hint = _explain(done)
    if damaged:
        message += "; part of the file is cut or damaged, so they may have been there"
    return NoPacketsError(path, message, hint, facts)


def _explain(done: TracePass) -> tuple[str, str]:
    pktmon, events = done.pktmon, done.events
    if not done.event_count:
        return (
            "this Windows event trace holds no events at all",
            f"stop the trace before copying the file; record with: {_PKTMON}",
        )
    if pktmon.rundown.events or events.get(PKTMON):
        if pktmon.drop_reasons:
            return (
                f"pktmon logged {sum(pktmon.drop_reasons.values())} drops but no packet that passed",
                f"record all packets, not only drops: {_PKTMON}",
            )
        if pktmon.other_events:
            return (
                "pktmon logged information about packets but not their bytes",
                f"record with raw packets (flag 0x10), which is the default of: {_PKTMON}",
            )
        return (
            "pktmon logged its components and counters, but no packet",
            f"counters only, or a filter that nothing passed (pktmon filter list); record with: {_PKTMON}",
        )
    if events.get(NDIS_CAPTURE):
        return (
            "packet capture was on, but no packet was logged: its filter let none pass, or it had no card",
            f"record without a filter: {_NETSH}",
        )
    if events.get(INNER_TRAFFIC):
        return (
            "only traffic from inside the VPN tunnels was recorded, which pcapan never reads",
            f"record the network cards: {_NETSH}",
        )
    network = [name for name, _ in providers(done).rows if name.startswith(("Microsoft-Windows-", "IKEEXT"))]
    if done.kernel_events > sum(events.values()):
        return (
            "this is a performance trace (Windows Performance Recorder, xperf, a kernel logger), not packets",
            f"record packets with: {_PKTMON}, or: {_NETSH}",
        )
    if network:
        return (
            "this Windows event trace holds events of other providers, but no packets",
            f"a netsh trace needs capture=yes: {_NETSH}",
        )
    return (
        "this Windows event trace (of a program or an event log) holds no packets",
        f"record packets with: {_PKTMON}, or: {_NETSH}",
    )
