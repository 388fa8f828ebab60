"""``pcapan info``: what the files are, before anybody asks what is wrong.

Knows the facts of a capture and how to list them. Must not know rules: nothing is judged here.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from pcapan.commands.guard import say, tell
from pcapan.commands.options import addresses, check_captures
from pcapan.commands.output import to_terminal, write_out
from pcapan.commands.progress import progress_bar
from pcapan.crew import cores
from pcapan.errors import ExitCode
from pcapan.ingest.etl.explain import NoPacketsError
from pcapan.ingest.frames import Interface
from pcapan.ingest.inputs import InputFacts
from pcapan.pipeline import Options, read_facts
from pcapan.record import as_dict
from pcapan.report.jsontext import json_bytes, json_text
from pcapan.report.lines import make_paper
from pcapan.report.safe import clean
from pcapan.report.words import listed, number_name, spoken_duration, spoken_time
from pcapan.scan.columns import FileScan
from pcapan.tables.facts import Facts, Site
from pcapan.tables.limits import capture_limits, direction
from pcapan.tables.times import iso_time

#: Names of the link types that are met, https://www.tcpdump.org/linktypes.html
_LINK_TYPES = {
    0: "NULL/loopback",
    1: "Ethernet",
    9: "PPP",
    12: "raw IP",
    14: "raw IP",
    50: "PPP in HDLC framing",
    51: "PPPoE",
    100: "ATM RFC 1483",
    101: "raw IP",
    104: "Cisco HDLC",
    105: "IEEE 802.11",
    108: "OpenBSD loopback",
    113: "Linux cooked v1",
    127: "IEEE 802.11 with radiotap",
    192: "PPI",
    204: "PPP with direction",
    228: "raw IPv4",
    229: "raw IPv6",
    258: "PKTAP",
    276: "Linux cooked v2",
}


def run(
    captures: Sequence[str],
    *,
    json: bool,
    servers: Sequence[str],
    quiet: bool,
    no_color: bool,
    jobs: int | None = None,
) -> ExitCode:
    """Read the captures to their ends and tell what they are."""
    check_captures(captures)
    options = Options(site=Site(servers=addresses(servers)))
    try:
        with progress_bar(quiet=quiet) as progress:
            facts, unreadable = read_facts(list(captures), options, progress=progress, jobs=jobs or cores())
    except NoPacketsError as nothing:
        return _explain(nothing, json=json, color=not no_color)
    for error in unreadable:
        tell(error)
    document = describe(facts)
    if json:
        write_out(json_bytes(json_text(document, ascii_only=to_terminal()) + "\n"))
    else:
        _print(document, color=not no_color)
    if unreadable or any(entry.damaged for entry in facts.inputs):
        if not quiet:
            say("pcapan: part of the input was cut, damaged or could not be read")
        return ExitCode.PARTIAL
    return ExitCode.OK


def _explain(error: NoPacketsError, *, json: bool, color: bool) -> ExitCode:
    """Tell what a trace is that holds no packets, and what the user may have wanted to do."""
    if json:
        document = {
            "inputs": [
                {
                    "path": error.path,
                    "packets": 0,
                    "message": error.message,
                    "to_do": error.hint,
                    "told": [{"label": label, "text": said} for label, said in error.facts],
                }
            ]
        }
        write_out(json_bytes(json_text(document, ascii_only=to_terminal()) + "\n"))
        return error.exit_code
    paper = make_paper(sys.stdout, color=color)
    paper.line([(clean(error.path), "bold")])
    for name, said in [("packets", "none"), ("why", error.message), ("to do", error.hint), *error.facts]:
        paper.line([(clean(f"  {name + ':':<14}{said}"), "")])
    return error.exit_code


def describe(facts: Facts) -> dict[str, Any]:
    """Everything ``info`` tells, as plain values."""
    return {
        "inputs": [_input(entry, scan) for entry, scan in zip(facts.inputs, facts.scans, strict=True)],
        "server": list(facts.track.roles.servers),
        "server_reason": facts.track.roles.reason,
        "direction": direction(facts),
        "limits": capture_limits(facts),
    }


def _input(entry: InputFacts, scan: FileScan) -> dict[str, Any]:
    timed = scan.first_ts is not None and scan.last_ts is not None
    return {
        "path": entry.path,
        "format": entry.format,
        "bytes": entry.size,
        "sha256": entry.sha256,
        "packets": scan.packets,
        "first": iso_time(scan.first_ts) if scan.first_ts is not None else None,
        "last": iso_time(scan.last_ts) if scan.last_ts is not None else None,
        "duration_ns": (scan.last_ts or 0) - (scan.first_ts or 0) if timed else None,
        "counts": {
            "ike": scan.ike,
            "esp": scan.esp_packets,
            "keepalive": scan.keepalive_packets,
            "other": scan.other,
            "undecoded": dict(sorted(scan.undecoded.items())),
            "copies": scan.copies,
        },
        "damaged": entry.damaged,
        "interfaces": [_interface(interface) for interface in entry.interfaces],
        "merged_copies": entry.side.merged_copies,
        "told": [{"label": label, "text": said} for label, said in entry.side.facts],
        "comments": list(entry.comments),
        "problems": [as_dict(problem) for problem in entry.problems] + [as_dict(p) for p in scan.problems],
    }


def _interface(interface: Interface) -> dict[str, Any]:
    return {**as_dict(interface), "link_type_name": _LINK_TYPES.get(interface.link_type, "unknown")}


def _print(document: dict[str, Any], *, color: bool) -> None:
    paper = make_paper(sys.stdout, color=color)

    def line(text: str, style: str = "") -> None:
        paper.line([(clean(text), style)])

    for entry in document["inputs"]:
        line(entry["path"], "bold")
        for name, text in _told(entry):
            line(f"  {name + ':':<14}{text}")
        line("")
    servers = listed(document["server"]) or "none seen"
    reason = document["server_reason"]
    line(f"VPN server: {servers}{f' ({reason})' if reason else ''}; direction: {document['direction']}")
    for limit in document["limits"]:
        line(f"Limit: {limit}")


def _told(entry: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [
        ("container", entry["format"]),
        ("size", f"{entry['bytes']} bytes"),
        ("SHA-256", entry["sha256"]),
        ("packets", str(entry["packets"])),
    ]
    if entry["first"] is not None:
        rows.append(("first", spoken_time(entry["first"])))
        rows.append(("last", f"{spoken_time(entry['last'])} ({spoken_duration(entry['duration_ns'])})"))
    counts = entry["counts"]
    parts = [f"{number_name(key)} {counts[key]}" for key in ("ike", "esp", "keepalive", "other")]
    parts += [f"not decoded ({reason}) {count}" for reason, count in counts["undecoded"].items()]
    if counts["copies"]:
        parts.append(f"copies {counts['copies']}")
    rows.append(("traffic", ", ".join(parts)))
    for interface in entry["interfaces"]:
        rows.append(("interface", _interface_text(interface)))
    rows.append(("damage", "cut or damaged part-way" if entry["damaged"] else "none found"))
    for problem in entry["problems"]:
        where = f", first at frame {problem['frame']}" if problem["frame"] else ""
        rows.append(("noted", f"{problem['code']} {problem['count']} x{where}: {problem['example']}"))
    rows += [(told["label"], told["text"]) for told in entry["told"]]
    for comment in entry["comments"]:
        rows.append(("comment", comment))
    return rows


def _interface_text(interface: dict[str, Any]) -> str:
    parts = [f"{interface['link_type_name']} (link type {interface['link_type']})"]
    for key, label in (
        ("name", ""),
        ("description", ""),
        ("capture_filter", "filter "),
        ("operating_system", ""),
    ):
        if interface[key]:
            parts.append(f"{label}{interface[key]}")
    if interface["snaplen"]:
        parts.append(f"at most {interface['snaplen']} bytes of a packet")
    if interface["dropped"] is not None:
        parts.append(f"{interface['dropped']} packets lost while capturing")
    return ", ".join(parts)
