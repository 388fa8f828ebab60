"""What is measured, on which file, and what pcapan has to reach.

Knows files, peers and targets.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench.peers import (
    CAT,
    DISSECT,
    INTERPRETED,
    PCAPAN,
    READERS,
    TCPDUMP,
    TSHARK,
    Peer,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class File:
    """One file; `megabytes` and `count` are those of scale 1."""

    name: str
    kind: str
    megabytes: float = 0
    count: int = 0
    sources: int = 300
    scaled: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """One or more files, and who reads each of them in turn."""

    name: str
    title: str
    files: tuple[File, ...]
    peers: tuple[Peer, ...] = READERS


A = File("a.pcap", "office", 1000)
A2 = File("a2.pcap", "office", 2000)
B = File("b.pcap", "small", 300)
C = File("c.pcapng", "office", 1000)
D = File("d.pcap", "ike", 100)
MEGABYTE = File("megabyte.pcap", "office", 1, scaled=False)
MANY = File("a-many-sources.pcap", "office", 1000, sources=30_000)
FLOOD = File("flood.pcap", "flood", count=1_000_000)
NDIS = File("ndis.etl", "ndis", 500)

PARTS = (
    Part("A", "A: a VPN server's traffic, 1 GB pcap", (A,)),
    Part("B", "B: the same of small packets, 0.3 GB pcap", (B,)),
    Part("C", "C: pcapng of two interfaces, 1 GB", (C,)),
    Part("D", "D: IKE alone, 0.1 GB pcap", (D,)),
    Part("megabyte", "1 MB of A", (MEGABYTE,)),
    Part("sources", "A, which has 300 sources, and the same with 30,000", (A, MANY), (PCAPAN, TCPDUMP)),
    Part("growth", "1 GB and 2 GB", (A, A2), (PCAPAN, CAT)),
    Part("interpreted", "A without a compiler", (A,), (INTERPRETED, TSHARK)),
    Part("etl", "event trace of netsh, 0.5 GB", (NDIS,), (CAT, DISSECT)),
    Part("flood", "a million first requests of a million sources", (FLOOD,), (TCPDUMP,)),
    Part("search", "private addresses, one client, one core", ()),
)


@dataclass(frozen=True, slots=True)
class Target:
    """What a quotient of two medians of one part, or a number, has to be at most; of `least`, at least."""

    part: str
    what: str
    measure: str
    """``wall``, ``memory`` (MB), ``memory a message`` (more of it, bytes), ``wall a packet`` or ``MB/s``."""
    of: str
    """``program@file``."""
    beside: str
    """The same; empty: the number itself."""
    must: float
    aim: float | None = None
    least: bool = False


TARGETS = (
    Target("A", "A: wall, of tcpdump's", "wall", "pcapan@a.pcap", "tcpdump@a.pcap", 1.0, 0.5),
    Target("A", "A: peak memory, MB", "memory", "pcapan@a.pcap", "", 80, 50),
    Target("B", "B: wall, of tcpdump's", "wall", "pcapan@b.pcap", "tcpdump@b.pcap", 1.3, 0.7),
    Target("C", "C: wall, of tcpdump's", "wall", "pcapan@c.pcapng", "tcpdump@c.pcapng", 1.0, 0.6),
    Target("D", "D: wall, of tcpdump -v's", "wall", "pcapan@d.pcap", "tcpdump -v@d.pcap", 2.0, 1.0),
    Target("D", "D: wall, of tshark's", "wall", "pcapan@d.pcap", "tshark -Y isakmp@d.pcap", 0.34),
    Target("megabyte", "1 MB: wall, of tshark's", "wall",
           "pcapan@megabyte.pcap", "tshark -Y isakmp@megabyte.pcap", 1.0, 0.5),
    Target("sources", "30,000 sources: wall a packet, of that of 300", "wall a packet",
           "pcapan@a-many-sources.pcap", "pcapan@a.pcap", 1.3),
    Target("growth", "2 GB: wall, of that of 1 GB", "wall", "pcapan@a2.pcap", "pcapan@a.pcap", 2.05),
    Target("growth", "2 GB: memory beyond that of 1 GB, bytes for each IKE message more", "memory a message",
           "pcapan@a2.pcap", "pcapan@a.pcap", 1000),
    Target("interpreted", "without compiler: wall, of tshark's", "wall",
           "pcapan without compiler@a.pcap", "tshark -Y isakmp@a.pcap", 0.5),
    Target("etl", "event trace: MB/s", "MB/s", "pcapan@ndis.etl", "", 1000, 2000, least=True),
    Target("etl", "event trace: wall, of dissect.etl's", "wall",
           "pcapan@ndis.etl", "dissect.etl@ndis.etl", 0.1),
    Target("flood", "flood: peak memory, MB", "memory", "pcapan@flood.pcap", "", 1000),
    Target("search", "address search: seconds", "wall", "search", "", 1.0, 0.3),
)  # fmt: skip
