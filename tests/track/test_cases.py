"""Conversations and what they must be taken for: see the files in cases/ and `tests.kit.dsl`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.cases import load_cases
from tests.kit.dsl import Case
from tests.kit.expect import check

CASES = load_cases(Path(__file__).parent / "cases")


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_case(case: Case) -> None:
    check(case)
