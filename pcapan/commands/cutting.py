"""Which packets of several captures were asked for, and in what order they come.

Knows how a cut is carried out: a first reading finds the frames, a second one copies them. Must not know
what is written, nor how a packet is told from another (`pcapan.scan.pick` does).
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heapreplace

from pcapan.commands.cuts import Cut
from pcapan.commands.progress import Progress
from pcapan.errors import UnreadableError, UsageError
from pcapan.ingest.again import Recall
from pcapan.ingest.capture import Capture
from pcapan.ingest.frames import NO_TIME, Frame
from pcapan.ingest.open import open_capture
from pcapan.scan.columns import FileScan
from pcapan.scan.pick import FramePick, ike_frames, sa_frames, sa_initiators
from pcapan.scan.scanner import Scanner
from pcapan.tables.times import iso_time

_LAST = 2**63 - 1


@dataclass(slots=True)
class Part:
    """What was cut out of one capture."""

    reader: Capture
    recall: Recall
    packets: int = 0
    """Frames the capture has."""
    first: int | None = None
    """Time of its first frame that has one, UTC ns."""
    last: int | None = None
    numbers: array[int] = field(default_factory=lambda: array("Q"))
    """Frames that were chosen, in rising order."""
    times: array[int] = field(default_factory=lambda: array("q"))
    """Their times; one that has none gets that of the frame before it."""


@dataclass(slots=True)
class _Read:
    """One capture after the first reading."""

    part: Part
    scan: FileScan
    pick: FramePick
    found: dict[str, int] = field(default_factory=dict)
    """Condition -> frames for which it holds."""


def choose(
    captures: Sequence[str], cut: Cut, progress: Progress | None
) -> tuple[list[Part], list[UnreadableError]]:
    """Read the captures and choose; several are one timeline.

    Raises:
        UnreadableError: none of them can be read.
        UsageError: not one packet is what was asked for.
    """
    reads: list[_Read] = []
    unreadable: list[UnreadableError] = []
    try:
        for name in captures:
            try:
                reads.append(_first_reading(name, cut, progress))
            except UnreadableError as error:
                if len(captures) == 1:
                    raise
                unreadable.append(error)
        if not reads:
            raise unreadable[0]
        firsts = [read.part.first for read in reads if read.part.first is not None]
        initiators = {
            spi for wanted in cut.ike_spis for spi in sa_initiators([r.scan for r in reads], wanted)
        }
        for read in reads:
            _choose(read, cut, initiators, min(firsts, default=None))
        if not cut.everything and not any(read.part.numbers for read in reads):
            raise _nothing(reads, cut)
    except BaseException:
        for read in reads:
            read.part.recall.forget()
        raise
    return [read.part for read in reads], unreadable


def in_order(parts: Sequence[Part]) -> Iterator[tuple[int, Frame]]:
    """(Number of the part, frame): always the earliest of the parts' next frames, as mergecap does it.

    Frames of one capture keep their order. A capture is opened when its first frame comes.
    """
    waiting = [(part.times[0], place) for place, part in enumerate(parts) if part.times]
    heapify(waiting)
    open_: dict[int, Iterator[Frame]] = {}
    done = [0] * len(parts)
    while waiting:
        _, place = waiting[0]
        part = parts[place]
        if place not in open_:
            open_[place] = part.recall.frames(part.numbers)
        yield place, next(open_[place])
        done[place] += 1
        if done[place] < len(part.times):
            heapreplace(waiting, (part.times[done[place]], place))
        else:
            heappop(waiting)
            for _ in open_.pop(place):  # lets go of the file
                pass


def _first_reading(name: str, cut: Cut, progress: Progress | None) -> _Read:
    reader = open_capture(name, keep=True)
    scanner, pick = Scanner(), FramePick(cut.packed_sources, cut.esp_spis)
    scanned = cut.ike or bool(cut.ike_spis)
    numbers, times = array("Q"), array("q")
    first = last = None
    for block in reader.blocks():
        if scanned:
            scanner.feed(block, reader.interfaces)
        pick.see(block, reader.interfaces)
        numbers.extend(range(block.first_number, block.first_number + len(block)))
        for time in block.times:
            if time == NO_TIME:
                time = 0 if last is None else times[-1]
            else:
                first = time if first is None else first
                last = time
            times.append(time)
        if progress is not None:
            progress(name, reader.bytes_read, reader.size)
    part = Part(reader, Recall.of(reader), len(numbers), first, last, numbers, times)
    if pick.open_fragments:
        for block in part.recall.blocks(numbers):
            pick.see_fragments(block, reader.interfaces)
    return _Read(part, scanner.finish(), pick)


def _choose(read: _Read, cut: Cut, initiators: set[int], first: int | None) -> None:
    """Leave the frames for which every condition holds."""
    if cut.everything:
        return
    part = read.part
    conditions: dict[str, Collection[int]] = {}
    if cut.sources:
        conditions["source"] = read.pick.by_address
    if cut.by_spi:
        conditions["spi"] = read.pick.by_spi | (sa_frames(read.scan, initiators) if initiators else set())
    if cut.ike:
        conditions["ike"] = ike_frames(read.scan)
    if cut.begin or cut.end:
        begin = cut.begin.after(first or 0) if cut.begin else NO_TIME
        end = cut.end.after(first or 0) if cut.end else _LAST
        conditions["window"] = [
            number for number, time in zip(part.numbers, part.times, strict=True) if begin <= time <= end
        ]
    held = bytearray(max(part.numbers, default=0) + 1)  # frame -> conditions that hold
    for name, frames in conditions.items():
        read.found[name] = len(frames)
        for number in frames:
            held[number] += 1
    chosen = [index for index, number in enumerate(part.numbers) if held[number] == len(conditions)]
    part.numbers = array("Q", [part.numbers[index] for index in chosen])
    part.times = array("q", [part.times[index] for index in chosen])


def _nothing(reads: Sequence[_Read], cut: Cut) -> UsageError:
    """What to say when no packet is left: how many each condition would leave by itself."""
    words = cut.words()
    counts = {name: sum(read.found.get(name, 0) for read in reads) for name in words}
    if not any(read.part.packets for read in reads):
        hint = "there is no packet at all in what was read"
    elif not counts.get("window", 1):
        firsts = [read.part.first for read in reads if read.part.first is not None]
        lasts = [read.part.last for read in reads if read.part.last is not None]
        span = f"from {iso_time(min(firsts))} to {iso_time(max(lasts))}" if firsts else "without any times"
        hint = f"the packets run {span}"
    elif not counts.get("source", 1):
        hint = "pcapan tables CAPTURE -t sources lists the addresses that speak IKE or ESP"
    elif not counts.get("spi", 1):
        hint = "pcapan tables CAPTURE -t sas lists the SPIs of IKE, -t esp those of ESP"
    elif not counts.get("ike", 1):
        hint = "there is no IKE on UDP port 500 or 4500 in what was read"
    else:
        hint = "each of these leaves packets, but not the same ones: leave one out"
    told = ", ".join(f"{text}: {counts[name]} packets" for name, text in words.items())
    return UsageError("no packet fits; nothing was written", where=told, hint=hint)
