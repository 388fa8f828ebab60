"""Whether Python looks for garbage while something is built that stays.

Knows the collector. Must not know what is built: a capture becomes hundreds of thousands of objects that
refer to each other and all live to the end, and looking through them for cycles again and again takes more
time than making them, and even once a tenth of it. What nobody refers to is freed at once all the same.
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable
from typing import ParamSpec, TypeVar

_Asked = ParamSpec("_Asked")
_Made = TypeVar("_Made")


def without_collection(function: Callable[_Asked, _Made]) -> Callable[_Asked, _Made]:
    """The function, during which the collector rests, unless it rested before.

    What was made meanwhile counts as old afterwards: it is looked through with everything else, not at once.
    """

    @functools.wraps(function)
    def run(*args: _Asked.args, **kwargs: _Asked.kwargs) -> _Made:
        working = gc.isenabled()
        gc.disable()
        try:
            return function(*args, **kwargs)
        finally:
            if working:
                _call_all_old()
                gc.enable()

    return run


def _call_all_old() -> None:
    """Let the collector take all there is for objects that outlived its looking for young garbage.

    Otherwise it would look through all of them as soon as it works again: they are young still, and many.
    To freeze and thaw them hangs whole lists of objects elsewhere, however long these are.
    """
    if not gc.get_freeze_count():  # what somebody else froze has to stay so
        gc.freeze()
        gc.unfreeze()
