"""Captures in a remote store: a real S3-compatible server (SeaweedFS) on loopback."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pcapan.batch import places
from pcapan.errors import UnreadableError, UsageError
from tests.batch.packing import FULL_NAT, HEALTHY, SILENT, packed, zip_of
from tests.batch.running import batch, consistent, manifest, result

s3fs = pytest.importorskip(
    "s3fs", reason="needs s3fs (the extra remote): captures in an object store are not tested"
)
KEY, SECRET = "tester", "not-a-secret"


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; the server's second ports are 10000 above, so these are low."""
    found: list[int] = []
    port = 21000
    while len(found) < count:
        port += 1
        with socket.socket() as first, socket.socket() as second:
            try:
                first.bind(("127.0.0.1", port))
                second.bind(("127.0.0.1", port + 10000))
            except OSError:
                continue
            found.append(port)
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running server."""
    weed = shutil.which("weed") or shutil.which(str(Path(__import__("sys").executable).with_name("weed")))
    if weed is None:
        pytest.skip("needs SeaweedFS (weed): captures in an object store are not tested")
    root = tmp_path_factory.mktemp("store")
    keys = {
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    config = root / "keys.json"
    config.write_text(json.dumps({"identities": [{"name": KEY, **keys}]}))
    (root / "data").mkdir()
    master, volume, filer, s3 = _free_ports(4)
    log = (root / "log").open("wb")
    server = subprocess.Popen(
        [
            weed, "server", f"-dir={root / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            f"-master.port={master}", f"-volume.port={volume}", "-filer", f"-filer.port={filer}", "-s3",
            f"-s3.port={s3}", f"-s3.config={config}", "-master.volumeSizeLimitMB=64", "-volume.max=20",
        ],
        stdout=log, stderr=subprocess.STDOUT, cwd=root,
    )  # fmt: skip
    address = f"http://127.0.0.1:{s3}"
    try:
        deadline = time.monotonic() + 120
        while not _answers(address):
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail((root / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.3)
        yield address
    finally:
        server.kill()
        server.wait()
        log.close()


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=2)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@pytest.fixture
def bucket(store: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A file system on the server, and an environment in which `s3://` means it."""
    for name, value in {
        "AWS_ENDPOINT_URL": store, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    fs = s3fs.S3FileSystem()
    deadline = time.monotonic() + 60
    while True:
        try:
            if not fs.exists("captures"):
                fs.mkdir("captures")
            fs.pipe("captures/probe", b"x")
            break
        except OSError:  # its volumes are not there yet
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
    yield fs
    fs.rm("captures", recursive=True)
    s3fs.S3FileSystem.clear_instance_cache()


def test_objects_and_archives_in_a_bucket(bucket: Any, tmp_path: Path) -> None:
    bucket.pipe("captures/2026/full nat.pcap", FULL_NAT.read_bytes())
    bucket.pipe("captures/2026/notes.txt", b"call back")
    bucket.pipe("captures/ticket.zip", zip_of({"in/healthy.pcap": HEALTHY.read_bytes()}))
    bucket.pipe(
        "captures/more.tgz", packed("tar.gz", {"silent.pcap": SILENT.read_bytes(), "empty.pcap": b""})
    )
    out = tmp_path / "out"
    summary = batch(out, "s3://captures")
    lines = manifest(out)
    assert {names[0] for names in lines} == {"full nat.pcap", "healthy.pcap", "more.tgz::silent.pcap",
                                             "more.tgz::empty.pcap"}  # fmt: skip
    assert summary.ok == 3 and len(summary.failed) == 1
    document = result(out, lines["full nat.pcap",]["key"])
    assert document["inputs"][0]["path"] == "s3://captures/2026/full nat.pcap"
    assert document["inputs"][0]["bytes"] == FULL_NAT.stat().st_size
    assert "full-nat" in {f["id"] for f in document["findings"] if f["verdict"] == "confirmed"}
    again = batch(out, "s3://captures")
    assert (again.analysed, again.unchanged) == (0, 4)
    bucket.pipe("captures/2026/full nat.pcap", HEALTHY.read_bytes())
    s3fs.S3FileSystem.clear_instance_cache()
    assert batch(out, "s3://captures/2026/*.pcap").analysed == 1
    consistent(out)


def test_what_is_not_there(bucket: Any, tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"nothing at this place|cannot be listed"):
        batch(tmp_path / "out", "s3://captures/none/*.pcap")
    with pytest.raises(UnreadableError, match=r"cannot be listed|nothing at this place"):
        batch(tmp_path / "out", "s3://no-such-bucket/x")


def test_stores_that_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not known"):
        batch(tmp_path / "out", "nosuchstore://bucket/x")


@pytest.mark.parametrize(
    ("text", "url"),
    [("s3://b/x", True), ("C:/x", False), ("C://x", False), ("a::b", False), ("/a/b://c", False)],
)
def test_what_is_a_url(text: str, url: bool) -> None:
    assert places.is_url(text) is url
