"""Records: what msgspec would make of the same classes."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from msgspec import Struct
from msgspec import field as struct_field
from msgspec.structs import asdict, replace

from pcapan.record import Record, as_dict, changed, field


class Plain(Record):
    """As `_Struct`."""

    name: str
    size: int = 3
    held: list[int] = field(default_factory=list)


class Frozen(Record, frozen=True):
    """Has a hash."""

    name: str
    size: int = 3


class _Struct(Struct):
    name: str
    size: int = 3
    held: list[int] = struct_field(default_factory=list)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (("a",), {}),
        (("a", 4), {}),
        (("a", 4, [1]), {}),
        ((), {"name": "b"}),
        (("a",), {"held": [2]}),
        ((), {"held": [2], "size": 0, "name": ""}),
    ],
)
def test_records_are_made_as_structs_are(values: tuple[Any, ...], named: dict[str, Any]) -> None:
    one, other = Plain(*values, **named), _Struct(*values, **named)
    assert as_dict(one) == asdict(other)
    assert as_dict(changed(one, size=9)) == asdict(replace(other, size=9))
    assert repr(one) == repr(other).replace("_Struct", "Plain")
    assert Plain.__fields__ == _Struct.__struct_fields__


@pytest.mark.parametrize(
    ("values", "named"),
    [((), {}), ((), {"size": 1}), (("a", 1, [], 2), {}), (("a",), {"nmae": 1}), (("a",), {"name": "b"})],
)
def test_what_does_not_fit_is_refused(values: tuple[Any, ...], named: dict[str, Any]) -> None:
    for kind in (Plain, _Struct):
        with pytest.raises(TypeError):
            kind(*values, **named)


def test_a_record_has_no_other_fields() -> None:
    with pytest.raises(AttributeError):
        setattr(Plain("a"), "nmae", 1)  # noqa: B010


def test_a_default_that_can_be_changed_is_made_anew() -> None:
    one, other = Plain("a"), Plain("a")
    one.held.append(1)
    assert other.held == []


def test_equal_records() -> None:
    assert Plain("a", held=[1]) == Plain("a", 3, [1])
    assert Plain("a") != Plain("a", 4)
    assert Plain("a") != Frozen("a")
    assert len({Frozen("a"), Frozen("a", 3), Frozen("a", 4)}) == 2
    with pytest.raises(TypeError):
        hash(Plain("a"))


@pytest.mark.parametrize("record", [Plain("a", 2, [5]), Frozen("b")], ids=repr)
def test_records_are_kept_as_bytes(record: Record) -> None:
    assert pickle.loads(pickle.dumps(record, protocol=5)) == record
