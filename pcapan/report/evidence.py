"""evidence.pcapng: the frames that findings cite, each with the reason it is cited for.

Knows which frames a result cites and how they are read again; every text is made harmless. Must not know
what is in a frame. Between reading and writing the frames are plain records (`EvidenceFrame`), so that
somebody may rewrite them on the way (`gather_evidence` gives them, `write_evidence` takes them).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO

from msgspec import Struct, field

from pcapan.errors import UnreadableError
from pcapan.ingest.again import Recall
from pcapan.ingest.frames import NO_TIME, Frame, Interface
from pcapan.ingest.pcapng_writer import PcapngWriter
from pcapan.model import Evidence, Finding, Result
from pcapan.record import changed
from pcapan.report.clock import instant_ns
from pcapan.report.safe import clean
from pcapan.report.story import file_names
from pcapan.report.words import VERDICT_WORDS, digest_text, pseudonyms_note

#: Fragments of one datagram that are added to the frame a finding cites: 64 KiB are 45 of the usual size.
_FRAGMENTS = 64

#: Inputs told of in the comments of the file.
_INPUTS = 100

#: Interfaces written although no frame of theirs is cited.
_INTERFACES = 256

#: A cited time and that of its frame may differ by this, ns: a datagram's by its last fragment, a dropped
#: packet's by its event. What differs more is another file by now.
_SAME = 60_000_000_000


class Origin(Struct, frozen=True):
    """One input of the result, in the order of its inputs."""

    recall: Recall
    """Reads its frames again."""
    interfaces: Sequence[Interface]
    """Its interfaces as they may be shown."""
    fragments: Mapping[int, Sequence[int]] = field(default_factory=dict)
    """Frame of a message -> all frames of its datagram, where that came in IP fragments."""


class EvidenceFrame(Struct, frozen=True):
    """One packet of evidence.pcapng."""

    file: int
    """Its input, 0-based, as in the result."""
    interface: int
    """Index into the interfaces of that input."""
    number: int
    """Its frame number in that input."""
    time: int
    """UTC nanoseconds since 1970-01-01."""
    data: bytes
    wire_length: int
    direction: int
    comments: tuple[str, ...]
    """Why it is here, one for each finding that cites it, and where it comes from: words of the result."""
    own_comments: tuple[str, ...] = ()
    """What the capture says about it: words of strangers."""


def gather_evidence(result: Result, origins: Sequence[Origin]) -> list[EvidenceFrame]:
    """The cited frames in order of time, each once.

    Raises:
        UnreadableError: an input is gone, or is another file by now.
    """
    names = file_names(result)
    files = {str(entry["path"]): index for index, entry in enumerate(result.inputs)}
    cited: list[dict[int, _Cited]] = [{} for _ in origins]
    for finding in result.findings:
        for one in finding.evidence if finding.verdict.reported else ():
            index = files[one.file]
            _cite(cited[index], finding, one, origins[index].fragments.get(one.frame, ()))
    frames = []
    for index, (origin, wanted) in enumerate(zip(origins, cited, strict=True)):
        name = clean(names[str(result.inputs[index]["path"])])
        for frame in origin.recall.frames(wanted):
            frames.append(_record(index, frame, wanted[frame.number], name))
            _check(origin.recall, frame, wanted[frame.number])
    frames.sort(key=lambda frame: (frame.time, frame.file, frame.number))
    return frames


class _Cited(Struct):
    """What is said of one frame."""

    time: int | None
    """As the result tells it; None where the calendar ends before."""
    reasons: list[str] = field(default_factory=list)


def _cite(cited: dict[int, _Cited], finding: Finding, one: Evidence, fragments: Sequence[int]) -> None:
    time = instant_ns(one.time)
    reason = f"{finding.id} ({VERDICT_WORDS[finding.verdict]}, {finding.severity}): {one.what}"
    cited.setdefault(one.frame, _Cited(time)).reasons.append(clean(reason))
    for number in fragments[:_FRAGMENTS]:
        if number != one.frame:
            text = f"{finding.id}: IP fragment of the datagram in frame {one.frame}, which is cited"
            cited.setdefault(number, _Cited(time)).reasons.append(clean(text))


def _record(file: int, frame: Frame, cited: _Cited, name: str) -> EvidenceFrame:
    where = f"frame {frame.number} of {name}"
    time = frame.time
    if time == NO_TIME:
        time = cited.time or 0
        where += ", which has no time of its own"
    return EvidenceFrame(
        file=file,
        interface=frame.interface,
        number=frame.number,
        time=time,
        data=frame.data,
        wire_length=frame.wire_length,
        direction=frame.direction,
        comments=(*dict.fromkeys(cited.reasons), where),
        own_comments=tuple(clean(comment) for comment in frame.comments),
    )


def _check(recall: Recall, frame: Frame, cited: _Cited) -> None:
    if cited.time is None or frame.time == NO_TIME or abs(frame.time - cited.time) <= _SAME:
        return
    raise UnreadableError(
        f"frame {frame.number} is another one than was analysed: the file has changed since",
        where=recall.path,
        hint="leave the file in its place until pcapan has ended",
    )


def write_evidence(
    file: BinaryIO, result: Result, origins: Sequence[Origin], frames: Iterable[EvidenceFrame]
) -> None:
    """Write the records as pcapng, times in nanoseconds; the interfaces of every input stay apart."""
    frames = list(frames)
    writer = PcapngWriter(file)
    tool = f"{result.tool.get('name', '')} {result.tool.get('version', '')}"
    writer.section(application=clean(tool), comments=list(_about(result, tool)))
    numbers: dict[tuple[int, int], int] = {}
    for place, interface in _interfaces(result, origins, frames):
        numbers[place] = len(numbers)
        writer.interface(interface)
    for frame in frames:
        writer.packet(
            numbers[frame.file, frame.interface],
            frame.time,
            frame.data,
            frame.wire_length,
            direction=frame.direction,
            comments=(*frame.comments, *frame.own_comments),
        )


def _about(result: Result, tool: str) -> Iterator[str]:
    """The comments of the file: what it is, and of which captures."""
    yield clean(f"Evidence of {tool}: the frames that findings cite, and why, in their comments.")
    if note := pseudonyms_note(result):
        yield note
    names = file_names(result)
    for entry in result.inputs[:_INPUTS]:
        name = names[str(entry["path"])]
        yield clean(
            f"Input {name}: {entry['format']}, {entry['packets']} packets, {digest_text(result, entry)}"
        )
    if len(result.inputs) > _INPUTS:
        yield f"And {len(result.inputs) - _INPUTS} more inputs."


def _interfaces(
    result: Result, origins: Sequence[Origin], frames: Sequence[EvidenceFrame]
) -> Iterator[tuple[tuple[int, int], Interface]]:
    """All interfaces, or those of cited frames where there are too many: (input, index), what is written."""
    names = file_names(result)
    used = {(frame.file, frame.interface) for frame in frames}
    every = sum(len(origin.interfaces) for origin in origins) <= _INTERFACES
    for file, origin in enumerate(origins):
        name = clean(names[str(result.inputs[file]["path"])])
        for index, interface in enumerate(origin.interfaces):
            if every or (file, index) in used:
                yield (file, index), shown(interface, name)


def shown(interface: Interface, name: str) -> Interface:
    """An interface with harmless texts and the name of its input, where one is given, in its own."""
    own = clean(interface.name)
    return changed(
        interface,
        name=f"{name}: {own}" if own and name else own or name,
        description=clean(interface.description),
        capture_filter=clean(interface.capture_filter),
        operating_system=clean(interface.operating_system),
    )
