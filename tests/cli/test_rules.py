"""`pcapan rules` and `pcapan explain`: what they print, and with which status they end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pcapan.commands.explain import VERDICTS
from pcapan.detect.ruleset import default_rules_dir
from pcapan.model import Verdict
from pcapan.report.words import VERDICT_WORDS
from pcapan.tables.registry import TABLES
from tests.cli.conftest import Cli
from tests.samples_kit import SAMPLES, sample

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
IDS = sorted(path.stem for path in default_rules_dir().glob("*.toml"))


def test_list(cli: Cli) -> None:
    ran = cli("rules", "list")
    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.splitlines()] == IDS
    [line] = [line for line in ran.out.splitlines() if line.startswith("sa-limit-exhaustion ")]
    assert re.split(r" {2,}", line)[1:4] == ["critical", "stable", "episodes"]


def test_list_as_json(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(example().replace('"many-sas"', '"mine"'), "utf-8")
    ran = cli("rules", "list", "--format", "json", "--rules", tmp_path)
    entries = {entry["id"]: entry for entry in json.loads(ran.raw)}
    assert set(entries) == {*IDS, "mine"}
    assert entries["full-nat"]["severity"] == "high" and entries["full-nat"]["params"]["min_clients"] == 2
    assert entries["mine"]["file"] == str(tmp_path / "mine.toml")


@pytest.mark.parametrize("rule_id", IDS)
def test_show_every_rule(cli: Cli, rule_id: str) -> None:
    ran = cli("rules", "show", rule_id)
    assert ran.code == 0
    for heading in ("Question", "Asked of", "Verdicts", "Cannot show", "What to change", "Examples", "File"):
        assert re.search(rf"^{heading}", ran.out, re.M), heading
    assert "{" not in re.sub(r"-f \".*?\"|\{ \$_|&& \{\{", "", ran.out)


def test_show_has_it_all(cli: Cli) -> None:
    out = cli("rules", "show", "sa-limit-exhaustion").out
    assert "min_attempts = 3 attempts" in out and "happen on a bad line" in out
    assert "2. confirmed, when still_working > 0" in out
    assert "What speaks against it" in out and "Signals for it" in out
    assert "Shared fixes: raise-limit, keep-client-address" in out
    assert "Source: Richard Hicks" in out
    command = next(line for line in out.splitlines() if "New-ItemProperty" in line)
    assert command.strip().endswith("-Value 50000 -Force")


@pytest.mark.parametrize("rule_id", IDS)
def test_explain_every_rule(cli: Cli, rule_id: str) -> None:
    out = cli("explain", rule_id).out
    for heading in ("What it is about", "What it needs", "What it says", "What it cannot show"):
        assert heading in out


@pytest.mark.parametrize("table", TABLES)
def test_explain_every_table(cli: Cli, table: str) -> None:
    ran = cli("explain", table)
    assert ran.code == 0
    assert f"{table} (table)" in ran.out
    for column in TABLES[table].columns:
        assert f"- {column.name} (" in ran.out


def test_explain_a_column(cli: Cli) -> None:
    out = cli("explain", "sas_concurrent_max").out
    assert "whole number, SAs" in out and "Most established IKE SAs at once" in out
    assert "Rules that use it: full-nat, shared-source." in out
    both = cli("explain", "server_heard").out
    assert "table attempts)" in both and "table episodes)" in both
    assert "rules cannot name it" in cli("explain", "vendors").out
    wide = cli("explain", "has_ipsec").out
    assert "sa-limit-exhaustion" in wide and "table capture)" in wide


def test_explain_what_has_several_meanings(cli: Cli) -> None:
    out = cli("explain", "attempts").out
    assert "attempts (table)" in out and "attempts (column of the table sources)" in out


def test_explain_thresholds_and_shared_fixes(cli: Cli) -> None:
    assert "threshold of full-nat" in cli("explain", "min_hop_spread").out
    out = cli("explain", "raise-limit").out
    assert "shared fix" in out and "sa-limit-exhaustion" in out


@pytest.mark.parametrize("verdict", Verdict)
def test_explain_verdicts_as_readme_does(cli: Cli, verdict: Verdict) -> None:
    for word in (
        verdict.value,
        verdict.value.replace("_", "-"),
        VERDICT_WORDS[verdict],
        verdict.value.upper(),
    ):
        assert VERDICTS[verdict][0] in cli("explain", word).out
    assert f"| {VERDICT_WORDS[verdict]} | {VERDICTS[verdict][0]}" in README


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("explain", "full-nta"), "full-nat"),
        (("explain", "sas_at_onst"), "sas_at_onset"),
        (("explain", "confrmed"), "'confirmed'"),
        (("explain", "episods"), "episodes"),
        (("explain", ""), "Known words"),
        (("explain", "../rules/full-nat"), ""),
        (("rules", "show", "full-nta"), "full-nat"),
        (("rules", "test", "full-nta"), "full-nat"),
        (("rules", "new", "Many SAs"), "small letters"),
        (("rules", "new", "../many"), "small letters"),
        (("rules", "new", "many-sas", "-o", "no/such/folder"), "existing folder"),
        (("rules", "test", "--samples", "no/such/folder"), "folder of captures"),
        (("rules", "lint", "--samples", "no/such/folder"), "folder of captures"),
        (("rules", "lint", "rules", "--rules", "rules"), "not both"),
        (("rules", "frobnicate"), ""),
        (("rules", "list", "--format", "xml"), ""),
        (("analyze", "x.pcap", "-q", "-v"), "one of them"),
        (("analyze", "x.pcap", "--recover-seconds", "5"), "--recover-addresses"),
    ],
)
def test_wrong_usage_is_exit_2_with_what_to_write(cli: Cli, arguments: tuple[str, ...], hint: str) -> None:
    ran = cli(*arguments)
    assert ran.code == 2, ran.err
    assert ran.raw == b""
    assert hint in ran.err


def test_lint_of_the_built_in_rules_finds_nothing(cli: Cli) -> None:
    ran = cli("rules", "lint")
    assert (ran.code, ran.raw) == (0, b"")
    assert f"{len(IDS)} rules, nothing to do better" in ran.err


def test_lint_says_file_line_and_what_to_write(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "many-sas.toml"
    text = (
        example()
        .replace('lifecycle = "experimental"', 'lifecycle = "stable"')
        .replace("sa-limit-8", "sa-limit")
    )
    path.write_text(text, "utf-8")
    ran = cli("rules", "lint", path)
    assert ran.code == 4
    lines = ran.out.splitlines()
    assert all(re.match(re.escape(str(path)) + r":\d+: \S", line) for line in lines)
    said = "\n".join(lines)
    for part in (
        "no motivation",
        "no inconclusive example",
        "no sample 'sa-limit'",
        "Did you mean 'sa-limit-8'",
    ):
        assert part in said
    assert f":{text[: text.index('sample = ')].count(chr(10)) + 1}: There is no sample" in said
    assert "3 recommendations in 1 file" in ran.err


def test_lint_goes_on_after_a_rule_that_does_not_load(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text('id = "broken"\ntabel = "sources"\n', "utf-8")
    (tmp_path / "many-sas.toml").write_text(example().replace("cannot_show", "# cannot_show"), "utf-8")
    ran = cli("rules", "lint", tmp_path)
    assert ran.code == 4
    assert "broken.toml:2: Unknown key 'tabel'. Did you mean 'table'" in ran.out
    assert "many-sas.toml" in ran.out and "what it cannot show" in ran.out


def test_lint_without_rules(cli: Cli, tmp_path: Path) -> None:
    assert cli("rules", "lint", tmp_path).code == 2
    assert cli("rules", "lint", tmp_path / "missing").code == 4


def test_examples_of_some_rules(cli: Cli) -> None:
    ran = cli("rules", "test", "full-nat", "health-probes")
    assert ran.code == 0
    assert "ok      full-nat on full-nat-3-clients: confirmed (10.10.10.1)" in ran.out
    assert len(ran.out.splitlines()) == 6
    assert "6 examples of 2 rules, 0 failed" in ran.err


def test_a_failing_example_is_exit_4(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "many-sas.toml"
    path.write_text(
        example().replace('"10.10.10.1"', '"10.10.10.2"').replace("healthy-dnat", "nowhere"), "utf-8"
    )
    ran = cli("rules", "test", "many-sas", "--rules", path, "--samples", SAMPLES)
    assert ran.code == 4
    first, second = ran.out.splitlines()
    assert first.endswith("confirmed (10.10.10.1); expected confirmed (10.10.10.2)")
    assert second.startswith("FAILED") and "no capture nowhere.*" in second


def test_samples_are_found_beside_the_work_or_the_program(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli("rules", "test", "full-nat").code == 0
    (tmp_path / "samples").mkdir()
    ran = cli("rules", "test", "full-nat")
    assert ran.code == 4 and "there is no capture full-nat-3-clients.*" in ran.out
    monkeypatch.setattr("pcapan.__file__", str(tmp_path / "site-packages" / "pcapan" / "__init__.py"))
    (tmp_path / "samples").rmdir()
    ran = cli("rules", "test", "full-nat")
    assert ran.code == 2
    assert "--samples DIR" in ran.err
    ran = cli("rules", "lint")
    assert ran.code == 0 and "names of samples were not checked" in ran.err


def test_new_writes_a_rule_that_loads_lints_and_runs(cli: Cli, tmp_path: Path) -> None:
    ran = cli("rules", "new", "my-first-rule", "-o", tmp_path)
    path = tmp_path / "my-first-rule.toml"
    assert (ran.code, ran.out.strip()) == (0, str(path))
    assert cli("rules", "lint", path).code == 0
    ran = cli("analyze", sample("sa-limit-8"), "--rules", path, "--format", "json")
    assert (ran.code, ran.findings["my-first-rule"]) == (0, "not_observed")
    ran = cli(
        *("analyze", sample("sa-limit-8"), "--rules", path, "--format", "json"),
        *("--set", "my-first-rule.max_sas=3"),
    )
    assert ran.findings["my-first-rule"] == "confirmed"
    stable = path.read_text("utf-8").replace('lifecycle = "experimental"', 'lifecycle = "stable"')
    path.write_text(stable, "utf-8")
    ran = cli("rules", "lint", path)
    assert ran.code == 4
    assert all("example" in line for line in ran.out.splitlines())
    assert (
        "none    my-first-rule: the rule has no example"
        in cli("rules", "test", "my-first-rule", "--rules", path).out
    )


def test_new_never_overwrites(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("precious", "utf-8")
    ran = cli("rules", "new", "mine", "-o", tmp_path)
    assert ran.code == 2 and "exists already" in ran.err
    assert (tmp_path / "mine.toml").read_text("utf-8") == "precious"


def test_new_warns_of_a_built_in_id(cli: Cli, tmp_path: Path) -> None:
    ran = cli("rules", "new", "full-nat", "-o", tmp_path)
    assert ran.code == 0 and "takes its place" in ran.err


def test_reference_is_printed(cli: Cli) -> None:
    ran = cli("rules", "reference")
    assert ran.code == 0 and ran.out.strip() in (ROOT / "rules" / "README.md").read_text("utf-8")


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom pcapan.cli import main\n"
        "try: main(['rules', '--help'])\nexcept SystemExit: pass\n"
        "assert not {'pandas', 'pcapan.pipeline', 'pcapan.detect.rulefile'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr


# The rule of the README, as it stands there.


def example() -> str:
    """The rule that README shows."""
    blocks: list[str] = re.findall(r"^```toml\n(.*?)^```", README, re.M | re.S)
    [text] = [block for block in blocks if block.startswith('id = "many-sas"')]
    return text


def test_a_rule_written_from_readme_alone_works(tmp_path: Path) -> None:
    """The text goes into a file of the name README gives; then the commands of README run as they stand."""
    assert "saved as `many-sas.toml`" in README
    (tmp_path / "many-sas.toml").write_text(example(), "utf-8")
    (tmp_path / "samples").mkdir()
    for capture in SAMPLES.iterdir():
        if capture.name.startswith(("sa-limit-8.", "healthy-dnat.")):
            (tmp_path / "samples" / capture.name).write_bytes(capture.read_bytes())
    [block] = [
        block for block in re.findall(r"^```text\n(.*?)^```", README, re.M | re.S) if "many-sas" in block
    ]
    said = []
    for line in block.strip().splitlines():
        program, *arguments = line.split()
        assert program == "pcapan"
        done = subprocess.run(
            [sys.executable, "-m", "pcapan", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        said.append(done.stdout + done.stderr)
    lint, test, analyze = said
    assert "1 rule, nothing to do better" in lint
    assert "2 examples of 1 rule, 0 failed" in test
    assert "many-sas" in analyze and "More than 5 SAs at once: 10.10.10.1" in analyze


def test_the_threshold_of_the_readme_rule_is_set_as_told(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "many-sas.toml"
    path.write_text(example(), "utf-8")
    assert "--set many-sas.most=8" in README
    command = ("analyze", sample("sa-limit-8"), "--rules", path, "--format", "json")
    assert cli(*command).findings["many-sas"] == "confirmed"
    assert cli(*command, "--set", "many-sas.most=8").findings["many-sas"] == "not_observed"
    assert cli("analyze", sample("no-packets"), *command[2:]).findings["many-sas"] == "inconclusive"
