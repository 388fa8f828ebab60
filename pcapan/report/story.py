"""What a written report says, in its order: the same words for Markdown and for HTML.

Knows the result document and the reader: somebody with five minutes, no pcapan, and a load balancer
to change. Must not know any output format; texts leave here as they are, the formats make them inert.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from msgspec import Struct, field

from pcapan.model import Finding, Fix, Result, Verdict
from pcapan.report import words
from pcapan.report.clock import Clock, span_ns
from pcapan.report.verify import Check, make_check

_SIGNALS = "Independent signals for it"
_AGAINST = "What speaks against it"
_THRESHOLDS = "Thresholds used"

_SURE = {
    Verdict.CONFIRMED: "Confirmed: the capture holds the proof.",
    Verdict.SUSPECTED: "Suspected: likely, but something that would prove it is missing.",
}

#: The three questions of every report, and the findings that answer them, the weightiest first.
_QUESTIONS = (
    ("Full NAT", "Does a device near the server replace the clients' addresses?", ("full-nat",)),
    ("SA limit", "Did one source reach the server's limit of SAs?", ("sa-limit-exhaustion",)),
    ("Unanswered", "Did connection attempts stay unanswered?", ("unanswered-init", "server-silent")),
)

_NUMBERS_SHOWN = 6
_STEPS = 3


class Wanted(Struct, frozen=True):
    """How the reader wants it told."""

    clock: Clock = field(default_factory=Clock)
    vendor: str | None = None


class Question(Struct, frozen=True):
    """One of the three questions and its answer."""

    name: str
    text: str
    verdict: str
    answer: str
    numbers: list[tuple[str, str]]


class Told(Struct, frozen=True):
    """A finding with its reasons sorted."""

    finding: Finding
    verdict: str
    reasons: list[str]
    signals: str
    against: str
    thresholds: str
    fixes: list[Fix]
    fixes_left: list[Fix]
    about_capture: bool


class Story(Struct, frozen=True):
    """Everything but charts and tables of numbers."""

    result: Result
    wanted: Wanted
    verdict: str
    sentence: str
    also: str
    sure: list[str]
    now: list[str]
    questions: list[Question]
    findings: list[Told]
    """What keeps clients out, then what this capture cannot show."""
    leads: bool
    """The first of `findings` is the verdict."""
    notes: list[Finding]
    open: list[tuple[str, list[str]]]
    """(reason, ids of the findings that it keeps from being judged)."""
    not_observed: list[str]
    not_applicable: list[str]
    check: Check
    span: str
    vendor_unknown: bool
    """A vendor was asked for that no advice is for."""


def tell_story(result: Result, wanted: Wanted) -> Story:
    """Sort a result into what is said."""
    groups = words.grouped(result)
    verdict, sentence = words.headline(result)
    findings = [_told(finding, wanted) for finding in groups.clients + groups.capture]
    fixes = [fix for finding in result.findings for fix in finding.fix]
    reasons: dict[str, list[str]] = {}
    for finding in groups.inconclusive:
        parts = words.paragraphs(finding.why)
        reasons.setdefault(parts[0] if parts else finding.summary, []).append(finding.id)
    return Story(
        result=result,
        wanted=wanted,
        verdict=verdict,
        sentence=sentence,
        also=words.also(result),
        sure=_sure(result, groups, findings),
        now=_now(groups, findings),
        questions=[_question(result, *question) for question in _QUESTIONS],
        findings=findings,
        leads=bool(groups.clients),
        notes=groups.notes,
        open=list(reasons.items()),
        not_observed=[finding.id for finding in groups.not_observed],
        not_applicable=[finding.id for finding in groups.not_applicable],
        check=make_check(result),
        span=span_text(result, wanted.clock),
        vendor_unknown=bool(
            wanted.vendor and fixes and not any(words.is_of_vendor(fix, wanted.vendor) for fix in fixes)
        ),
    )


def _told(finding: Finding, wanted: Wanted) -> Told:
    found = {_SIGNALS: "", _AGAINST: "", _THRESHOLDS: ""}
    reasons = []
    for part in words.paragraphs(finding.why):
        kind = next((kind for kind in found if part.startswith(kind)), None)
        if kind is None:
            reasons.append(part)
        else:
            found[kind] = part
    shown, left = words.vendor_fixes(finding.fix, wanted.vendor)
    return Told(
        finding=finding,
        verdict=words.VERDICT_WORDS[finding.verdict],
        reasons=reasons,
        signals=found[_SIGNALS],
        against=found[_AGAINST],
        thresholds=found[_THRESHOLDS],
        fixes=shown,
        fixes_left=left,
        about_capture=words.about_capture(finding),
    )


def _sure(result: Result, groups: words.Groups, findings: Sequence[Told]) -> list[str]:
    """How far the verdict can be trusted."""
    if groups.clients:
        first = findings[0]
        said = [_SURE[first.finding.verdict]]
        said += [part for part in (first.signals, first.against) if part]
    else:
        said = []
        count = len(groups.not_observed)
        if count:
            said.append(
                f"{count} kinds of trouble were looked for and would have been visible; none is there."
            )
        told = dict(_attempts(result))
        if int(told["Attempts"]) and told.get("Unanswered") == "0":
            said.append(f"All {told['Attempts']} attempts to connect were answered.")
    if groups.inconclusive and not groups.clients:
        said.append(f"{_questions(groups)} this capture cannot answer.")
    elif groups.inconclusive:
        said.append(f"{_questions(groups, 'other ')} this capture cannot answer.")
    said += result.capture.limits[:2]
    return said


def _questions(groups: words.Groups, kind: str = "") -> str:
    count = len(groups.inconclusive)
    return f"{count} {kind}{'question' if count == 1 else 'questions'}"


def _now(groups: words.Groups, findings: Sequence[Told]) -> list[str]:
    """The next steps, in a line each: what removes the cause first, with whom it is done."""
    steps: dict[str, None] = {}
    named: set[str] = set()
    for told in findings:
        general = [fix for fix in told.fixes if fix.vendor in words.GENERAL]
        makers = [fix for fix in told.fixes if fix.vendor not in words.GENERAL]
        leads = bool(general) and told.fixes[0] is general[0]
        text = general[0].title if leads else "" if len(makers) == 1 else told.finding.title
        if len(makers) > 1 and _names(makers) not in named:
            named.add(_names(makers))
            text += f"; the steps for {_names(makers)} are below"
        if text and told.fixes:
            steps[f"{text}."] = None
        if len(makers) == 1:
            steps[f"{makers[0].title}."] = None
        # The worst trouble deserves its workaround too, where no device can be changed today.
        if told is findings[0] and leads and len(general) > 1:
            steps[f"{general[1].title}."] = None
    if groups.clients:
        return list(steps)[:_STEPS]
    if groups.inconclusive:
        return [*list(steps)[:_STEPS], "Take another capture as described under “How to check”."]
    return ["Nothing to change for what is in this capture. If clients still fail, capture while they do."]


def _names(fixes: Sequence[Fix]) -> str:
    return words.listed([fix.title.partition(":")[0] for fix in fixes], most=4)


def _question(result: Result, name: str, text: str, ids: Sequence[str]) -> Question:
    asked = [finding for wanted in ids for finding in result.findings if finding.id == wanted]
    reported = [finding for finding in asked if finding.verdict.reported]
    finding = next(iter(reported or asked), None)
    numbers = words.key_numbers(finding, everything=False) if finding is not None else []
    if name == "Unanswered":
        numbers = _attempts(result) + numbers
    if finding is None:
        return Question(name, text, "not asked", "No rule of this run asks it.", numbers)
    answer = finding.summary
    if finding.verdict is Verdict.INCONCLUSIVE:
        answer = " ".join([answer, *words.paragraphs(finding.why)[:1]])
    return Question(name, text, words.VERDICT_WORDS[finding.verdict], answer, numbers[:_NUMBERS_SHOWN])


def _attempts(result: Result) -> list[tuple[str, str]]:
    """Attempts of all sources; whether one was answered is told only where answers can be seen."""
    counts = {key: sum(row[key] for row in result.sources) for key in ("attempts", "answered", "unanswered")}
    if result.capture.direction != "both":
        return [("Attempts", str(counts["attempts"]))]
    return [(key.capitalize(), str(count)) for key, count in counts.items()]


def span_text(result: Result, clock: Clock) -> str:
    """From when to when the capture goes."""
    firsts = [entry["first"] for entry in result.inputs if entry["first"]]
    lasts = [entry["last"] for entry in result.inputs if entry["last"]]
    if not firsts or not lasts:
        return "no times"
    first, last = min(firsts), max(lasts)
    length = span_ns(first, last)
    spoken = f", {words.spoken_duration(length)}" if length is not None else ""
    return f"{clock.both(first)} to {clock.both(last)}{spoken}"


def ranked_sources(result: Result) -> list[dict[str, Any]]:
    """Sources in the order of trouble: most unanswered, most attempts, most SAs; else as they appeared."""
    keys = ("unanswered", "attempts", "sas_concurrent_max")
    return sorted(result.sources, key=lambda row: tuple(-row[key] for key in keys))


def source_number(result: Result, row: dict[str, Any], key: str) -> str:
    """A number of a source; what a capture of one direction cannot show is no number."""
    if key == "unanswered" and result.capture.direction != "both":
        return "cannot be seen"
    value = row[key]
    return "unknown" if value is None else str(value)


def file_names(result: Result) -> dict[str, str]:
    """Names of the inputs without their folders, where that stays unambiguous."""
    return words.file_names([str(entry["path"]) for entry in result.inputs])


def report_title(result: Result) -> str:
    """What the report is about."""
    names = [PurePath(entry["path"]).name or entry["path"] for entry in result.inputs]
    return words.listed(names, most=3) or "no capture"
