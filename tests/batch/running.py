"""Running batches inside tests, and looking at what they leave behind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pcapan.batch.engine import LocalEngine, Task
from pcapan.batch.grouping import Grouping
from pcapan.batch.keeper import CHILD
from pcapan.batch.layout import Layout
from pcapan.batch.manifest import Line, Manifest
from pcapan.batch.model import Outcome
from pcapan.batch.run import Request, Summary, Watch, run
from pcapan.batch.settings import Settings
from pcapan.batch.work import Worker


class Inline:
    """An engine without processes: starting those takes longer than what they do here."""

    workers = 1

    def __init__(self, settings: Settings) -> None:
        self._worker = Worker(settings)

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[int, Outcome]]:
        for number, task in enumerate(tasks):
            outcome = self._worker.do(json.loads(json.dumps(task.what)))
            yield number, Outcome(**json.loads(json.dumps(asdict(outcome))))

    def close(self) -> None:
        pass


class Noting(Watch):
    """Remembers the lines that were added."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def item(self, line: Line) -> None:
        self.lines.append(line)


def batch(
    out: Path,
    sources: Sequence[str | Path] | str | Path,
    *,
    mode: Grouping = Grouping.AUTO,
    workers: int = 0,
    module: str = CHILD,
    watch: Watch | None = None,
    **settings: Any,
) -> Summary:
    """A run: in this process, or over local worker processes when they are asked for."""
    named = [sources] if isinstance(sources, str | Path) else sources
    request = Request(
        [str(source) for source in named],
        Settings(str(out), **settings),
        mode,
        lambda made: LocalEngine(made, workers, module) if workers else Inline(made),
    )
    return run(request, watch or Watch())


def manifest(out: Path) -> dict[tuple[str, ...], Line]:
    """The lines by short names of their inputs; checks that every item has one line."""
    lines = [json.loads(text) for text in (out / "manifest.jsonl").read_text().splitlines()]
    found = {tuple(name.rpartition("/")[2] for name in line["inputs"]): line for line in lines}
    assert len(found) == len(lines) == len(Manifest.read(out / "manifest.jsonl").lines)
    return found


def result(out: Path, key: str) -> dict[str, Any]:
    document = json.loads(Layout(out).result(key).read_bytes())
    assert isinstance(document, dict)
    return document


def files(out: Path, *folders: str) -> dict[str, str]:
    """Path -> hash of every file below some folders of the dataset."""
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in sorted((out / folder).rglob("*"))
        if path.is_file()
    }


def consistent(out: Path) -> None:
    """Every item has all its files, and every file belongs to an item."""
    layout = Layout(out)
    keys = Manifest.read(layout.manifest).keys
    kinds: dict[str, set[str]] = {}
    for key, path in layout.stored():
        kinds.setdefault(key, set()).add(path.relative_to(out).parts[0])
    assert set(kinds) == keys
    assert all({"results", "facts", "tables"} <= found for found in kinds.values())
    assert not list((out / "tmp").iterdir())
