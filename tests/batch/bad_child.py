"""A worker process that misbehaves on captures whose names say so."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from pcapan.batch import child, work


class BadWorker(work.Worker):
    """Does what the name of the first capture says, then what it should."""

    def do(self, task: dict[str, Any]) -> Any:
        name = task["inputs"][0]["name"] if task["do"] == "analyse" else ""
        if "segfault" in name:
            os.kill(os.getpid(), signal.SIGSEGV)
        if "killed-once" in name and not Path(f"{name}.mark").exists():
            Path(f"{name}.mark").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if "endless" in name:
            time.sleep(600)
        if "exits" in name:
            os._exit(3)
        if "greedy" in name:
            self._tasks["analyse"] = lambda task: {"much": len(bytearray(4 * 1024**3))}
            try:
                return super().do(task)
            finally:
                self._tasks["analyse"] = self._analyse
        return super().do(task)


if __name__ == "__main__":
    setattr(child, "Worker", BadWorker)  # noqa: B010
    child.main()
