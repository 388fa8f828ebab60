"""``pcapan`` and ``python -m pcapan``: the way into the command line, and out of the process.

Knows how a process ends. Must not know commands: processes that work for this one import this file too,
so it imports nothing of them by itself.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys


def main() -> None:
    """Run the command line; ends the process with the exit status.

    A big analysis leaves a million small objects. Taking them apart one by one would take a tenth of the
    whole run: everything is closed and written, and the system takes the rest.
    """
    # Modules and rules come to stay: looking for garbage among them would be a tenth of a short run.
    gc.set_threshold(100_000)
    from pcapan.cli import main as run

    try:
        run()
        status = 0
    except SystemExit as leaving:
        if isinstance(leaving.code, str):
            raise  # a text, which the interpreter prints
        status = leaving.code or 0
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:  # there is none where a program without a console started this one
                stream.flush()
        except (OSError, ValueError):
            status = status or 1
    os._exit(status)


if __name__ == "__main__":
    main()
