"""What rules were asked of, kept as bytes: rows to ask again at once, and the scans behind them.

Knows how rows and scans are written down and read back, and how to notice that another version of the
program wrote them. Must not judge. Rows of the large tables are not kept: they, and evidence that no rule
asked for before, are made again from the scans, which still needs no capture.

The scans are pickled, because they are arrays inside plain records; they are read back by an unpickler
that makes those records and nothing else, so a strange file in the dataset cannot run anything.
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
from array import array
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from types import ModuleType
from typing import Any

from msgspec import Struct, to_builtins

import pcapan
from pcapan.decode import fragments
from pcapan.detect.rule import Rule
from pcapan.detect.run import FactsStock
from pcapan.ingest import frames, inputs
from pcapan.model import Evidence
from pcapan.record import Record, changed
from pcapan.scan import columns, hashes
from pcapan.tables.facts import Facts, Site, gather_facts
from pcapan.tables.registry import TABLES

_MAGIC = b"pcapan facts 2\n"
#: Tables with a row a packet or so: they are made again from the scans.
_LARGE = frozenset({"messages", "esp"})
_PLAIN = frozenset({"bool", "int", "float", "str"})
#: The modules whose records a scan is made of.
_RECORDS: tuple[ModuleType, ...] = (columns, hashes, frames, inputs, fragments)
#: No facts of one incident unpack to more.
_MOST = 4 * 1024**3


class StaleError(Exception):
    """The bytes were written by another version of the program, or are damaged."""


@cache
def _makers() -> dict[tuple[str, str], Any]:
    """What the unpickler may make."""
    made: dict[tuple[str, str], Any] = {("array", "array"): array}
    rebuild = array("B").__reduce_ex__(3)[0]  # array._array_reconstructor
    assert callable(rebuild)
    made["array", "_array_reconstructor"] = rebuild
    for module in _RECORDS:
        for name, thing in vars(module).items():
            if isinstance(thing, type) and thing.__module__ == module.__name__:
                made[module.__name__, name] = thing
    return made


@cache
def version() -> str:
    """Fingerprint of everything the bytes depend on; differs where they cannot be read back."""
    shape: list[Any] = [pcapan.__version__]
    for (module, name), thing in sorted(_makers().items()):
        if isinstance(thing, type) and issubclass(thing, Struct | Record):
            fields = thing.__fields__ if issubclass(thing, Record) else thing.__struct_fields__
            shape.append([module, name, list(fields)])
    shape.append(list(vars(columns.MessageColumns())))
    shape += [[table.name, [[c.name, c.type] for c in table.columns]] for table in TABLES.values()]
    return hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:16]


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _makers()[module, name]
        except KeyError:
            raise StaleError(f"{module}.{name} does not belong into stored facts") from None


class Shown(Struct, frozen=True):
    """Evidence as it was found for some rows of a table under one plan."""

    table: str
    frames: tuple[str, ...]
    limit: int
    rows: tuple[int, ...]
    evidence: tuple[Evidence, ...]

    @property
    def question(self) -> tuple[str, tuple[str, ...], int, tuple[int, ...]]:
        """What was asked for."""
        return self.table, self.frames, self.limit, self.rows


class NotingStock(FactsStock):
    """Facts in memory; remembers the evidence that rules asked for, to be stored with them."""

    def __init__(self, facts: Facts) -> None:
        super().__init__(facts)
        self.shown: dict[object, Shown] = {}

    def evidence(self, rule: Rule, rows: Sequence[int]) -> list[Evidence]:
        """The frames, noted."""
        found = super().evidence(rule, rows)
        _note(self.shown, rule, rows, found)
        return found


def _note(shown: dict[object, Shown], rule: Rule, rows: Sequence[int], found: Sequence[Evidence]) -> None:
    one = Shown(rule.table, rule.evidence.frames, rule.evidence.limit, tuple(rows), tuple(found))
    shown[one.question] = one


def pack(facts: Facts, stock: NotingStock) -> bytes:
    """Everything that is needed to ask rules again."""
    parts = {
        name: _compressed(json.dumps(_rows(stock, name), separators=(",", ":")).encode())
        for name in TABLES
        if name not in _LARGE
    }
    # What is stored is plain: a mapping that looks into a table would not be read back.
    plain = [changed(scan, talkers=dict(scan.talkers)) for scan in facts.scans]
    scans = pickle.dumps((facts.inputs, plain), protocol=5)
    parts["scans"] = _compressed(scans)
    parts["shown"] = _shown_bytes([to_builtins(one) for one in stock.shown.values()])
    return _join(parts)


def _rows(stock: FactsStock, name: str) -> list[list[Any]]:
    return list(map(list, zip(*map(stock.rows(name).column, _plain_columns(name)), strict=True)))


@cache
def _plain_columns(name: str) -> tuple[str, ...]:
    return tuple(column.name for column in TABLES[name].columns if column.type in _PLAIN)


def _shown_bytes(shown: Sequence[Mapping[str, Any]]) -> bytes:
    return _compressed(json.dumps(shown, separators=(",", ":")).encode())


def _join(parts: Mapping[str, bytes]) -> bytes:
    header = {"version": version(), "parts": {name: len(data) for name, data in parts.items()}}
    head = json.dumps(header, separators=(",", ":")).encode()
    return b"".join((_MAGIC, len(head).to_bytes(4, "big"), head, *parts.values()))


class StoredStock:
    """The rows and evidence of an incident from its stored bytes; scans are touched only when they must.

    Raises:
        StaleError: from any method, when the bytes are of another version or damaged.
    """

    def __init__(self, data: bytes, site: Site) -> None:
        self._site = site
        self._parts = _parts(data)
        self._read: dict[str, Sequence[Mapping[str, Any]]] = {}
        self._facts: FactsStock | None = None
        self._learned: dict[object, Shown] = {}

    def rows(self, table: str) -> Sequence[Mapping[str, Any]]:
        """The plain columns of a table's rows."""
        if table not in self._read:
            if table in self._parts:
                self._read[table] = _as_rows(_plain_columns(table), _json(self._parts[table]))
            else:
                self._read[table] = self._gathered().rows(table)
        return self._read[table]

    def evidence(self, rule: Rule, rows: Sequence[int]) -> list[Evidence]:
        """Evidence that was found before, else found now."""
        question = (rule.table, rule.evidence.frames, rule.evidence.limit, tuple(rows))
        known = self._known.get(question)
        if known is not None:
            try:
                return [Evidence(**one) for one in known["evidence"]]
            except (KeyError, TypeError) as error:
                raise StaleError(str(error)) from None
        found = self._gathered().evidence(rule, rows)
        _note(self._learned, rule, rows, found)
        return found

    @cached_property
    def _known(self) -> dict[object, dict[str, Any]]:
        """By question: what was stored, whose evidence is made when it is asked for."""
        try:
            return {
                (one["table"], tuple(one["frames"]), one["limit"], tuple(one["rows"])): one
                for one in _json(self._parts["shown"])
            }
        except (KeyError, TypeError) as error:
            raise StaleError(str(error)) from None

    @property
    def learned(self) -> bool:
        """Whether evidence was found that is not in the bytes yet."""
        return bool(self._learned)

    def bytes(self) -> bytes:
        """The bytes with what was learned."""
        shown = [*self._known.values(), *(to_builtins(one) for one in self._learned.values())]
        return _join({**self._parts, "shown": _shown_bytes(shown)})

    def _gathered(self) -> FactsStock:
        if self._facts is None:
            try:
                entries, scans = _Unpickler(io.BytesIO(_expanded(self._parts["scans"]))).load()
                self._facts = FactsStock(gather_facts(entries, scans, self._site))
            except StaleError:
                raise
            except Exception as error:  # what is damaged may raise anything
                raise StaleError(f"{type(error).__name__}: {error}") from None
        return self._facts


def _parts(data: bytes) -> dict[str, bytes]:
    if not data.startswith(_MAGIC):
        raise StaleError("no stored facts")
    at = len(_MAGIC) + 4
    try:
        size = int.from_bytes(data[at - 4 : at], "big")
        header = json.loads(data[at : at + size])
        if header["version"] != version():
            raise StaleError("of another version")
        at += size
        parts = {}
        for name, length in header["parts"].items():
            parts[name] = data[at : at + length]
            at += length
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StaleError(str(error)) from None
    if at != len(data):
        raise StaleError("cut")
    return parts


def _as_rows(names: Sequence[str], stored: Any) -> list[dict[str, Any]]:
    try:
        return [dict(zip(names, row, strict=True)) for row in stored]
    except (TypeError, ValueError) as error:
        raise StaleError(str(error)) from None


def _json(data: bytes) -> Any:
    try:
        return json.loads(_expanded(data))
    except ValueError as error:
        raise StaleError(str(error)) from None


def _compressed(data: bytes) -> bytes:
    return _codec()[0].compress(data)  # type: ignore[no-any-return]


def _expanded(data: bytes) -> bytes:
    import zstandard

    try:
        return _codec()[1].decompress(data, max_output_size=_MOST)  # type: ignore[no-any-return]
    except zstandard.ZstdError as error:
        raise StaleError(str(error)) from None


@cache
def _codec() -> tuple[Any, Any]:
    import zstandard

    return zstandard.ZstdCompressor(level=3, write_checksum=True), zstandard.ZstdDecompressor()
