"""Result documents with pseudonyms, when there is no capture any more: for ``report`` and ``compare``.

Knows which fields of the result document (`pcapan.model`, as plain JSON values) are names, which are
sentences about them, and which are the program's own words. Must not know how a result is rendered. Fields
that are not known, of a newer minor version, count as sentences.

Names are learned from all documents first: the addresses, paths, filters and SPIs that fields hold are then
replaced inside every sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pcapan.redact.incident import Redactor

Json = Any

#: Keys whose values are the program's own words, versions, hashes of rules, times.
_PLAIN = frozenset(
    {
        "schema_version",
        "tool",
        "id",
        "rule_version",
        "rules_hash",
        "engine",
        "started",
        "time",
        "first",
        "last",
        "start",
        "verdict",
        "severity",
        "format",
        "direction",
        "address_class",
        "stage",
        "code",
        "kind",
        "vendor",
        "undecoded",
    }
)
#: Keys of advice, written before the capture was: an example in it is nobody's address unless it occurs.
_ADVICE = frozenset({"title", "steps", "source", "url", "cannot_show"})
_HEX = re.compile("[0-9a-f]{8}")


def redact_documents(documents: Sequence[Json], redactor: Redactor) -> list[Json]:
    """Copies of result documents in which the same names became the same pseudonyms."""
    for document in documents:
        _learn(document, redactor)
    return [_Document(redactor).made(document) for document in documents]


def _learn(document: Json, redactor: Redactor) -> None:
    texts = redactor.texts
    found = redactor.names.collector()
    found.addresses |= texts.addresses_in(text for text in _strings(document, _ADVICE))
    for key, value in _fields(document):
        if key == "path" and value:
            redactor.path(value)
        elif key == "spi" and _HEX.fullmatch(value):
            texts.esp_spis.add(value)
        elif key == "drop_component" and value:
            texts.strings[value] = redactor.labels.part(value)
    for entry in document.get("inputs", ()):
        for interface in entry.get("interfaces", ()):
            _learn_interface(interface, redactor)
    texts.learn_esp(_strings(document, frozenset()))
    redactor.names.know(found)


def _learn_interface(interface: Json, redactor: Redactor) -> None:
    labels, strings = redactor.labels, redactor.texts.strings
    if interface.get("name"):
        strings[interface["name"]] = labels.of("interface", interface["name"])
    if interface.get("description"):
        strings[interface["description"]] = labels.of("description", interface["description"])
    if interface.get("filter"):
        labels.filter(interface["filter"])
        strings.update(labels.given.get("name", {}))


def _fields(value: Json) -> Iterator[tuple[str, str]]:
    """Every text of a document that stands alone under its key."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str):
                yield key, inner
            else:
                yield from _fields(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _fields(inner)


def _strings(value: Json, without: frozenset[str]) -> Iterator[str]:
    """Every text of a document, keys included, but those under certain keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key not in without:
                yield key
                yield from _strings(inner, without)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, without)


class _Document:
    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        texts = redactor.texts
        self._special: dict[str, Callable[[Json], Json]] = {
            "path": redactor.path,
            "file": lambda file: redactor.path(file) if file else file,
            "sha256": lambda known: redactor.fingerprint(known) if known else known,
            "comments": lambda _: [],
            "interfaces": lambda found: [self._interface(interface) for interface in found],
            "options": self._options,
            **dict.fromkeys(_PLAIN, lambda value: value),
            **dict.fromkeys(_ADVICE, lambda value: self._each(value, texts.redact_known)),
        }

    def made(self, document: Json) -> Json:
        return self._each(document, self._redactor.texts.redact)

    def _each(self, value: Json, change: Callable[[str], str]) -> Json:
        if isinstance(value, str):
            return change(value)
        if isinstance(value, list):
            return [self._each(inner, change) for inner in value]
        if isinstance(value, dict):
            return {
                change(key): self._special[key](inner) if key in self._special else self._each(inner, change)
                for key, inner in value.items()
            }
        return value

    def _interface(self, interface: Json) -> Json:
        made = self._each(interface, self._redactor.texts.redact)
        return {
            **made,
            "name": self._redactor.labels.of("interface", str(interface.get("name", ""))),
            "description": "",
            "filter": self._redactor.filter(str(interface.get("filter", ""))),
        }

    def _options(self, options: Json) -> Json:
        rules = [self._redactor.labels.path("rules", str(path)) for path in options.get("rules", ())]
        return {**self._each(options, self._redactor.texts.redact), "rules": rules, "redact": True}
