"""A result is read back exactly as it was written, and nothing else is taken for one."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pcapan.errors import UnreadableError
from pcapan.model import SCHEMA_VERSION, Result
from pcapan.pipeline import analyze
from pcapan.report.document import load_result
from pcapan.report.jsontext import json_bytes, json_text
from tests.report.test_terminal import HOSTILE, finding, result
from tests.samples_kit import incidents, sample

SAMPLES = {one.name: one for one in incidents()}
SCHEMA = json.loads(resources.files("pcapan.report").joinpath("result.schema.json").read_bytes())


def written(one: Result) -> bytes:
    return json_bytes(json_text(one.to_dict()))


def refused(document: Any) -> UnreadableError:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(UnreadableError) as raised:
        load_result(data, "some.json")
    error = raised.value
    assert error.where == "some.json" and error.hint and "\n" not in error.message
    return error


def document() -> Any:
    return json.loads(written(analyze(sample("sa-limit-8")).result))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_follows_the_schema_and_comes_back(name: str) -> None:
    fresh = analyze(list(SAMPLES[name].captures)).result
    data = written(fresh)
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(data))
    loaded = load_result(data, name)
    assert loaded == fresh
    assert written(loaded) == data


def test_the_schema_names_every_key() -> None:
    assert set(SCHEMA["properties"]) == set(document())
    described = SCHEMA["$defs"]
    for name, key in (("finding", "findings"), ("input", "inputs"), ("ladder", "ladders"), ("bin", "series")):
        assert set(described[name]["properties"]) == set(document()[key][0])


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_comes_back(text: str) -> None:
    one = replace(result(finding(text=text), text=text), sources=[])
    assert load_result(written(one), "x").findings == one.findings


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_what_windows_shells_write_is_read(encoding: str) -> None:
    text = json_text(document())
    assert load_result(text.encode(encoding), "x").findings


def test_a_result_of_an_earlier_minor_version_is_read() -> None:
    old = document()
    del old["answer_times"], old["ladders"]
    old["schema_version"] = "1.0"
    assert load_result(json.dumps(old).encode(), "x").ladders == []


def test_a_result_of_a_later_minor_version_is_read() -> None:
    new = document()
    new["schema_version"] = "1.99"
    new["more"] = new["findings"][0]["more"] = [1]
    assert load_result(json.dumps(new).encode(), "x").findings


@pytest.mark.parametrize("version", ["2.0", "0.9", "11.0"])
def test_another_major_version_is_refused(version: str) -> None:
    error = refused(document() | {"schema_version": version})
    assert version in error.message and SCHEMA_VERSION.split(".")[0] + ".x" in error.message


@pytest.mark.parametrize("version", [1.1, None, "", "1", "one", "1.x", [], "٣.١"])
def test_a_version_that_is_none_is_refused(version: Any) -> None:
    refused(document() | {"schema_version": version})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"{", "line 1"),
        (b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00", "JSON"),
        (b"\xff\xfe\x00", "JSON"),
        (b"[1]", "no result"),
        (b"{}", "no result"),
        (b'"text"', "no result"),
        (b'{"schema_version": NaN}', "no number"),
        (b"[" * 100_000, "JSON"),
        (b"1" * 10_000, "JSON"),
    ],
)
def test_other_files_are_refused(data: bytes, reason: str) -> None:
    assert reason in refused(data).message


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["findings"], {}, "findings is no list"),
        (["findings", 0, "verdict"], "perhaps", "findings[0].verdict is none of"),
        (["findings", 0, "evidence", 1, "frame"], "12", "findings[0].evidence[1].frame is no whole number"),
        (["findings", 0, "evidence", 1, "frame"], True, "is no whole number"),
        (["findings", 0, "addresses"], [None], "findings[0].addresses[0] is no text"),
        (["findings", 0, "numbers"], [], "is no object"),
        (["capture", "counts", "ike"], 1.5, "capture.counts.ike is no whole number"),
        (["capture", "counts", "undecoded"], {"x": "y"}, "capture.counts.undecoded.x"),
        (["inputs", 0, "path"], 5, "inputs[0].path is no text"),
        (["inputs", 0, "damaged"], 0, "inputs[0].damaged is neither"),
        (["sources", 1], 7, "sources[1] is no object"),
        (["sources", 1, "attempts"], None, "sources[1].attempts is no whole number"),
        (["sources", 1, "attempts"], 10**30, "is no whole number"),
        (["series", 0, "start"], 1, "series[0].start is no text"),
        (["ladders", 0, "steps", 0, "what"], 1, "ladders[0].steps[0].what is no text"),
        (["ladders", 0, "steps", 0], 1, "ladders[0].steps[0] is no object"),
        (["answer_times", 0, "percentiles_ns"], {"50": "x"}, "answer_times[0].percentiles_ns.50"),
        (["run", "options"], 1, "run.options is no object"),
        (["tool"], {"name": 1}, "tool.name is no text"),
        (["problems"], None, "problems is no list"),
    ],
)
def test_damage_is_told_with_its_place(path: list[Any], value: Any, said: str) -> None:
    damaged = document()
    spot = damaged
    for key in path[:-1]:
        spot = spot[key]
    spot[path[-1]] = value
    assert said in refused(damaged).message


def _drop(value: Any, keys: list[int]) -> None:
    """Remove one thing somewhere below `value`."""
    for key in keys:
        names = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not names:
            return
        name = names[key % len(names)]
        if not isinstance(value[name], dict | list) or not value[name] or key == keys[-1]:
            del value[name]
            return
        value = value[name]


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=6))
def test_whatever_is_missing_gives_a_result_or_the_error(keys: list[int]) -> None:
    damaged = json.loads(_WRITTEN)
    _drop(damaged, keys)
    try:
        load_result(json.dumps(damaged).encode(), "x")
    except UnreadableError as error:
        assert error.exit_code == 3


_WRITTEN = written(analyze(sample("full-nat-3-clients")).result)
