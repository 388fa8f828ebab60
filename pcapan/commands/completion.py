"""What a shell may offer for a word that is being typed.

Knows where ids, tables and vendors are listed. Must not fail: a shell that asks gets no words instead.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable


def table_names(incomplete: str) -> list[str]:
    """Names of tables, for ``-t``."""
    from pcapan.tables.registry import TABLES

    return _beginning(TABLES, incomplete)


def explained_words(incomplete: str) -> list[str]:
    """Everything that ``pcapan explain`` knows."""
    with contextlib.suppress(Exception):
        from pcapan.commands.explain import known_words
        from pcapan.commands.rulebook import all_rules

        return _beginning(known_words(all_rules([])), incomplete)
    return []


def failing_words(incomplete: str) -> list[str]:
    """What ``--fail-on`` of ``analyze`` may name; of a list with commas the last word is completed."""
    with contextlib.suppress(Exception):
        from pcapan.commands.rulebook import all_rules

        before, comma, last = incomplete.rpartition(",")
        words = ["confirmed", "suspected", *(rule.id for rule in all_rules([]))]
        return [f"{before}{comma}{word}" for word in _beginning(words, last)]
    return []


def vendor_names(incomplete: str) -> list[str]:
    """Makers that some advice is for."""
    with contextlib.suppress(Exception):
        from pcapan.commands.rulebook import all_rules
        from pcapan.report.words import GENERAL

        makers = {fix.vendor for rule in all_rules([]) for fix in rule.fixes}
        return _beginning(makers - set(GENERAL), incomplete)
    return []


def _beginning(words: Iterable[str], incomplete: str) -> list[str]:
    return sorted(word for word in words if word.startswith(incomplete))
