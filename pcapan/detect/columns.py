"""Values of many rows at once: how they are kept, and how a function is asked about all of them.

Knows that rows are mostly alike: a function is asked once about every different value where there are few,
and yes/no values take a byte a row, so that "and" and "or" are work for whole numbers. Must not know names,
rules or tables.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import compress, repeat
from typing import Any, overload

from pcapan.detect.schema import Value

#: What fewer rows than one in this many are asked is not worth asking of all rows.
FEW = 8

#: How a yes/no value is kept: one bit says that it may be yes, the other that it may be no.
_YES, _NO = 1, 2
_CODES: Mapping[Value, int] = {True: _YES, False: _NO, None: _YES | _NO}
_ANSWERS: Mapping[int, bool | None] = {_YES: True, _NO: False, _YES | _NO: None}
_ONLY = {code: bytes(code == other for other in range(256)) for code in _ANSWERS}
"""For each code, what makes it 1 and every other code 0."""

_UNKNOWN_TYPE = type(None)


class Column(Sequence[Value]):
    """The values of a name for some rows, in their order."""

    __slots__ = ()

    @property
    def values(self) -> Sequence[Value]:
        """The values one by one."""
        raise NotImplementedError

    @property
    def different(self) -> Collection[Value]:
        """The different values, perhaps others besides; all of them, one by one, where they are many."""
        raise NotImplementedError

    @property
    def few(self) -> bool:
        """Whether rows are alike, so that a question is better asked of the different values."""
        raise NotImplementedError

    @property
    def keys(self) -> Iterable[object]:
        """For each row what equals that of another row just where the values are the same and read alike."""
        return self.values

    def choose(self, indexes: Sequence[int]) -> Column:
        """The values of some of the rows."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Value]:
        return iter(self.values)

    @overload
    def __getitem__(self, index: int) -> Value: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Value]: ...
    def __getitem__(self, index: int | slice) -> Value | Sequence[Value]:
        return self.values[index]


class Listed(Column):
    """Values that are kept as they are."""

    __slots__ = ("_comparable", "_different", "_values")

    def __init__(
        self, values: Sequence[Value], *, comparable: bool = False, among: Collection[Value] | None = None
    ) -> None:
        """`comparable` values may stand for each other where they are equal: they are of one type and no
        floats (0.0 and -0.0 are equal and read differently). `among` are values that hold all of these."""
        self._values = values
        self._comparable = comparable
        self._different = among

    @property
    def values(self) -> Sequence[Value]:
        """The values one by one."""
        return self._values

    @property
    def different(self) -> Collection[Value]:
        """The different values, found when they are first asked for."""
        if self._different is None:
            self._different = frozenset(self._values) if self._comparable else self._values
        return self._different

    @property
    def few(self) -> bool:
        """Whether there are two rows a value at least."""
        return 2 * len(self.different) <= len(self._values)

    @property
    def keys(self) -> Iterable[object]:
        """The values; with their types where 1, 1.0 and true may be among them, which are equal."""
        return self._values if self._comparable else zip(self._values, map(type, self._values), strict=True)

    def choose(self, indexes: Sequence[int]) -> Column:
        """The values of some of the rows."""
        among = self._different
        if among is not None and 2 * len(among) > len(indexes):
            among = None  # fewer may be among those that are chosen
        values = self._values
        return Listed([values[index] for index in indexes], comparable=self._comparable, among=among)

    def __len__(self) -> int:
        return len(self._values)


class Mostly(Listed):
    """One value for nearly all the rows; all are comparable, see `Listed`."""

    __slots__ = ("at", "others", "value")

    def __init__(self, value: Value, length: int, at: Sequence[int], others: Sequence[Value]) -> None:
        """`others` are the values of the rows `at` these indexes."""
        values = [value] * length
        for index, other in zip(at, others, strict=True):
            values[index] = other
        super().__init__(values, comparable=True, among=frozenset((value, *others)))
        self.value = value
        self.at = at
        self.others = others


class Same(Column):
    """One value for all the rows."""

    __slots__ = ("_length", "value")

    def __init__(self, value: Value, length: int) -> None:
        self.value = value
        self._length = length

    @property
    def values(self) -> Sequence[Value]:
        """The value, over and over."""
        return [self.value] * self._length

    @property
    def different(self) -> Collection[Value]:
        """The value."""
        return (self.value,)

    @property
    def few(self) -> bool:
        """Always: nothing can be more alike."""
        return True

    def choose(self, indexes: Sequence[int]) -> Column:
        """The value for some of the rows."""
        return Same(self.value, len(indexes))

    def __len__(self) -> int:
        return self._length


class Truths(Column):
    """Yes, no or unknown for each row."""

    __slots__ = ("codes",)

    def __init__(self, codes: bytes) -> None:
        """`codes` holds a byte for each row, which says what the answer may be: 1 yes, 2 no, 3 either."""
        self.codes = codes

    @property
    def values(self) -> Sequence[Value]:
        """The answers one by one."""
        return list(map(_ANSWERS.__getitem__, self.codes))

    @property
    def different(self) -> Collection[Value]:
        """The different answers."""
        return [answer for code, answer in _ANSWERS.items() if code in self.codes]

    @property
    def few(self) -> bool:
        """Always: there are only three."""
        return True

    def choose(self, indexes: Sequence[int]) -> Truths:
        """The answers for some of the rows."""
        codes = self.codes
        return Truths(bytes([codes[index] for index in indexes]))

    def both(self, other: Truths) -> Truths:
        """Yes where both are yes, no where one is no."""
        return self._joined(other, _YES, _NO)

    def either(self, other: Truths) -> Truths:
        """Yes where one is yes, no where both are no."""
        return self._joined(other, _NO, _YES)

    def _joined(self, other: Truths, if_both: int, if_one: int) -> Truths:
        length = len(self.codes)
        one, two, both_needed, one_needed = (
            int.from_bytes(codes, "little")
            for codes in (self.codes, other.codes, bytes((if_both,)) * length, bytes((if_one,)) * length)
        )
        return Truths((one & two & both_needed | (one | two) & one_needed).to_bytes(length, "little"))

    def times(self, answer: bool) -> int:
        """How many rows got this answer."""
        return self.codes.count(_CODES[answer])

    def but(self, answer: bool) -> Sequence[int]:
        """The indexes of the rows that got another answer."""
        left_out = _CODES[answer]
        return [index for index, code in enumerate(self.codes) if code != left_out]

    def split(self, indexes: Sequence[int]) -> Iterable[tuple[bool | None, Sequence[int]]]:
        """Every answer that was given, and those of the rows' `indexes` that got it."""
        for code, answer in _ANSWERS.items():
            times = self.codes.count(code)
            if 0 < times == len(self.codes):
                yield answer, indexes
            elif times:
                yield answer, list(compress(indexes, self.codes.translate(_ONLY[code])))

    def spread(self, indexes: Sequence[int], others: Truths) -> Truths:
        """These answers at `indexes` among the others."""
        codes = bytearray(others.codes)
        for index, code in zip(indexes, self.codes, strict=True):
            codes[index] = code
        return Truths(bytes(codes))

    def __len__(self) -> int:
        return len(self.codes)

    @overload
    def __getitem__(self, index: int) -> Value: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Value]: ...
    def __getitem__(self, index: int | slice) -> Value | Sequence[Value]:
        return self.values[index] if isinstance(index, slice) else _ANSWERS[self.codes[index]]


def column(values: Sequence[Value]) -> Column:
    """Values as a column."""
    return values if isinstance(values, Column) else Listed(values)


def truths(values: Sequence[Value]) -> Truths:
    """Values that are yes, no or unknown as such."""
    if isinstance(values, Truths):
        return values
    if isinstance(values, Same):
        return Truths(bytes((_CODES[values.value],)) * len(values))
    return Truths(bytes(map(_CODES.__getitem__, values)))


def asked(question: Callable[[Value], Value], of: Column) -> Truths:
    """What a yes/no question says of every value."""
    if not of.few:
        return Truths(bytes([_CODES[question(value)] for value in of.values]))
    answers = {value: _CODES[question(value)] for value in of.different}
    if isinstance(of, Truths):
        return Truths(of.codes.translate(bytes(answers.get(_ANSWERS.get(code), 0) for code in range(256))))
    told = set(answers.values())
    if len(told) == 1:
        return Truths(bytes(told) * len(of))
    if isinstance(of, Mostly):
        codes = bytearray((answers[of.value],)) * len(of)
        for index, value in zip(of.at, of.others, strict=True):
            codes[index] = answers[value]
        return Truths(bytes(codes))
    return Truths(bytes(map(answers.__getitem__, of.values)))


def asked_of_two(
    question: Callable[[Value, Value], Value], known: Callable[[Any, Any], bool], left: Column, right: Column
) -> Truths:
    """What a yes/no question says of the two values of every row; `known` says it where none is unknown."""
    if isinstance(right, Same) and left.few:
        return asked(lambda value: question(value, right.value), left)
    if isinstance(left, Same) and right.few:
        return asked(lambda value: question(left.value, value), right)
    sides = [repeat(side.value) if isinstance(side, Same) else side.values for side in (left, right)]
    any_unknown = any(_UNKNOWN_TYPE in {*map(type, side.different)} for side in (left, right))
    return Truths(bytes(map(_CODES.__getitem__, map(question if any_unknown else known, *sides))))


def calculated(apply: Callable[[Value], Value], of: Column) -> Column:
    """A calculation with every value."""
    if isinstance(of, Same):
        return Same(apply(of.value), len(of))
    return Listed([apply(value) for value in of.values])


def calculated_of_two(apply: Callable[[Value, Value], Value], left: Column, right: Column) -> Column:
    """A calculation with the two values of every row."""
    if isinstance(left, Same) and isinstance(right, Same):
        return Same(apply(left.value, right.value), len(left))
    return Listed(list(map(apply, left.values, right.values)))
