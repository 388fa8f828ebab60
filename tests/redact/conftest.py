"""What the tests of this room share."""

from __future__ import annotations

import pytest

from pcapan.redact import keyed
from tests.cli.conftest import cli as cli


@pytest.fixture(autouse=True)
def _quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passphrases are stretched to make guessing slow; nobody guesses here."""
    monkeypatch.setattr(keyed, "_STRETCH", 1)
