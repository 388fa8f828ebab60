"""What building the package does besides copying it: the rules are checked once, for every start to come.

Knows setuptools, and how to run the package that is being built. Must not import anything of pcapan: files
are also packed where what it needs is not installed. Nothing that runs imports this.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from setuptools.command.build_py import build_py


class BuildPython(build_py):
    """Copies the package, then keeps its rules checked (`pcapan.detect.rulestore`)."""

    def run(self) -> None:
        """Do both; without the second the program runs as well, but starts later."""
        super().run()
        if self.editable_mode:  # there the rules are those of the checkout, and change
            return
        home = Path(self.build_lib).resolve()
        keep = [sys.executable, "-B", "-m", "pcapan.detect.rulestore", str(home / "pcapan" / "rules")]
        # What was compiled for an earlier build may lie beside newer sources.
        done = subprocess.run(keep, cwd=home, env={**os.environ, "PCAPAN_INTERPRETED": "1"}, check=False)
        if done.returncode:
            self.warn("the rules could not be checked: they will be at every start")
