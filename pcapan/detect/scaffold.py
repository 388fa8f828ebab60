"""The rule that `pcapan rules new` writes: complete, commented, and meant to be changed.

Knows one good example of every part of a rule. Must not know files or the command line. A test keeps
it loading and free of lint.
"""

from __future__ import annotations

_TEXT = """\
# A rule of your own. Everything after # is a comment.
#
#   pcapan rules lint @ID@.toml                        what to do better, with line numbers
#   pcapan analyze CAPTURE --rules @ID@.toml           what it says about a capture
#   pcapan explain sources                  the columns of a table; rules/README.md lists all tables
#
# A rule never changes what is read from a capture. It asks a question about each row of one table.

id = "@ID@" # the name of the file without .toml
version = "1.0.0"
title = "A source address holds many SAs" # what a finding is called
lifecycle = "experimental" # "stable" needs a motivation and the three examples at the end
severity = "medium" # how harmful it is when it is there: info, low, medium, high or critical
table = "sources" # one verdict for each row of this table
address = "address" # the column that holds the address the finding is about
order_by = "sas_concurrent_max" # the row with the largest value leads the finding
question = "Does one source address hold more SAs at once than expected?"
motivation = "Say here what goes wrong in such a network, and how it shows in packets."

# Gates. Where one does not hold the verdict is "inconclusive", and its reason is printed.
[[needs]]
when = "has_ipsec"
reason = "There is no IKE and no ESP in this capture."

# Thresholds. Users change them with --set @ID@.max_sas=20
[params.max_sas]
value = 10
unit = "SAs"
why = "Say why it is this value: what lies just below, what just above, and how you know."

# Names for parts of a condition, so that it reads like a sentence.
[let]
crowded = "sas_concurrent_max > max_sas"

# Verdicts, from the first to the last: the first whose condition holds is given. When none holds the
# verdict is "not_observed". A value that is unknown makes a condition unknown, never false.
[[outcome]]
verdict = "confirmed"
when = "crowded and sas_older == 0"
reason = "{address} held {sas_concurrent_max} SAs at once."

[[outcome]]
verdict = "suspected"
when = "crowded"
reason = "{address} held at least {sas_concurrent_max} SAs at once; some are older than the capture."

# Frames that are shown as proof, and a filter for Wireshark.
[evidence]
frames = ["first-requests", "client-tunnels"]
limit = 8
filter = "isakmp && {address:family}.addr == {address}"

[report]
why = "{sas_concurrent_max} SAs at once were counted, {max_sas} are expected."
numbers = ["sas_concurrent_max", "clients_at_once"]
cannot_show = ["SAs that were idle during the whole capture."]

# The sentence of each verdict. A negative one speaks of all rows at once: it cannot quote a row.
[report.summary]
confirmed = "More than {max_sas} SAs at once are held by {addresses:list}."
suspected = "More than {max_sas} SAs at once are probably held by {addresses:list}."
not_observed = "No source held more than {max_sas} SAs at once."
inconclusive = "How many SAs a source held cannot be told from this capture."

# What to change. Advice that several rules share stands in fixes/NAME.toml: use_fixes = ["NAME"],
# written above the first [[...]] of this file.
[[fix]]
vendor = "all"
title = "What to change"
steps = ["One step a line."]
source = "Where this advice comes from, or: unverified"

# [[reference]]
# title = "RFC 7296"
# url = "https://www.rfc-editor.org/rfc/rfc7296"

# Sample captures (samples/NAME.pcapng and the like) and what the rule must say about each:
# one where it holds, one that only looks like it, one that cannot show it. Remove the # and run
# "pcapan rules test @ID@ --rules @ID@.toml --samples FOLDER".
# [[example]]
# sample = "NAME"
# expect = { verdict = "confirmed", addresses = ["192.0.2.1"] }
#
# [[example]]
# sample = "NAME"
# expect = { verdict = "not_observed" }
#
# [[example]]
# sample = "NAME"
# expect = { verdict = "inconclusive" }
"""


def starter_rule(rule_id: str) -> str:
    """The text of a new rule file with this id, which must be a valid one."""
    return _TEXT.replace("@ID@", rule_id)
