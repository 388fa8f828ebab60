"""What may be compiled is compiled by the build, and the same source runs without that."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from pcapan import compiled
from tests.samples_kit import sample

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SETUPTOOLS = PROJECT["tool"]["setuptools"]

_ASK = "from pcapan import compiled; print(compiled.engine())"


def _ask(code: str, switch: str) -> str:
    environment = {**os.environ, compiled.SWITCH: switch}
    command = [sys.executable, "-c", code]
    made = subprocess.run(command, env=environment, capture_output=True, cwd=ROOT, check=True)
    return made.stdout.decode().strip()


def test_the_build_compiles_what_the_program_takes_for_compiled() -> None:
    extensions = {entry["name"]: entry for entry in SETUPTOOLS["ext-modules"]}
    assert set(extensions) == set(compiled.MODULES)
    for name, entry in extensions.items():
        source = name.replace(".", "/")
        assert entry["sources"] == [f"{source}.py"]
        assert entry["depends"] == [f"{source}.pxd"]
        assert entry["optional"], "a missing compiler must not stop an installation"
        assert (ROOT / f"{source}.pxd").is_file()
        assert "*.pxd" in SETUPTOOLS["package-data"][name.rpartition(".")[0]]


def test_the_switch_makes_the_source_run() -> None:
    assert _ask(_ASK, "1") == "interpreted"
    assert _ask(_ASK, "0") == _ask(_ASK, "") == compiled.engine()


def test_the_result_says_which_ran() -> None:
    code = f"import pcapan; print(pcapan.analyze({str(sample('healthy-dnat'))!r}).result.run['engine'])"
    assert _ask(code, "1") == "interpreted"
    assert _ask(code, "0") == compiled.engine()


def test_a_part_that_is_compiled_is_not_used(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "pcapan", tmp_path / "pcapan", ignore=shutil.ignore_patterns("*.so", "*.pyd"))
    shutil.copytree(ROOT / "rules", tmp_path / "pcapan" / "rules", dirs_exist_ok=True)
    (tmp_path / "pcapan" / "scan" / f"walk{EXTENSION_SUFFIXES[0]}").write_bytes(b"of another build")
    command = [sys.executable, "-m", "pcapan"]
    environment = {**os.environ, compiled.SWITCH: "0", "PYTHONPATH": str(tmp_path)}
    analyzed = subprocess.run(
        [*command, "analyze", str(sample("sa-limit-8")), "-q"],
        env=environment,
        capture_output=True,
        cwd=tmp_path,
        check=True,
    )
    assert analyzed.stdout.startswith(b"Verdict: CONFIRMED - SA limit")
    doctor = subprocess.run([*command, "doctor"], env=environment, capture_output=True, cwd=tmp_path)
    assert b"interpreted" in doctor.stdout
    assert b"pcapan.ingest.records" in doctor.stdout, "it says what is missing"
