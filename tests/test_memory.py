"""The collector rests while something big is built, and does not look through all of it right afterwards."""

from __future__ import annotations

import gc

from pcapan.memory import without_collection


def _is_young(thing: object) -> bool:
    return any(one is thing for generation in (0, 1) for one in gc.get_objects(generation))


@without_collection
def _build() -> list[object]:
    assert not gc.isenabled()
    return [[number] for number in range(100)]


def test_what_was_built_is_not_young() -> None:
    frozen = gc.get_freeze_count()
    gc.enable()
    built = _build()
    assert gc.isenabled()
    assert gc.get_freeze_count() == frozen
    if not frozen:
        assert not _is_young(built)


def test_a_collector_at_rest_stays_so() -> None:
    gc.disable()
    try:
        built = _build()
        assert not gc.isenabled()
        assert _is_young(built)
    finally:
        gc.enable()


def test_what_is_frozen_stays_so() -> None:
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        _build()
        assert gc.get_freeze_count() == frozen > 0
    finally:
        gc.unfreeze()
