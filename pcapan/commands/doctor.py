"""``pcapan doctor``: whether this installation can do its work, and what is missing.

Knows the libraries and programs pcapan uses. Must not know captures.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib import metadata

import pcapan
from pcapan.commands.guard import tell
from pcapan.compiled import MODULES, engine, uncompiled
from pcapan.errors import ExitCode, PcapanError
from pcapan.report.safe import clean

#: Libraries that are always needed, and what an optional one adds.
_REQUIRED = ("typer", "rich", "pandas", "pyshark", "zstandard")
_OPTIONAL = {
    "pyarrow": "tables --format parquet",
    "jinja2": "analyze -o and report --format html",
    "matplotlib": "the charts in them",
}


_ENGINES = {
    "compiled": "compiled",
    "interpreted": "interpreted, about 40 times slower; install a C compiler, then pcapan again",
}


def run() -> ExitCode:
    """Print one line a thing; the exit status tells whether anything needed is missing."""
    _line("pcapan", pcapan.__version__)
    _line("Python", f"{platform.python_version()} on {platform.system() or 'an unknown system'}")
    _line("engine", _ENGINES[engine()])
    missing = uncompiled()
    if 0 < len(missing) < len(MODULES):
        _line("", f"not compiled, so that none is used compiled: {', '.join(missing)}; install pcapan again")
    code = ExitCode.OK
    for name in _REQUIRED:
        version = _version(name)
        _line(name, version or "MISSING: install pcapan again")
        if version is None:
            code = ExitCode.INTERNAL
    for name, purpose in _OPTIONAL.items():
        _line(name, _version(name) or f"not installed; needed for {purpose}")
    _line("tshark", _tshark())
    try:
        from pcapan.pipeline import Options, built_in_rules

        rules = built_in_rules(Options())
    except PcapanError as error:
        _line("rules", "cannot be used")
        tell(error)
        return error.exit_code
    _line("rules", f"{len(rules)} loaded, hash {rules.rules_hash}")
    return code


def _line(name: str, text: str) -> None:
    print(f"{name + ':':<12}{clean(text)}", file=sys.stdout)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _tshark() -> str:
    from pcapan.ingest.wireshark import find_tshark

    found = find_tshark()
    if found is None:
        return "not found; pcap and pcapng are read without it, other containers are not"
    try:
        asked = subprocess.run(
            [found, "--version"], capture_output=True, text=True, errors="replace", timeout=20, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"{found}, but it does not start: {error}"
    first = asked.stdout.strip().splitlines()
    return f"{found}: {first[0] if first else 'no version told'}"
