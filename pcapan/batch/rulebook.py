"""Which rules an incident was judged by, so that only those that changed are asked again.

Knows that a dataset keeps the fingerprints of every set of rules it met. Must not know rules.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache

from pcapan.batch.layout import Layout


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
