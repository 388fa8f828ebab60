"""How to check a change: which capture to take, and which verdict it has to give.

Knows the capture tools of a Windows server and the findings by their ids. Must not know how a
finding was made.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from msgspec import Struct

from pcapan.model import Finding, Result
from pcapan.report import words

#: Keeps the later fragments of a big IKE message, which have no port number.
CAPTURE_FILTER = "udp port 500 or udp port 4500 or esp or (ip[6:2] & 0x3fff != 0) or ip6 proto 44"

#: What must be seen besides "not observed" after a change.
_ALSO = {
    "full-nat": "and no-source-nat: confirmed, with the clients' own addresses as sources",
    "shared-source": "or, where an office's NAT is meant to stay, all its attempts answered",
}

#: More addresses than this make a command that nobody pastes.
_ADDRESSES = 4


class Tool(Struct, frozen=True):
    """One way to take the capture."""

    name: str
    note: str
    commands: tuple[str, ...]


class Check(Struct, frozen=True):
    """What to do after the change, in order."""

    before: str
    """What the capture has to contain."""
    tools: tuple[Tool, ...]
    command: str
    """How to analyse it."""
    expect: tuple[tuple[str, str], ...]
    """(finding id, what it has to say)."""
    otherwise: str


def make_check(result: Result) -> Check:
    """The check for this result."""
    findings = words.grouped(result).clients
    ids = list(dict.fromkeys(finding.id for finding in findings))
    return Check(
        before=_load(result, findings),
        # A pseudonym in a command would make somebody capture a stranger's address.
        tools=capture_tools([] if words.is_redacted(result) else result.capture.server),
        command="pcapan analyze vpn-after.pcapng" + (f" --fail-on {','.join(ids)}" if ids else ""),
        expect=tuple((name, _expected(name, findings)) for name in ids),
        otherwise=(
            "pcapan reads the .etl of pktmon and netsh itself: name it in place of the .pcapng. "
            "Inconclusive is no success: it says that the new capture cannot show it. "
            "Then capture longer, or with more clients."
        ),
    )


def capture_tools(servers: Sequence[str]) -> tuple[Tool, ...]:
    """The commands, for the addresses of the servers where they are known."""
    known = [text for text in map(_address, servers) if text][:_ADDRESSES]
    pktmon = [f"pktmon filter add vpn{number} -i {address}" for number, address in enumerate(known, 1)]
    netsh = [
        f"{family}.Address={addresses[0] if len(addresses) == 1 else '(' + ','.join(addresses) + ')'}"
        for family in ("IPv4", "IPv6")
        if (addresses := [a for a in known if (":" in a) == (family == "IPv6")])
    ]
    # Filters of netsh narrow each other, so two families at once would leave nothing.
    only = f" {netsh[0]}" if len(netsh) == 1 else ""
    return (
        Tool(
            "pktmon",
            "Part of Windows Server 2019 and later. The filter takes everything of the server's address, "
            "so later fragments, which have no port number, stay in.",
            (
                "pktmon filter remove",
                *pktmon,
                "pktmon start --capture --comp nics --pkt-size 0 --file-name vpn-after.etl --file-size 1024",
                "pktmon stop",
            ),
        ),
        Tool(
            "netsh trace",
            "On every Windows Server. Also filtered by address only, for the same reason.",
            (
                "netsh trace start capture=yes report=no correlation=no maxsize=1024 overwrite=yes "
                f"tracefile=C:\\vpn-after.etl{only}",
                "netsh trace stop",
            ),
        ),
        Tool(
            "dumpcap",
            "Comes with Wireshark. Put the name of the network card in place of Ethernet. The last two "
            "parts of the filter keep IP fragments.",
            (f'dumpcap -i Ethernet -B 256 -w vpn-after.pcapng -f "{CAPTURE_FILTER}"',),
        ),
    )


def _address(text: str) -> str:
    """The address in its usual spelling; empty for anything that a shell could take for more."""
    try:
        return str(ipaddress.ip_address(text)) if "%" not in text else ""
    except ValueError:
        return ""


def _load(result: Result, findings: Sequence[Finding]) -> str:
    where = "On every VPN server's network card, both directions, begun before clients connect"
    attempts = sum(row["attempts"] for row in result.sources)
    if not findings or not attempts:
        return f"{where}, and long enough to hold a client that fails."
    return (
        f"{where}, at a time with at least as many clients as here ({attempts} "
        f"{'attempt' if attempts == 1 else 'attempts'} in this capture)."
    )


def _expected(name: str, findings: Sequence[Finding]) -> str:
    said = "not observed"
    if name == "sa-limit-exhaustion":
        held = [f.numbers.get("sas_at_onset") for f in findings if f.id == name]
        most = max((n for n in held if isinstance(n, int)), default=0)
        if most:
            return f"{said}, while one source holds more than {most} SAs or every client has its own address"
    return f"{said}, {_ALSO[name]}" if name in _ALSO else said
