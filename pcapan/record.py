"""Classes that are their fields, for what is needed before a file can be scanned.

Knows how the fields of such a class become its attributes, and nothing of what they hold. A class is written
as with `msgspec`, which makes the records of all other rooms and makes them faster; but loading it takes as
long as scanning ten megabytes, and a big capture is scanned while it is loaded.
"""

from __future__ import annotations

from collections.abc import Callable

TYPE_CHECKING = False  # as in `typing`, which takes long to load too
if TYPE_CHECKING:
    from typing import Any, TypeVar, dataclass_transform

    _Made = TypeVar("_Made")
    _Kind = TypeVar("_Kind", bound="Record")
else:

    def dataclass_transform(**_):
        """What tells a type checker how to read a class; there is nothing to do while the program runs."""
        return lambda made: made


class _Factory:
    """Stands for a default that is made anew for every record."""

    def __init__(self, make: Callable[[], object]) -> None:
        self.make = make


def field(*, default_factory: Callable[[], _Made]) -> _Made:
    """A default that is made anew for every record."""
    made: Any = _Factory(default_factory)
    return made  # type: ignore[no-any-return]


class _RecordType(type):
    """Makes slots of the annotations of a class, and keeps their defaults."""

    def __new__(
        cls, name: str, bases: tuple[type, ...], body: dict[str, Any], *, frozen: bool = False
    ) -> _RecordType:
        names = tuple(body.get("__annotations__", ()))
        body["__defaults__"] = {one: body.pop(one) for one in names if one in body}
        body["__fields__"] = body["__slots__"] = names
        if frozen:
            body["__hash__"] = _hash
        return super().__new__(cls, name, bases, body)


def _hash(record: Record) -> int:
    return hash(tuple([getattr(record, name) for name in record.__fields__]))


@dataclass_transform(field_specifiers=(field,))
class Record(metaclass=_RecordType):
    """Base of such classes; subclasses have no subclasses.

    ``frozen=True`` gives a class a hash; that nobody changes its records is left to the type checker.
    """

    if TYPE_CHECKING:
        __fields__: tuple[str, ...]
        __defaults__: dict[str, Any]

    def __init__(self, *values: Any, **named: Any) -> None:
        names = self.__fields__
        for name, value in zip(names, values, strict=False):
            setattr(self, name, value)
        if len(values) < len(names):
            for name in names[len(values) :]:
                if name in named:
                    setattr(self, name, named.pop(name))
                    continue
                if name not in self.__defaults__:
                    raise TypeError(f"{type(self).__name__} needs {name!r}")
                value = self.__defaults__[name]
                setattr(self, name, value.make() if isinstance(value, _Factory) else value)
        if named or len(values) > len(names):
            raise TypeError(f"{type(self).__name__} has no room for {sorted(named) or values[len(names) :]}")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__fields__)

    __hash__ = None  # type: ignore[assignment]  # it may be changed, unless it is frozen

    def __repr__(self) -> str:
        held = ", ".join(f"{name}={value!r}" for name, value in as_dict(self).items())
        return f"{type(self).__name__}({held})"


def as_dict(record: Record) -> dict[str, Any]:
    """The fields by their names, as they are."""
    return {name: getattr(record, name) for name in record.__fields__}


def changed(record: _Kind, **fields: Any) -> _Kind:
    """A copy with other values in some fields."""
    return type(record)(**{**as_dict(record), **fields})
