"""``pcapan rules ...``: what may be asked about rules.

Knows the commands and their options. Must not know how they do their work, and imports nothing heavy
before one of them runs.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from pcapan.commands.guard import guarded
from pcapan.errors import ExitCode

app = typer.Typer(
    name="rules",
    help="List, show, check, test and write rules.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


class ListFormat(StrEnum):
    """How the list is printed."""

    TEXT = "text"
    JSON = "json"


Own = Annotated[
    list[str] | None,
    typer.Option(
        "--rules",
        metavar="PATH",
        help="A rule file, or a folder of them, that adds to the built-in rules or replaces those of the "
        "same id. Repeatable.",
        show_default=False,
    ),
]
SampleFolder = Annotated[
    str | None,
    typer.Option(
        "--samples",
        metavar="DIR",
        help="Folder of sample captures; else ./samples, else those beside the program's source.",
        show_default=False,
    ),
]


@app.command("list")
@guarded
def list_rules(
    format: Annotated[  # noqa: A002
        ListFormat, typer.Option("--format", "-f", help="How it is printed.")
    ] = ListFormat.TEXT,
    rules: Own = None,
) -> ExitCode:
    """List all rules: id, severity, lifecycle, table and title."""
    from pcapan.commands.rulebook import print_list

    return print_list(rules or [], json=format is ListFormat.JSON)


@app.command()
@guarded
def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="Id of a rule.", show_default=False)],  # noqa: A002
    rules: Own = None,
) -> ExitCode:
    """Show one rule: its question, gates, thresholds, conditions, limits and fixes."""
    from pcapan.commands.rulebook import print_rule

    return print_rule(id, rules or [])


@app.command()
@guarded
def lint(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH]...", help="Rule files or folders; without any, all rules.", show_default=False
        ),
    ] = None,
    rules: Own = None,
    samples: SampleFolder = None,
) -> ExitCode:
    """Say what to do better in rules, with file and line; exit status 4 when there is anything."""
    from pcapan.commands.rulecheck import lint as run

    return run(paths or [], rules or [], samples)


@app.command()
@guarded
def test(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Ids of rules; without any, all rules.", show_default=False),
    ] = None,
    samples: SampleFolder = None,
    rules: Own = None,
) -> ExitCode:
    """Run the examples of rules on sample captures; exit status 4 when one fails."""
    from pcapan.commands.rulecheck import test as run

    return run(ids or [], rules or [], samples)


@app.command()
@guarded
def new(
    id: Annotated[str, typer.Argument(metavar="ID", help="Id of the new rule.", show_default=False)],  # noqa: A002
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="DIR", help="Folder to write ID.toml into.")
    ] = ".",
) -> ExitCode:
    """Write a commented rule to begin with; an existing file is never overwritten."""
    from pcapan.commands.rulecheck import new as run

    return run(id, output)


@app.command()
@guarded
def reference() -> ExitCode:
    """Print all tables, columns, evidence selectors and formats as Markdown."""
    from pcapan.commands.rulebook import print_reference

    return print_reference()
