"""Small captures, and archives of them, that tests of this folder share."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import zstandard

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "samples"
FULL_NAT = SAMPLES / "full-nat-3-clients.pcap"
HEALTHY = SAMPLES / "healthy-dnat.pcap"
SILENT = SAMPLES / "server-silent.pcap"
LIMIT = SAMPLES / "sa-limit-8.pcap"


def zip_of(files: Mapping[str, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return written.getvalue()


def tar_of(files: Mapping[str, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return written.getvalue()


def packed(kind: str, files: Mapping[str, bytes]) -> bytes:
    """An archive: zip, tar, tar.gz or tar.zst."""
    if kind == "zip":
        return zip_of(files)
    data = tar_of(files)
    if kind == "tar.gz":
        return gzip.compress(data, 1)
    return zstandard.ZstdCompressor().compress(data) if kind == "tar.zst" else data
