"""The job of a script on dissect.etl: every event, its provider's payload and its time."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any


def main(path: str) -> None:
    """Read a trace to its end."""
    etl: Any = importlib.import_module("dissect.etl.etl")
    count = 0
    with Path(path).open("rb") as file:
        for record in etl.ETL(file):
            header = record.event._header
            count += len(header.payload) > 100 and header.timestamp is not None
    print(count)


if __name__ == "__main__":
    main(sys.argv[1])
