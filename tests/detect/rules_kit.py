"""Tables, a complete rule and small helpers that the tests of this folder share."""

from __future__ import annotations

from pcapan.detect.issues import RuleIssue
from pcapan.detect.rule import Rule
from pcapan.detect.rulefile import rule_from_text
from pcapan.detect.schema import ColumnType, RuleSchema, TableSchema, Value

BOOL, INT, FLOAT, STR = ColumnType.BOOL, ColumnType.INT, ColumnType.FLOAT, ColumnType.STR

SCHEMA = RuleSchema(
    tables={
        "sources": TableSchema(
            "sources",
            {
                "address": STR,
                "kind": STR,
                "attempts": INT,
                "unanswered": INT,
                "unanswered_while_up": INT,
                "answered_other_sources": INT,
                "sas_at_onset": INT,
                "live_seconds": FLOAT,
                "esp_continued": BOOL,
                "first_ns": INT,
            },
            {"answered_other_sources": "sources that were answered in the same minutes"},
        ),
        "capture": TableSchema(
            "capture",
            {"both_directions": BOOL, "started_mid": BOOL, "duration_ns": INT, "server": STR},
            {"both_directions": "whether the file holds frames of both directions"},
        ),
    },
    evidence=frozenset({"first-unanswered", "last-answered", "esp-during-episode"}),
)

RULE = '''\
id = "sa-limit-exhaustion"
version = "1.0.0"
title = "Per-source SA limit reached on the VPN server"
lifecycle = "stable"
severity = "high"
table = "sources"
question = "Did the server stop answering one source while that source held SAs that kept working?"
motivation = "Clients behind one address share one allowance, and see error 809 when it is used up."
order_by = "unanswered_while_up"

[[needs]]
when = "both_directions"
reason = """
The capture holds one direction only, so an answer that was sent cannot be told from one that was not.
"""

[[needs]]
when = "attempts > 0"
else = "not_applicable"
reason = "{address} never dialled."

[params.min_unanswered]
value = 3
unit = "attempts"
why = "Two lost requests in a row happen on a bad line; three within one dial are rare."

[let]
unanswered_share = "unanswered / attempts"
full_house = "sas_at_onset >= 2 and unanswered_while_up >= min_unanswered"

[[outcome]]
verdict = "confirmed"
when = """
full_house
and answered_other_sources > 0   # the contrast
"""
reason = "{answered_other_sources} {answered_other_sources:plural(source,sources)} got answers meanwhile."

[[outcome]]
verdict = "suspected"
when = "full_house and esp_continued"
reason = "Nobody else dialled, but the SAs it held kept working."
severity = "medium"

[evidence]
frames = ["last-answered", "first-unanswered"]
limit = 8
filter = "isakmp && {address:family}.addr == {address}"

[report]
why = "{unanswered} of {attempts} attempts ({unanswered_share:percent}) had no answer."
cannot_show = ["The server's own limit; {sas_at_onset} is a lower bound."]
numbers = ["sas_at_onset", "unanswered_share"]

[report.summary]
confirmed = "The server stopped answering {addresses:list} at {sas_at_onset} live SA{sas_at_onset:s}."
suspected = "The server probably stopped answering {addresses:list} at {sas_at_onset} live SAs."
not_observed = "No source was refused while it held SAs."
inconclusive = "It cannot be told whether a source was refused."
not_applicable = "No client dialled."

[[report.signal]]
when = "esp_continued"
text = "ESP of the established SAs went on"

[[report.signal]]
when = "sas_at_onset >= 50"
text = "The number of live SAs is near a round limit"

[[report.refute]]
when = "unanswered_share < 0.1"
text = "Most attempts were answered"

[[fix]]
vendor = "windows"
title = "Raise the limit per address"
steps = ["Set the value on every server.", "Restart it: Get-Service IKEEXT | ForEach-Object { $_.Name }"]
source = "unverified"

[[reference]]
title = "RFC 7296"
url = "https://www.rfc-editor.org/rfc/rfc7296"

[[example]]
sample = "sa-limit-8"
expect = { verdict = "confirmed", addresses = ["10.10.10.1"] }

[[example]]
sample = "healthy-dnat"
expect = { verdict = "not_observed" }

[[example]]
sample = "one-direction"
expect = { verdict = "inconclusive" }
'''

CAPTURE: dict[str, Value] = {
    "both_directions": True,
    "started_mid": False,
    "duration_ns": 60_000_000_000,
    "server": "192.0.2.1",
}


def row(**changes: Value) -> dict[str, Value]:
    """A source for which the rule above is confirmed, with changes."""
    base: dict[str, Value] = {
        "address": "10.10.10.1",
        "kind": "private",
        "attempts": 12,
        "unanswered": 4,
        "unanswered_while_up": 4,
        "answered_other_sources": 2,
        "sas_at_onset": 8,
        "live_seconds": 41.5,
        "esp_continued": True,
        "first_ns": 1_700_000_000_000_000_000,
    }
    return {**base, **changes}


def read(text: str = RULE, schema: RuleSchema = SCHEMA) -> tuple[Rule | None, list[RuleIssue]]:
    """The rule in `text` and the faults found in it."""
    issues: list[RuleIssue] = []
    return rule_from_text(text, "rule.toml", schema, issues), issues


def good(text: str = RULE) -> Rule:
    """The rule in `text`, which must be without fault."""
    rule, issues = read(text)
    assert rule is not None, [str(issue) for issue in issues]
    return rule
