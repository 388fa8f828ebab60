"""From an index of packets to frame blocks, interfaces and side evidence.

Knows how frames are put in order of time and numbered, and what a trace says about itself. Must not know
the bytes of buffers and events.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pcapan.ingest.capture import Capture, text
from pcapan.ingest.etl.clock import TIME_MAX, LogfileHeader
from pcapan.ingest.etl.drop_reasons import reason_text
from pcapan.ingest.etl.explain import providers
from pcapan.ingest.etl.gather import Gather, chosen_by_time
from pcapan.ingest.etl.ipbytes import LINK_WIFI, other_wire_length
from pcapan.ingest.etl.matching import DropMatcher
from pcapan.ingest.etl.provider_names import INNER_TRAFFIC
from pcapan.ingest.etl.selection import Selection, single_events
from pcapan.ingest.etl.store import FrameIndex, Store
from pcapan.ingest.etl.tracepass import TracePass
from pcapan.ingest.etl.wfp import FAILURES
from pcapan.ingest.frames import DroppedPacket, FrameBlock, Interface

#: A block ends at this many frames or bytes.
_BLOCK_FRAMES, _BLOCK_BYTES = 4096, 4 * 1024 * 1024


@dataclass(slots=True)
class Kept:
    """The frames that are handed out."""

    index: FrameIndex
    order: array[int]
    """Indexes in order of time."""
    interfaces: dict[int, Interface]
    """Source number of the index -> interface, in rising order, in which they are numbered."""
    how: str
    """How the events of one packet were told from each other, in words."""
    merged: int
    """Events of the same packets that were left out."""
    infer_lengths: bool
    """The container does not say how long a cut frame was."""
    facts: list[tuple[str, str]] = field(default_factory=list)


def keep_ndis(done: TracePass, store: Store) -> Kept | None:
    """The frames of the NDIS capture provider, or None when it logged none (or fewer than pktmon)."""
    ndis = done.ndis
    if not len(ndis.index) or len(ndis.index) < done.pktmon.events // 8:
        return None
    chosen = ndis.kept_sources()
    taken = bytes(number in chosen for number in range(len(ndis.sources)))
    numbers = chosen_by_time(ndis.index.stamps, ndis.index.sources, 0, taken)
    merged = len(ndis.index) - len(numbers)
    how = "the lowest layer over every network card" if merged else "every frame was logged once"
    return Kept(
        ndis.index,
        numbers,
        {number: ndis.interface(number) for number in sorted(chosen)},
        how,
        merged,
        infer_lengths=True,
    )


def keep_pktmon(done: TracePass, store: Store, chosen: Selection) -> Kept | None:
    """One event for every packet that pktmon logged, or None when it logged none."""
    pktmon = done.pktmon
    index = pktmon.index
    header = done.header
    if not len(index) or header is None:
        return None
    how = chosen.how
    inner = sum(count for number, count in pktmon.seen.items() if _is_inner(done, number))
    if chosen.components is not None:
        cards = bytes(number in chosen.components for number in range(65536))
        numbers = chosen_by_time(index.stamps, index.sources, 8, cards)
    else:

        def payload(number: int) -> bytes:
            data, _offsets = store.read(index.places[number : number + 1], index.lengths[number : number + 1])
            return bytes(data[: index.lengths[number]])

        single, how = single_events(pktmon, header.frequency or 10_000_000, payload)
        numbers = array("I", single)
    if not numbers:
        return None
    sources = sorted({index.sources[i] for i in numbers})
    cut = max((index.lengths[i] for i in numbers if index.lengths[i] < index.wires[i]), default=0)
    kept = Kept(
        index,
        numbers,
        {source: _pktmon_interface(done, source, cut) for source in sources},
        _HOW[how],
        pktmon.events - len(numbers) - inner,
        infer_lengths=False,
    )
    if inner:
        kept.facts.append(
            ("left out", f"{inner} events of WAN miniports: the traffic inside the tunnels is never read")
        )
    return kept


_HOW = {
    "cards-of-tcpip": "events at the network cards that TCP/IP is bound to",
    "cards": "events at the network cards",
    "one-component": "only one component was recorded",
    "groups": "first event of a received, last of a sent packet by its group (no card is described)",
    "equal-bytes": "equal bytes within milliseconds (no card is described)",
}


def _is_inner(done: TracePass, number: int) -> bool:
    known = done.pktmon.rundown.components.get(number)
    return known is not None and known.inner


def _pktmon_interface(done: TracePass, source: int, cut: int) -> Interface:
    number, link = source >> 8, source & 0xFF
    known = done.pktmon.rundown.components.get(number)
    described = [known.description] if known is not None and known.description else []
    if known is not None and known.mac:
        described.append(f"MAC {known.mac.hex('-')}")
    described.append(f"pktmon component {number}")
    return Interface(
        link_type=link,
        snaplen=cut,
        name=done.pktmon.rundown.name(number),
        description=", ".join(described),
        capture_filter=" or ".join(done.pktmon.filters),
    )


def describe(capture: Capture, done: TracePass, kept: Kept | None) -> None:
    """Fill in what the trace says besides packets."""
    header = done.header
    if header is None:
        return
    side = capture.side
    system = f"Windows build {header.build}"
    if done.metadata.build_lab:
        system += f" ({done.metadata.build_lab})"
    if done.metadata.product:
        system += f", {done.metadata.product}"
    capture.operating_system = text(system.encode("utf-8", "replace"))
    side.facts.append(("recorded on", capture.operating_system))
    side.facts.append(("events", providers(done).words()))
    if header.circular:
        side.facts.append(("session", "circular: the oldest events were overwritten when the file was full"))
    if done.events.get(INNER_TRAFFIC):
        side.facts.append(
            (
                "left out",
                f"{done.events[INNER_TRAFFIC]} packets from inside the tunnels, which are never read",
            )
        )
    _losses(capture, done, header, kept)
    side.drop_events = sum(done.pktmon.drop_reasons.values())
    if side.drop_events:
        side.facts.append(("drops", _drop_words(done, header)))
    side.drops = sorted(
        (_dropped(done, header, number) for number in range(len(done.pktmon.drops))),
        key=lambda drop: drop.time,
    )
    for stamp, message in done.wfp.messages:
        message.time = header.nanoseconds(stamp)
        side.messages.append(message)
    side.messages.sort(key=lambda message: message.time)
    side.failures = {FAILURES[kind]: count for kind, count in sorted(done.wfp.failures.items())}
    if kept is not None:
        side.merged_copies = max(0, kept.merged)
        side.facts.append(
            ("selection", f"{kept.how}; {side.merged_copies} further events of the same packets merged")
        )
        side.facts += kept.facts
        for interface in kept.interfaces.values():
            interface.operating_system = capture.operating_system
        capture.interfaces.extend(kept.interfaces.values())


def _losses(capture: Capture, done: TracePass, header: LogfileHeader, kept: Kept | None) -> None:
    """Events and buffers that the session lost are packets that may be missing."""
    walked = done.container
    lost = header.events_lost or walked.events_lost_marks
    buffers = header.buffers_lost or walked.buffers_lost_marks
    if lost:
        capture.note("events-lost", 0, f"Windows could not keep up and lost {lost} events", lost)
    if buffers:
        capture.note("buffers-lost", 0, f"{buffers} buffers of events were lost", buffers)
    if kept is not None and (lost or buffers):
        # The file does not say on which interface; the first stands for all.
        next(iter(kept.interfaces.values())).dropped = lost + buffers


def _drop_words(done: TracePass, header: LogfileHeader) -> str:
    ranked = sorted(done.pktmon.drop_reasons.items(), key=lambda item: -item[1])[:5]
    said = [
        f"{count} x {reason} {reason_text(reason, header.build, done.metadata.drop_reasons)}".strip()
        for reason, count in ranked
    ]
    events = sum(done.pktmon.drop_reasons.values())
    return f"{events}, {len(done.pktmon.drops)} of them IKE or ESP: {'; '.join(said)}"


def _dropped(done: TracePass, header: LogfileHeader, number: int) -> DroppedPacket:
    drop = done.pktmon.drops[number]
    return DroppedPacket(
        time=header.nanoseconds(drop.stamp),
        reason=drop.reason,
        reason_text=reason_text(drop.reason, header.build, done.metadata.drop_reasons),
        location=drop.location,
        component=done.pktmon.rundown.name(drop.component),
        direction=drop.direction,
        data=drop.data,
        wire_length=drop.wire_length,
    )


def deliver(capture: Capture, header: LogfileHeader, store: Store, kept: Kept) -> Iterator[FrameBlock]:
    """Yield the frames by time, numbered from 1."""
    matcher = DropMatcher(capture.side.drops) if capture.side.drops else None
    links = [interface.link_type for interface in kept.interfaces.values()]
    gather = _gather(kept)
    first = 0
    while first < len(kept.order):
        last = gather.block_end(first, _BLOCK_FRAMES, _BLOCK_BYTES)
        block = _block(header, store, kept, gather, first, last)
        if matcher is not None:
            matcher.match(block, [links[number] for number in block.interfaces])
        yield block
        first = last


def refetch(header: LogfileHeader, store: Store, kept: Kept, numbers: Sequence[int]) -> Iterator[FrameBlock]:
    """Yield single frames by the numbers that `deliver` gave them."""
    gather = _gather(kept)
    for number in numbers:
        if 1 <= number <= len(kept.order):
            yield _block(header, store, kept, gather, number - 1, number)


def _gather(kept: Kept) -> Gather:
    links = [interface.link_type for interface in kept.interfaces.values()]
    return Gather(kept.index, kept.order, list(kept.interfaces), links)


def _block(
    header: LogfileHeader, store: Store, kept: Kept, gather: Gather, first: int, last: int
) -> FrameBlock:
    """The frames `first` up to `last` (0-based, by time)."""
    gather.take(first, last)
    data, offsets = store.read(gather.places, gather.lengths)
    if kept.infer_lengths:
        gather.infer_wires(data, offsets, other_wire_length)
    links = [interface.link_type for interface in kept.interfaces.values()]
    if LINK_WIFI in links:
        _clear_protected(data, offsets, gather.lengths, [links[number] for number in gather.interfaces])
    times = gather.times
    base = header.base
    if base is None or not gather.tell_times(base, TIME_MAX):
        times = array("q", [header.nanoseconds(stamp) for stamp in times])
    return FrameBlock(
        data,
        first + 1,
        offsets,
        gather.lengths,
        gather.wires,
        times,
        gather.interfaces,
        gather.directions,
    )


def _clear_protected(
    data: bytearray, offsets: Sequence[int], lengths: Sequence[int], links: Sequence[int]
) -> None:
    """Windows logs 802.11 frames decrypted but leaves the bit that says otherwise."""
    for offset, length, link in zip(offsets, lengths, links, strict=True):
        if link != LINK_WIFI or length < 32 or data[offset] & 0x0C != 0x08 or not data[offset + 1] & 0x40:
            continue
        start = offset + (26 if data[offset] & 0x80 else 24)
        if data[start : start + 3] == b"\xaa\xaa\x03":
            data[offset + 1] &= ~0x40
