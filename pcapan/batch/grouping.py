"""Captures become incidents: parts of a ring buffer, and nodes that were captured at the same time.

Knows how dumpcap, Wireshark, tcpdump and pktmon number their files, and how people number servers. Must
not open anything: names, and for nodes the time of the first packet, are all it goes by.

`auto` joins, within one folder:

- parts of a ring buffer: ``name_00001_20261123120000.pcapng`` (or the two numbers the other way round),
  ``name_00001.pcapng``, ``name.pcap`` with ``name.pcap1``, ``name.pcap2``, ... Where the numbering starts
  anew, or the stamps leave a gap, another incident begins; one that is longer than a day is cut at midnight
  of its stamps, so that an incident of a year fits into memory and stays the same when parts are added,
- nodes: the same name but for the number after a word like node, srv, rras, vpn (in the file's name or that
  of its folder), and begun at about the same time.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pcapan.batch.model import INSIDE, Input, Item

#: A gap of stamps (start of one part to start of the next) that ends an incident.
_GAP = timedelta(hours=6)
#: Longest incident that is not cut at midnight.
_LONGEST = timedelta(hours=24)
#: Nodes captured for one incident are started within this time of each other.
_TOGETHER_NS = 15 * 60 * 1_000_000_000
#: More nodes than this are numbered files of something else.
_MOST_NODES = 16

_ENDING = re.compile(r"^(?P<stem>.+?)(?P<end>(?:\.[A-Za-z]{2,6}?)(?P<tail>\d{0,6})(?:\.(?:gz|zst|zstd))?)$")
_STAMPED = re.compile(r"^(?P<base>.*?)_(?:(?P<n1>\d{4,6})_(?P<t1>\d{14})|(?P<t2>\d{14})_(?P<n2>\d{4,6}))$")
_NUMBERED = re.compile(r"^(?P<base>.+?)_(?P<n>\d{4,6})$")
#: Not a digit before: the number of a part is no number of a node.
_NODE = re.compile(
    r"(?P<word>node|server|srv|host|rras|vpn|gateway|gw|ras|ravpn)(?P<gap>[-_ ]?)(?P<n>\d{0,3})(?!\d)", re.I
)


class Grouping(StrEnum):
    """How captures become incidents."""

    AUTO = "auto"
    FOLDER = "folder"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class _Part:
    entry: Input
    number: int
    stamp: datetime | None


@dataclass(frozen=True, slots=True)
class _Unit:
    """Captures of one capture point: a ring buffer's parts, or one file."""

    folder: str
    base: str
    ending: str
    inputs: tuple[Input, ...]
    start_ns: int | None


def group(inputs: Sequence[Input], mode: Grouping) -> list[Item]:
    """Incidents, largest first; ties in the order of names. Every input is in exactly one."""
    if mode is Grouping.FILE:
        items = [Item((entry,)) for entry in inputs]
    elif mode is Grouping.FOLDER:
        folders: dict[str, list[Input]] = defaultdict(list)
        for entry in inputs:
            folders[_folder_and_name(entry.name)[0]].append(entry)
        items = [Item(tuple(sorted(entries, key=_by_name))) for entries in folders.values()]
    else:
        items = [
            Item(tuple(entry for unit in units for entry in unit.inputs)) for units in _nodes(_units(inputs))
        ]
    return sorted(items, key=lambda item: (-item.size, item.names))


def to_be_timed(inputs: Sequence[Input]) -> list[Input]:
    """The inputs whose first packet's time `auto` needs, because they may be nodes of one incident."""
    found = []
    for units in _by_node_name(_units(inputs)).values():
        found += [unit.inputs[0] for unit in units if unit.start_ns is None]
    return found


def _by_name(entry: Input) -> str:
    return entry.name


def _folder_and_name(name: str) -> tuple[str, str]:
    """Folder and name; the folder of a member begins with its archive."""
    archive, inside, member = name.rpartition(INSIDE)
    folder, _, file = (member if inside else name).replace("\\", "/").rpartition("/")
    return (f"{archive}{INSIDE}{folder}" if inside else folder), file


def _split(name: str) -> tuple[str, str, str]:
    """Stem, ending without the number that tcpdump adds, and that number."""
    match = _ENDING.match(name)
    if match is None:
        return name, "", ""
    end, tail = match["end"], match["tail"]
    if tail:
        end = end[: match.start("tail") - match.start("end")] + end[match.end("tail") - match.start("end") :]
    return match["stem"], end.lower(), tail


def _units(inputs: Iterable[Input]) -> list[_Unit]:
    series: dict[tuple[str, str, str, str], list[_Part]] = defaultdict(list)
    for entry in inputs:
        folder, file = _folder_and_name(entry.name)
        stem, ending, tail = _split(file)
        stamped = _STAMPED.match(stem)
        numbered = _NUMBERED.match(stem)
        stamp = _stamp(stamped["t1"] or stamped["t2"]) if stamped else None
        if stamped and stamp is not None:
            number = int(stamped["n1"] or stamped["n2"])
            series[folder, stamped["base"], ending, "stamped"].append(_Part(entry, number, stamp))
        elif numbered and not tail:
            series[folder, numbered["base"], ending, "numbered"].append(
                _Part(entry, int(numbered["n"]), None)
            )
        else:
            series[folder, stem, ending, "tail"].append(_Part(entry, int(tail or 0), None))
    units = []
    for (folder, base, ending, kind), parts in series.items():
        for run in _runs(parts, kind):
            first = run[0]
            start = _ns(first.stamp) if first.stamp else first.entry.first_ns
            units.append(_Unit(folder, base, ending, tuple(part.entry for part in run), start))
    return units


def _stamp(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000


def _runs(parts: list[_Part], kind: str) -> list[list[_Part]]:
    """Parts of one series that follow each other."""
    if len(parts) == 1:  # nearly all, in an archive of single captures
        return [parts]
    parts.sort(
        key=lambda part: (part.stamp or datetime.min.replace(tzinfo=UTC), part.number, part.entry.name)
    )
    runs: list[list[_Part]] = []
    for part in parts:
        if runs and _follows(runs[-1][-1], part, kind):
            runs[-1].append(part)
        else:
            runs.append([part])
    return [piece for run in runs for piece in _days(run)]


def _follows(before: _Part, part: _Part, kind: str) -> bool:
    if kind == "stamped":
        assert before.stamp is not None and part.stamp is not None
        return part.number > before.number and part.stamp - before.stamp <= _GAP
    return part.number == before.number + 1


def _days(run: list[_Part]) -> list[list[_Part]]:
    first, last = run[0].stamp, run[-1].stamp
    if first is None or last is None or last - first <= _LONGEST:
        return [run]
    days: dict[object, list[_Part]] = defaultdict(list)
    for part in run:
        assert part.stamp is not None
        days[part.stamp.date()].append(part)
    return list(days.values())


def _by_node_name(units: Iterable[_Unit]) -> dict[tuple[str, str, str], list[_Unit]]:
    """Units whose names differ in the number of a node only, by the name without it."""
    alike: dict[tuple[str, str, str], list[_Unit]] = defaultdict(list)
    for unit in units:
        folder, slash, last = unit.folder.rpartition("/")
        nameless, in_name = _NODE.subn(r"\g<word>#", unit.base)
        last, in_folder = _NODE.subn(r"\g<word>#", last)
        if in_name or in_folder:
            alike[f"{folder}{slash}{last}".lower(), nameless.lower(), unit.ending].append(unit)
    return {key: found for key, found in alike.items() if len(found) > 1}


def _nodes(units: list[_Unit]) -> list[list[_Unit]]:
    """Units of nodes that were captured together become one list; all others stay alone."""
    joined: list[list[_Unit]] = []
    taken: set[tuple[str, ...]] = set()
    for alike in _by_node_name(units).values():
        for cluster in _together(alike):
            points = {(unit.folder, unit.base) for unit in cluster}
            if 1 < len(cluster) <= _MOST_NODES and len(points) == len(cluster):
                joined.append(sorted(cluster, key=lambda unit: (unit.folder, unit.base)))
                taken |= {tuple(entry.name for entry in unit.inputs) for unit in cluster}
    rest = [[unit] for unit in units if tuple(entry.name for entry in unit.inputs) not in taken]
    return joined + rest


def _together(units: list[_Unit]) -> list[list[_Unit]]:
    """Units that began within a quarter of an hour of the first of them; none without a time."""
    timed = sorted(
        (unit.start_ns, number, unit) for number, unit in enumerate(units) if unit.start_ns is not None
    )
    clusters: list[list[_Unit]] = []
    began = 0
    for start, _, unit in timed:
        if clusters and start - began <= _TOGETHER_NS:
            clusters[-1].append(unit)
        else:
            clusters.append([unit])
            began = start
    return clusters


def with_time(entry: Input, first_ns: int | None) -> Input:
    """The input with the time of its first packet."""
    return replace(entry, first_ns=first_ns)
