"""rules/README.md names all that a rule may name, and is up to date."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pcapan.detect import reference as module
from pcapan.detect.expression import compile_expression
from pcapan.detect.reference import BEGIN, END, main, reference, replaced
from pcapan.detect.rulefile import load_rules
from pcapan.detect.ruleset import default_rules_dir
from pcapan.detect.run import rule_schema
from pcapan.detect.section import Section
from pcapan.detect.wording import FORMATS
from pcapan.tables.registry import TABLES

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "rules" / "README.md"


def test_the_reference_in_the_file_is_up_to_date() -> None:
    text = README.read_text("utf-8")
    assert replaced(text) == text, f"run python -m pcapan.detect.reference --write {README.name}"


def test_everything_is_listed() -> None:
    text = reference()
    for table in TABLES.values():
        assert f"#### Table {table.name}\n" in text
        for column in table.columns:
            assert f"| `{column.name}` |" in text and column.meaning
    for selector in rule_schema().evidence:
        assert re.search(rf"^\| `{selector}` \| \S", text, re.M), selector
    assert set(module._SHOWN) == set(FORMATS)


def test_every_row_has_as_many_cells_as_its_head() -> None:
    width = 0
    for line in reference().splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line))
        if not line.startswith("|"):
            width = 0
        else:
            width = width or cells
            assert cells == width, line


def test_every_key_a_rule_may_have_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[str] = set()
    take = Section._take

    def remember(self: Section, key: str) -> object:
        named = self.key and self.key[-1] in ("params", "let")
        if not named:
            asked.add(key)
        return take(self, key)

    monkeypatch.setattr(Section, "_take", remember)
    load_rules([default_rules_dir()], rule_schema())
    written = README.read_text("utf-8").partition(BEGIN)[0]
    assert len(asked) > 30
    assert not {key for key in asked if f"`{key}`" not in written and f"{key} = " not in written}


def test_the_expressions_shown_are_accepted() -> None:
    written = README.read_text("utf-8").partition(BEGIN)[0]
    capture = rule_schema().capture_table.columns
    types = {**capture, **rule_schema().tables["sources"].columns}
    [block] = re.findall(r"<!-- expressions -->\n+```text\n(.*?)```", written, re.S)
    lines = [line.partition("#")[0].strip() for line in block.splitlines()]
    assert len([line for line in lines if line]) >= 6
    for line in filter(None, lines):
        compile_expression(line, types)


def test_toml_blocks_are_toml() -> None:
    for block in re.findall(r"^```toml\n(.*?)^```", README.read_text("utf-8"), re.M | re.S):
        tomllib.loads(block)


def test_write_and_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "README.md"
    path.write_text(f"# Rules\n\n{BEGIN}\nold\n{END}\n\nEnd.\n", "utf-8")
    assert main(["--check", str(path)]) == 1
    assert "out of date" in capsys.readouterr().err
    assert main(["--write", str(path)]) == 0
    assert main(["--check", str(path)]) == 0
    assert path.read_text("utf-8").endswith(f"{END}\n\nEnd.\n")
    path.write_text("no markers", "utf-8")
    assert main(["--check", str(path)]) == 1
    assert main(["--help"]) == 2


def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pcapan.detect.reference", "--check", str(README)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
