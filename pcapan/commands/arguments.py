"""What several commands take alike: the options of the command line, and the words they may be given.

Knows how each is written and explained. Must not know which command takes it, nor import what does the work:
this is read at every start.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from pcapan.commands import completion
from pcapan.commands.plain import NO_COLOR, QUIET


class InfoFormat(StrEnum):
    """How the facts about files are printed."""

    TEXT = "text"
    JSON = "json"


class FolderTables(StrEnum):
    """How the tables of a report folder are written."""

    CSV = "csv"
    PARQUET = "parquet"


class TableFormat(StrEnum):
    """How a table is written."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


Captures = Annotated[
    list[str],
    typer.Argument(
        metavar="CAPTURE...",
        help="Capture files of one incident, in any order (pcap, pcapng, also .gz and .zst, and whatever "
        "else tshark reads); - is standard input.",
        show_default=False,
    ),
]
Servers = Annotated[
    list[str] | None,
    typer.Option(
        "--server",
        metavar="ADDR",
        help="Address of a VPN server, when it cannot be told from the capture. May be given several times.",
        show_default=False,
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        metavar="N",
        min=1,
        help="Cores to use for several captures and for searches; all of them if not given.",
        show_default=False,
    ),
]
Quiet = Annotated[bool, typer.Option(*QUIET, help="Print the verdict line only; no progress.")]
NoColor = Annotated[bool, typer.Option(*NO_COLOR, help="No colours, whatever the terminal can do.")]

Vips = Annotated[
    list[str] | None,
    typer.Option(
        "--vip",
        metavar="ADDR",
        help="Address that clients dial (the balancer's virtual server): sharpens full-nat. Repeatable.",
        show_default=False,
    ),
]
Balancers = Annotated[
    list[str] | None,
    typer.Option(
        "--balancer",
        metavar="ADDR",
        help="Address that the balancer uses towards the servers: sharpens full-nat. Repeatable.",
        show_default=False,
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        metavar="N",
        min=1,
        help="IkeNumEstablishedForInitialQuery as set on the servers: sharpens sa-limit-exhaustion.",
        show_default=False,
    ),
]
OwnRules = Annotated[
    list[str] | None,
    typer.Option(
        "--rules",
        metavar="PATH",
        help="A rule file, or a folder of them, that adds to the built-in rules or replaces those of the "
        "same id.",
        show_default=False,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="ID.PARAM=VALUE", help="Change a parameter of a rule.", show_default=False),
]
Vendor = Annotated[
    str | None,
    typer.Option(
        "--vendor",
        metavar="NAME",
        help="Show what to change for this maker only: f5, citrix, kemp, loadbalancer.org, azure, aws, "
        "nginx, fortigate, paloalto.",
        autocompletion=completion.vendor_names,
        show_default=False,
    ),
]
Zone = Annotated[
    str | None,
    typer.Option(
        "--tz",
        metavar="ZONE",
        help="Tell times in this zone too, such as Europe/Berlin; UTC is always told.",
        show_default=False,
    ),
]
Redact = Annotated[
    bool,
    typer.Option(
        "--redact",
        help="Put pseudonyms in place of addresses, SPIs, file and interface names. Verdicts stay.",
    ),
]
RedactKey = Annotated[
    str | None,
    typer.Option(
        "--redact-key",
        metavar="TEXT|@FILE",
        help="Passphrase for pseudonyms that several runs share; random if not given. @FILE, or the variable "
        "PCAPAN_REDACT_KEY, keeps it out of the shell's history.",
        show_default=False,
    ),
]
RedactMap = Annotated[
    str | None,
    typer.Option(
        "--redact-map",
        metavar="FILE",
        help="Write which name became which pseudonym (CSV). It undoes the redaction: do not hand it on.",
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace reports that exist.")]
