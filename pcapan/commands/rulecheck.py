"""Rules checked, run on samples, and begun: ``pcapan rules lint``, ``test`` and ``new``.

Knows where samples are looked for and what is printed. Must not know single checks or examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pcapan
from pcapan.commands.guard import say
from pcapan.commands.page import Page
from pcapan.commands.rulebook import all_rules
from pcapan.detect.lint import lint_rules
from pcapan.detect.rule import Rule
from pcapan.detect.rulefile import check_rules
from pcapan.detect.ruleparse import RULE_ID
from pcapan.detect.ruleset import default_rules_dir
from pcapan.detect.ruletest import ExampleResult, find_samples, run_examples
from pcapan.detect.run import find, rule_schema
from pcapan.detect.scaffold import starter_rule
from pcapan.errors import ExitCode, UsageError
from pcapan.model import Finding
from pcapan.pipeline import read_facts
from pcapan.report.safe import clean


def sample_folder(named: str | None) -> Path | None:
    """The folder of samples: the one named, ./samples, or that of a checkout; None when there is none.

    Raises UsageError when the one named is no folder.
    """
    if named is not None:
        if not _is_dir(Path(named)):
            raise UsageError(
                "there is no such folder", where=f"--samples {named}", hint="name a folder of captures"
            )
        return Path(named)
    candidates = (Path("samples"), Path(pcapan.__file__).resolve().parents[1] / "samples")
    return next((folder for folder in candidates if _is_dir(folder)), None)


def _is_dir(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except (OSError, ValueError):
        return False


def lint(paths: Sequence[str], own: Sequence[str], samples: str | None) -> ExitCode:
    """Print every fault and every recommendation as file:line; status 4 when there is one."""
    if paths and own:
        raise UsageError(
            "rules to check are named twice over",
            where=f"{paths[0]} --rules {own[0]}",
            hint="name files and folders after lint, or add them to all others with --rules; not both",
        )
    built_in = str(default_rules_dir())
    folder = sample_folder(samples)
    schema = rule_schema()
    checked = check_rules(paths or [built_in, *own], schema, fixes_from=[built_in])
    rules = [rule for rule, _ in checked.chosen.values()]
    known = find_samples(folder) if folder is not None else None
    issues = sorted({*checked.issues, *lint_rules(rules, samples=known, schema=schema)})
    page = Page()
    page.lines = [clean(str(issue)) for issue in issues]
    if issues:
        page.print()
        files = len({issue.path for issue in issues})
        things = "recommendation" if len(issues) == 1 else "recommendations"
        say(f"pcapan: {len(issues)} {things} in {files} {'file' if files == 1 else 'files'}")
        return ExitCode.RULE
    if not rules:
        raise UsageError("no rule was found", where=", ".join(paths), hint="name .toml files or their folder")
    if folder is None:
        say("pcapan: no samples were found, so the names of samples were not checked")
    say(f"pcapan: {_rules(len(rules))}, nothing to do better")
    return ExitCode.OK


def _rules(count: int) -> str:
    return f"{count} {'rule' if count == 1 else 'rules'}"


def test(ids: Sequence[str], own: Sequence[str], samples: str | None) -> ExitCode:
    """Run the examples and print one line each; status 4 when one fails."""
    rules = all_rules(own)
    chosen = [rules.get(rule_id) for rule_id in dict.fromkeys(ids)] or list(rules)
    folder = sample_folder(samples)
    if folder is None:
        raise UsageError(
            "there are no sample captures here",
            where="samples",
            hint="name their folder with --samples DIR; the program's own are in the folder samples/ of its "
            "source code",
        )
    failed = ran = 0
    for result in run_examples(chosen, find_samples(folder), _findings):
        ran += 1
        failed += not result.passed
        print(_line(result))
    for rule in chosen:
        if not rule.examples:
            print(clean(f"none    {rule.id}: the rule has no example"))
    say(f"pcapan: {ran} examples of {_rules(len(chosen))}, {failed} failed")
    return ExitCode.RULE if failed else ExitCode.OK


def _findings(captures: Sequence[Path], rules: Sequence[Rule]) -> list[Finding]:
    facts, unreadable = read_facts(list(captures))
    if unreadable:
        raise unreadable[0]
    return find(facts, rules)


def _line(result: ExampleResult) -> str:
    word = "ok    " if result.passed else "FAILED"
    text = f"{word}  {result.rule_id} on {result.sample}: {result.got}"
    return clean(text if result.passed else f"{text}; expected {result.expected}")


def new(rule_id: str, folder: str) -> ExitCode:
    """Write a starter rule; raises UsageError rather than overwrite anything."""
    if not RULE_ID.fullmatch(rule_id) or len(rule_id) > 80:
        raise UsageError(
            f"{rule_id!r} cannot be the id of a rule",
            where=rule_id,
            hint="use small letters, digits and hyphens, such as many-sas-per-source",
        )
    path = Path(folder) / f"{rule_id}.toml"
    if not _is_dir(path.parent):
        raise UsageError("there is no such folder", where=f"-o {folder}", hint="name an existing folder")
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(starter_rule(rule_id))
    except FileExistsError:
        raise UsageError(
            "the file exists already", where=str(path), hint="choose another id, or another folder with -o"
        ) from None
    except OSError as error:
        raise UsageError(
            f"the file cannot be written: {error.strerror or error}", where=str(path), hint="check the folder"
        ) from None
    print(clean(str(path)))
    if rule_id in {rule.id for rule in all_rules(())}:
        say(f"pcapan: there is a built-in rule {rule_id}; with --rules yours takes its place")
    return ExitCode.OK
