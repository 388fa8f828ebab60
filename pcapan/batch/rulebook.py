"""Which rules an incident was judged by, so that only those that changed are asked again.

Knows that a dataset keeps the fingerprints of every set of rules it met, and notes while documents are
replaced by those of other rules: a run that is killed then leaves documents that their lines do not know of.
Must not know rules.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache

from pcapan.batch.layout import Layout, write_whole


def keep_fingerprints(layout: Layout, rules_hash: str, fingerprints: Mapping[str, str]) -> None:
    """Write down the fingerprints of a set of rules; raises OSError."""
    place = layout.rules(rules_hash)
    if not place.exists():
        layout.write(place, json.dumps(dict(fingerprints), indent=1).encode())


@lru_cache(maxsize=16)
def read_fingerprints(layout: Layout, rules_hash: str) -> Mapping[str, str]:
    """Rule id -> fingerprint; empty, so that all rules count as changed, when it is not known."""
    try:
        found = json.loads(layout.rules(rules_hash).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def note_judging(layout: Layout, hashes: frozenset[str]) -> None:
    """Write down, durably, the rules that documents may hold against their lines; raises OSError."""
    if hashes:
        write_whole(layout.judging, json.dumps(sorted(hashes)).encode())
    else:
        layout.judging.unlink(missing_ok=True)


def read_judging(layout: Layout) -> frozenset[str]:
    """What was written down by runs that did not come to their end."""
    try:
        return frozenset(map(str, json.loads(layout.judging.read_bytes())))
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError, TypeError):
        return frozenset(("unknown",))  # differs from all rules, so that every document is looked at
