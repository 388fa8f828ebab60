"""Ctrl-C while something is under way that must not be broken off in the middle.

Knows the signal and how it is held back. Must not know what is under way. Libraries that are written in C
were seen to forget a Ctrl-C that came while they were loaded, and to crash later because half of them was
missing.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back; what came meanwhile is raised at the end, as KeyboardInterrupt.

    Only where it would be raised at once: a process may ignore it, or heed it in a way of its own.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    came: list[int] = []
    try:
        signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    except ValueError:  # only the main thread may, and nobody else is interrupted
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if came:
            raise KeyboardInterrupt
