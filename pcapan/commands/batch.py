"""``pcapan batch ...``: what may be asked of many captures.

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
    name="batch",
    help="Analyse archives of captures into a dataset; follow a run; show trends and every incident.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


class GroupBy(StrEnum):
    """How captures become incidents."""

    AUTO = "auto"
    FOLDER = "folder"
    FILE = "file"


class EngineName(StrEnum):
    """Where the work is done."""

    LOCAL = "local"
    DASK = "dask"


class LogFormat(StrEnum):
    """How a run tells how far it is."""

    TEXT = "text"
    JSON = "json"


class StatusFormat(StrEnum):
    """How the status is printed."""

    TEXT = "text"
    JSON = "json"


Dataset = Annotated[
    str, typer.Argument(metavar="OUT", help="The folder given to batch run with -o.", show_default=False)
]
Addresses = list[str] | None


@app.command("run")
@guarded
def run_batch(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Folders, files, patterns in quotes, archives (zip, tar, also .gz and .zst), and URLs of "
            "remote stores, such as s3://bucket/path.",
            show_default=False,
        ),
    ],
    output: Annotated[
        str,
        typer.Option("-o", "--output", metavar="OUT", help="Folder of the dataset.", show_default=False),
    ],
    group: Annotated[
        GroupBy,
        typer.Option(
            "--group",
            help="What is one incident: auto joins parts of ring buffers and nodes captured together; or all "
            "captures of a folder; or each file.",
        ),
    ] = GroupBy.AUTO,
    engine: Annotated[
        EngineName, typer.Option("--engine", help="Where the work is done.")
    ] = EngineName.LOCAL,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            metavar="ADDRESS",
            help="Scheduler of a Dask cluster, such as tcp://10.0.0.5:8786; without it --engine dask starts "
            "a cluster on this machine.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "-w",
            "--workers",
            metavar="N",
            min=1,
            max=1024,
            help="Worker processes; as many as the machine has cores if not given.",
            show_default=False,
        ),
    ] = None,
    memory: Annotated[
        int,
        typer.Option("--memory", metavar="MIB", min=64, help="Memory one incident may need, MiB (Linux)."),
    ] = 2048,
    seconds: Annotated[
        float,
        typer.Option("--seconds", metavar="S", min=1.0, help="Time that one incident may take, seconds."),
    ] = 3600.0,
    server: Annotated[
        Addresses,
        typer.Option(
            "--server", metavar="ADDR", help="Address of a VPN server. Repeatable.", show_default=False
        ),
    ] = None,
    vip: Annotated[
        Addresses,
        typer.Option(
            "--vip", metavar="ADDR", help="Address that clients dial. Repeatable.", show_default=False
        ),
    ] = None,
    balancer: Annotated[
        Addresses,
        typer.Option(
            "--balancer",
            metavar="ADDR",
            help="Address that the balancer uses towards the servers. Repeatable.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            min=1,
            help="IkeNumEstablishedForInitialQuery as set on the servers.",
            show_default=False,
        ),
    ] = None,
    rules: Annotated[
        list[str] | None,
        typer.Option(
            "--rules",
            metavar="PATH",
            help="A rule file or folder that adds to the built-in rules or replaces those of the same id.",
            show_default=False,
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="ID.PARAM=VALUE", help="Change a parameter of a rule.", show_default=False
        ),
    ] = None,
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", help="Progress as text, or as one JSON object a line.")
    ] = LogFormat.TEXT,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress; only the summary.")] = False,
) -> ExitCode:
    """Analyse every incident that is new, failed before, or was judged by other rules."""
    from pcapan.commands.batchrun import RunRequest, run

    return run(
        RunRequest(
            sources=sources,
            output=output,
            group=group.value,
            engine=engine.value,
            scheduler=scheduler,
            workers=workers,
            memory_mb=memory,
            seconds=seconds,
            servers=server or [],
            vips=vip or [],
            balancers=balancer or [],
            limit=limit,
            rules=rules or [],
            overrides=overrides or [],
            json_log=log_format is LogFormat.JSON,
            quiet=quiet,
        )
    )


@app.command("status")
@guarded
def show_status(
    out: Dataset,
    format: Annotated[StatusFormat, typer.Option("--format", "-f", help="How it is printed.")] = (  # noqa: A002
        StatusFormat.TEXT
    ),
) -> ExitCode:
    """Tell how far a run is, from any terminal, and what is in the dataset."""
    from pcapan.commands.batchstatus import run

    return run(out, json=format is StatusFormat.JSON)


@app.command("report")
@guarded
def write_report(
    out: Dataset,
    pages: Annotated[
        int,
        typer.Option(
            "--pages",
            metavar="N",
            min=0,
            help="Pages with charts for the N worst incidents (a third of a second each); the others get "
            "Markdown.",
        ),
    ] = 100,
    workers: Annotated[
        int | None,
        typer.Option(
            "-w", "--workers", metavar="N", min=1, max=1024, help="Worker processes.", show_default=False
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")] = False,
) -> ExitCode:
    """Write index.html: causes and trends, the worst incidents first, with a report of each."""
    from pcapan.commands.batchreport import ReportRequest, run

    return run(ReportRequest(out, pages, workers, quiet))
