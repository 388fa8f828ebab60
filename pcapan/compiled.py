"""Which modules may be compiled, and whether this run uses them so.

Knows the modules whose source Cython compiles when pcapan is installed (`pyproject.toml` names the same)
and how to make Python take their source all the same: ``PCAPAN_INTERPRETED=1`` in the environment. They call
each other as C does, so they run compiled together or not at all. Must not know what they do.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.machinery import EXTENSION_SUFFIXES

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

MODULES = (
    "pcapan.decode.ike_walk",
    "pcapan.decode.natd_digest",
    "pcapan.decode.natd_lanes",
    "pcapan.ingest.etl.gather",
    "pcapan.ingest.etl.plain",
    "pcapan.ingest.etl.xpress",
    "pcapan.ingest.records",
    "pcapan.ingest.stretch",
    "pcapan.scan.copies",
    "pcapan.scan.flow_columns",
    "pcapan.scan.flows",
    "pcapan.scan.interned",
    "pcapan.scan.keys",
    "pcapan.scan.natd_reader",
    "pcapan.scan.rows",
    "pcapan.scan.rowstore",
    "pcapan.scan.waiting",
    "pcapan.scan.walk",
    "pcapan.track.addresses",
    "pcapan.track.askers",
    "pcapan.track.exchanges",
    "pcapan.track.file_rows",
    "pcapan.track.flows",
    "pcapan.track.gathering",
    "pcapan.track.intake",
    "pcapan.track.sas",
    "pcapan.track.sources",
    "pcapan.track.survey",
    "pcapan.track.tunnels",
)

#: Set to anything but 0, it makes every module run from its source.
SWITCH = "PCAPAN_INTERPRETED"


class _SourceFinder:
    """Finds the source of the modules that may be compiled, and nothing else."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As `importlib.abc.MetaPathFinder` wants it; None for any other module."""
        if name not in MODULES:
            return None
        from importlib.util import spec_from_file_location

        return spec_from_file_location(name, _place(name) + ".py")


def _place(name: str) -> str:
    """Where a module of `MODULES` lies, without the suffix of its file."""
    return os.path.join(os.path.dirname(__file__), *name.split(".")[1:])  # noqa: PTH118, PTH120


def uncompiled() -> list[str]:
    """Those of `MODULES` of which there is nothing but the source."""
    suffixes = tuple(EXTENSION_SUFFIXES)
    return [name for name in MODULES if not any(map(os.path.exists, map(_place(name).__add__, suffixes)))]


def settle() -> None:
    """Decide how the modules run, before any of them is imported: see `SWITCH` and `uncompiled`."""
    if os.environ.get(SWITCH, "0") not in ("", "0") or 0 < len(uncompiled()) < len(MODULES):
        interpret()


def interpret() -> None:
    """Take the source from now on; to be called before any of the modules is imported."""
    if _SourceFinder not in sys.meta_path:
        sys.meta_path.insert(0, _SourceFinder)


def how(name: str) -> str:
    """``compiled`` or ``interpreted``: how a module of `MODULES` runs, or would run."""
    from importlib.util import find_spec

    spec = find_spec(name)
    origin = (spec.origin if spec else None) or ""
    return "compiled" if origin.endswith(tuple(EXTENSION_SUFFIXES)) else "interpreted"


def engine() -> str:
    """``compiled`` when every module of `MODULES` is, else ``interpreted``."""
    return "compiled" if all(how(name) == "compiled" for name in MODULES) else "interpreted"
