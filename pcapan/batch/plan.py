"""What has to be done: incidents that were found against those that are in the manifest.

Knows when a line of the manifest still holds. Must not know how anything is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pcapan.batch.digest import STABLE
from pcapan.batch.engine import Task
from pcapan.batch.manifest import Line, Manifest
from pcapan.batch.model import INSIDE, Item, Refused

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Current:
    """What a line must agree with to hold."""

    rules_hash: str
    site: list[Any]
    version: str
    """Of the stored facts."""
    reader: str
    """Of what reads captures."""
    unfinished: frozenset[str] = frozenset()
    """Hashes of rules by which documents were being judged when a run was killed."""

    def doubts(self, line: Line) -> bool:
        """Whether a killed run may have replaced the document behind a line."""
        return any(rules_hash != line["rules"] for rules_hash in self.unfinished)


@dataclass(slots=True)
class Plan:
    """Items by what has to be done with them, each list largest first."""

    analyse: list[Item] = field(default_factory=list)
    judge: list[tuple[Item, Line]] = field(default_factory=list)
    kept: list[Item] = field(default_factory=list)
    """Nothing changed: their lines stay."""
    refused: list[Refused] = field(default_factory=list)
    doubted: set[Names] = field(default_factory=set)
    """Of those to be judged: their documents may be others than their lines say."""
    replaced: list[Names] = field(default_factory=list)
    """Lines whose captures became part of other items, or that no longer apply."""

    def tasks(self) -> list[Task]:
        """What workers are asked, judging after analysing."""
        asked = [
            Task({"do": "analyse", "inputs": [entry.to_json() for entry in item.inputs]}, item.archive)
            for item in self.analyse
        ]
        return asked + [
            Task(
                {
                    "do": "judge",
                    "key": line["key"],
                    "rules": line["rules"],
                    "digest": {name: line["digest"].get(name) for name in STABLE},
                    "doubted": item.names in self.doubted,
                },
                small=True,
            )
            for item, line in self.judge
        ]


def make_plan(
    items: Sequence[Item],
    refused: Sequence[Refused],
    manifest: Manifest,
    current: Current,
    sources: Iterable[str],
) -> Plan:
    """Compare what was found with the manifest."""
    plan = Plan(refused=list(refused))
    for item in items:
        line = manifest.lines.get(item.names)
        if line is None or not (_same(line, item, current) or _hopeless(line, item, current)):
            plan.analyse.append(item)
        elif line["status"] != "ok":
            plan.kept.append(item)
        elif current.doubts(line):
            plan.judge.append((item, line))
            plan.doubted.add(item.names)
        elif line["rules"] != current.rules_hash:
            plan.judge.append((item, line))
        else:
            plan.kept.append(item)
    wanted = {item.names for item in items} | {(entry.name,) for entry in refused}
    present = {name for names in wanted for name in names}
    roots = tuple(sources)
    for names, line in manifest.lines.items():
        regrouped = names not in wanted and any(name in present for name in names)
        recovered = names not in wanted and not line["key"] and _below(names[0], roots)
        if regrouped or recovered:
            plan.replaced.append(names)
    return plan


def _same(line: Line, item: Item, current: Current) -> bool:
    """Whether the captures and everything but the rules are as they were."""
    if line["status"] != "ok":
        return False
    now = [[entry.stamp for entry in item.inputs], current.site, current.version]
    return [line["stamps"], line["site"], line["version"]] == now


def _hopeless(line: Line, item: Item, current: Current) -> bool:
    """Whether the same content was tried by the same program and cannot be read."""
    stamps = [entry.stamp for entry in item.inputs]
    return line["status"] == "failed" and line["stamps"] == stamps and line.get("final") == current.reader


def _below(name: str, roots: Sequence[str]) -> bool:
    ends = ("/", "\\", INSIDE)
    return any(
        name.startswith(root) and (name == root or root.endswith(ends) or name[len(root) :].startswith(ends))
        for root in roots
    )
