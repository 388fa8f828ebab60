"""``pcapan batch status``: how far a run is, and what the dataset holds.

Knows the words. Must not know how a run works; it reads what the run wrote and takes no lock, so it may be
asked at any time.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict
from typing import Any

from pcapan.batch.layout import Layout
from pcapan.batch.lock import is_held
from pcapan.batch.manifest import Manifest
from pcapan.batch.progress import State, read_state
from pcapan.commands.batchrun import duration_text, progress_text
from pcapan.commands.output import write_out
from pcapan.errors import ExitCode
from pcapan.report.jsontext import json_bytes, json_text
from pcapan.report.safe import clean

#: Reasons of failures that are listed.
_REASONS = 10


def run(out: str, *, json: bool) -> ExitCode:
    """Print the status; raises UnreadableError when there is no dataset."""
    layout = Layout(out)
    layout.check()
    state = read_state(layout.progress)
    running = is_held(layout.lock)
    facts = _facts(Manifest.read(layout.manifest))
    if json:
        document = {"running": running, "run": asdict(state) if state else None, **facts}
        write_out(json_bytes(json_text(document)) + b"\n")
    else:
        write_out(
            ("\n".join(_text(state, facts, running=running)) + "\n").encode("utf-8", "backslashreplace")
        )
    return ExitCode.OK


def _facts(manifest: Manifest) -> dict[str, Any]:
    lines = list(manifest.lines.values())
    ok = [line for line in lines if line["status"] == "ok"]
    months = sorted({line["digest"]["month"] for line in ok} - {"unknown"})
    reasons = Counter(line["reason"] for line in lines if line["status"] != "ok")
    return {
        "items": len(lines),
        "ok": len(ok),
        "failed": len(lines) - len(ok),
        "damaged": sum(bool(line["reason"]) for line in ok),
        "bytes": sum(line["digest"]["bytes"] for line in ok),
        "packets": sum(line["digest"]["packets"] for line in ok),
        "first_month": months[0] if months else None,
        "last_month": months[-1] if months else None,
        "servers": sorted({server for line in ok for server in line["digest"]["servers"]}),
        "claims": dict(
            Counter(claim["id"] for line in ok for claim in line["digest"]["claims"]).most_common()
        ),
        "reasons": dict(reasons.most_common()),
    }


def _text(state: State | None, facts: dict[str, Any], *, running: bool) -> list[str]:
    lines = [_run_text(state, running=running)]
    span = ""
    if facts["first_month"]:
        same = facts["first_month"] == facts["last_month"]
        span = f", {facts['first_month']}" if same else f", {facts['first_month']} to {facts['last_month']}"
    lines.append(
        f"Dataset: {facts['ok']:,} incidents, {facts['bytes'] / 1e9:,.2f} GB, {facts['packets']:,} packets, "
        f"{len(facts['servers'])} server{'s' * (len(facts['servers']) != 1)}{span}."
    )
    if facts["claims"]:
        named = [f"{name} {count:,}" for name, count in list(facts["claims"].items())[:8]]
        lines.append(f"Found: {', '.join(named)}.")
    if facts["damaged"]:
        lines.append(f"Cut, damaged or partly unreadable: {facts['damaged']:,}.")
    if facts["failed"]:
        lines.append(f"Could not be read: {facts['failed']:,}.")
        for reason, count in list(facts["reasons"].items())[:_REASONS]:
            lines.append(f"  {count:,} x {clean(reason)}")
        if len(facts["reasons"]) > _REASONS:
            lines.append(
                f"  and {len(facts['reasons']) - _REASONS:,} more reasons; manifest.jsonl has them all"
            )
    return lines


def _run_text(state: State | None, *, running: bool) -> str:
    if state is None:
        return "No run has written its progress here."
    moment = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(state.started))
    took = duration_text(state.updated - state.started)
    if running:
        where = f"process {state.pid} on {clean(state.host)}, {took}"
        return f"Running since {moment} ({where}): {progress_text(state)}."
    if state.state == "done":
        return f"Last run: began {moment}, done after {took}."
    word = (
        "was ended"
        if state.state == "running"
        else "was interrupted"
        if state.state == "interrupted"
        else "failed"
    )
    return (
        f"Last run: began {moment}, {word} after {took} at {state.done:,} of {state.total:,}; "
        "run the same command again: it goes on where it stopped."
    )
