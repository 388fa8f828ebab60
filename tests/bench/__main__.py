"""Measures pcapan beside other programs: ``python -m tests.bench [--only A,D] [--scale 0.1] [--rounds 5]``.

Makes the files in a folder, where they stay for the next time, installs this checkout there as a user would
(``--here``: takes what the running Python has), checks that pcapan counts every packet of the files, runs all
programs in turn for some rounds and prints Markdown tables: medians, their ratios, and which target is met.
Only ratios within one run hold; the times are those of this machine at this hour.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.captures import truth
from tests.bench.install import installed
from tests.bench.measure import Run, median, run
from tests.bench.parts import PARTS, TARGETS, File, Part, Target
from tests.bench.peers import PCAPAN, Peer
from tests.bench.traffic import Counts


class WrongError(Exception):
    """Something was measured that did not do its job."""


class Bench:
    """One run: the folder, the scale, and what was measured so far."""

    def __init__(self, folder: Path, scale: float, rounds: int, slow_rounds: int) -> None:
        self.folder = folder
        self.scale = scale
        self.rounds = rounds
        self.slow_rounds = slow_rounds
        self.runs: dict[tuple[str, str], Run] = {}
        """Part and ``program@file`` -> medians."""
        self.packets: dict[str, int] = {}
        self.octets: dict[str, int] = {}
        self.messages: dict[str, int] = {}
        self._missing: set[str] = set()

    def part(self, part: Part) -> Iterator[str]:
        """Measure one part; yields lines of Markdown."""
        yield f"### {part.title}"
        yield ""
        if part.name == "search":
            yield from self._search()
            return
        made = {file: self.made(file) for file in part.files}
        for file, counts in made.items():
            self.check(self.folder / file.name, counts)
        tools = (PCAPAN, *(peer for peer in part.peers if peer is not PCAPAN))
        if any(tool.name.startswith("pcapan ") for tool in tools):
            tools = tools[1:]
        measured = self.measure(part, tools)
        yield "| file | program | job | wall s | processor s | peak MB | GB/s | of pcapan's wall |"
        yield "|---|---|---|---|---|---|---|---|"
        for file in part.files:
            yield from self._rows(part, file, tools, measured)
        yield ""

    def made(self, file: File) -> Counts:
        """Make a file unless it is there; gives what is in it."""
        path = self.folder / file.name
        scale = self.scale if file.scaled else 1
        known = truth(path)
        if known is None:
            say(f"making {file.name}")
            command = [sys.executable, "-m", "tests.bench.captures", str(path), "--kind", file.kind]
            command += ["--mb", str(file.megabytes * scale), "--sources", str(file.sources)]
            command += ["--count", str(round(file.count * scale))]
            subprocess.run(command, check=True)
            known = truth(path)
        if known is None:
            raise WrongError(f"{path} could not be made")
        self.packets[file.name], self.octets[file.name] = known.packets, known.octets
        self.messages[file.name] = known.ike
        return known

    def check(self, path: Path, made: Counts) -> None:
        """Raise WrongError when pcapan does not count every packet right."""
        command = ["pcapan", "info", str(path), "--format", "json", "-q"]
        told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["inputs"][0]
        found = {"packets": told["packets"], **told["counts"]}
        wanted: dict[str, object] = {"packets": made.packets}
        if path.suffix != ".etl":
            kinds = {"esp": made.esp, "ike": made.ike, "keepalive": made.keepalive, "other": made.other}
            wanted |= kinds | {"undecoded": {}, "copies": 0}
        for name, value in wanted.items():
            if found[name] != value:
                raise WrongError(f"{path.name}: {found[name]} {name} were counted, not {value}")

    def measure(self, part: Part, tools: Sequence[Peer]) -> dict[tuple[str, str], list[Run]]:
        """All programs on all files in turn, round by round."""
        runs: dict[tuple[str, str], list[Run]] = {}
        for number in range(max(self.rounds, self.slow_rounds)):
            for file in part.files:
                path = str(self.folder / file.name)
                _warm(path)
                for tool in tools:
                    if tool.missing:
                        self._leave_out(tool)
                    elif number < (self.slow_rounds if tool.slow else self.rounds):
                        say(f"{part.name}, round {number + 1}: {tool.name} on {file.name}")
                        once = run(tool.command(path), tool.environment)
                        if once.status:
                            raise WrongError(f"{tool.name} on {file.name} ended with status {once.status}")
                        runs.setdefault((tool.name, file.name), []).append(once)
        return runs

    def _leave_out(self, tool: Peer) -> None:
        if tool.name not in self._missing:
            self._missing.add(tool.name)
            say(f"{tool.name} is left out: {tool.missing} is not installed")

    def _rows(
        self, part: Part, file: File, tools: Sequence[Peer], measured: dict[tuple[str, str], list[Run]]
    ) -> Iterator[str]:
        ours: Run | None = None
        for tool in tools:
            runs = measured.get((tool.name, file.name))
            if runs is None:
                continue
            middle = median(runs)
            ours = ours or middle
            self.runs[part.name, f"{tool.name}@{file.name}"] = middle
            speed = self.octets[file.name] / middle.wall / 1e9
            memory = f"{middle.memory:.0f}" if middle.memory else ""
            yield (
                f"| {file.name} | {tool.name} | {tool.job} | {middle.wall:.3f} | {middle.cpu:.3f} | {memory} "
                f"| {speed:.2f} | {middle.wall / ours.wall:.2f} |"
            )

    def _search(self) -> Iterator[str]:
        yield "| addresses | seconds |"
        yield "|---|---|"
        walls = []
        for _ in range(self.rounds):
            command = ["python", str(Path(__file__).with_name("search.py")), str(self.scale)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds, addresses, found = done.stdout.split()
            if found != "None":
                raise WrongError(f"an address was found that cannot be: {found}")
            walls.append(Run(float(seconds), 0.0, 0.0, 0))
        middle = self.runs["search", "search"] = median(walls)
        yield f"| {addresses} | {middle.wall:.3f} |"
        yield ""

    def targets(self) -> Iterator[str]:
        """The targets whose numbers were measured."""
        rows = [(target, found) for target in TARGETS if (found := self._value(target)) is not None]
        if not rows:
            return
        yield "### Targets" if self.scale == 1 else f"### Targets, which are for scale 1, not {self.scale:g}"
        yield ""
        yield "| what | measured | must | aim | |"
        yield "|---|---|---|---|---|"
        for target, found in rows:
            aim = "" if target.aim is None else f"{target.aim:g}"
            yield f"| {target.what} | {found:.3g} | {target.must:g} | {aim} | {_met(target, found)} |"
        yield ""

    def _value(self, target: Target) -> float | None:
        first = self._number(target, target.of)
        if first is None or not target.beside:
            return first
        second = self._number(target, target.beside)
        if target.measure == "memory a message" and second is not None:
            files = (name.rpartition("@")[2] for name in (target.of, target.beside))
            more, fewer = (self.messages[file] for file in files)
            return (first - second) * 1e6 / (more - fewer)
        return first / second if second else None

    def _number(self, target: Target, name: str) -> float | None:
        found = self.runs.get((target.part, name))
        if found is None:
            return None
        file = name.rpartition("@")[2]
        if target.measure.startswith("memory"):
            return found.memory or None
        if target.measure == "MB/s":
            return self.octets[file] / found.wall / 1e6
        return found.wall / self.packets[file] if target.measure == "wall a packet" else found.wall


def _met(target: Target, found: float) -> str:
    def reaches(limit: float) -> bool:
        return found >= limit if target.least else found <= limit

    if target.aim is not None and reaches(target.aim):
        return "aim"
    return "met" if reaches(target.must) else "NOT MET"


def _warm(path: str) -> None:
    """Bring a file into the memory of the system."""
    piece = bytearray(1 << 20)
    with Path(path).open("rb", buffering=0) as file:
        while file.readinto(piece):
            pass


def say(text: str) -> None:
    """Words are for whoever waits, not for the table."""
    print(text, file=sys.stderr, flush=True)


def _machine() -> str:
    name = platform.processor() or platform.machine()
    told = Path("/proc/cpuinfo")
    if told.exists():
        lines = [line for line in told.read_text("utf-8").splitlines() if line.startswith("model name")]
        name = lines[0].partition(":")[2].strip() if lines else name
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    version = platform.python_version()
    return f"{os.cpu_count()} x {name}, {platform.system()}, Python {version}{load}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for; 1 when something did not do its job."""
    names = [part.name for part in PARTS]
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", metavar="PART,...", help=f"some of {', '.join(names)}")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the files, 1 = 1 GB")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slow-rounds", type=int, default=1, help="rounds of programs that take long")
    parser.add_argument("--folder", type=Path, help="where files are made and looked for")
    parser.add_argument("--here", action="store_true", help="measure what this Python has, install nothing")
    asked = parser.parse_args(arguments)
    wanted = [name.strip() for name in asked.only.split(",") if name.strip()] or names
    unknown = sorted(set(wanted) - set(names))
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(names)}")
    folder: Path = asked.folder or Path(tempfile.gettempdir()) / f"pcapan-bench-{asked.scale:g}"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        programs = Path(sys.executable).parent if asked.here else installed(folder)
    except subprocess.CalledProcessError as error:
        say(f"this checkout could not be installed: {error}")
        return 1
    os.environ["PATH"] = os.pathsep.join((str(programs), os.environ.get("PATH", "")))
    bench = Bench(folder, asked.scale, asked.rounds, asked.slow_rounds)
    print(f"{_machine()}; median of {asked.rounds}, of slow programs of {asked.slow_rounds}\n", flush=True)
    try:
        for part in PARTS:
            if part.name in wanted:
                print("\n".join(bench.part(part)), flush=True)
    except WrongError as error:
        say(f"wrong: {error}")
        return 1
    print("\n".join(bench.targets()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
