"""``--redact`` and its key and mapping file, as every command takes them.

Knows where a key comes from and what may be done with the mapping. Must not know what is replaced, nor by
what.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from pcapan.commands.files import check_new_file, write_file
from pcapan.errors import UsageError
from pcapan.model import Result

if TYPE_CHECKING:
    from pcapan.redact.incident import Redactor
    from pcapan.report.evidence import EvidenceFrame, Origin

#: Holds the key where neither the shell's history nor a list of processes shows it.
KEY_VARIABLE = "PCAPAN_REDACT_KEY"

#: Key files are passphrases; whatever is longer, was named by mistake.
_LONGEST_KEY = 65536


class Redaction(Struct, frozen=True):
    """What the command line says about redaction, as texts."""

    wanted: bool = False
    key: str | None = None
    mapping: str | None = None
    force: bool = False

    def redactor(self, inputs: Sequence[str], folder: str | None = None) -> Redactor | None:
        """What redacts this run, None when nothing is to be redacted.

        Raises:
            UsageError: for a key or a mapping file without redaction or that cannot be used; a mapping file
                inside `folder`, which is made to be handed on.
        """
        if not self.wanted:
            for option, value in (("--redact-key", self.key), ("--redact-map", self.mapping)):
                if value is not None:
                    raise UsageError(
                        "an option for a redaction that was not asked for",
                        where=option,
                        hint="add --redact, or leave this option out",
                    )
            return None
        from pcapan.redact.incident import Redactor
        from pcapan.redact.keyed import Key

        secret = self._secret()
        if self.mapping is not None:
            self._check_mapping(self.mapping, inputs, folder)
        return Redactor(Key.random() if secret is None else Key.of_text(secret))

    def write_mapping(self, redactor: Redactor | None, inputs: Sequence[str]) -> None:
        """Write which name became what, where that was asked for."""
        if redactor is not None and self.mapping is not None:
            write_file(self.mapping, _mapping(redactor), inputs, force=self.force, private=True)

    def _secret(self) -> bytes | None:
        text = self.key if self.key is not None else os.environ.get(KEY_VARIABLE)
        if text is None:
            return None
        where = "--redact-key" if self.key is not None else KEY_VARIABLE
        secret = (
            _read_key(text[1:], where) if text.startswith("@") else text.encode("utf-8", "surrogateescape")
        )
        secret = secret.strip()
        if not secret:
            raise UsageError(
                "the redaction key is empty",
                where=where,
                hint="give a passphrase, or leave it out for a random key",
            )
        return secret

    def _check_mapping(self, mapping: str, inputs: Sequence[str], folder: str | None) -> None:
        if mapping == "-":
            raise UsageError(
                "the mapping undoes the redaction and is not written to standard output",
                where="--redact-map -",
                hint="name a file",
            )
        if folder is not None and Path(folder).resolve() in Path(mapping).resolve().parents:
            raise UsageError(
                "the mapping undoes the redaction and is not written into the folder that is handed on",
                where=f"--redact-map {mapping}",
                hint="name a file outside of it",
            )
        check_new_file(mapping, inputs, force=self.force)


NOT_REDACTED = Redaction()


def redacted_evidence(
    frames: Sequence[EvidenceFrame], origins: Sequence[Origin], redactor: Redactor
) -> list[EvidenceFrame]:
    """Cited frames with pseudonyms, in their order; what the captures say about them is left out."""
    made: dict[tuple[int, int], bytes] = {}
    for file, origin in enumerate(origins):
        own = sorted((frame for frame in frames if frame.file == file), key=lambda frame: frame.number)
        told = redactor.frames(
            (frame.number, origin.interfaces[frame.interface].link_type, frame.data, frame.time)
            for frame in own
        )
        made |= {(file, frame.number): data for frame, data in zip(own, told, strict=True)}
    return [replace(frame, data=made[frame.file, frame.number], own_comments=()) for frame in frames]


def redacted_results(results: Sequence[Result], redactor: Redactor) -> list[Result]:
    """Results with pseudonyms, the same in all of them."""
    from pcapan.redact.document import redact_documents
    from pcapan.report.document import load_result
    from pcapan.report.jsontext import json_bytes, json_text

    made = redact_documents([result.to_dict() for result in results], redactor)
    return [load_result(json_bytes(json_text(document)), "the redacted result") for document in made]


def _read_key(path: str, where: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            data = file.read(_LONGEST_KEY + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"the key file cannot be read: {reason}", where=f"{where} @{path}", hint="check the name"
        ) from None
    if len(data) > _LONGEST_KEY:
        raise UsageError(
            "the file is too long for a key", where=f"{where} @{path}", hint="name a file with one passphrase"
        )
    return data


def _mapping(redactor: Redactor) -> bytes:
    import csv

    from pcapan.commands.tables import cell_text

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["kind", "name", "pseudonym"])
    # A stranger chose the names of interfaces: none may become a formula.
    writer.writerows([cell_text(cell) for cell in row] for row in _rows(redactor))
    return text.getvalue().encode("utf-8", "backslashreplace")


def _rows(redactor: Redactor) -> Iterator[tuple[str, str, str]]:
    names = redactor.names
    for kind, known in redactor.labels.given.items():
        for name, label in known.items():
            yield kind, name, label
    for address, made in sorted(names.addresses.given.items()):
        yield "address", str(ip_address(address)), str(ip_address(made))
    for mac, other in sorted(names.macs.given.items()):
        yield "mac", mac.hex(":"), other.hex(":")
    for kind, spis, digits in (("ike-spi", names.ike_spis, 16), ("esp-spi", names.esp_spis, 8)):
        for spi, replaced in sorted(spis.given.items()):
            yield kind, f"{spi:0{digits}x}", f"{replaced:0{digits}x}"
