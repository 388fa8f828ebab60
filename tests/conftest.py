"""Fixtures every room may use."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# A slow machine is no fault of an example. In CI the examples are always the same, so that a change
# is judged by what it changed; at a desk they are new ones every time.
settings.register_profile("pcapan", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True)
settings.load_profile("pcapan")

_SHARED = Path(__file__).resolve().parents[1].parent / "shared"


@pytest.fixture
def shared_dir() -> Path:
    """The folder with the capture corpus beside the checkout; tests that use it are marked `shared`."""
    if not _SHARED.is_dir():
        pytest.skip("needs the folder `shared` beside the checkout: its captures are not compared")
    return _SHARED


@pytest.fixture
def tshark() -> str:
    """Path of tshark; tests that use it are marked `tshark`."""
    found = shutil.which("tshark")
    if found is None:
        pytest.skip("needs tshark: what it decodes is not compared, nor what it reads for pcapan")
    return found
