"""pcapan tells from a packet capture why Windows Always On VPN (IKEv2) clients cannot connect.

As a library: ``pcapan.analyze(paths)`` gives an `pcapan.pipeline.Analysis` with the result document
in ``.result`` and the tables as pandas DataFrames from ``.table(name)``.
"""

from __future__ import annotations

from importlib import import_module

from pcapan.compiled import settle

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    from pcapan.pipeline import Analysis, Options, analyze

__all__ = ["Analysis", "Options", "__version__", "analyze"]

__version__ = "0.1.0"

_LAZY = {"analyze": "pcapan.pipeline", "Options": "pcapan.pipeline", "Analysis": "pcapan.pipeline"}


settle()


def __getattr__(name: str) -> object:
    """Load the library interface when it is first used, so that ``import pcapan`` stays cheap."""
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'pcapan' has no attribute {name!r}")
