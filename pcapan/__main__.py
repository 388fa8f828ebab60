"""``pcapan`` and ``python -m pcapan``: the way into the command line, and out of the process.

Knows how a process ends. Must not know commands: processes that work for this one import this file too,
so it imports nothing of them by itself.
"""

from __future__ import annotations

import _thread
import atexit
import gc
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress

#: Exit status after Ctrl-C, as `pcapan.errors.ExitCode` has it.
_INTERRUPTED = 130


def main() -> None:
    """Run the command line; ends the process with the exit status.

    A big analysis leaves a million small objects. Taking them apart one by one would take a tenth of the
    whole run: everything is closed and written, and the system takes the rest.
    """
    # Modules and rules come to stay: looking for garbage among them would be a tenth of a short run.
    gc.set_threshold(100_000)
    sys.unraisablehook = _unraisable
    status = _INTERRUPTED
    try:
        status = _run(sys.argv[1:])
    except SystemExit as leaving:
        if isinstance(leaving.code, str):
            raise  # a text, which the interpreter prints
        status = leaving.code or 0
    except KeyboardInterrupt:
        pass  # while it starts, the command line does not heed it yet
    # When the command has ended, its status stands.
    with suppress(KeyboardInterrupt):
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            try:
                if stream is not None:  # there is none where a program without a console started this one
                    stream.flush()
            except (OSError, ValueError):
                status = status or 1
    os._exit(status)


def _run(words: list[str]) -> int:
    """Do what the words ask for and give the exit status."""
    from pcapan.interrupts import uninterrupted

    with uninterrupted():
        command = _command(words)
    return command()


def _command(words: list[str]) -> Callable[[], int]:
    """What does it, loaded; what is asked most is begun before the whole command line is."""
    if words[:1] == ["analyze"]:
        # What an analysis makes stays to its end, and so does the process: looking through it once more just
        # before leaving would be a twentieth of a run.
        gc.disable()
        from pcapan.reading import guess_reading

        guess_reading(words[1:])
        from pcapan.commands.plain import plain_command

        command = plain_command(words[1:])
        if command is not None:
            return command
    from pcapan.cli import main as run

    def whole() -> int:
        run()
        return 0

    return whole


def _unraisable(told: sys.UnraisableHookArgs) -> None:
    """A Ctrl-C that came where nothing can be raised, as in a callback of an import, comes once more."""
    if told.exc_type is KeyboardInterrupt:
        _thread.start_new_thread(_interrupt_soon, ())
    else:
        sys.__unraisablehook__(told)


def _interrupt_soon() -> None:
    time.sleep(0.01)
    _thread.interrupt_main()


if __name__ == "__main__":
    main()
