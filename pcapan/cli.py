"""The command line: what may be asked, and with which exit status it ends.

Knows the commands and which options each takes. Must not know how a command does its work, and must not
import anything heavy: ``pcapan --help`` has to answer at once, so every command imports its own module when
it runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from copy import copy
from typing import Annotated

import typer

import pcapan
from pcapan.commands import batch as batch_commands
from pcapan.commands import completion
from pcapan.commands import rules as rule_commands
from pcapan.commands.arguments import (
    Balancers,
    Captures,
    FolderTables,
    Force,
    InfoFormat,
    Jobs,
    Limit,
    NoColor,
    Overrides,
    OwnRules,
    Quiet,
    Redact,
    RedactKey,
    RedactMap,
    Servers,
    TableFormat,
    Vendor,
    Vips,
    Zone,
)
from pcapan.commands.guard import guarded
from pcapan.commands.plain import FORMAT, VERBOSE, Report
from pcapan.errors import ExitCode, UsageError

app = typer.Typer(
    name="pcapan",
    help="Tells from a packet capture alone why Windows Always On VPN (IKEv2) clients cannot connect.",
    epilog=(
        "Exit status: 0 analysed, 1 a finding named with --fail-on was made, 2 wrong usage, 3 nothing could "
        "be read, 4 a rule is wrong, 5 part of the input was cut or could not be read, 70 a fault in pcapan "
        "or a full disk, 130 interrupted."
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"pcapan {pcapan.__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What holds for every command."""


@app.command()
@guarded
def analyze(
    captures: Captures,
    format: Annotated[Report, typer.Option(*FORMAT, help="How it is printed.")] = Report.TEXT,  # noqa: A002
    server: Servers = None,
    vip: Vips = None,
    balancer: Balancers = None,
    limit: Limit = None,
    recover_addresses: Annotated[
        bool,
        typer.Option(
            "--recover-addresses",
            help="Search the NAT detection hashes for clients' own addresses. They are personal data.",
        ),
    ] = False,
    recover_seconds: Annotated[
        float | None,
        typer.Option(
            "--recover-seconds",
            metavar="S",
            min=0.1,
            help="Time for that search; 120 seconds if not given.",
            show_default=False,
        ),
    ] = None,
    rules: OwnRules = None,
    overrides: Overrides = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on",
            metavar="ID,...|confirmed|suspected",
            autocompletion=completion.failing_words,
            help="Exit with 1 when a finding of these ids is reported, or any finding above severity info "
            "that is confirmed (or at least suspected).",
            show_default=False,
        ),
    ] = None,
    quiet: Quiet = False,
    verbose: Annotated[
        bool, typer.Option(*VERBOSE, help="All numbers, all vendors' fixes, problems, provenance.")
    ] = False,
    no_color: NoColor = False,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Write report.html, report.md, result.json, evidence.pcapng (the frames that findings cite) "
            "and tables/ into this folder.",
            show_default=False,
        ),
    ] = None,
    force: Force = False,
    tables: Annotated[
        FolderTables, typer.Option("--tables", help="How the tables in that folder are written.")
    ] = FolderTables.CSV,
    vendor: Vendor = None,
    tz: Zone = None,
    redact: Redact = False,
    redact_key: RedactKey = None,
    redact_map: RedactMap = None,
    jobs: Jobs = None,
    hash_all: Annotated[
        bool,
        typer.Option("--hash", help="Tell the SHA-256 of captures over 64 MiB too; -o always does."),
    ] = False,
) -> ExitCode:
    """Analyse one incident and print the verdict; with -o also write reports and tables."""
    if quiet and verbose:
        raise UsageError("-q and -v contradict each other", where="-q -v", hint="give one of them")
    if recover_seconds is not None and not recover_addresses:
        raise UsageError(
            "a time for a search that was not asked for",
            where=f"--recover-seconds {recover_seconds:g}",
            hint="add --recover-addresses, or leave this option out",
        )
    from pcapan.commands.redaction import Redaction
    from pcapan.commands.request import AnalyzeRequest, perform

    return perform(
        AnalyzeRequest(
            captures=captures,
            format=format.value,
            servers=server or [],
            vips=vip or [],
            balancers=balancer or [],
            limit=limit,
            recover=recover_addresses,
            budget=120.0 if recover_seconds is None else recover_seconds,
            rules=rules or [],
            overrides=overrides or [],
            fail_on=fail_on or [],
            quiet=quiet,
            verbose=verbose,
            no_color=no_color,
            folder=output,
            force=force,
            tables=tables.value,
            vendor=vendor,
            zone=tz,
            redaction=Redaction(redact, redact_key, redact_map, force),
            jobs=jobs,
            hash_all=hash_all,
        )
    )


@app.command()
@guarded
def report(
    result: Annotated[
        str,
        typer.Argument(
            metavar="RESULT.json",
            help="What analyze --format json printed, or a folder of analyze -o; - is standard input.",
            show_default=False,
        ),
    ],
    format: Annotated[Report, typer.Option("--format", "-f", help="How it is shown.")] = Report.TEXT,  # noqa: A002
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write to a file.", show_default=False),
    ] = None,
    force: Force = False,
    vendor: Vendor = None,
    tz: Zone = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print the verdict line only.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Print everything.")] = False,
    no_color: NoColor = False,
    redact: Redact = False,
    redact_key: RedactKey = None,
    redact_map: RedactMap = None,
) -> ExitCode:
    """Render a result again, without the captures."""
    from pcapan.commands.redaction import Redaction
    from pcapan.commands.report import ReportRequest, run

    redaction = Redaction(redact, redact_key, redact_map, force)
    return run(
        ReportRequest(result, format.value, output, force, vendor, tz, quiet, verbose, no_color, redaction)
    )


@app.command()
@guarded
def compare(
    before: Annotated[
        str,
        typer.Argument(
            metavar="BEFORE",
            help="The capture before the change, its result.json, or its folder of analyze -o.",
            show_default=False,
        ),
    ],
    after: Annotated[
        str, typer.Argument(metavar="AFTER", help="The same after the change.", show_default=False)
    ],
    format: Annotated[Report, typer.Option("--format", "-f", help="How it is shown.")] = Report.TEXT,  # noqa: A002
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write to a file.", show_default=False),
    ] = None,
    force: Force = False,
    server: Servers = None,
    vip: Vips = None,
    balancer: Balancers = None,
    limit: Limit = None,
    rules: OwnRules = None,
    overrides: Overrides = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on",
            metavar="still|new",
            help="Exit with 1 when trouble is still there, or is new; still,new for either.",
            show_default=False,
        ),
    ] = None,
    tz: Zone = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print the verdict line only.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Print everything.")] = False,
    no_color: NoColor = False,
    redact: Redact = False,
    redact_key: RedactKey = None,
    redact_map: RedactMap = None,
) -> ExitCode:
    """Tell whether a change worked, from a capture before it and one after it."""
    from pcapan.commands.compare import CompareRequest, run
    from pcapan.commands.options import make_options
    from pcapan.commands.redaction import Redaction

    if quiet and verbose:
        raise UsageError("-q and -v contradict each other", where="-q -v", hint="give one of them")
    options = make_options(
        servers=server or [],
        vips=vip or [],
        balancers=balancer or [],
        limit=limit,
        rules=rules or [],
        overrides=overrides or [],
    )
    return run(
        CompareRequest(
            before,
            after,
            format.value,
            output,
            force,
            options,
            fail_on or [],
            tz,
            quiet,
            verbose,
            no_color,
            Redaction(redact, redact_key, redact_map, force),
        )
    )


@app.command()
@guarded
def tables(
    captures: Captures,
    table: Annotated[
        str,
        typer.Option(
            "-t",
            "--table",
            metavar="NAME",
            help="messages, attempts, sas, esp, sources or another; a wrong name lists them all.",
            autocompletion=completion.table_names,
            show_default=False,
        ),
    ],
    format: Annotated[  # noqa: A002
        TableFormat, typer.Option("--format", "-f", help="How it is written.")
    ] = TableFormat.CSV,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write to a file.", show_default=False),
    ] = None,
    server: Servers = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")] = False,
    redact: Redact = False,
    redact_key: RedactKey = None,
    redact_map: RedactMap = None,
    jobs: Jobs = None,
) -> ExitCode:
    """Write one table of what is in the captures; no rule judges anything."""
    from pcapan.commands.redaction import Redaction
    from pcapan.commands.tables import run

    redaction = Redaction(redact, redact_key, redact_map)
    return run(
        captures,
        table,
        format.value,
        output,
        servers=server or [],
        quiet=quiet,
        redaction=redaction,
        jobs=jobs,
    )


@app.command()
@guarded
def info(
    captures: Captures,
    format: Annotated[  # noqa: A002
        InfoFormat, typer.Option("--format", "-f", help="How it is printed.")
    ] = InfoFormat.TEXT,
    server: Servers = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")] = False,
    no_color: NoColor = False,
    jobs: Jobs = None,
) -> ExitCode:
    """Tell what the files are: container, interfaces, times, packets, damage, kind of traffic."""
    from pcapan.commands.info import run

    return run(
        captures,
        json=format is InfoFormat.JSON,
        servers=server or [],
        quiet=quiet,
        no_color=no_color,
        jobs=jobs,
    )


app.add_typer(batch_commands.app, name="batch")
app.add_typer(rule_commands.app, name="rules")


@app.command()
@guarded
def explain(
    word: Annotated[
        str,
        typer.Argument(
            metavar="ID|COLUMN|VERDICT|TABLE",
            help="What to explain, as printed.",
            autocompletion=completion.explained_words,
            show_default=False,
        ),
    ],
    rules: rule_commands.Own = None,
) -> ExitCode:
    """Explain a rule, a column, a table, a verdict, a threshold or a shared fix."""
    from pcapan.commands.explain import run

    return run(word, rules or [])


@app.command()
@guarded
def extract(
    captures: Annotated[
        list[str],
        typer.Argument(
            metavar="CAPTURE...",
            help="Any captures pcapan reads; several are merged by time. - is standard input.",
            show_default=False,
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="The pcapng to write; - is standard output.",
            show_default=False,
        ),
    ],
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--source",
            metavar="ADDR",
            help="Packets of this address, both directions, with IP fragments and ICMP errors that quote "
            "them. Repeatable.",
            show_default=False,
        ),
    ] = None,
    spi: Annotated[
        list[str] | None,
        typer.Option(
            "--spi",
            metavar="HEX",
            help="The messages of an IKE SA by either SPI (16 digits), or ESP with this SPI (8 digits), with "
            "fragments and ICMP errors that quote them. Repeatable.",
            show_default=False,
        ),
    ] = None,
    begin: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="TIME",
            help="From this time on: UTC as 2026-11-23T12:01:55.5Z, or +12.5 seconds after the first packet.",
            show_default=False,
        ),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="Up to this time, included.", show_default=False),
    ] = None,
    ike: Annotated[
        bool,
        typer.Option(
            "--ike",
            help="IKE on ports 500 and 4500, its fragments and ICMP errors about it; no ESP, no keepalives.",
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the output.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")] = False,
    redact: Redact = False,
    redact_key: RedactKey = None,
    redact_map: RedactMap = None,
) -> ExitCode:
    """Write captures (an .etl above all), or what is cut out of them, as pcapng.

    Without a cut, frame n of a single capture becomes packet n. Cuts of different kinds all have to hold;
    of one kind (--source, --spi) any. A cut that leaves no packet writes nothing and ends with status 2.
    """
    from pcapan.commands.cuts import parse_cut
    from pcapan.commands.extract import ExtractRequest, run
    from pcapan.commands.redaction import Redaction

    cut = parse_cut(source or [], spi or [], begin, end, ike=ike)
    redaction = Redaction(redact, redact_key, redact_map, force)
    return run(ExtractRequest(captures, output, cut, force, quiet, redaction))


@app.command()
@guarded
def doctor() -> ExitCode:
    """Check the installation: versions, tshark, optional libraries, rules."""
    from pcapan.commands.doctor import run

    return run()


def app_for(arguments: Sequence[str]) -> typer.Typer:
    """The program with only the command that comes first, if one does.

    typer takes 1 to 2 ms to make each command ready, whether it is asked for or not.
    """
    asked = arguments[0] if arguments else ""
    commands = [one for one in app.registered_commands if one.callback and one.callback.__name__ == asked]
    groups = [one for one in app.registered_groups if one.name == asked]
    if not commands and not groups:
        return app
    alone = copy(app)
    alone.registered_commands, alone.registered_groups = commands, groups
    return alone


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; ends the process with the exit status."""
    chosen = app_for(sys.argv[1:] if arguments is None else arguments)
    try:
        chosen(args=list(arguments) if arguments is not None else None, prog_name="pcapan")
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
