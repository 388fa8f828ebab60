"""Nothing of a capture is in any byte of what `--redact` writes, and the findings are the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pcapan.ingest.frames import Interface
from pcapan.ingest.pcapng_writer import PcapngWriter
from pcapan.pipeline import Options, analyze
from pcapan.redact.incident import Redactor
from pcapan.redact.keyed import Key
from tests.cli.conftest import Cli
from tests.redact.attack import Secrets, fitting_hashes, found
from tests.redact.frames import load
from tests.redact.same import without_names
from tests.samples_kit import Sample, incidents, sample

ALL = incidents()
KEYS = ("the first key", "the second key")
TABLES = ("messages", "attempts", "sas", "esp", "sources", "handshakes", "capture")
#: Every kind of packet and container once; all of them are attacked where time is no matter.
VARIED = (
    "sa-limit-8 ike-fragment-lost ikev1 no-persistence server-drop capture-loss-told udp-4500-blocked mobike"
)
each_incident = pytest.mark.parametrize("incident", ALL, ids=[one.name for one in ALL])


def renamed(paths: list[Path], folder: Path) -> list[Path]:
    """Copies under names that could be found again."""
    home = folder / "Contoso-Muenchen" / "vpn-gateway-07"
    home.mkdir(parents=True)
    made = []
    for number, path in enumerate(paths):
        copy = home / f"kunde-4711-part{number}{''.join(path.suffixes)}"
        shutil.copy(path, copy)
        made.append(copy)
    return made


def everything(cli: Cli, captures: list[Path], folder: Path, key: str, *, full: bool) -> dict[str, bytes]:
    """All that the commands write about captures, by name; errors of the terminal's own words left out."""
    options = ("--redact", "--redact-key", key)
    out = folder / f"out-{key.split()[1]}"
    ran = cli("analyze", *captures, *options, "-v", "-o", out, "--tables", "parquet" if full else "csv")
    assert ran.code in (0, 5), ran.err
    made = {"analyze.text": ran.raw}
    made |= {path.name: path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}
    for path in sorted(out.rglob("*.parquet")):
        made[f"{path.name}.text"] = _unpacked(path)
    plain = folder / "plain.json"
    plain.write_bytes(cli("analyze", *captures, "-f", "json").raw)
    for form in ("text", "json", *(["html", "markdown"] if full else [])):
        made[f"report.{form}"] = cli("report", plain, *options, "-v", "-f", form).raw
    made["compare"] = cli("compare", plain, captures[0], *options, "-v", "-f", "markdown").raw
    for name in TABLES if full else TABLES[:1]:
        made[f"{name}.jsonl"] = cli("tables", *captures, *options, "-t", name, "-f", "jsonl").raw
    for number, capture in enumerate(captures):
        target = folder / f"extract-{number}-{key.split()[1]}.pcapng"
        assert cli("extract", capture, "-o", target, *options).code in (0, 5)
        made[target.name] = target.read_bytes()
    return made


def _unpacked(path: Path) -> bytes:
    import pyarrow.parquet as pq

    return repr(pq.read_table(path).to_pylist()).encode()


def attack(cli: Cli, captures: list[Path], folder: Path, *, full: bool = False) -> None:
    """Search, and look again under another key at what may be a coincidence."""
    secrets = Secrets.of(captures)
    first = everything(cli, captures, folder, KEYS[0], full=full)
    hits = {what for _, what in found(secrets, first.items())}
    if hits:
        hits &= {
            what for _, what in found(secrets, everything(cli, captures, folder, KEYS[1], full=full).items())
        }
    assert not hits
    for name in (path.name for path in folder.rglob("*-first.pcapng")):
        interfaces, blocks = load(folder / name)
        assert fitting_hashes(secrets, blocks, interfaces) == []
    interfaces, blocks = load(folder / "out-first" / "evidence.pcapng")
    assert fitting_hashes(secrets, blocks, interfaces) == []


@pytest.mark.parametrize(
    "incident",
    [pytest.param(one, marks=() if one.name in VARIED.split() else pytest.mark.heavy) for one in ALL],
    ids=[one.name for one in ALL],
)
def test_nothing_is_found_in_any_output(cli: Cli, incident: Sample, tmp_path: Path) -> None:
    captures = renamed(list(incident.captures), tmp_path)
    attack(cli, captures, tmp_path)


@pytest.mark.parametrize("name", ["healthy-dnat-ipv6", "ike-service-stopped"])
def test_nothing_is_found_in_pages_and_parquet(cli: Cli, name: str, tmp_path: Path) -> None:
    reason = "needs the extras parquet and report: redaction of a whole folder is not attacked"
    pytest.importorskip("pyarrow", reason=reason)
    pytest.importorskip("matplotlib", reason=reason)
    attack(cli, renamed([sample(name)], tmp_path), tmp_path, full=True)


def test_names_inside_a_capture_are_not_found(cli: Cli, tmp_path: Path) -> None:
    """Comments, hardware, systems, interfaces and filters of a pcapng."""
    _, blocks = load(sample("sa-limit-8"))
    capture = tmp_path / "named.pcapng"
    interface = Interface(
        link_type=1,
        name="vEthernet-Contoso",
        description="Intel I350 of vpn-gateway-07",
        capture_filter="host vpn.contoso.example or (udp port 4500 and net 10.10.10.0/24)",
        operating_system="Windows Server 2019 CONTOSO-DC",
        hardware="Dell serial 4711ABCD",
    )
    with capture.open("wb") as file:
        writer = PcapngWriter(file)
        writer.section(
            operating_system="Windows on WS-MUELLER",
            hardware="Workstation of Max Mueller",
            application="dumpcap of mueller",
            comments=["taken by max.mueller@contoso.example"],
        )
        writer.interface(interface)
        for block in blocks:
            for offset, length, time in zip(block.offsets, block.lengths, block.times, strict=True):
                data = block.data[offset : offset + length]
                writer.packet(0, time, data, length, comments=["seen at vpn-gateway-07"])
    told = ("contoso", "mueller", "4711abcd", "vpn-gateway-07", "10.10.10.0", "intel")
    (copy,) = renamed([capture], tmp_path)
    for name, data in everything(cli, [copy], tmp_path, KEYS[0], full=True).items():
        assert not [word for word in told if word.encode() in data.lower()], name


def test_the_attack_finds_what_is_there(cli: Cli, tmp_path: Path) -> None:
    """Without --redact it finds every address, so that silence means something."""
    captures = renamed([sample("healthy-dnat")], tmp_path)
    secrets = Secrets.of(captures)
    made = {"out.json": cli("analyze", *captures, "-f", "json").raw}
    cli("extract", captures[0], "-o", tmp_path / "x.pcapng")
    made["x.pcapng"] = (tmp_path / "x.pcapng").read_bytes()
    kinds = {what.partition(" ")[0] for _, what in found(secrets, made.items())}
    assert kinds == {"address", "MAC", "IKE", "ESP", "NAT-D", "name"}
    interfaces, blocks = load(captures[0])
    assert fitting_hashes(secrets, blocks, interfaces)


@each_incident
def test_findings_are_the_same(incident: Sample, tmp_path: Path) -> None:
    paths = [str(path) for path in incident.captures]
    redacted = analyze(paths, Options(redactor=Redactor(Key(b"a key"))))
    assert without_names(redacted.result) == without_names(analyze(paths).result)


@each_incident
def test_extracts_are_analysed_to_the_same_findings(cli: Cli, incident: Sample, tmp_path: Path) -> None:
    targets: list[str] = []
    plain: list[str] = []
    for number, capture in enumerate(incident.captures):
        targets.append(str(tmp_path / f"{number}.pcapng"))
        ran = cli("extract", capture, "-o", targets[-1], "--redact", "--redact-key", KEYS[0])
        assert ran.code in (0, 5)
        plain.append(str(tmp_path / f"plain-{number}.pcapng"))
        assert cli("extract", capture, "-o", plain[-1]).code in (0, 5)
    assert without_names(analyze(targets).result) == without_names(analyze(plain).result)
