"""The attack over everything there is: every lab capture and the public corpus. Takes an hour."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pcapan.errors import UnreadableError
from pcapan.pipeline import Options, analyze
from pcapan.redact.incident import Redactor
from pcapan.redact.keyed import Key
from tests.cli.conftest import Cli
from tests.redact.frames import load
from tests.redact.same import without_names
from tests.redact.test_attack import KEYS, attack, renamed

pytestmark = [pytest.mark.shared, pytest.mark.heavy]

#: Files that are no captures, or take longer than they tell.
_NOT = (".json", ".jsonl", ".md", ".txt", ".tsv")
_LARGEST = 3_000_000


def readable(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix not in _NOT and path.stat().st_size <= _LARGEST:
            try:
                load(path)
            except UnreadableError:
                continue
            yield path


@pytest.mark.parametrize("folder", ["lab/captures", "corpus/ike", "corpus/derived", "etl"])
def test_nothing_is_found_in_any_output(cli: Cli, shared_dir: Path, tmp_path: Path, folder: str) -> None:
    for number, capture in enumerate(readable(shared_dir / folder)):
        place = tmp_path / str(number)
        place.mkdir()
        attack(cli, renamed([capture], place), place)
        shutil.rmtree(place)


def test_findings_are_the_same_also_of_several_nodes(cli: Cli, shared_dir: Path, tmp_path: Path) -> None:
    for folder in sorted((shared_dir / "lab/captures").iterdir()):
        captures = [str(path) for path in readable(folder)]
        for paths in [[one] for one in captures] + ([captures] if len(captures) > 1 else []):
            before = without_names(analyze(paths).result)
            redactor = Redactor(Key(folder.name.encode()))
            assert without_names(analyze(paths, Options(redactor=redactor)).result) == before, paths


def test_extracts_are_analysed_to_the_same_findings(cli: Cli, shared_dir: Path, tmp_path: Path) -> None:
    for folder in ("lab/captures", "corpus/ike"):
        for capture in readable(shared_dir / folder):
            target, plain = tmp_path / "redacted.pcapng", tmp_path / "plain.pcapng"
            key = ("--redact", "--redact-key", KEYS[0])
            assert cli("extract", capture, "-o", target, *key, "--force").code in (0, 5)
            assert cli("extract", capture, "-o", plain, "--force").code in (0, 5)
            told, wanted = (without_names(analyze([str(path)]).result) for path in (target, plain))
            assert told == wanted, capture
