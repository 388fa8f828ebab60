"""What survives when a run is ended at any moment: the lock, the manifest, the dataset."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pcapan.batch.layout import Layout, write_whole
from pcapan.batch.lock import holder, is_held, locked
from pcapan.batch.manifest import Manifest, encoded
from pcapan.errors import UnreadableError, UsageError
from tests.batch.packing import FULL_NAT, HEALTHY, LIMIT, ROOT
from tests.batch.running import batch, consistent, files, manifest


def line(*names: str, key: str = "", **more: object) -> dict[str, object]:
    return {"inputs": list(names), "status": "ok" if key else "failed", "key": key, **more}


def test_a_torn_last_line_costs_that_line(tmp_path: Path) -> None:
    place = tmp_path / "manifest.jsonl"
    whole = [encoded(line(f"{n}.pcap", key="k")) for n in range(3)]
    data = b"".join(whole)
    for cut in range(len(whole[0]) + len(whole[1]), len(data)):
        place.write_bytes(data[:cut])
        read = Manifest.read(place)
        assert len(read.lines) == 2
        read.repair()
        read.append([line("new.pcap", key="n")])
        assert place.read_bytes() == whole[0] + whole[1] + encoded(line("new.pcap", key="n"))


def test_lines_that_are_none_are_left_out_and_taken_out(tmp_path: Path) -> None:
    place = tmp_path / "manifest.jsonl"
    good = encoded(line("a.pcap", key="k"))
    place.write_bytes(good + b"junk\n[]\n" + bytes(50) + b'\n{"inputs": 5}\n' + good)
    read = Manifest.read(place)
    assert list(read.lines) == [("a.pcap",)]
    read.compact()
    assert place.read_bytes() == good


def test_the_last_line_of_an_item_counts(tmp_path: Path) -> None:
    read = Manifest.read(tmp_path / "manifest.jsonl")
    read.append([line("a"), line("b", key="1")])
    read.append([line("a", key="2")])
    again = Manifest.read(tmp_path / "manifest.jsonl")
    assert again.keys == {"1", "2"}
    again.compact()
    assert len((tmp_path / "manifest.jsonl").read_bytes().splitlines()) == 2


def test_a_write_that_fails_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "manifest.jsonl"
    read = Manifest.read(place)
    read.append([line("a", key="1")])
    before = place.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match="No space"):
        read.append([line("b", key="2")])
    assert place.read_bytes() == before
    assert ("b",) not in read.lines


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "a" / "b"
    write_whole(place, b"one", tmp_path)
    monkeypatch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError, match="full"):
        write_whole(place, b"two", tmp_path)
    assert place.read_bytes() == b"one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]


def test_one_run_at_a_time(tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch(out, HEALTHY)
    lock = Layout(out).lock
    with locked(lock):
        assert is_held(lock)
        with pytest.raises(UsageError, match=f"process {os.getpid()} on "):
            batch(out, HEALTHY)
    assert not is_held(lock)
    batch(out, HEALTHY)


def test_the_lock_of_a_dead_process_is_none(tmp_path: Path) -> None:
    place = tmp_path / "lock"
    code = (
        "import sys, os, signal\nfrom pathlib import Path\nfrom pcapan.batch.lock import locked\n"
        "with locked(Path(sys.argv[1])):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(place)], check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    told = holder(place)
    assert told is not None and told.pid
    assert not is_held(place)
    with locked(place):
        assert holder(place) != told


def test_without_locks_of_the_system_the_process_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pcapan.batch import lock

    monkeypatch.setattr(lock, "_system_lock", lambda file: (_ for _ in ()).throw(OSError(37, "No locks")))
    place = tmp_path / "lock"
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for pid, host, held in (
        (os.getppid(), socket.gethostname(), True),
        (dead.pid, socket.gethostname(), False),
        (dead.pid, "another-host", True),
    ):
        place.write_text(json.dumps({"pid": pid, "host": host, "since": 0}))
        assert is_held(place) is held


def test_what_a_killed_run_left_is_cleared(tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch(out, FULL_NAT)
    place = Layout(out)
    (out / "tmp" / ".halfway").write_bytes(b"x")
    key = manifest(out)["full-nat-3-clients.pcap",]["key"]
    orphan = place.result("f" * 32)
    orphan.parent.mkdir(parents=True)
    shutil.copy(place.result(key), orphan)
    state = json.loads(place.progress.read_bytes())
    place.progress.write_text(json.dumps({**state, "state": "running"}))
    batch(out, FULL_NAT)
    assert not orphan.exists()
    consistent(out)


def test_files_without_a_line_are_made_again(tmp_path: Path) -> None:
    """Killed between the last file of an item and its line."""
    out = tmp_path / "out"
    batch(out, [FULL_NAT, LIMIT])
    before = files(out, "tables", "facts")
    place = Layout(out).manifest
    place.write_bytes(place.read_bytes().splitlines(keepends=True)[0][:-5])
    Layout(out).progress.unlink()
    batch(out, [FULL_NAT, LIMIT])
    assert files(out, "tables", "facts") == before
    consistent(out)


@pytest.mark.parametrize("marker", [b"", b"[]", b'{"format": 99}'])
def test_a_dataset_of_another_format(marker: bytes, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "pcapan-batch.json").write_bytes(marker)
    with pytest.raises(UnreadableError):
        batch(out, HEALTHY)
