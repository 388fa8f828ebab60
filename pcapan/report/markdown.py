"""A result as Markdown for a ticket: at most 60 lines.

Knows the order of a report and how many lines each part may have. Must not know how anything was
found. Everything from the result passes `mdtext`, because it is strangers' text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pcapan.model import Evidence, Fix, Result
from pcapan.report import words
from pcapan.report.mdtext import code, head, prose, row
from pcapan.report.story import (
    Story,
    Wanted,
    file_names,
    ranked_sources,
    report_title,
    source_number,
    tell_story,
)

#: No more lines than this: a ticket is read, not studied.
MOST_LINES = 60

_SOURCES, _EVIDENCE, _LIMITS, _FIXES, _INPUTS = 5, 5, 4, 6, 3


def markdown(result: Result, wanted: Wanted | None = None) -> str:
    """The report, ending in a line end."""
    story = tell_story(result, wanted or Wanted())
    parts = [
        _verdict(story),
        _questions(story),
        _sources(story),
        _evidence(story),
        _limits(story),
        _change(story),
        _provenance(story),
    ]
    lines = [line for part in parts for line in [*part, ""]][:-1]
    assert len(lines) <= MOST_LINES, "a report grew beyond its length"
    return "\n".join(lines) + "\n"


def _verdict(story: Story) -> list[str]:
    note = words.pseudonyms_note(story.result)
    also = [f"- Also: {prose(story.also)}."] if story.also else []
    return [
        f"# VPN capture: {story.verdict.upper()}",
        "",
        f"**{prose(story.sentence)}**",
        "",
        *also,
        f"- How sure: {prose(' '.join(story.sure))}",
        f"- What now: {prose(' '.join(story.now))}",
        f"- Capture: {code(report_title(story.result))}, {prose(story.span)}" + (f". {note}" if note else ""),
    ]


def _questions(story: Story) -> list[str]:
    rows = [
        row(
            prose(question.text),
            question.verdict,
            prose(question.answer, 300),
            prose("; ".join(f"{name}: {value}" for name, value in question.numbers), 200),
        )
        for question in story.questions
    ]
    return [*head("Question", "Verdict", "Answer", "Numbers"), *rows]


def _sources(story: Story) -> list[str]:
    ranked = ranked_sources(story.result)
    if not ranked:
        return ["No source of VPN traffic is in this capture."]
    rows = [
        row(
            code(source["address"], 60),
            prose(source["address_class"], 40),
            *(
                source_number(story.result, source, key)
                for key in ("attempts", "answered", "unanswered", "sas_concurrent_max", "clients_at_once")
            ),
        )
        for source in ranked[:_SOURCES]
    ]
    left = len(ranked) - len(rows)
    more = [row(f"{left} more", *[" "] * 6)] if left > 0 else []
    heading = head("Source", "Kind", "Attempts", "Answered", "Unanswered", "SAs at once", "Clients at once")
    return [*heading, *rows, *more]


def _evidence(story: Story) -> list[str]:
    rows = _chosen(story)
    if not rows:
        return []
    names = file_names(story.result)
    clock = story.wanted.clock
    local = [clock.zone_name] if clock.zone_name else []
    lines = head("File, frame", "Time", *map(prose, local), "What", "Wireshark display filter")
    for one in rows:
        lines.append(
            row(
                f"{code(names.get(one.file, one.file), 80)} {one.frame}",
                prose(clock.utc(one.time), 60),
                *(prose(clock.local(one.time)) for _ in local),
                prose(one.what, 200),
                code(one.display_filter, 300),
            )
        )
    return lines


def _chosen(story: Story) -> list[Evidence]:
    """The first finding's evidence, then the others', every kind of thing once before any twice."""
    told = story.findings[:3]
    share = max(1, _EVIDENCE // max(1, len(told)))
    rows: list[Evidence] = []
    for number, one in enumerate(told):
        most = _EVIDENCE - share * (len(told) - 1) if number == 0 else share
        rows += words.chosen_evidence(one.finding.evidence, most)
    return rows[:_EVIDENCE]


def _limits(story: Story) -> list[str]:
    said: dict[str, None] = dict.fromkeys(story.result.capture.limits)
    for reason, ids in story.open:
        said[f"{words.listed(ids, most=4)}: {reason}"] = None
    for told in story.findings[:2]:
        said |= dict.fromkeys(told.finding.cannot_show[:2])
    listed = list(said)
    lines = [f"- {_step(sentence)}" for sentence in listed[:_LIMITS]]
    if len(listed) > _LIMITS:
        lines.append(f"- {len(listed) - _LIMITS} more in the JSON")
    return ["## What this capture cannot show", *lines] if lines else []


def _change(story: Story) -> list[str]:
    fixes: dict[str, Fix] = {}
    for told in story.findings:
        for fix in told.fixes:
            fixes.setdefault(fix.title, fix)
    lines = ["## What to change, and how to check it"]
    shown = list(fixes.values())[:_FIXES]
    for fix in shown:
        steps = " ".join(f"({number}) {_step(step)}" for number, step in enumerate(fix.steps, 1))
        lines.append(f"- **{prose(fix.title, 150)}**: {steps}")
    if len(fixes) > len(shown):
        left = "; ".join(fix.title for fix in list(fixes.values())[_FIXES:])
        lines.append(f"- More in the HTML report: {prose(left, 200)}")
    if not fixes:
        lines.append("- Nothing to change for what is in this capture.")
    check = story.check
    lines.append(f"- Check: {prose(check.before)}")
    for tool in check.tools:
        commands = ", then ".join(code(command) for command in tool.commands)
        lines.append(f"- {tool.name}: {commands}")
    expect = "; ".join(f"{code(name, 60)} {said}" for name, said in check.expect)
    wanted = f" It has to say: {expect}." if expect else ""
    lines.append(f"- Then {code(check.command)}.{wanted} {check.otherwise}")
    return lines


def _step(text: str) -> str:
    """One step of advice; commands in it can be copied."""
    pieces = words.commands_apart(text)
    return " ".join(code(part) if is_command else prose(part) for is_command, part in pieces if part)


def _digest(story: Story, entry: Mapping[str, Any]) -> str:
    if not entry["sha256"]:
        return words.digest_text(story.result, entry)
    return f"{words.digest_name(story.result)} {code(entry['sha256'], 64)}"


def _provenance(story: Story) -> list[str]:
    result = story.result
    counts = result.capture.counts
    lines = [
        f"- {code(entry['path'], 200)}: {_digest(story, entry)}, {entry['packets']} packets"
        for entry in result.inputs[:_INPUTS]
    ]
    if len(result.inputs) > _INPUTS:
        lines.append(f"- {len(result.inputs) - _INPUTS} more files in the JSON")
    tool = prose(f"{result.tool.get('name')} {result.tool.get('version')}", 80)
    asked = "; ".join(f"{key}: {value}" for key, value in result.run["options"].items() if value)
    lines.append(
        f"- {tool}, {prose(words.spoken_time(result.run['started']), 60)}, rules "
        f"{code(result.run['rules_hash'], 64)}, options {code(asked or 'none', 200)}, "
        f"{counts.packets} packets ({counts.ike} IKE, {counts.esp} ESP), "
        f"server {code(words.listed(result.capture.server, most=4) or 'none seen', 200)}"
        + (f"; all cited frames: {words.EVIDENCE_PLACE}" if words.cites_frames(result) else "")
    )
    return ["## Provenance", *lines]
