"""A result document read back: JSON text becomes the `Result` that was written.

Knows the shape that `pcapan.model` declares and which columns of the free rows a renderer relies on.
Must not know how anything is rendered. What does not fit is refused with the place where it stands:
a renderer may trust what comes from here.
"""

from __future__ import annotations

import gc
import json
import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, NoReturn, get_args, get_origin

from msgspec import Struct
from msgspec.structs import fields

from pcapan.errors import UnreadableError
from pcapan.model import SCHEMA_VERSION, Result

#: No number of a document is longer than a 64-bit one.
_LARGEST = 2**64

_INPUT = {
    "path": str,
    "sha256": str | None,
    "bytes": int,
    "format": str,
    "packets": int,
    "first": str | None,
    "last": str | None,
    "damaged": bool,
}
_SOURCE = {
    "address": str,
    "address_class": str,
    "attempts": int,
    "answered": int,
    "unanswered": int,
    "sas_concurrent_max": int,
    "sas_older": int,
    "clients_at_once": int | None,
    "natd_source_match": int,
    "natd_source_mismatch": int,
}
_BIN = {
    "address": str | None,
    "start": str,
    "seconds": int,
    "attempts": int,
    "answered": int,
    "unanswered": int,
    "live_sas": int,
}
_STEP = {"after_ns": int, "by_client": bool, "what": str, "repeat": bool, "file": str, "frame": int}
_LADDER = {
    "kind": str,
    "client": str,
    "client_port": int,
    "server": str,
    "spi_i": str,
    "outcome": str,
    "start": str,
    "watched_ns": int,
    "steps": list[dict[str, Any]],
    "steps_left_out": int,
}
_TIMES = {"address": str | None, "answers": int, "percentiles_ns": dict[str, int]}
_RUN = {"options": dict[str, Any], "rules_hash": str, "started": str}

#: Rows that the model leaves free, by the path of their list.
_ROWS: dict[str, Mapping[str, Any]] = {
    "inputs": _INPUT,
    "sources": _SOURCE,
    "series": _BIN,
    "answer_times": _TIMES,
    "ladders": _LADDER,
}


def load_result(data: bytes, where: str) -> Result:
    """The result in a JSON text; `where` names it in errors.

    Raises:
        UnreadableError: when it is no result, is damaged, or of another major schema version.
    """
    document = _parse(data, where)
    if not isinstance(document, dict) or "schema_version" not in document:
        raise UnreadableError(
            "this is JSON, but no result of pcapan: it has no schema_version",
            where=where,
            hint="give a file that pcapan analyze --format json wrote",
        )
    _check_version(document["schema_version"], where)
    try:
        result = _struct(Result, document, "")
        _free_rows(result)
    except _Misfit as misfit:
        raise UnreadableError(
            f"the result is damaged: {misfit.path or 'the document'} {misfit.what}",
            where=where,
            hint="write it again with pcapan analyze CAPTURE... --format json",
        ) from None
    assert isinstance(result, Result)
    return result


def _parse(data: bytes, where: str) -> Any:
    hint = "give a file that pcapan analyze --format json wrote; captures go to pcapan analyze"
    if not data.strip():
        raise UnreadableError("the file is empty, so there is no result in it", where=where, hint=hint)
    collected = gc.isenabled()
    gc.disable()  # Nothing here makes cycles, and looking for some among millions of cells takes long.
    try:
        return json.loads(data, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        reason = f"{error.msg} in line {error.lineno}, column {error.colno}"
    except UnicodeDecodeError:
        reason = "it is no text"
    except RecursionError:
        reason = "it is nested too deeply"
    except ValueError as error:
        reason = str(error)
    finally:
        if collected:
            gc.enable()
    raise UnreadableError(f"the result cannot be read as JSON: {reason}", where=where, hint=hint)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _check_version(version: Any, where: str) -> None:
    major, _, minor = str(version).partition(".")
    if not isinstance(version, str) or not (major.isdecimal() and minor.isdecimal()):
        raise UnreadableError(
            "the result is damaged: schema_version is no version",
            where=where,
            hint="write it again with pcapan analyze CAPTURE... --format json",
        )
    ours = SCHEMA_VERSION.partition(".")[0]
    if major != ours:
        raise UnreadableError(
            f"the result is of schema version {version[:20]}, and this pcapan reads {ours}.x",
            where=where,
            hint="use the pcapan that wrote it, or analyse the capture again",
        )


class _Misfit(Exception):
    def __init__(self, path: str, what: str) -> None:
        super().__init__(path, what)
        self.path = path
        self.what = what


_fields = cache(fields)


def _struct(cls: Any, value: Any, path: str) -> Any:
    if not isinstance(value, dict):
        raise _Misfit(path, "is no object")
    found = {}
    for one in _fields(cls):
        place = f"{path}.{one.name}" if path else one.name
        if one.name in value:
            found[one.name] = _value(one.type, value[one.name], place)
        elif one.required:
            raise _Misfit(place, "is missing")
    return cls(**found)


def _value(hint: Any, value: Any, path: str) -> Any:
    """The value as `hint` wants it, made of the model's classes."""
    if hint is Any:
        return value
    if isinstance(hint, UnionType):
        parts = get_args(hint)
        if value is None and NoneType in parts:
            return None
        return _value(next(part for part in parts if part is not NoneType), value, path)
    origin = get_origin(hint)
    if origin in (list, Sequence):
        if not isinstance(value, list):
            raise _Misfit(path, "is no list")
        (inner,) = get_args(hint)
        return [_value(inner, item, f"{path}[{number}]") for number, item in enumerate(value)]
    if origin is dict:
        if not isinstance(value, dict):
            raise _Misfit(path, "is no object")
        inner = get_args(hint)[1]
        return value if inner is Any else {k: _value(inner, v, f"{path}.{k[:80]}") for k, v in value.items()}
    if issubclass(hint, Struct):
        return _struct(hint, value, path)
    return _plain(hint, value, path)


def _plain(kind: type, value: Any, path: str) -> Any:
    if issubclass(kind, StrEnum):
        if value not in set(kind):
            raise _Misfit(path, f"is none of {', '.join(kind)}")
        return kind(value)
    if kind is int:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or abs(value) > _LARGEST:
            raise _Misfit(path, "is no whole number")
    elif not isinstance(value, kind):
        raise _Misfit(path, {str: "is no text", bool: "is neither true nor false"}.get(kind, "does not fit"))
    return value


def _free_rows(result: Result) -> None:
    """Check the columns that renderers rely on."""
    for name, columns in _ROWS.items():
        _rows(getattr(result, name), columns, name)
    for number, ladder in enumerate(result.ladders):
        _rows(ladder["steps"], _STEP, f"ladders[{number}].steps")
    for number, entry in enumerate(result.inputs):
        if entry.get("pause") is not None:  # since 1.2
            _cell(entry, "pause", dict[str, str], f"inputs[{number}]")
            for key in ("from", "to"):
                _cell(entry["pause"], key, str, f"inputs[{number}].pause")
    for key, hint in _RUN.items():
        _cell(result.run, key, hint, "run")
    for number, finding in enumerate(result.findings):
        for key, value in finding.numbers.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise _Misfit(f"findings[{number}].numbers.{key[:80]}", "is no number")


def _rows(rows: list[dict[str, Any]], columns: Mapping[str, Any], name: str) -> None:
    pairs = list(columns.items())
    for number, row in enumerate(rows):
        for key, hint in pairs:
            value: Any = row.get(key)
            # Most cells end here: there may be millions of them.
            if type(value) is hint and (hint is not int or -_LARGEST <= value <= _LARGEST):
                continue
            _cell(row, key, hint, f"{name}[{number}]")


def _cell(row: dict[str, Any], key: str, hint: Any, where: str) -> None:
    if key not in row:
        raise _Misfit(f"{where}.{key}", "is missing")
    _value(hint, row[key], f"{where}.{key}")
