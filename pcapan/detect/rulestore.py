"""The rules that come with the program, checked once, when it is built, and kept for every start.

Knows how a checked set of rules is written beside its files, and that it stands for them only while no byte
of them has changed: then nobody has to parse and check forty files at every start. Must not know how rules
are read or checked (`rulefile`). Whatever is amiss with what was kept, the files are read anew.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pcapan.detect.rule import Name, Origin
from pcapan.detect.ruleset import FOLDER, RuleSet, default_rules_dir
from pcapan.detect.schema import RuleSchema
from pcapan.detect.tomlplace import Places

#: The file beside the rules that holds them checked.
KEPT = "checked.json"

#: Where the value of a name comes from that a rule declares itself; all others belong to its table.
_OWN = (Origin.PARAM, Origin.LET)


class _Kept(Struct):
    """A set of rules as it is written. What belongs to a table is not written with each of its rules."""

    files: str
    """What `_digest` made of the files."""
    tables: dict[str, dict[str, Name]]
    rules: RuleSet


def load_built_in(
    own: Sequence[Path | str], schema: Callable[[], RuleSchema], *, overrides: Mapping[str, str] | None = None
) -> RuleSet:
    """The rules of the program with those of the user; raises as `load_rules` does.

    `schema` gives what they may name, where they have to be checked.
    """
    home = default_rules_dir()
    if not own and not overrides and (kept := kept_rules(home)) is not None:
        return kept
    from pcapan.detect.rulefile import load_rules

    return load_rules([home, *own], schema(), overrides=overrides)


def keep_rules(folder: Path, schema: RuleSchema) -> None:
    """Check the rules of a folder and keep them in it; raises as `load_rules` does, or OSError."""
    from pcapan.detect.rulefile import load_rules

    rules = load_rules([folder], schema)
    tables = {
        rule.table: {n: name for n, name in rule.names.items() if name.origin not in _OWN} for rule in rules
    }
    bare = tuple(
        replace(rule, names={n: name for n, name in rule.names.items() if name.origin in _OWN})
        for rule in rules
    )
    kept = _Kept(_digest(_texts(folder)), tables, replace(rules, rules=bare))
    (folder / KEPT).write_bytes(msgspec.json.encode(kept, enc_hook=_written))


def kept_rules(folder: Path) -> RuleSet | None:
    """The rules of a folder as they were kept; None where there are none that fit the files."""
    try:
        data = (folder / KEPT).read_bytes()
        texts = _texts(folder)
        kept = msgspec.json.decode(data, type=_Kept, dec_hook=_read)
        if kept.files != _digest(texts):
            return None
        rules = tuple(
            replace(
                rule,
                names=MappingProxyType({**kept.tables[rule.table], **rule.names}),
                path=os.path.join(folder, f"{rule.id}.toml"),  # noqa: PTH118
                places=Places(texts[f"{rule.id}.toml"].decode()),
            )
            for rule in kept.rules
        )
        catalogue = {
            name: replace(fix, path=os.path.join(folder, FOLDER, f"{name}.toml"))  # noqa: PTH118
            for name, fix in kept.rules.catalogue.items()
        }
    except (OSError, ValueError, KeyError, msgspec.MsgspecError):
        return None
    return replace(kept.rules, rules=rules, catalogue=MappingProxyType(catalogue))


def _texts(folder: Path) -> dict[str, bytes]:
    """What is in the files of rules and fixes, by their names below the folder; raises OSError."""
    found: dict[str, bytes] = {}
    for inner in ("", FOLDER):
        place = os.path.join(folder, inner)  # noqa: PTH118
        for name in sorted(entry.name for entry in os.scandir(place)):
            if name.endswith(".toml"):
                with open(os.path.join(place, name), "rb") as file:  # noqa: PTH118, PTH123
                    found[os.path.join(inner, name)] = file.read()  # noqa: PTH118
    return found


def _digest(texts: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, text in texts.items():
        digest.update(f"{name.replace(os.sep, '/')} {len(text)}\n".encode())
        digest.update(text)
    return digest.hexdigest()


def _written(value: object) -> object:
    """What a value is written as that JSON does not know."""
    if isinstance(value, Places):
        return None  # they are in the text
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(type(value).__name__)


def _read(kind: type, value: object) -> object:
    return Places("") if kind is Places else value


if __name__ == "__main__":
    from pcapan.detect.run import rule_schema

    keep_rules(Path(sys.argv[1]), rule_schema())
