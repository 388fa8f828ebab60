"""The programs that pcapan is measured beside, and how each is called.

Knows commands. A peer that is not installed is left out with a word.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

#: What gets IKE alone out of a capture, by tcpdump's filter.
IKE_FILTER = "udp port 500 or (udp port 4500 and (udp[8:4] = 0 or ip6))"
PORTS_FILTER = "udp port 500 or udp port 4500"
_FIELDS = (
    "frame.time_epoch", "ip.src", "ip.dst", "udp.srcport", "udp.dstport", "isakmp.ispi", "isakmp.rspi",
    "isakmp.exchangetype", "isakmp.messageid", "isakmp.flags", "isakmp.typepayload",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Peer:
    """A program and its job."""

    name: str
    job: str
    command: Callable[[str], Sequence[str]]
    slow: bool = False
    """Takes so long that it has fewer rounds."""
    environment: dict[str, str] = field(default_factory=dict)
    needs: str = ""
    """A program, or after ``python:`` a library; empty = always there."""

    @property
    def missing(self) -> str:
        """What is not installed; empty when nothing is."""
        kind, _, library = self.needs.partition(":")
        if not self.needs or (_importable(library) if kind == "python" else shutil.which(self.needs)):
            return ""
        return library or self.needs


def _importable(library: str) -> bool:
    try:
        return find_spec(library) is not None
    except ModuleNotFoundError:  # the package around it is not installed
        return False


def _script(name: str) -> Callable[[str], Sequence[str]]:
    return lambda path: [sys.executable, "-m", f"tests.bench.{name}", path]


def _pcapan(path: str) -> Sequence[str]:
    return ["pcapan", "analyze", path, "-q"]


PCAPAN = Peer("pcapan", "whole analysis", _pcapan)
INTERPRETED = Peer("pcapan without compiler", "whole analysis", _pcapan, True, {"PCAPAN_INTERPRETED": "1"})
CAT = Peer("cat", "reading alone", lambda path: ["cat", path], needs="cat")
CAPINFOS = Peer("capinfos -c", "counting packets", lambda path: ["capinfos", "-c", path], needs="capinfos")
TCPDUMP = Peer(
    "tcpdump",
    "filter alone",
    lambda path: ["tcpdump", "-nn", "-r", path, "-w", "/dev/null", PORTS_FILTER],
    needs="tcpdump",
)
TCPDUMP_V = Peer(
    "tcpdump -v", "IKE as text", lambda path: ["tcpdump", "-nn", "-tt", "-v", "-r", path, IKE_FILTER],
    needs="tcpdump",
)  # fmt: skip
TSHARK = Peer(
    "tshark -Y isakmp",
    "IKE fields",
    lambda path: ["tshark", "-n", "-r", path, "-Y", "isakmp", "-T", "fields",
                  *(word for name in _FIELDS for word in ("-e", name))],
    True,
    needs="tshark",
)  # fmt: skip
DPKT = Peer("dpkt", "flows and IKE headers", _script("peer_dpkt"), True, needs="python:dpkt")
PCAPY = Peer("pcapy-ng", "flows and IKE headers", _script("peer_pcapy"), True, needs="python:pcapy")
DISSECT = Peer("dissect.etl", "reading events", _script("peer_dissect"), True, needs="python:dissect.etl")

#: Of captures.
READERS = (CAT, CAPINFOS, TCPDUMP, TCPDUMP_V, DPKT, PCAPY, TSHARK)
