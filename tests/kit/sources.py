"""The source of a module beside what was loaded, which may be compiled."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType


def source_of(module: ModuleType) -> ModuleType:
    """The module anew, from its source; whoever imported it keeps the other one."""
    assert module.__file__ is not None
    name = module.__name__.rpartition(".")[2]
    spec = spec_from_file_location(f"{name}_source", Path(module.__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    fresh = module_from_spec(spec)
    spec.loader.exec_module(fresh)
    return fresh
