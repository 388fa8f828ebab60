"""The errors that end a run, each with what failed, where, and what to do.

Knows the exit codes and nothing else. A wrong packet is never one of these: it becomes a row of
the `problems` table (see `pcapan.model.Problem`), because one odd packet must not hide the rest.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit status of the command line. Findings are normal and never change it unless asked."""

    OK = 0
    FINDINGS = 1
    """Only with ``--fail-on``: a finding of the named kind was made."""
    USAGE = 2
    UNREADABLE = 3
    RULE = 4
    PARTIAL = 5
    """Something was read and analysed, something was damaged or could not be read."""
    INTERNAL = 70
    INTERRUPTED = 130


class PcapanError(Exception):
    """Something prevents the run from going on. Printed as three lines, never as a traceback."""

    exit_code: ExitCode = ExitCode.INTERNAL

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        return "\n".join(part for part in (self.message, self.where, self.hint) if part)


class UnreadableError(PcapanError):
    """The input cannot be read at all: no file, no capture, no packet header."""

    exit_code = ExitCode.UNREADABLE


class RuleError(PcapanError):
    """A rule file is wrong: unknown key or column, bad expression, duplicate id."""

    exit_code = ExitCode.RULE


class UsageError(PcapanError):
    """Options contradict each other or name something that does not exist."""

    exit_code = ExitCode.USAGE
