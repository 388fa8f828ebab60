"""Running batches inside tests, and looking at what they leave behind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pcapan.batch.engine import LocalEngine, Task
from pcapan.batch.grouping import Grouping
from pcapan.batch.keeper import CHILD
from pcapan.batch.layout import Layout
from pcapan.batch.manifest import Line, Manifest
from pcapan.batch.model import Outcome
from pcapan.batch.parquet import NAMES
from pcapan.batch.run import Request, Summary, Watch, run
from pcapan.batch.settings import Settings
from pcapan.batch.work import Worker
from pcapan.errors import UnreadableError
from pcapan.pipeline import analyze
from pcapan.report.jsontext import json_text
from pcapan.tables.registry import TABLES, rows_of


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


def same_as_alone(out: Path, line: Line) -> None:
    """A line, its document and its rows in all tables are what a single analysis of its captures says."""
    try:
        alone = analyze(line["inputs"])
    except UnreadableError as error:
        assert line["status"] == "failed" and error.message in line["reason"]
        return
    assert line["status"] == "ok"
    key = line["key"]
    assert result(out, key) == json.loads(json_text(alone.result.to_dict()))
    stored = rows(out, key)
    for name in ("attempts", "sas", "sources"):
        columns = [column.name for column in TABLES[name].columns]
        wanted = [{column: row[column] for column in columns} for row in rows_of(name, alone.facts)]
        assert _sorted(stored[name]) == _sorted(wanted), (name, line["inputs"])
    assert [(row["id"], row["verdict"], row["addresses"]) for row in stored["findings"]] == [
        (finding.id, finding.verdict, finding.addresses) for finding in alone.result.findings
    ]


def rows(out: Path, key: str) -> dict[str, list[dict[str, Any]]]:
    """The rows of an item in all tables, without its key."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in NAMES}
    for part in Layout(out).parts(key):
        for row in pq.read_table(part, partitioning=None).to_pylist():
            assert row.pop("incident") == key
            found[part.relative_to(out / "tables").parts[0]].append(row)
    return found


def _sorted(found: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(row) for row in found)
