"""A command that is made ready alone is the one that is made ready among all."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from pcapan.cli import app, app_for

_WHOLE = typer.main.get_command(app)
_RUNNER = CliRunner()


def _names() -> list[list[str]]:
    assert isinstance(_WHOLE, typer.core.TyperGroup)
    names: list[list[str]] = []
    for name, command in _WHOLE.commands.items():
        names.append([name])
        if isinstance(command, typer.core.TyperGroup):
            names += [[name, inner] for inner in command.commands]
    return names


@pytest.mark.parametrize("arguments", _names(), ids=" ".join)
@pytest.mark.parametrize("more", ["--help", "--no-such-option"])
def test_a_command_alone_says_what_it_says_among_all(arguments: list[str], more: str) -> None:
    alone = app_for(arguments)
    assert len(alone.registered_commands) + len(alone.registered_groups) == 1
    asked = [*arguments, more]
    expected = _RUNNER.invoke(app, asked, prog_name="pcapan")
    told = _RUNNER.invoke(alone, asked, prog_name="pcapan")
    assert (told.exit_code, told.output) == (expected.exit_code, expected.output)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["--version"], ["no-such-command"], ["--", "analyze"]])
def test_all_commands_are_there_where_none_is_named(arguments: list[str]) -> None:
    assert app_for(arguments) is app
