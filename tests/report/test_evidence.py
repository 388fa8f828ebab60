"""evidence.pcapng: the cited frames as they were captured, each with its reason, and nothing else."""

from __future__ import annotations

import gzip
import io
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from pcapan.commands.folder import origins
from pcapan.errors import UnreadableError
from pcapan.ingest.again import frame_of
from pcapan.ingest.capture import Capture
from pcapan.ingest.frames import NO_TIME, Frame
from pcapan.ingest.open import open_capture
from pcapan.model import Result
from pcapan.pipeline import Analysis, analyze
from pcapan.report.clock import instant_ns
from pcapan.report.evidence import gather_evidence, write_evidence
from pcapan.report.safe import clean
from tests.ingest.builders import epb, idb, option, shb, spb
from tests.kit.dsl import parse
from tests.kit.frames import pcap, read
from tests.report.test_terminal import HOSTILE
from tests.samples_kit import incidents, sample

INCIDENTS = {one.name: one for one in incidents()}
NO_CAPTURES = (".json", ".jsonl", ".md", ".py", ".txt")


@dataclass(frozen=True, slots=True)
class Made:
    """The evidence of one analysis, and the same read back."""

    result: Result
    data: bytes
    capture: Capture
    frames: list[Frame]


def frames_of(capture: Capture) -> list[Frame]:
    return [frame_of(block, index) for block in capture.blocks() for index in range(len(block))]


def written(analysis: Analysis) -> Made:
    """Write evidence and read it back."""
    file = io.BytesIO()
    sources = origins(analysis.facts)
    frames = gather_evidence(analysis.result, sources)
    write_evidence(file, analysis.result, sources, frames)
    analysis.forget()
    capture = open_capture("-", stdin=io.BytesIO(file.getvalue()))
    return Made(analysis.result, file.getvalue(), capture, frames_of(capture))


def evidence_of(*paths: str | Path, stdin: bytes = b"") -> Made:
    return written(analyze(list(paths), stdin=io.BytesIO(stdin), keep=True))


def cited(result: Result) -> dict[tuple[str, int], list[str]]:
    """(file, frame) -> what is said of it, of every claim."""
    found: dict[tuple[str, int], list[str]] = {}
    for finding in result.findings:
        assert finding.verdict.reported or not finding.evidence
        for one in finding.evidence:
            said = f"{finding.id} ({finding.verdict.value}, {finding.severity}): {one.what}"
            found.setdefault((one.file, one.frame), []).append(said)
    return found


def check(made: Made, paths: Sequence[Path]) -> None:
    """Every cited frame is there once with all reasons; what else is there are fragments of such."""
    wanted = cited(made.result)
    originals = {}
    for path in paths:
        capture = open_capture(str(path))
        for frame in frames_of(capture):
            originals[path.name, frame.number] = (frame, capture.interfaces[frame.interface])
    seen = set()
    for frame in made.frames:
        place = next(i for i, said in enumerate(frame.comments) if said.startswith("frame "))
        number, name = frame.comments[place].split(", which")[0].removeprefix("frame ").split(" of ")
        original, interface = originals[name, int(number)]
        assert (frame.data, frame.wire_length, frame.direction) == (
            original.data,
            original.wire_length,
            original.direction,
        )
        if original.time == NO_TIME:
            assert frame.comments[place].endswith("which has no time of its own")
        else:
            assert frame.time == original.time
        assert frame.comments[place + 1 :] == tuple(clean(said) for said in original.comments)
        own = made.capture.interfaces[frame.interface]
        assert (own.link_type, own.snaplen) == (interface.link_type, interface.snaplen)
        assert own.name == (f"{name}: {clean(interface.name)}" if interface.name else name)
        file = next(str(path) for path in paths if path.name == name)
        reasons = wanted.get((file, int(number)), [])
        fragments = [said for said in frame.comments[:place] if "IP fragment of the datagram" in said]
        assert set(frame.comments[:place]) - set(fragments) == set(reasons)
        assert reasons or fragments
        seen.add((file, int(number)))
    assert len(seen) == len(made.frames) and set(wanted) <= seen
    assert [frame.time for frame in made.frames] == sorted(frame.time for frame in made.frames)
    assert len(made.capture.interfaces) == sum(len(entry["interfaces"]) for entry in made.result.inputs)
    assert made.capture.application == f"pcapan {made.result.tool['version']}"
    for entry in made.result.inputs:
        assert any(entry["sha256"] in said for said in made.capture.comments)


@pytest.mark.parametrize("name", INCIDENTS)
def test_samples(name: str) -> None:
    paths = INCIDENTS[name].captures
    check(evidence_of(*paths), paths)


@pytest.mark.parametrize("name", ["sa-limit-8", "mobike", "server-drop", "ip-fragments-lost"])
def test_standard_input_is_cited_like_the_file(name: str) -> None:
    path = sample(name)
    piped, made = evidence_of("-", stdin=path.read_bytes()), evidence_of(path)
    assert [(one.time, one.data) for one in piped.frames] == [(one.time, one.data) for one in made.frames]
    assert piped.frames[0].comments[-1].endswith(" of -")


def test_all_fragments_of_a_cited_datagram_are_there() -> None:
    conversation = parse(
        """
        host C1 203.0.113.7
        host S 198.51.100.20
        server S
        0.0 C1 > S INIT i=a1
        0.1 S > C1 INIT-R i=a1 r=b1
        *6 0.2+1 C1:4500 > S:4500 AUTH i=a1 r=b1 size=2000 mtu=1400
        60 C1 > S INIT i=a2
        60.1 S > C1 INIT-R i=a2 r=b2
        """
    )
    made = evidence_of("-", stdin=pcap(conversation.frames))
    numbers = [int(one.comments[-1].split()[1]) for one in made.frames]
    request = [one for one in made.frames if "IKE_AUTH request 1" in one.comments[0]]
    assert request
    number = int(request[0].comments[-1].split()[1])
    assert {number - 1, number} <= set(numbers)
    first = made.frames[numbers.index(number - 1)]
    assert f"IP fragment of the datagram in frame {number}" in first.comments[0]


def _sections(path: Path, *, comments: bytes = b"", names: Sequence[bytes] = (b"eth0", b"eth1")) -> Path:
    """The sample as pcapng of several sections: two interfaces, one of link type 101, the rest untimed."""
    _, frames = read(sample("sa-limit-8"))
    nano = option(9, b"\x09")
    parts = [
        shb(),
        idb(options=option(2, names[0]) + nano),
        idb(link=101, options=option(2, names[1]) + nano),
    ]
    for number, frame in enumerate(frames):
        plain = {"ticks": frame.ts + 7, "options": comments}
        if number % 2:
            parts.append(epb(frame.data[14:], interface=1, wire=2000, **plain))  # type: ignore[arg-type]
        else:
            parts.append(epb(frame.data, **plain))  # type: ignore[arg-type]
    parts += [shb(">"), idb(">"), *(spb(frame.data, ">") for frame in frames[:3])]
    path.write_bytes(b"".join(parts))
    return path


def test_interfaces_link_types_times_and_lengths_are_kept(tmp_path: Path) -> None:
    paths = [_sections(tmp_path / "a.pcapng"), sample("no-persistence-node1"), sample("no-persistence-node2")]
    made = evidence_of(*paths)
    check(made, paths)
    names = [interface.name for interface in made.capture.interfaces]
    assert names[:3] == ["a.pcapng: eth0", "a.pcapng: eth1", "a.pcapng"]
    assert {interface.link_type for interface in made.capture.interfaces} == {1, 101}
    assert {frame.interface for frame in made.frames} >= {0, 1}
    assert any(frame.wire_length == 2000 for frame in made.frames)
    assert all(frame.time % 1000 == 7 for frame in made.frames if frame.interface < 2)


def test_equal_names_in_two_folders_stay_apart(tmp_path: Path) -> None:
    for node in ("1", "2"):
        (tmp_path / node).mkdir()
        (tmp_path / node / "x.pcap").write_bytes(sample(f"no-persistence-node{node}").read_bytes())
    made = evidence_of(tmp_path / "1" / "x.pcap", tmp_path / "2" / "x.pcap")
    places = {frame.comments[-1].split(" of ")[1] for frame in made.frames}
    assert places == {str(tmp_path / "1" / "x.pcap"), str(tmp_path / "2" / "x.pcap")}
    assert [one.name for one in made.capture.interfaces] == sorted(places)


def test_a_frame_without_time_gets_the_one_that_is_cited(tmp_path: Path) -> None:
    _, frames = read(sample("server-silent"))
    path = tmp_path / "x"
    first = frames[0]
    data = shb() + idb(options=option(9, b"\x09")) + epb(first.data, ticks=first.ts)
    path.write_bytes(data + b"".join(spb(frame.data) for frame in frames[1:]))
    made = evidence_of(path)
    assert made.frames
    for frame in made.frames:
        if frame.comments[-1] != "frame 1 of x":
            assert frame.time == first.ts and frame.comments[-1].endswith("which has no time of its own")


def test_comments_of_the_capture_stay(tmp_path: Path) -> None:
    path = _sections(tmp_path / "a.pcapng", comments=option(1, b"look here"))
    made = evidence_of(path)
    assert made.frames
    assert all(frame.comments[-1] == "look here" for frame in made.frames)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_inert(text: str, tmp_path: Path) -> None:
    raw = text.encode("utf-8", "surrogateescape")[:200]
    path = _sections(tmp_path / "a.pcapng", comments=option(1, raw), names=(raw, raw))
    made = evidence_of(path)
    assert made.frames
    said = [*made.capture.comments, *(one.name for one in made.capture.interfaces)]
    said += [comment for frame in made.frames for comment in frame.comments]
    assert all(one.isprintable() for one in said)


def test_nothing_cited_is_a_capture_without_packets(tmp_path: Path) -> None:
    made = evidence_of(sample("no-packets"))
    assert made.frames == [] and made.capture.interfaces and not made.capture.problems


@pytest.mark.parametrize("how", ["gone", "other", "overwritten"])
def test_a_capture_that_does_not_stay_is_told(how: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(sample("sa-limit-8").read_bytes())
    analysis = analyze(path, keep=True)
    if how == "gone":
        path.unlink()
    elif how == "other":
        (tmp_path / "y").write_bytes(sample("sa-limit-8").read_bytes())
        (tmp_path / "y").replace(path)
    else:
        path.write_bytes(gzip.decompress(sample("branch-nat").read_bytes()))
    with pytest.raises(UnreadableError) as told:
        gather_evidence(analysis.result, origins(analysis.facts))
    assert told.value.where == str(path)
    assert how == "gone" or "changed" in str(told.value)


@pytest.mark.tshark
@pytest.mark.parametrize("name", INCIDENTS)
def test_tshark_shows_every_cited_frame_with_its_reasons(name: str, tshark: str, tmp_path: Path) -> None:
    made = evidence_of(*INCIDENTS[name].captures)
    path = tmp_path / "evidence.pcapng"
    path.write_bytes(made.data)
    check_with_tshark(tshark, path, made.result)


def check_with_tshark(tshark: str, path: Path, result: Result) -> None:
    """What tshark reads: a line a frame with its comments; all reasons of all cited frames are there."""
    command = [tshark, "-n", "-r", str(path), "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.comment"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    by_place: dict[str, str] = {}
    for line in shown:
        _, comments = line.split("\t", 1)
        by_place[comments.rpartition(",frame ")[2].split(",")[0]] = line
    assert len(by_place) == len(shown)
    names = {str(entry["path"]): Path(str(entry["path"])).name for entry in result.inputs}
    for (file, frame), reasons in cited(result).items():
        line = by_place[f"{frame} of {names[file]}"]
        for reason in reasons:
            assert reason in line
        times = {
            one.time for f in result.findings for one in f.evidence if (one.file, one.frame) == (file, frame)
        }
        seconds, nanoseconds = line.split("\t")[0].split(".")
        shown_ns = int(seconds) * 10**9 + int(nanoseconds)
        assert all(abs(shown_ns - (instant_ns(time) or shown_ns)) < 10**9 for time in times)


@pytest.mark.heavy
@pytest.mark.shared
@pytest.mark.tshark
def test_lab_and_corpus(shared_dir: Path, tshark: str, tmp_path: Path) -> None:
    incidents = [[path] for path in sorted((shared_dir / "corpus").rglob("*"))]
    incidents += [[path] for path in sorted((shared_dir / "etl").iterdir())]
    for folder in sorted((shared_dir / "lab" / "captures").iterdir()):
        captures = [path for path in sorted(folder.glob("rras*")) if "_" not in path.stem]
        incidents += [captures, *([path] for path in sorted(folder.iterdir()))]
    seen = 0
    for paths in incidents:
        if not paths or any(path.is_dir() or path.suffix in NO_CAPTURES for path in paths):
            continue
        try:
            made = evidence_of(*paths)
        except UnreadableError:
            continue
        check(made, paths)
        (tmp_path / "evidence.pcapng").write_bytes(made.data)
        check_with_tshark(tshark, tmp_path / "evidence.pcapng", made.result)
        seen += bool(made.frames)
    assert seen > 100
