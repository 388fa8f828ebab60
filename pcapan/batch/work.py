"""What a worker does: one task after the other, each answered with plain values.

Knows the tasks: look into a file, tell when a capture begins, analyse an incident, judge a stored one
again. Must not know who asks, how many workers there are, or the manifest. A worker reads captures and
writes into the dataset; it never takes the results of another.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, BinaryIO

from pcapan.batch import inventory, parquet, places, stored
from pcapan.batch.archives import Shelf
from pcapan.batch.catalogue import found_to_json
from pcapan.batch.digest import digest_of, findings_mark, judged_digest
from pcapan.batch.document import Pieces, encoded, merged, says_the_same
from pcapan.batch.layout import Layout, is_full
from pcapan.batch.model import Input, Outcome
from pcapan.batch.rulebook import read_fingerprints
from pcapan.batch.settings import Settings
from pcapan.detect.ruleset import RuleSet
from pcapan.detect.run import judge
from pcapan.errors import PcapanError, UnreadableError
from pcapan.memory import without_collection
from pcapan.model import finding_dict
from pcapan.pipeline import built_in_rules, make_result, read_facts, run_record
from pcapan.report.document import load_result

Answer = dict[str, Any]


def reader_version() -> str:
    """What decides whether content can be read: this program, and Wireshark's where that is installed."""
    return f"{stored.version()}{'+tshark' if shutil.which('tshark') else ''}"


class Worker:
    """Does tasks under one set of settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._layout = Layout(settings.root)
        self._options = settings.options
        self._shelf = Shelf(places.open_binary, places.current_stamp)
        self._tasks: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "inspect": self._inspect,
            "time": self._time,
            "analyse": self._analyse,
            "judge": self._judge,
            "render": self._render,
        }

    @cached_property
    def rules(self) -> RuleSet:
        """The rules of the run."""
        return built_in_rules(self._options)

    @cached_property
    def _run(self) -> bytes:
        """What documents say about the run that judged them again."""
        return encoded(run_record(self.rules, self._options))

    @without_collection
    def do(self, task: dict[str, Any]) -> Outcome:
        """Do a task; whatever goes wrong with it becomes its outcome."""
        began = time.perf_counter()
        status, answer = "failed", {}
        try:
            answer = self._tasks[task["do"]](task)
            status, reason = "ok", answer.pop("reason", "")
        except MemoryError:
            reason = f"it needs more memory than a worker may have ({self._settings.memory_mb} MiB)"
        except PcapanError as error:
            reason = "; ".join(part for part in (error.message, error.hint) if part)
            if isinstance(error, UnreadableError) and self._can_be_opened(task):
                answer = {"final": reader_version()}
        except OSError as error:
            status = "full" if is_full(error) else "failed"
            reason = f"the dataset cannot be written: {error.strerror or error}"
        except stored.StaleError as error:
            status, reason = "stale", str(error)
        except Exception as error:
            reason = f"a fault inside pcapan: {type(error).__name__}: {error}"
        return Outcome(status, " ".join(reason.split())[:500], time.perf_counter() - began, answer)

    def _can_be_opened(self, task: dict[str, Any]) -> bool:
        """Whether it is the content that cannot be read: the same bytes would give the same answer again."""
        for data in task.get("inputs", ()):
            entry = Input.from_json(data)
            try:
                with places.open_binary(entry.member.archive if entry.member else entry.name) as file:
                    file.read(1)
            except OSError:
                return False
        return True

    def _inspect(self, task: dict[str, Any]) -> Answer:
        return found_to_json(inventory.inspect(inventory.Unknown(**task["unknown"])))

    def _time(self, task: dict[str, Any]) -> Answer:
        entry = Input.from_json(task["input"])
        return {"first_ns": inventory.first_time(entry.name, self._opener([entry]))}

    def _opener(self, inputs: Sequence[Input]) -> Callable[[str], BinaryIO | None]:
        by_name = {entry.name: entry for entry in inputs}

        def opened(name: str) -> BinaryIO | None:
            entry = by_name[name]
            if entry.member is not None:
                return self._shelf.open(entry)
            if not places.is_url(name):
                return None
            try:
                return places.open_binary(name)
            except OSError as error:
                raise UnreadableError(
                    f"the remote object cannot be read: {error}", where=name, hint="check the store"
                ) from None

        return opened

    def _analyse(self, task: dict[str, Any]) -> Answer:
        inputs = [Input.from_json(entry) for entry in task["inputs"]]
        facts, unreadable = read_facts(
            [entry.name for entry in inputs],
            self._options,
            opener=self._opener(inputs),
            hash_all=True,  # the content is what identifies the result
        )
        stock = stored.NotingStock(facts)
        result = make_result(facts, self.rules, self._options, unreadable, stock)
        key = self._key([entry.sha256 for entry in facts.inputs])
        document = result.to_dict()
        data = encoded(document) + b"\n"
        digest = digest_of(result, facts, Pieces.cut(data).findings)
        self._layout.write(self._layout.facts(key), stored.pack(facts, stock))
        parquet.write_tables(self._layout, key, stock, digest["month"], digest["server"])
        self._write_findings(key, digest, document["findings"])
        self._layout.write(self._layout.result(key), data)
        return {"key": key, "digest": digest, "reason": _damage(facts.inputs, unreadable)}

    def _key(self, hashes: Sequence[str]) -> str:
        """What identifies a result: the content, what was told about the network, and the program."""
        content = [sorted(hashes), self._settings.site, stored.version()]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]

    def _write_findings(self, key: str, digest: Mapping[str, Any], findings: list[dict[str, Any]]) -> None:
        rows = parquet.finding_rows(key, findings, digest["first_ns"], digest["last_ns"])
        parquet.write_findings(self._layout, key, rows, digest["month"], digest["server"])

    def _judge(self, task: dict[str, Any]) -> Answer:
        """Judge a stored incident by the rules of this run; only rules that changed are asked.

        A document whose findings stay the same is left as it is: it names the rules by which they were
        first found, the manifest those by which they hold now. Most stay the same, and to replace a file
        takes longer than all the rest.

        A document that is not the one its line was made of was replaced by a run that was killed before it
        wrote the line, or by that of another item with the same content: all rules are asked then.

        Answers with the part of the digest that changed.
        """
        key, digest, news = task["key"], task["digest"], {}
        before = read_fingerprints(self._layout, task["rules"])
        try:
            stock = stored.StoredStock(self._layout.facts(key).read_bytes(), self._options.site)
            pieces = Pieces.cut(self._layout.result(key).read_bytes())
            known = findings_mark(pieces.findings) == digest.get("mark")
            if not known:
                before = {}
            changed = [rule for rule in self.rules if before.get(rule.id) != self.rules.fingerprints[rule.id]]
            ids = frozenset(rule.id for rule in changed) | (before.keys() - self.rules.fingerprints.keys())
            new = [finding_dict(finding) for finding in judge(stock, changed)]
            if not known or not says_the_same(pieces.findings, new, ids):
                old = json.loads(pieces.findings) if known else []
                found = merged(old, new, ids, [rule.id for rule in self.rules])
                pieces.run, pieces.findings = self._run, encoded(found)
                news = judged_digest(found, pieces.counts(), pieces.findings)
                self._write_findings(key, digest, found)
                self._layout.write(self._layout.result(key), pieces.joined())
            elif task["doubted"]:  # the document stayed, its table may not have
                self._write_findings(key, digest, json.loads(pieces.findings))
        except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
            raise stored.StaleError(str(error)) from None
        if stock.learned:
            self._layout.write(self._layout.facts(key), stock.bytes())
        return {"key": key, "digest": news}

    def _render(self, task: dict[str, Any]) -> Answer:
        """Write reports of stored incidents; one that cannot be written does not keep others from it."""
        from pcapan.report.html import html
        from pcapan.report.markdown import markdown

        failed = {}
        for key in task["keys"]:
            try:
                result = load_result(self._layout.result(key).read_bytes(), key)
            except (OSError, UnreadableError) as error:
                failed[key] = str(error)
                continue
            text = html(result) if task["form"] == "html" else markdown(result)
            self._layout.write(
                self._layout.report(key, task["form"]), text.encode("utf-8", "backslashreplace")
            )
        return {"failed": failed}


def _damage(inputs: Sequence[Any], unreadable: Sequence[PcapanError]) -> str:
    """What the result does not cover."""
    parts = [
        f"{entry.path}: {next((problem.example for problem in entry.problems), 'cut or damaged')}"
        for entry in inputs
        if entry.damaged
    ]
    parts += [f"{error.where}: {error.message}" for error in unreadable]
    return "; ".join(parts)
