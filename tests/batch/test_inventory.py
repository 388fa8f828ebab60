"""What there is to analyse, whatever stands in the way: links, specials, archives of all kinds."""

from __future__ import annotations

import gzip
import io
import os
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapan.batch import archives, inventory, places
from pcapan.batch.archives import Shelf, list_archive
from pcapan.batch.inventory import Unknown, inspect, walk
from pcapan.batch.model import Found, Input
from pcapan.batch.recognise import Kind
from pcapan.errors import UnreadableError
from pcapan.pipeline import read_facts
from tests.batch.packing import FULL_NAT, HEALTHY, packed, tar_of, zip_of

DATA = FULL_NAT.read_bytes()
posix = pytest.mark.skipif(
    sys.platform == "win32",
    reason="needs a POSIX file system: links, special files and names of any bytes are not tested on Windows",
)


def found_in(*sources: Path | str) -> Found:
    """Walk and look into every file, as a run does."""
    walked = walk([str(source) for source in sources])
    found = walked.found
    for entry in walked.unknown:
        more = inspect(entry)
        found.inputs += more.inputs
        found.refused += more.refused
        found.other_files += more.other_files
    return found


def names(found: Found, root: Path) -> list[str]:
    return sorted(os.path.relpath(entry.name, root).replace(os.sep, "/") for entry in found.inputs)


def reasons(found: Found) -> dict[str, str]:
    return {entry.name.replace(os.sep, "/").rpartition("/")[2]: entry.reason for entry in found.refused}


def put(root: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return root


def test_folders_names_and_contents(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "a/one.pcap": DATA,
            "a/two.PCAPNG": b"broken, but it claims to be one",
            "b/without-ending": DATA,
            "b/packed.gz": gzip.compress(DATA),
            "b/notes.txt": b"call the customer",
            "b/empty.pcap": b"",
            "c/vpn.pcap3": DATA,
        },
    )
    found = found_in(tmp_path)
    assert names(found, tmp_path) == [
        "a/one.pcap", "a/two.PCAPNG", "b/empty.pcap", "b/packed.gz", "b/without-ending", "c/vpn.pcap3",
    ]  # fmt: skip
    assert found.other_files == 1
    assert not found.refused


def test_a_file_that_is_named_is_a_capture_until_proven_otherwise(tmp_path: Path) -> None:
    put(tmp_path, {"notes.txt": b"call the customer"})
    assert len(found_in(tmp_path / "notes.txt").inputs) == 1
    assert found_in(tmp_path).other_files == 1


def test_patterns_and_what_is_not_there(tmp_path: Path) -> None:
    put(tmp_path, {"a/one.pcap": DATA, "b/two.pcap": DATA, "b/two.txt": b""})
    assert names(found_in(tmp_path / "*" / "*.pcap"), tmp_path) == ["a/one.pcap", "b/two.pcap"]
    assert names(found_in(f"{tmp_path}/**/t*.pcap"), tmp_path) == ["b/two.pcap"]
    with pytest.raises(UnreadableError, match="pattern"):
        found_in(tmp_path / "*.etl")
    with pytest.raises(UnreadableError, match="no such file"):
        found_in(tmp_path / "nothing")


def test_a_file_that_is_named_like_a_pattern(tmp_path: Path) -> None:
    put(tmp_path, {"a[1].pcap": DATA})
    assert len(found_in(tmp_path / "a[1].pcap").inputs) == 1


def test_the_same_file_twice_is_once(tmp_path: Path) -> None:
    put(tmp_path, {"a/one.pcap": DATA})
    assert len(found_in(tmp_path, tmp_path / "a", tmp_path / "a" / "one.pcap").inputs) == 1


@posix
def test_links_loops_specials_and_closed_folders(tmp_path: Path) -> None:
    put(tmp_path, {"a/one.pcap": DATA, "closed/two.pcap": DATA, "closed-file.pcap": DATA})
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "again.pcap").symlink_to("one.pcap")
    (tmp_path / "a" / "nowhere.pcap").symlink_to("gone")
    (tmp_path / "a" / "itself").symlink_to("itself")
    (tmp_path / "other-way").symlink_to("a")
    os.mkfifo(tmp_path / "a" / "pipe.pcap")
    (tmp_path / "closed").chmod(0)
    found = found_in(tmp_path)
    (tmp_path / "closed").chmod(0o700)
    told = reasons(found)
    assert "leads back" in told["up"]
    assert "leads nowhere" in told["nowhere.pcap"]
    assert "itself" in told
    assert "named pipe" in told["pipe.pcap"]
    assert len([name for name in names(found, tmp_path) if name.startswith("a/")]) == 1
    assert ("closed" in told) or os.geteuid() == 0


@posix
def test_names_of_any_bytes(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9 \xff\x1b[31m.pcap")
    put(tmp_path, {name: DATA})
    (entry,) = found_in(tmp_path).inputs
    facts, _ = read_facts(Input.from_json(entry.to_json()).name)
    assert facts.scans[0].packets


def test_a_dataset_is_no_source(tmp_path: Path) -> None:
    put(tmp_path, {"out/pcapan-batch.json": b"{}", "out/x.pcap": DATA, "y.pcap": DATA})
    assert names(found_in(tmp_path), tmp_path) == ["y.pcap"]


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.zst"])
def test_archives_are_read_where_they_are(kind: str, tmp_path: Path) -> None:
    files = {
        "node1/a.pcap": DATA,
        "b.pcap.gz": gzip.compress(HEALTHY.read_bytes()),
        "readme.txt": b"hello",
        "../../../etc/evil.pcap": HEALTHY.read_bytes(),
        "no-ending": DATA,
    }
    place = tmp_path / f"ticket.{kind}"
    place.write_bytes(packed(kind, files))
    found = found_in(tmp_path)
    assert [entry.name.partition("::")[2] for entry in found.inputs] == [
        n for n in files if n != "readme.txt"
    ]
    assert found.other_files == 1 and not found.refused
    before = sorted(tmp_path.rglob("*"))
    shelf = Shelf(places.open_binary, places.current_stamp)
    for entry in [*found.inputs, *reversed(found.inputs)]:
        member = entry.name.partition("::")[2]
        with shelf.open(entry) as file:
            assert file.read() == files[member], member
        facts, _ = read_facts(entry.name, opener=lambda name, entry=entry: shelf.open(entry))  # type: ignore[misc]
        assert facts.inputs[0].size == len(files[member])
    shelf.close()
    assert sorted(tmp_path.rglob("*")) == before


def test_an_archive_that_is_changed_after_it_was_listed(tmp_path: Path) -> None:
    place = tmp_path / "t.zip"
    place.write_bytes(zip_of({"a.pcap": DATA}))
    (entry,) = found_in(place).inputs
    place.write_bytes(zip_of({"b.pcap": HEALTHY.read_bytes()}))
    with pytest.raises(UnreadableError, match="changed"):
        Shelf(places.open_binary, places.current_stamp).open(entry)
    place.unlink()
    with pytest.raises(UnreadableError, match="cannot be read"):
        Shelf(places.open_binary, places.current_stamp).open(entry)


def encrypted_zip() -> bytes:
    data = bytearray(zip_of({"secret.pcap": DATA, "open.pcap": DATA}))
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + offset] |= 1
    return bytes(data)


def damaged_zip() -> bytes:
    data = bytearray(zip_of({"bad.pcap": DATA, "good.pcap": DATA}))
    data[60:90] = bytes(30)
    return bytes(data)


def overlapping_zip() -> bytes:
    """Many members, all the same bytes: the quoted overlap, as zip bombs have it."""
    one = zip_of({"a.pcap": os.urandom(50_000)})
    local, rest = one.split(b"PK\x01\x02", 1)
    entry, _ = (b"PK\x01\x02" + rest).split(b"PK\x05\x06", 1)
    end = b"PK\x05\x06" + bytes(4) + (50).to_bytes(2, "little") * 2
    end += (len(entry) * 50).to_bytes(4, "little") + len(local).to_bytes(4, "little") + bytes(2)
    return local + entry * 50 + end


def sparse_tar() -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.GNU_FORMAT) as archive:
        entry = tarfile.TarInfo("huge.pcap")
        entry.type = tarfile.GNUTYPE_SPARSE
        archive.addfile(entry)
        link = tarfile.TarInfo("link.pcap")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return written.getvalue()


BAD = {
    "nested": (zip_of({"inner.zip": zip_of({"a.pcap": DATA}), "a.pcap": DATA}), 1, "inside an archive"),
    "nested tar.gz": (tar_of({"inner.tgz": packed("tar.gz", {"a.pcap": DATA})}), 0, "inside an archive"),
    "encrypted": (encrypted_zip(), 1, "encrypted"),
    "damaged member": (damaged_zip(), 1, "damaged"),
    "cut zip": (zip_of({"a.pcap": DATA})[:-40], 0, "damaged"),
    "cut tar.gz": (packed("tar.gz", {"a.pcap": DATA, "b.pcap": os.urandom(10**6)})[:-500], 2, "cut"),
    "overlapping": (overlapping_zip(), 0, "bomb"),
    "links": (sparse_tar(), 0, "link"),
    "7-Zip": (b"7z\xbc\xaf\x27\x1c" + bytes(100), 0, "7-Zip"),
    "an archive in gzip": (gzip.compress(zip_of({"a.pcap": DATA})), 0, "inside a compressed file"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_archives_cost_themselves_only(name: str, tmp_path: Path) -> None:
    data, readable, word = BAD[name]
    place = tmp_path / "x"
    place.write_bytes(data)
    found = found_in(tmp_path)
    assert len(found.inputs) == readable
    assert any(word in entry.reason for entry in found.refused), found.refused


def test_bombs_are_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "FREE_OUTPUT", 10**6)
    monkeypatch.setattr("pcapan.ingest.compressed.FREE_OUTPUT", 10**6)
    zeros = bytes(20 * 10**6)
    (tmp_path / "bomb.zip").write_bytes(zip_of({"zeros.pcap": zeros, "fine.pcap": DATA}))
    small = DATA[:5000]
    files = {"a.pcap": small, "zeros.pcap": zeros, "z.pcap": small}
    (tmp_path / "bomb.tgz").write_bytes(gzip.compress(tar_of(files), 9))
    found = found_in(tmp_path)
    told = reasons(found)
    assert "bomb" in told["bomb.zip::zeros.pcap"]
    assert "200 times" in told["bomb.tgz"]
    assert {entry.name.partition("::")[2] for entry in found.inputs} >= {"a.pcap", "fine.pcap"}


def test_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    for kind in ("zip", "tar"):
        (tmp_path / f"x.{kind}").write_bytes(packed(kind, {f"{n}.pcap": DATA for n in range(5)}))
    found = found_in(tmp_path)
    assert len(found.inputs) == 6 and len(found.refused) == 2


def test_members_of_the_same_name(tmp_path: Path) -> None:
    place = tmp_path / "x.zip"
    with zipfile.ZipFile(place, "w") as archive, pytest.warns(UserWarning):
        archive.writestr("a.pcap", DATA)
        archive.writestr("a.pcap", HEALTHY.read_bytes())
    found = found_in(place)
    assert len({entry.name for entry in found.inputs}) == len(found.inputs) == 2
    shelf = Shelf(places.open_binary, places.current_stamp)
    assert [len(shelf.open(entry).read()) for entry in found.inputs] == [len(DATA), HEALTHY.stat().st_size]


@given(st.binary(max_size=300), st.sampled_from(["zip", "tar", "tar.gz"]), st.integers(0, 10**6))
def test_any_bytes_in_an_archive(junk: bytes, kind: str, at: int) -> None:
    data = bytearray(packed(kind, {"a.pcap": DATA[:2000], "b.pcap": DATA[:500]}))
    at %= len(data)
    data[at : at + len(junk)] = junk
    word = {"zip": Kind.ZIP, "tar": Kind.TAR, "tar.gz": Kind.GZIP}[kind]
    found = list_archive("x", "s", word, lambda name: io.BytesIO(bytes(data)))
    shelf = Shelf(lambda name: io.BytesIO(bytes(data)), lambda name: "s")
    for entry in found.inputs:
        try:
            with shelf.open(entry) as file:
                file.read()
        except (UnreadableError, OSError):
            pass


def test_looking_into_a_file_that_is_gone(tmp_path: Path) -> None:
    found = inspect(Unknown(str(tmp_path / "gone"), 1, "s", False))
    assert "cannot be read" in found.refused[0].reason


def test_time_of_the_first_packet(tmp_path: Path) -> None:
    facts, _ = read_facts(FULL_NAT)
    assert inventory.first_time(str(FULL_NAT), lambda name: None) == facts.scans[0].first_ts
    bad = tmp_path / "bad.pcap"
    bad.write_bytes(b"junk")
    assert inventory.first_time(str(bad), lambda name: None) is None
