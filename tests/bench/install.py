"""An installation of pcapan as users have it, for the benchmark to measure.

Knows pip and virtual environments. A checkout is not what users run: its modules may never have been
compiled to bytecode, and then every start compiles them anew, which takes as long as everything else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

#: What decides what is installed, in the checkout.
_SOURCES = ("pyproject.toml", "README.md", "pcapan/**/*.py", "pcapan/**/*.pxd", "rules/**/*.toml")


def installed(folder: Path) -> Path:
    """The programs of an environment in `folder` where this checkout is installed; made when it is not.

    Raises CalledProcessError when pip fails; pip has said why by then.
    """
    checkout = Path(__file__).parents[2]
    place = folder / "installed"
    programs = place / ("Scripts" if os.name == "nt" else "bin")
    note = place / "pcapan.sha256"
    wanted = _digest(checkout)
    if not note.exists() or note.read_text("utf-8") != wanted:
        if place.exists():
            shutil.rmtree(place)
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        pip = [str(programs / "python"), "-m", "pip", "install", "-q", str(checkout)]
        subprocess.run(pip, check=True, stdout=sys.stderr)
        note.write_text(wanted, "utf-8")
    return programs


def _digest(checkout: Path) -> str:
    total = sha256()
    for path in sorted({path for pattern in _SOURCES for path in checkout.glob(pattern)}):
        total.update(f"{path.relative_to(checkout).as_posix()} {path.stat().st_size}\n".encode())
        total.update(path.read_bytes())
    return total.hexdigest()
