"""Stored facts: what comes back is what was stored, and a strange file runs nothing."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pcapan.batch import stored
from pcapan.batch.stored import NotingStock, StaleError, StoredStock, pack
from pcapan.detect.run import FactsStock, judge
from pcapan.pipeline import Options, built_in_rules, make_result, read_facts
from pcapan.tables.facts import Site
from pcapan.tables.registry import TABLES
from tests.samples_kit import samples

RULES = built_in_rules(Options())


def packed(path: Path | tuple[Path, ...]) -> tuple[bytes, FactsStock]:
    facts, _ = read_facts(list(path) if isinstance(path, tuple) else path)
    stock = NotingStock(facts)
    make_result(facts, RULES, Options(), stock=stock)
    return pack(facts, stock), FactsStock(facts)


SMALL, SMALL_FACTS = packed(samples()[0].captures)


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
def test_rules_say_the_same(sample: Any) -> None:
    data, fresh = packed(sample.captures)
    again = StoredStock(data, Site())
    assert judge(again, RULES) == judge(fresh, RULES)
    assert again._facts is None and not again.learned  # neither scans nor captures were touched


def test_large_tables_and_new_evidence_come_from_the_scans() -> None:
    data, fresh = packed(samples()[0].captures)
    again = StoredStock(data, Site())
    for table in TABLES.values():
        wanted = [column.name for column in table.columns if column.type in ("bool", "int", "float", "str")]
        for row, other in zip(again.rows(table.name), fresh.rows(table.name), strict=True):
            assert {name: row[name] for name in wanted} == {name: other[name] for name in wanted}
    rule = next(rule for rule in RULES if rule.table == "sources")
    assert again.evidence(rule, [0]) == fresh.evidence(rule, [0])
    if again.learned:
        more = StoredStock(again.bytes(), Site())
        assert more.evidence(rule, [0]) == fresh.evidence(rule, [0]) and more._facts is None


def test_another_version_is_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "version", lambda: "other")
    with pytest.raises(StaleError, match="version"):
        StoredStock(SMALL, Site())


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch /nonexistent/evil",)


@pytest.mark.parametrize("thing", [Evil(), ([], [Evil()]), b"x", (1,), io.BytesIO])
def test_a_strange_pickle_runs_nothing(thing: Any) -> None:
    parts = stored._parts(SMALL)
    parts["scans"] = zstandard.ZstdCompressor().compress(pickle.dumps(thing))
    again = StoredStock(stored._join(parts), Site())
    with pytest.raises(StaleError):
        again.rows("messages")


@given(st.integers(0, len(SMALL) - 1), st.binary(min_size=1, max_size=40))
def test_damage_is_noticed_or_harmless(at: int, junk: bytes) -> None:
    data = SMALL[:at] + junk + SMALL[at + len(junk) :]
    try:
        stock = StoredStock(data, Site())
        stock.rows("sources")
        stock.rows("messages")
    except StaleError:
        pass
