"""Reports read as they did when somebody last looked at them."""

from __future__ import annotations

from typing import Any

import pytest

from pcapan.model import Result
from pcapan.report.jsontext import json_text
from tests.report.goldens import FOLDER, NAMES, fresh, rendered, stored

REFRESH = "if that is meant: python -m tests.report.goldens, and look at git diff"


@pytest.mark.parametrize("name", NAMES)
def test_the_result_is_written_as_it_was(name: str) -> None:
    kept = (FOLDER / f"{name}.json").read_text("utf-8")
    assert json_text(stored(name).to_dict(), indent=1) + "\n" == kept, f"{name}.json changed; {REFRESH}"


@pytest.mark.parametrize("name", NAMES)
def test_the_result_is_still_what_an_analysis_gives(name: str) -> None:
    """Its keys and verdicts; wording and evidence belong to the rules and their own tests."""
    now, then = fresh(name), stored(name)
    assert verdicts(then).items() <= verdicts(now).items(), f"verdicts changed; {REFRESH}"
    assert keys(now.to_dict()) == keys(then.to_dict()), f"keys changed; {REFRESH}"


def verdicts(result: Result) -> dict[str, str]:
    return {finding.id: finding.verdict.value for finding in result.findings}


def keys(document: Any, path: str = "") -> set[str]:
    """Paths of all keys, numbers of findings left out: each rule has its own."""
    if isinstance(document, list):
        return set().union(*(keys(item, f"{path}[]") for item in document))
    if not isinstance(document, dict) or path == "findings[].numbers":
        return {path}
    return {path}.union(*(keys(v, f"{path}.{k}".strip(".")) for k, v in document.items()))


@pytest.mark.parametrize("name", NAMES)
def test_the_reports_are_as_they_were(name: str) -> None:
    for ending, text in rendered(name, stored(name)).items():
        kept = (FOLDER / f"{name}.{ending}").read_text("utf-8")
        assert text.splitlines() == kept.splitlines(), f"{name}.{ending} changed; {REFRESH}"
