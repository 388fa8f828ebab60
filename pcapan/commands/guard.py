"""How a command ends: every exception becomes an exit status and at most three lines.

Knows the errors of pcapan, Ctrl-C, a reader that went away, and that anything else is a fault of the
program. Must not know the commands.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

from pcapan.errors import ExitCode, PcapanError
from pcapan.report.safe import clean

_Asked = ParamSpec("_Asked")

#: Longest text of an unexpected exception that is printed; it may quote a stranger's bytes.
_MESSAGE_LIMIT = 300


def guarded(command: Callable[_Asked, ExitCode]) -> Callable[_Asked, None]:
    """Wrap a command of typer so that it always ends with an exit status, and never with a traceback."""

    @functools.wraps(command)
    def run(*args: _Asked.args, **kwargs: _Asked.kwargs) -> None:
        from typer import Exit

        raise Exit(int(finish(lambda: command(*args, **kwargs))))

    return run


def finish(work: Callable[[], ExitCode]) -> ExitCode:
    """Do a command's work to its end, whatever that is: how it ends is told, and becomes the exit status."""
    try:
        code = work()
        sys.stdout.flush()
        return code
    except PcapanError as error:
        tell(error)
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except OSError as error:
        if _reader_went_away(error):
            _discard_output()
            return ExitCode.OK
        return _internal(error)
    except Exception as error:
        return _internal(error)


def tell(error: PcapanError) -> None:
    """Print an error: what failed, where, what to do."""
    three_lines(error.message, error.where or "-", error.hint or "see pcapan --help")


def three_lines(what: str, where: str, to_do: str) -> None:
    """Print three lines on standard error; a part that spans lines keeps them."""
    lines = [
        f"pcapan: {_clean_lines(what)}",
        f"  where: {_clean_lines(where)}",
        f"  to do: {_clean_lines(to_do)}",
    ]
    say("\n".join(lines))


def say(text: str) -> None:
    """Print words on standard error, which may be closed or unable to show every character."""
    with contextlib.suppress(OSError, ValueError):
        encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=sys.stderr, flush=True)


def _clean_lines(text: str) -> str:
    return "\n         ".join(clean(line) for line in text.splitlines()) if text else ""


def _internal(error: Exception) -> ExitCode:
    if os.environ.get("PCAPAN_DEBUG", "") not in ("", "0"):
        from traceback import print_exception

        print_exception(error)
        return ExitCode.INTERNAL
    message = f"{type(error).__name__}: {error}".strip(": ")[:_MESSAGE_LIMIT].replace("\n", " ")
    three_lines(
        f"a fault inside pcapan, not in your capture: {message}",
        _place(error),
        "run it again with PCAPAN_DEBUG=1 in the environment and report what it prints",
    )
    return ExitCode.INTERNAL


def _place(error: Exception) -> str:
    """The deepest line of pcapan's own code, by module path so that no folder of the user is shown."""
    from traceback import extract_tb

    home = Path(__file__).resolve().parents[1]
    for frame in reversed(extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(home):
            return f"{home.name}/{path.relative_to(home).as_posix()}, line {frame.lineno}"
    return "unknown"


def _reader_went_away(error: OSError) -> bool:
    if isinstance(error, BrokenPipeError) or error.errno == errno.EPIPE:
        return True
    # Windows reports a closed pipe as an invalid argument.
    return sys.platform == "win32" and error.errno == errno.EINVAL


def _discard_output() -> None:
    """Let the interpreter's last flush go nowhere instead of failing again."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
