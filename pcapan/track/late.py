"""Sequences whose last items are made when somebody looks at them.

Knows nothing of what the items are. Whoever makes them gives the same object each time it is asked for one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TypeVar, overload

_T = TypeVar("_T")


class Late(Sequence[_T]):
    """Items that are there already, and behind them others."""

    def __init__(self, ready: list[_T], others: int, make: Callable[[int], _T]) -> None:
        """`others` is how many there are behind those; `make` gives each by its number among them."""
        self.ready = ready
        """Those that are there already."""
        self.others = others
        """How many come behind them."""
        self._make = make

    def __len__(self) -> int:
        return len(self.ready) + self.others

    def __iter__(self) -> Iterator[_T]:
        return chain(self.ready, map(self._make, range(self.others)))

    @overload
    def __getitem__(self, index: int) -> _T: ...
    @overload
    def __getitem__(self, index: slice) -> list[_T]: ...
    def __getitem__(self, index: int | slice) -> _T | list[_T]:
        if isinstance(index, slice):
            return [self[at] for at in range(len(self))[index]]
        if 0 <= index < len(self.ready):
            return self.ready[index]
        at = range(len(self))[index]  # raises IndexError, and counts from the end
        return self.ready[at] if at < len(self.ready) else self._make(at - len(self.ready))
