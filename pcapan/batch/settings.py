"""What all tasks of a run share: where the dataset is, the options of the analysis, and limits.

Knows how it travels to another process as JSON. Must not know tasks.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from pcapan.pipeline import Options
from pcapan.tables.facts import Site

#: Memory of one worker beyond what it has when it begins, MiB.
MEMORY_MB = 2048
#: Longest time for one incident, seconds.
SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Given to every worker when it starts."""

    root: str
    """The folder of the dataset, as the workers see it."""
    servers: tuple[str, ...] = ()
    vips: tuple[str, ...] = ()
    balancers: tuple[str, ...] = ()
    limit: int | None = None
    rules: tuple[str, ...] = ()
    overrides: dict[str, str] = field(default_factory=dict)
    memory_mb: int = MEMORY_MB
    seconds: float = SECONDS

    @property
    def options(self) -> Options:
        """The options of the analysis."""
        site = Site(servers=self.servers, vips=self.vips, balancers=self.balancers, limit=self.limit)
        return Options(site=site, rules=self.rules, overrides=dict(self.overrides))

    @property
    def site(self) -> list[Any]:
        """What the user told about the network: part of what identifies a result."""
        return [list(self.servers), list(self.vips), list(self.balancers), self.limit]

    def to_json(self) -> dict[str, Any]:
        """Plain values for another process."""
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> Settings:
        """The reverse of `to_json`."""
        lists = {name: tuple(data[name]) for name in ("servers", "vips", "balancers", "rules")}
        return Settings(**{**data, **lists})
