"""A result in words: the verdict line, the groups of findings, numbers and times for people.

Knows the result document and nothing of any output format, so that every renderer says the same.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from msgspec import Struct

from pcapan.model import Evidence, Finding, Fix, Result, Severity, Verdict

#: How a verdict is written.
VERDICT_WORDS = {
    Verdict.CONFIRMED: "confirmed",
    Verdict.SUSPECTED: "suspected",
    Verdict.NOT_OBSERVED: "not observed",
    Verdict.INCONCLUSIVE: "inconclusive",
    Verdict.NOT_APPLICABLE: "not applicable",
}

#: Where the frames themselves are; the result does not know whether they were written.
EVIDENCE_PLACE = "evidence.pcapng in the folder of analyze -o"

#: Told first where it holds.
PSEUDONYMS = (
    "Addresses, SPIs and names here are pseudonyms (--redact). Display filters fit the redacted packets; "
    "commands need the real addresses."
)

#: Whom advice is for besides the makers of load balancers and firewalls.
GENERAL = ("all", "windows")

#: Words that keep their capitals in the name of a number.
_CAPITALS = {
    "sas": "SAs",
    "sa": "SA",
    "esp": "ESP",
    "natd": "NAT-D",
    "ike": "IKE",
    "ttl": "TTL",
    "udp": "UDP",
}

#: A command after a colon, up to the end of the sentence or text: in one piece it can be pasted.
_COMMAND = (
    r"(?<=: )((?:[A-Z][a-z]+-[A-Z][A-Za-z]+|netsh|pktmon|reg|sc|dumpcap|tshark|pcapan extract) \S.*?)"
    r"(?:\. (?=[A-Z])|\.?\s*$)"
)

_UNITS = ((3_600_000_000_000, "h"), (60_000_000_000, "min"), (1_000_000_000, "s"), (1_000_000, "ms"))


class Groups(Struct, frozen=True):
    """The findings of a result by what a reader does with them; each group keeps its order."""

    clients: list[Finding]
    """Reported: what keeps clients out, or would."""
    capture: list[Finding]
    """Reported: what this capture cannot show."""
    notes: list[Finding]
    """Reported, but harmless: severity info."""
    inconclusive: list[Finding]
    not_observed: list[Finding]
    not_applicable: list[Finding]


def about_capture(finding: Finding) -> bool:
    """Whether a finding is about the capture itself and not about clients or servers."""
    return finding.id.startswith("capture-") or finding.id == "one-direction"


def grouped(result: Result) -> Groups:
    """Sort the findings into groups."""
    groups = Groups([], [], [], [], [], [])
    for finding in result.findings:
        if finding.verdict is Verdict.INCONCLUSIVE:
            groups.inconclusive.append(finding)
        elif finding.verdict is Verdict.NOT_OBSERVED:
            groups.not_observed.append(finding)
        elif finding.verdict is Verdict.NOT_APPLICABLE:
            groups.not_applicable.append(finding)
        elif about_capture(finding):
            groups.capture.append(finding)
        elif finding.severity is Severity.INFO:
            groups.notes.append(finding)
        else:
            groups.clients.append(finding)
    return groups


def headline(result: Result) -> tuple[str, str]:
    """The verdict in a word or two, and in a sentence."""
    groups = grouped(result)
    if groups.clients:
        first = groups.clients[0]
        return VERDICT_WORDS[first.verdict], first.summary
    open_questions = [finding for finding in groups.inconclusive if not about_capture(finding)]
    if not open_questions:
        return "no problem observed", "Nothing here keeps clients out, as far as this capture shows."
    if not result.capture.counts.packets:
        return (
            "inconclusive",
            "There are no packets in this capture, so nothing can be said about VPN clients.",
        )
    if not (result.capture.counts.ike or result.capture.counts.esp):
        return "inconclusive", (
            "There is no IKE and no ESP in this capture, so nothing can be said about VPN clients."
        )
    names = listed(finding.id for finding in open_questions)
    return "inconclusive", f"No problem was observed, but this capture cannot tell about {names}."


def also(result: Result) -> str:
    """What else is reported and matters, in one sentence; empty when there is nothing."""
    groups = grouped(result)
    others = groups.clients[1:] + groups.capture
    parts = []
    for finding in others:
        addresses = f" ({listed(finding.addresses, most=3)})" if finding.addresses else ""
        parts.append(f"{finding.id} {VERDICT_WORDS[finding.verdict]}{addresses}")
    return "; ".join(parts)


def verdict_line(result: Result) -> str:
    """The verdict and what else matters on one line, for a script or a log, however long."""
    verdict, sentence = headline(result)
    more = also(result)
    return f"Verdict: {verdict.upper()} - {sentence}" + (f" Also: {more}." if more else "")


def is_redacted(result: Result) -> bool:
    """Whether names in the result are pseudonyms."""
    return bool(result.run["options"].get("redact"))


def pseudonyms_note(result: Result) -> str:
    """What a reader has to know about names; empty when they are the real ones."""
    return PSEUDONYMS if is_redacted(result) else ""


def digest_name(result: Result) -> str:
    """What the hash of an input is; with pseudonyms it is none of the file's bytes."""
    return "fingerprint" if is_redacted(result) else "SHA-256"


def digest_text(result: Result, entry: Mapping[str, Any]) -> str:
    """The hash of an input, in words where it was not computed."""
    if not entry["sha256"]:
        return f"{digest_name(result)} not computed (analyze --hash does)"
    return f"{digest_name(result)} {entry['sha256']}"


def listed(words: Iterable[str], most: int = 6) -> str:
    """``a, b and c``; what is beyond `most` is counted."""
    items = list(words)
    if len(items) > most:
        return f"{', '.join(items[:most])} and {len(items) - most} more"
    return " and ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else "".join(items)


def spoken_time(text: str) -> str:
    """``2026-11-23 13:38:00.123456 UTC`` for an ISO 8601 time of the result document; exact."""
    match = re.fullmatch(r"(\d{4,}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?Z", text)
    if match is None:
        return text
    day, clock, fraction = match.groups()
    while fraction and fraction.endswith("000"):
        fraction = fraction[:-3]
    return f"{day} {clock}{fraction if fraction and fraction != '.' else ''} UTC"


def spoken_duration(ns: int | float) -> str:
    """``58.6 s`` or ``2.5 h`` for nanoseconds."""
    for size, unit in _UNITS:
        if abs(ns) >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns:.3g} ns"


def number_name(key: str) -> str:
    """``SAs at onset`` for ``sas_at_onset``; the unit of a time or a share is part of its value."""
    words = [word for word in key.removesuffix("_ns").split("_") if word]
    said = " ".join(_CAPITALS.get(word, word) for word in words)
    return said[:1].upper() + said[1:]


def number_text(key: str, value: Any) -> str:
    """A value of `Finding.numbers` with its unit; None is unknown."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float) and key.endswith("_ns"):
        return spoken_duration(value)
    if isinstance(value, float):
        return f"{value:.0%}" if "share" in key and 0 <= value <= 1 else f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)


def key_numbers(finding: Finding, *, everything: bool) -> list[tuple[str, str]]:
    """Names and texts of the numbers; without `everything` only those that say something."""
    pairs = []
    for key, value in finding.numbers.items():
        if isinstance(value, dict):
            continue
        if everything or (value not in (None, 0, "", []) and not isinstance(value, bool)):
            pairs.append((number_name(key), number_text(key, value)))
    return pairs


def chosen_evidence(evidence: Sequence[Evidence], most: int) -> list[Evidence]:
    """Up to `most` rows that show every kind of thing once before any twice, in their order."""
    if len(evidence) <= most:
        return list(evidence)
    kinds: dict[str, int] = {}
    ranked = []
    for place, row in enumerate(evidence):
        kind = " ".join(re.sub(r"\d+", "", row.what).split()[:2])
        kinds[kind] = kinds.get(kind, 0) + 1
        ranked.append((kinds[kind], place))
    return [evidence[place] for place in sorted(place for _, place in sorted(ranked)[:most])]


def chosen_fixes(fixes: Sequence[Fix], most: int) -> tuple[list[Fix], list[Fix]]:
    """What to show and what to point at: advice for everybody always, and up to `most` vendors' own."""
    shown: list[Fix] = []
    left: list[Fix] = []
    for fix in fixes:
        own = sum(other.vendor != "all" for other in shown)
        (shown if fix.vendor == "all" or own < most else left).append(fix)
    return shown, left


def vendor_fixes(fixes: Sequence[Fix], vendor: str | None) -> tuple[list[Fix], list[Fix]]:
    """The advice for one vendor's reader, and the rest; everything where none is named or known.

    What is for everybody, and what concerns the Windows server itself, is always for the reader.
    """
    wanted = (vendor or "").casefold()
    if wanted in GENERAL or not any(is_of_vendor(fix, wanted) for fix in fixes):
        return list(fixes), []
    shown: list[Fix] = []
    left: list[Fix] = []
    for fix in fixes:
        (shown if fix.vendor in GENERAL or is_of_vendor(fix, wanted) else left).append(fix)
    return shown, left


def is_of_vendor(fix: Fix, vendor: str) -> bool:
    """Whether advice is of this maker; ``azure`` stands for each of its products."""
    name, wanted = fix.vendor.casefold(), vendor.casefold()
    return bool(wanted) and (name == wanted or name.startswith(f"{wanted}-"))


def cites_frames(result: Result) -> bool:
    """Whether any finding that claims something shows a frame for it."""
    return any(finding.evidence for finding in result.findings if finding.verdict.reported)


def file_names(paths: Sequence[str]) -> dict[str, str]:
    """Short names of files: without their folders where that stays unambiguous."""
    short = {path: PurePath(path).name or path for path in paths}
    seen = Counter(short.values())
    return {path: name if seen[name] == 1 else path for path, name in short.items()}


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a rule's text, each on one line."""
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]


def commands_apart(text: str) -> list[tuple[bool, str]]:
    """The text in pieces, (is it a command to paste, piece); prose between commands stays prose."""
    pieces: list[tuple[bool, str]] = []
    at = 0
    for match in re.finditer(_COMMAND, text):
        pieces.append((False, text[at : match.start()].rstrip()))
        pieces.append((True, match.group(1)))
        at = match.end()
    rest = text[at:].strip()
    if rest or not pieces:
        pieces.append((False, rest))
    return pieces


def packets_text(result: Result) -> str:
    """``795 packets: 167 IKE, 596 ESP, ...``: where every packet went."""
    counts = result.capture.counts
    parts = [
        f"{counts.ike} IKE",
        f"{counts.esp} ESP",
        f"{counts.keepalive} keepalive",
        f"{counts.other} other",
    ]
    undecoded = sum(counts.undecoded.values())
    if undecoded:
        reasons = ", ".join(f"{reason} {count}" for reason, count in counts.undecoded.items())
        parts.append(f"{undecoded} not decoded ({reasons})")
    copies = f", and {counts.copies} copies of them" if counts.copies else ""
    return f"{counts.packets} packets: {', '.join(parts)}{copies}"
