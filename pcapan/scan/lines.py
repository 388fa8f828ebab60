"""Rows of eight numbers in one array; compiled, a row is a line of the cache.

Knows how such rows are found, and nothing of what stands in them. Compiled modules take the functions of the
same names from ``lines.pxd``: there a row is a pointer, given after one comparison with the length of the
array, and an array grows without a copy and without its new pages being touched, so that whoever adds a row
writes all of its numbers. These stand in for them where the source is interpreted.
"""

from __future__ import annotations

from array import array

#: Numbers of a row.
WIDTH = 8
_MASK = (1 << 64) - 1
_MIDDLE = 1 << 63


def row_of(words: array[int], row: int) -> memoryview:
    """The numbers of a row, to be read and written; the array cannot grow while they are held."""
    if not 0 <= row < len(words) // WIDTH:
        raise IndexError("a row outside its array")
    return memoryview(words)[WIDTH * row : WIDTH * (row + 1)]


def longer(held: array[int], numbers: int) -> None:
    """Make an array that nobody looks into so long; compiled, what is new in it is not initialised."""
    held.frombytes(bytes(held.itemsize * (numbers - len(held))))


def grown(held: array[int], rows: int) -> None:
    """Make room for so many rows in an array that nobody looks into."""
    longer(held, WIDTH * rows)


def begin(words: array[int]) -> int:
    """Where the first row of an array begins, which has room for seven numbers more than its rows have."""
    return 0


def move(words: array[int], rows: int, before: int, now: int) -> None:
    """Move so many rows to where the first one begins now."""


def bring(words: array[int], at: int) -> None:
    """Have the processor fetch the line of memory around a number, which is needed soon."""


def low(word: int) -> int:
    """The lower half of a number of 64 bits."""
    return word & 0xFFFFFFFF


def left(word: int, by: int) -> int:
    """A number of 64 bits moved left by less than 64 of them; what leaves it is lost."""
    return word << by & _MASK


def counted(ts: int) -> int:
    """A time, which may lie before 1970, as a number without a sign: the later the greater."""
    return ts + _MIDDLE


def time_of(count: int) -> int:
    """The time of such a number."""
    return count - _MIDDLE
