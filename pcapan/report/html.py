"""A result as one HTML page: no script, no address outside, light and dark, on screen and on paper.

Knows the page and how much of each list it may hold. Must not know how anything was found. Every text
passes `clean` and is escaped by the template engine; only drawings and the style sheet of pcapan
itself go in as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pcapan.model import Evidence, Result
from pcapan.report import words
from pcapan.report.pages import check_libraries, render_page
from pcapan.report.story import (
    Story,
    Wanted,
    file_names,
    ranked_sources,
    report_title,
    source_number,
    tell_story,
)

#: What a page holds at most; the rest is counted.
_SOURCES, _EVIDENCE, _FINDINGS, _LINES, _INPUTS, _LADDERS = 100, 10, 40, 40, 60, 2

_PARTS = (
    ("questions", "Three questions"),
    ("timeline", "What happened when"),
    ("sources", "Sources"),
    ("evidence", "Findings and evidence"),
    ("limits", "What it cannot show"),
    ("change", "What to change"),
    ("check", "How to check"),
    ("provenance", "Provenance"),
)


def html(result: Result, wanted: Wanted | None = None) -> str:
    """The page; raises UsageError where its libraries are missing."""
    check_libraries()
    story = tell_story(result, wanted or Wanted())
    return render_page(
        "page.html.j2",
        {"key_numbers": lambda one: words.key_numbers(one, everything=False), "chosen": _chosen},
        story=story,
        title=report_title(result),
        parts=_PARTS,
        words=words.VERDICT_WORDS,
        clock=story.wanted.clock,
        zone=story.wanted.clock.zone_name,
        names=file_names(result),
        several=len(result.inputs) > 1,
        cites_frames=words.cites_frames(result),
        evidence_place=words.EVIDENCE_PLACE,
        pseudonyms=words.pseudonyms_note(result),
        most_findings=_FINDINGS,
        most_lines=_LINES,
        facts=_facts(story),
        **_charts(result),
        **_sources(result),
        **_limits(story),
        **_problems(result),
    )


def _chosen(evidence: Sequence[Evidence]) -> list[Evidence]:
    return words.chosen_evidence(evidence, _EVIDENCE)


def _charts(result: Result) -> dict[str, Any]:
    from pcapan.report.charts import answer_time_chart, source_chart, timeline_chart
    from pcapan.report.ladder import ladder_caption, ladder_svg

    names = file_names(result)
    ladders = [
        {
            "title": ladder_caption(ladder),
            "svg": ladder_svg(ladder, f"ladder{number}"),
            "file": words.listed(dict.fromkeys(names.get(s["file"], s["file"]) for s in ladder["steps"])),
        }
        for number, ladder in enumerate(result.ladders[:_LADDERS])
    ]
    return {
        "timeline": timeline_chart(result),
        "bars": source_chart(result),
        "times": answer_time_chart(result),
        "ladders": ladders,
    }


def _sources(result: Result) -> dict[str, Any]:
    ranked = ranked_sources(result)
    rows = [
        {
            "address": row["address"],
            "address_class": row["address_class"],
            "attempts": row["attempts"],
            "answered": row["answered"],
            "unanswered": source_number(result, row, "unanswered"),
            "trouble": row["unanswered"] > 0 and result.capture.direction == "both",
            "sas": f"{row['sas_concurrent_max']}{' or more' if row['sas_older'] else ''}",
            "clients": source_number(result, row, "clients_at_once"),
            "match": row["natd_source_match"],
            "mismatch": row["natd_source_mismatch"],
        }
        for row in ranked[:_SOURCES]
    ]
    total = None
    if len(ranked) > 1:
        keys = {
            "attempts": "attempts",
            "answered": "answered",
            "unanswered": "unanswered",
            "match": "natd_source_match",
            "mismatch": "natd_source_mismatch",
        }
        sums: dict[str, Any] = {name: sum(row[key] for row in ranked) for name, key in keys.items()}
        if result.capture.direction != "both":
            sums["unanswered"] = ""
        total = {"count": len(ranked), **sums}
    return {"rows": rows, "rows_left": len(ranked) - len(rows), "total": total}


def _limits(story: Story) -> dict[str, Any]:
    said: dict[str, None] = dict.fromkeys(story.result.capture.limits)
    for told in story.findings:
        said |= dict.fromkeys(told.finding.cannot_show)
    return {"limits": list(said)[:_LINES], "limits_left": max(0, len(said) - _LINES)}


def _problems(result: Result) -> dict[str, Any]:
    return {
        "problems": result.problems[:_LINES],
        "problems_left": max(0, len(result.problems) - _LINES),
    }


def _facts(story: Story) -> list[tuple[str, list[str]]]:
    """Where all this comes from, line by line."""
    result, clock = story.result, story.wanted.clock
    facts = []
    for entry in result.inputs[:_INPUTS]:
        span = "no times"
        if entry["first"] and entry["last"]:
            span = f"{clock.both(entry['first'])} to {clock.both(entry['last'])}"
        damage = ", cut or damaged" if entry["damaged"] else ""
        facts.append(
            (
                "Capture",
                [
                    entry["path"],
                    f"{entry['format']}, {entry['bytes']} bytes, {entry['packets']} packets{damage}",
                    span,
                    words.digest_text(result, entry),
                ],
            )
        )
    if len(result.inputs) > _INPUTS:
        facts.append(("Capture", [f"{len(result.inputs) - _INPUTS} more files are in result.json"]))
    options = [f"{key}: {value}" for key, value in result.run["options"].items() if value]
    facts += [
        ("Packets", [words.packets_text(result)]),
        ("VPN server", [words.listed(result.capture.server, most=12) or "none seen"]),
        ("Direction", [result.capture.direction]),
        ("Program", [f"{result.tool.get('name', '')} {result.tool.get('version', '')}"]),
        ("Run", [clock.both(result.run["started"])]),
        ("Rules", [f"SHA-256 {result.run['rules_hash']}"]),
        ("Options", options or ["none"]),
    ]
    for name, ids in (
        ("Checked, not observed", story.not_observed),
        ("Does not apply", story.not_applicable),
    ):
        if ids:
            facts.append((name, [", ".join(ids)]))
    return facts
