"""A run from sources to a dataset, and runs after it: nothing twice, nothing lost, nothing stale."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pcapan.batch.grouping import Grouping
from pcapan.batch.layout import Layout
from pcapan.errors import PcapanError, UnreadableError, UsageError
from pcapan.pipeline import Options, analyze
from pcapan.report.jsontext import json_text
from tests.batch.packing import FULL_NAT, HEALTHY, LIMIT, SAMPLES, SILENT, zip_of
from tests.batch.running import Noting, batch, consistent, files, manifest, result, same_as_alone
from tests.batch.year import write_year

BAD_CHILD = "tests.batch.bad_child"


@pytest.fixture(autouse=True)
def fixed_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A small archive: two captures, a ticket with one, two nodes, a broken file and a note."""
    root = tmp_path / "archive"
    (root / "2026").mkdir(parents=True)
    shutil.copy(FULL_NAT, root / "2026")
    shutil.copy(SILENT, root)
    (root / "ticket.zip").write_bytes(zip_of({"in/healthy.pcap": HEALTHY.read_bytes()}))
    for node in (1, 2):
        shutil.copy(SAMPLES / f"no-persistence-node{node}.pcap", root)
    (root / "broken.pcap").write_bytes(b"\xd4\xc3\xb2\xa1 broken")
    (root / "note.txt").write_bytes(b"call back")
    return root


def expected(paths: list[Path] | Path, options: Options | None = None) -> str:
    return json_text(analyze(paths, options).result.to_dict())


def test_every_item_is_what_a_single_analysis_says(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    summary = batch(out, archive, workers=2)
    lines = manifest(out)
    nodes = ("no-persistence-node1.pcap", "no-persistence-node2.pcap")
    assert set(lines) == {
        ("full-nat-3-clients.pcap",), ("server-silent.pcap",), ("healthy.pcap",), ("broken.pcap",), nodes,
    }  # fmt: skip
    assert (summary.ok, len(summary.failed), summary.other_files) == (4, 1, 1)
    assert lines["broken.pcap",]["status"] == "failed" and lines["broken.pcap",]["reason"]
    for names, place in {
        ("full-nat-3-clients.pcap",): [archive / "2026" / "full-nat-3-clients.pcap"],
        ("server-silent.pcap",): [archive / "server-silent.pcap"],
        nodes: [archive / name for name in nodes],
    }.items():
        assert json_text(result(out, lines[names]["key"])) == expected(list(place))
    inside = result(out, lines["healthy.pcap",]["key"])
    alone = json.loads(expected(HEALTHY))
    assert inside["inputs"][0].pop("path") == f"{archive}/ticket.zip::in/healthy.pcap"
    assert alone["inputs"][0].pop("path")
    assert [f["verdict"] for f in inside["findings"]] == [f["verdict"] for f in alone["findings"]]
    assert inside["inputs"] == alone["inputs"] and inside["sources"] == alone["sources"]
    consistent(out)


def test_every_capture_of_a_folder_is_what_a_single_analysis_says(tmp_path: Path) -> None:
    """Verdicts, findings and the rows of all tables, of whole captures and of damaged ones."""
    folder, out = tmp_path / "folder", tmp_path / "out"
    write_year(folder, 24, 8)
    batch(out, folder, workers=2)
    lines = manifest(out)
    assert len(lines) == 24 and {line["status"] for line in lines.values()} == {"ok", "failed"}
    for line in lines.values():
        same_as_alone(out, line)


def test_tables_hold_the_rows_of_every_incident(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch(out, archive)
    key = manifest(out)["full-nat-3-clients.pcap",]["key"]
    analysis = analyze(FULL_NAT)
    for name, wanted in (
        ("attempts", len(list(analysis.table("attempts").index))),
        ("sas", len(list(analysis.table("sas").index))),
        ("sources", len(analysis.result.sources)),
        ("findings", len(analysis.result.findings)),
    ):
        (part,) = (out / "tables" / name).glob(f"*/*/{key}.parquet")
        rows = pq.read_table(part, partitioning=None).to_pylist()
        assert len(rows) == wanted and {row["incident"] for row in rows} == {key}
        assert part.parent.name == "server=10.10.10.20"
        assert part.parent.parent.name == "month=2026-11"


def test_a_second_run_does_nothing(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch(out, archive)
    before = files(out, "results", "facts", "tables"), (out / "manifest.jsonl").read_bytes()
    watch = Noting()
    summary = batch(out, archive, watch=watch)
    assert (summary.analysed, summary.judged, summary.unchanged) == (0, 0, 5)
    assert [names[0].rpartition("/")[2] for names, _ in summary.failed] == ["broken.pcap"]
    assert watch.lines == []
    assert before == (files(out, "results", "facts", "tables"), (out / "manifest.jsonl").read_bytes())


def test_what_is_new_changed_or_was_mended_is_done(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch(out, archive)
    old = manifest(out)["server-silent.pcap",]["key"]
    shutil.copy(LIMIT, archive / "server-silent.pcap")
    shutil.copy(HEALTHY, archive / "broken.pcap")
    shutil.copy(SAMPLES / "late-answers.pcap", archive)
    summary = batch(out, archive)
    assert (summary.analysed, summary.unchanged, summary.failed) == (3, 3, [])
    lines = manifest(out)
    assert lines["server-silent.pcap",]["key"] != old
    assert lines["broken.pcap",]["status"] == "ok"
    # The same content in the zip: one result, one set of rows.
    assert lines["broken.pcap",]["key"] == lines["healthy.pcap",]["key"]
    assert not list(out.rglob(f"{old}*"))
    consistent(out)


def test_a_part_more_makes_another_incident_of_it(tmp_path: Path) -> None:
    root, out = tmp_path / "ring", tmp_path / "out"
    root.mkdir()
    shutil.copy(FULL_NAT, root / "vpn_00001_20261123100000.pcap")
    batch(out, root)
    shutil.copy(HEALTHY, root / "vpn_00002_20261123110000.pcap")
    batch(out, root)
    assert set(manifest(out)) == {("vpn_00001_20261123100000.pcap", "vpn_00002_20261123110000.pcap")}
    consistent(out)
    batch(out, root, mode=Grouping.FILE)
    assert len(manifest(out)) == 2
    consistent(out)


def test_other_sources_stay(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch(out, archive)
    batch(out, LIMIT)
    assert len(manifest(out)) == 6
    shutil.rmtree(archive / "2026")
    batch(out, archive)
    assert len(manifest(out)) == 6  # captures may be deleted once they are analysed
    consistent(out)


def documents(out: Path) -> dict[str, object]:
    """Every result but its record of the run: one that stayed the same names the rules of its first run."""
    return {
        path.stem: {**json.loads(path.read_bytes()), "run": None}
        for path in (out / "results").glob("*/*.json")
    }


def test_changed_rules_give_what_a_fresh_analysis_gives(archive: Path, tmp_path: Path) -> None:
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    shutil.copy(LIMIT, archive)
    batch(out, archive)
    facts = files(out, "facts")
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "talkers.toml").write_text(_OWN_RULE)
    for changed in (
        {"overrides": {"full-nat.min_clients": "9", "server-silent.min_sources": "40"}},
        {"overrides": {}, "rules": (str(rules),)},
        {"overrides": {"sa-limit-exhaustion.min_attempts": "1"}},
    ):
        summary = batch(out, archive, **changed)
        assert (summary.analysed, summary.judged) == (0, 5)
        shutil.rmtree(fresh, ignore_errors=True)
        batch(fresh, archive, **changed)
        assert files(out, "tables") == files(fresh, "tables")
        assert documents(out) == documents(fresh)
        lines, anew = manifest(out), manifest(fresh)
        assert {n: line.get("digest") for n, line in lines.items()} == {
            n: line.get("digest") for n, line in anew.items()
        }
        consistent(out)
    assert set(files(out, "facts")) == set(facts)


_OWN_RULE = """
id = "talkers"
version = "1.0.0"
title = "A message was seen"
lifecycle = "experimental"
severity = "low"
table = "messages"
question = "Is there a message?"

[[outcome]]
verdict = "confirmed"
when = "length > 0"

[evidence]
frames = ["cut-messages"]

[report.summary]
confirmed = "{row_count} messages."
"""


def test_stored_facts_of_no_use_send_back_to_the_captures(archive: Path, tmp_path: Path) -> None:
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    batch(out, archive)
    lines = manifest(out)
    layout = Layout(out)
    layout.facts(lines["full-nat-3-clients.pcap",]["key"]).write_bytes(b"junk")
    layout.facts(lines["healthy.pcap",]["key"]).unlink()
    layout.result(lines["server-silent.pcap",]["key"]).write_bytes(b"{}")
    changed = {"overrides": {"full-nat.min_clients": "9"}}
    batch(out, archive, overrides=changed["overrides"])
    batch(fresh, archive, overrides=changed["overrides"])
    assert files(out, "tables") == files(fresh, "tables")
    assert documents(out) == documents(fresh)


def test_what_failed_is_tried_again_unless_the_same_bytes_were_read_by_the_same_program(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    shutil.copy(HEALTHY, archive / "exits.pcap")
    batch(out, archive, workers=1, module=BAD_CHILD)
    assert batch(out, archive).analysed == 1
    assert manifest(out)["exits.pcap",]["status"] == "ok"
    monkeypatch.setattr("pcapan.batch.run.reader_version", lambda: "another")
    assert batch(out, archive).analysed == 1  # broken.pcap, which another program may be able to read


def test_what_is_told_about_the_network_makes_other_results(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch(out, archive)
    summary = batch(out, archive, balancers=("10.10.10.1",))
    assert (summary.analysed, summary.unchanged) == (4, 1)
    consistent(out)


def test_a_crash_costs_one_item(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for name in ("segfault", "killed-once", "exits", "greedy", "endless"):
        shutil.copy(HEALTHY, archive / f"{name}.pcap")
    began = time.monotonic()
    summary = batch(out, archive, workers=2, module=BAD_CHILD, memory_mb=1024, seconds=8.0)
    assert time.monotonic() - began < 500
    lines = manifest(out)
    reasons = {names[0]: line["reason"] for names, line in lines.items() if line["status"] == "failed"}
    assert set(reasons) == {"segfault.pcap", "exits.pcap", "greedy.pcap", "endless.pcap", "broken.pcap"}
    assert "SIGSEGV" in reasons["segfault.pcap"]
    assert "status 3" in reasons["exits.pcap"]
    assert "memory" in reasons["greedy.pcap"]
    assert "8 seconds" in reasons["endless.pcap"]
    assert lines["killed-once.pcap",]["status"] == "ok"
    assert summary.ok == 5
    consistent(out)
    assert not batch(out, [archive / f"{name}.pcap" for name in ("segfault", "endless")]).failed  # no longer


def test_sources_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="no such file"):
        batch(tmp_path / "out", tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadableError, match="no capture"):
        batch(tmp_path / "out", tmp_path / "empty")


def test_only_failures(tmp_path: Path) -> None:
    (tmp_path / "a.pcap").write_bytes(b"")
    summary = batch(tmp_path / "out", tmp_path / "a.pcap")
    assert summary.ok == 0 and summary.failed == [((str(tmp_path / "a.pcap"),), summary.failed[0][1])]
    assert "empty" in summary.failed[0][1]


def test_a_folder_with_something_else_in_it(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.doc").touch()
    with pytest.raises(UsageError, match="no dataset"):
        batch(tmp_path / "out", HEALTHY)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError):
        batch(tmp_path / "file", HEALTHY)


def test_a_full_disk_ends_the_run_and_the_next_one_goes_on(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    monkeypatch.setenv("PCAPAN_TEST_FULL", "server-silent")
    with pytest.raises(PcapanError, match="No space") as ended:
        batch(out, archive, workers=1, module="tests.batch.full_child")
    assert int(ended.value.exit_code) == 70
    monkeypatch.delenv("PCAPAN_TEST_FULL")
    batch(out, archive, workers=1, module="tests.batch.full_child")
    assert len(manifest(out)) == 5
    consistent(out)
