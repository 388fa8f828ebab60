"""What makes two captures hard to compare, in sentences.

Knows the inputs, the options and the times of two result documents. Must not know findings.
"""

from __future__ import annotations

from pcapan.model import Result
from pcapan.report import words
from pcapan.report.compare.numbers import length_ns


def caveats(before: Result, after: Result) -> list[str]:
    """Reasons for doubt, the gravest first; empty where the captures go together well."""
    return [
        text
        for check in (_same, _times, _lengths, _servers, _directions, _damage, _rules, _options)
        if (text := check(before, after))
    ]


def _same(before: Result, after: Result) -> str:
    olds = {entry["sha256"] for entry in before.inputs if entry["sha256"]}
    both = [entry["path"] for entry in after.inputs if entry["sha256"] in olds]
    if not both:
        return ""
    return f"The same capture is on both sides ({words.listed(both, most=3)}): nothing was changed between."


def _times(before: Result, after: Result) -> str:
    lasts = [entry["last"] for entry in before.inputs if entry["last"]]
    firsts = [entry["first"] for entry in after.inputs if entry["first"]]
    if not lasts or not firsts or max(lasts) <= min(firsts):
        return ""
    ends = [entry["last"] for entry in after.inputs if entry["last"]]
    begins = [entry["first"] for entry in before.inputs if entry["first"]]
    if begins and ends and max(ends) <= min(begins):
        return "The capture after is older than the capture before: were they given in the wrong order?"
    return "The captures overlap in time, so what is called after the change is partly before it."


def _lengths(before: Result, after: Result) -> str:
    old, new = length_ns(before), length_ns(after)
    if not old or not new or new * 2 >= old:
        return ""
    return (
        f"The capture after is short ({words.spoken_duration(new)}, before {words.spoken_duration(old)}): "
        "trouble that comes in waves may be between two of them."
    )


def _servers(before: Result, after: Result) -> str:
    old, new = before.capture.server, after.capture.server
    if not old or not new or set(old) & set(new):
        return ""
    return (
        f"The captures are of different servers ({words.listed(old, most=3)} before, "
        f"{words.listed(new, most=3)} after); what is gone at one may be there at the other."
    )


def _directions(before: Result, after: Result) -> str:
    told = [
        f"the capture {name} shows {_spoken(result.capture.direction)}"
        for name, result in (("before", before), ("after", after))
        if result.capture.direction != "both"
    ]
    if not told:
        return ""
    text = " and ".join(told)
    return f"{text[0].upper()}{text[1:]}, so its answered and unanswered attempts cannot be seen."


def _spoken(direction: str) -> str:
    return {
        "to-server": "only packets to the server",
        "from-server": "only packets from the server",
    }.get(direction, "no direction")


def _damage(before: Result, after: Result) -> str:
    hurt = [entry["path"] for result in (before, after) for entry in result.inputs if entry["damaged"]]
    return f"Cut or damaged: {words.listed(hurt, most=3)}." if hurt else ""


def _rules(before: Result, after: Result) -> str:
    if before.run["rules_hash"] == after.run["rules_hash"]:
        return ""
    return "The results were made with different rules; analyse both captures again to be sure."


def _options(before: Result, after: Result) -> str:
    old, new = before.run["options"], after.run["options"]
    other = sorted(key for key in {*old, *new} if (old.get(key) or None) != (new.get(key) or None))
    if not other:
        return ""
    return f"The results were made with different options: {words.listed(other)}."
