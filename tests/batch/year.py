"""A year of captures, made from a few real ones: ``python -m tests.batch.year DIR --count 10000``.

Captures of the lab (or the samples) are moved in time and to other sites: every site is a server with its
balancer and network. At some sites trouble is planted to begin in one month and, perhaps, to end in another;
`TRUTH.json` says where. Some captures are damaged in different ways. Everything follows from the seed.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import struct
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pcapan.ingest.open import open_capture

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
YEAR = 2026
#: What stands in for each kind of trouble, as sample and as scenario of the lab.
KINDS = {
    "healthy": ("healthy-dnat.pcap", ("S1b_healthy_tiny", "S1b_healthy_tiny", "S27_healthy_dnat_rtt")),
    "full-nat": ("full-nat-3-clients.pcap", ("S2c_fullnat_few",)),
    "sa-limit-exhaustion": ("sa-limit-8.pcap", ("S3_limit_n8",)),
}


@dataclass(frozen=True, slots=True)
class Site:
    """A server, and which months (1 to 12) show which trouble."""

    number: int
    trouble: str = ""
    begins: int = 0
    ends: int = 13
    """First month without it again."""

    def kind(self, month: int) -> str:
        return self.trouble if self.trouble and self.begins <= month < self.ends else "healthy"


SITES = (
    Site(21, "full-nat", 5),
    Site(22, "sa-limit-exhaustion", 3, 9),
    Site(23, "sa-limit-exhaustion", 8),
    Site(24),
    Site(25, "full-nat", 1, 4),
)


@dataclass(slots=True)
class Template:
    """A capture and where in it the times and the addresses of the site's network stand."""

    name: str
    data: bytes
    times: array[int] = field(default_factory=lambda: array("Q"))
    """Offsets of the seconds of each record."""
    octets: array[int] = field(default_factory=lambda: array("Q"))
    """Offsets of the second octet of every address in 10.10.0.0/16."""
    hashes: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    """Offset of each NAT detection hash over an address of 10.10.0.0/16, and what stands around it."""
    first: int = 0

    def at(self, start: int, site: int) -> bytes:
        """The capture as if it had begun at `start` (seconds) at another site."""
        made = bytearray(self.data)
        shift = start - self.first
        for offset in self.times:
            seconds = struct.unpack_from("<I", made, offset)[0]
            struct.pack_into("<I", made, offset, seconds + shift)
        for offset in self.octets:
            made[offset] = site
        for offset, before, behind in self.hashes:
            made[offset : offset + 20] = hashlib.sha1(before + bytes((10, site)) + behind).digest()
        return bytes(made)


def template(path: Path) -> Template:
    """Read a little-endian pcap of Ethernet frames."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    assert data[:4] == b"\xd4\xc3\xb2\xa1", path
    name = path.parent.name if path.stem == "rras" else path.name.partition(".")[0]
    made = Template(name, data)
    at = 24
    while at + 16 <= len(data):
        seconds, _, captured, _ = struct.unpack_from("<4I", data, at)
        made.first = made.first or seconds
        made.times.append(at)
        frame = at + 16
        if data[frame + 12 : frame + 14] == b"\x08\x00":
            places = [frame + 26, frame + 30]
        elif data[frame + 12 : frame + 14] == b"\x08\x06":
            places = [frame + 28, frame + 38]
        else:
            places = []
        ours = [p for p in places if p + 4 <= frame + captured and data[p : p + 2] == b"\x0a\x0a"]
        made.octets.extend(p + 1 for p in ours)
        if data[frame + 12 : frame + 14] == b"\x08\x00" and data[frame + 23] == 17:
            made.hashes += _hashes(data, frame, frame + captured, ours)
        at = frame + captured
    return made


def _hashes(data: bytes, frame: int, end: int, places: Sequence[int]) -> Iterator[tuple[int, bytes, bytes]]:
    """NAT detection hashes in a UDP datagram that fit one of its own addresses (RFC 7296 section 2.23)."""
    udp = frame + 14 + 4 * (data[frame + 14] & 15)
    ike = udp + 8 + 4 * (data[udp + 8 : udp + 12] == bytes(4))
    for place in places:
        for port in (data[udp : udp + 2], data[udp + 2 : udp + 4]):
            behind = data[place + 2 : place + 4] + port
            digest = hashlib.sha1(data[ike : ike + 16] + data[place : place + 2] + behind).digest()
            found = data.find(digest, ike, end)
            if found >= 0:
                yield found, data[ike : ike + 16], behind


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The capture with one of the damages that archives have."""
    way = chance.randrange(6)
    if way == 0:
        return b""
    if way == 1:
        return data[: chance.randrange(1, 24)]
    if way == 2:
        return data[: chance.randrange(100, len(data))]
    if way == 3:
        return chance.randbytes(2000)
    if way == 4:
        at = chance.randrange(24, len(data) - 100)
        return data[:at] + chance.randbytes(64) + data[at + 64 :]
    return b"<html>404 not found</html>\n" + bytes(10)


def templates(lab: Path | None) -> dict[str, list[Template]]:
    """By kind; from the lab when it is there, which has more and larger ones."""
    found: dict[str, list[Template]] = {}
    for kind, (sample, scenarios) in KINDS.items():
        paths = [lab / name / "rras.pcap" for name in scenarios] if lab else []
        found[kind] = [template(path) for path in [p for p in paths if p.exists()] or [SAMPLES / sample]]
    if lab:
        others = sorted(p for p in lab.glob("*/rras.pcap") if p.stat().st_size < 1_000_000)
        found["other"] = [template(path) for path in others]
    return found


def captures(
    count: int, bad: int, seed: int, kinds: dict[str, list[Template]]
) -> Iterator[tuple[str, bytes, bool]]:
    """(path below the archive, content, damaged) of each capture."""
    chance = random.Random(seed)
    broken = set(chance.sample(range(count), bad))
    taken: set[tuple[str, int, int]] = set()
    for number in range(count):
        site = SITES[number % len(SITES)]
        month, day = chance.randrange(1, 13), chance.randrange(1, 28)
        moment = datetime(YEAR, month, day, chance.randrange(24), chance.randrange(60), tzinfo=UTC)
        kind = site.kind(month)
        if site.trouble == "" and "other" in kinds:
            kind = "other"  # a site where anything may happen, with nothing planted
        chosen = chance.choice(kinds[kind])
        start = int(moment.timestamp())
        while (chosen.name, site.number, start) in taken:  # the same bytes again would be the same incident
            start += 1
        taken.add((chosen.name, site.number, start))
        data = chosen.at(start, site.number)
        if number in broken:
            data = damaged(data, chance)
        name = f"site-{site.number}/{YEAR}-{month:02}/{chosen.name}-{number:05}.pcap"
        yield name, data, number in broken


def write_year(root: Path, count: int, bad: int, seed: int = 7, lab: Path | None = None) -> None:
    """Write the archive and its truth."""
    names: list[str] = []
    for name, data, broken in captures(count, bad, seed, templates(lab)):
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        if broken:
            names.append(name)
    truth = {
        "damaged": names,
        "planted": [
            {
                "server": f"10.{site.number}.10.20",
                "id": site.trouble,
                "begins": f"{YEAR}-{site.begins:02}",
                "ends": f"{YEAR}-{site.ends:02}" if site.ends < 13 else None,
            }
            for site in SITES
            if site.trouble
        ],
    }
    (root / "TRUTH.json").write_text(json.dumps(truth, indent=1))


def readable(path: Path) -> bool:
    """Whether the file can be opened as a capture at all."""
    try:
        open_capture(str(path)).close()
    except Exception:
        return False
    return True


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--damaged", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--lab", type=Path, help="the folder captures/ of the lab; else the samples")
    asked = parser.parse_args(arguments)
    write_year(asked.root, asked.count, asked.damaged, asked.seed, asked.lab)


if __name__ == "__main__":
    main()
