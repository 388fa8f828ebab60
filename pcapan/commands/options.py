"""Texts of the command line become options of the analysis.

Knows how addresses and ``ID.PARAM=VALUE`` are written. Must not know rules or captures.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pcapan.errors import UsageError
from pcapan.pipeline import Options
from pcapan.tables.facts import Site

if TYPE_CHECKING:
    from pcapan.redact.incident import Redactor


def addresses(texts: Sequence[str], option: str = "--server") -> tuple[str, ...]:
    """Addresses in their usual spelling; raises UsageError for anything else."""
    found: dict[str, None] = {}
    for text in texts:
        try:
            found[str(ipaddress.ip_address(text.strip()))] = None
        except ValueError:
            raise UsageError(
                f"{text!r} is not an IP address",
                where=f"{option} {text}",
                hint=f"write one IPv4 or IPv6 address, such as {option} 10.10.10.20; no name, mask or port",
            ) from None
    return tuple(found)


def make_options(
    *,
    servers: Sequence[str],
    vips: Sequence[str],
    balancers: Sequence[str],
    limit: int | None,
    rules: Sequence[str],
    overrides: Sequence[str],
    recover_seconds: float | None = None,
    redactor: Redactor | None = None,
) -> Options:
    """The options of an analysis; raises UsageError where they contradict each other."""
    own = addresses(servers)
    theirs = addresses(balancers, "--balancer")
    for address in own:
        if address in theirs:
            raise UsageError(
                "an address is named as a VPN server and as a balancer",
                where=f"--server {address} --balancer {address}",
                hint="give --server the VPN server's own address, --balancer the balancer's inside one",
            )
    site = Site(
        servers=own,
        vips=addresses(vips, "--vip"),
        balancers=theirs,
        limit=limit,
        recover_seconds=recover_seconds,
    )
    return Options(site=site, rules=tuple(rules), overrides=settings(overrides), redactor=redactor)


def settings(texts: Sequence[str]) -> dict[str, str]:
    """``ID.PARAM=VALUE`` as a dictionary; what it names is checked where the rules are known."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or "." not in key:
            raise UsageError(
                f"{text!r} does not set a parameter",
                where=f"--set {text}",
                hint="write --set RULE.PARAM=VALUE, such as --set sa-limit-exhaustion.min_attempts=5",
            )
        if key in found:
            raise UsageError("a parameter is set twice", where=f"--set {text}", hint=f"give {key} once")
        found[key] = value
    return found


def check_captures(captures: Sequence[str]) -> None:
    """Refuse to wait for a capture that somebody would have to type."""
    if "-" in captures and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError(
            "standard input is a terminal, not a capture",
            where="-",
            hint="pipe a capture into pcapan, or name a file",
        )
