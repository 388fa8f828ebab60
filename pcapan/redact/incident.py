"""The facts of an incident with pseudonyms: files, columns, what the user told, what was recovered.

Knows everything that an analysis reads and what in it names somebody. Must not know rules, results or
packets. Learn first, then ask: a pseudonym is never an address of the incident.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path, PurePath

from msgspec.structs import replace

from pcapan.decode.natd import natd_hash
from pcapan.errors import UnreadableError
from pcapan.ingest.frames import (
    CaptureReader,
    DroppedPacket,
    FrameBlock,
    InputProblem,
    Interface,
    ServiceMessage,
    SideEvidence,
)
from pcapan.ingest.inputs import InputFacts
from pcapan.record import changed
from pcapan.redact.fragments import FragmentPlan
from pcapan.redact.keyed import Key
from pcapan.redact.labels import Labels
from pcapan.redact.names import Collector, Names, Pseudonyms
from pcapan.redact.packets import rewrite_ip
from pcapan.redact.rewriter import Rewriter, Survey
from pcapan.redact.scans import collect, redact_scan
from pcapan.redact.texts import Texts
from pcapan.scan.columns import FileScan
from pcapan.tables.facts import Site
from pcapan.track.attempts import Attempt
from pcapan.track.recover import RecoveredAddress, Recovery

_HASH_DIGITS = 64

Progress = Callable[[str, int, int], None]
"""Called with (path, bytes read, size in bytes or 0) while files are read."""

Captured = tuple[int, int, bytes, int]
"""Number, link type, captured bytes and time (UTC ns) of a frame."""


class Redactor:
    """The redaction of one run: the same names become the same pseudonyms in everything it is asked for."""

    def __init__(self, key: Key) -> None:
        self.names = Pseudonyms(key)
        self.labels = Labels()
        self.texts = Texts(self.names)

    def learn(self, inputs: Sequence[InputFacts], scans: Sequence[FileScan], site: Site) -> None:
        """Take note of everything that occurs."""
        told = [*site.servers, *site.vips, *site.balancers]
        self.names.book.candidates = [ip_address(text).packed for text in told]
        found = self.names.collector()
        found.addresses.update(self.names.book.candidates)
        for scan in scans:
            collect(scan, found)
        for entry in inputs:
            self._learn_file(entry.path, entry.interfaces, entry.side, found)
        self.names.know(found)

    def _learn_file(
        self, path: str, interfaces: Sequence[Interface], side: SideEvidence, found: Collector
    ) -> None:
        self._learn_side(side, found)
        found.addresses |= self.texts.addresses_in(interface.capture_filter for interface in interfaces)
        self.path(path)

    def learn_recovered(self, recovery: Recovery, attempts: Iterable[Attempt]) -> None:
        """Take note of addresses that were found behind NAT detection hashes; after `learn`."""
        dialled = [ip_address(text).packed for text in recovery.dialled]
        self.names.book.candidates += dialled
        found = self.names.collector()
        found.addresses.update(dialled)
        for attempt in attempts:
            client = recovery.clients.get((attempt.spi_i, attempt.src))
            if client is not None:
                packed = ip_address(client.address).packed
                found.addresses.add(packed)
                made = natd_hash(attempt.spi_i, 0, packed, client.port)
                if made in attempt.natd[0]:
                    self.names.book.learn(made, (packed, client.port))
        self.names.know(found)

    @staticmethod
    def _learn_side(side: SideEvidence, found: Collector) -> None:
        for drop in side.drops:
            _packet(drop.data, found)
        for message in side.messages:
            for address in (message.local, message.remote):
                found.addresses |= _packed(address)
            found.ike_spis |= {message.spi_i, message.spi_r}

    def path(self, path: str) -> str:
        """The label of a capture; from then on its name is replaced in texts too."""
        label = self.labels.path("capture", path)
        if path != "-":
            for name in {path, str(Path(path).absolute()), PurePath(path).name}:
                self.texts.strings[name] = label
        return label

    def rewriters(
        self, captures: Sequence[Callable[[], CaptureReader]], progress: Progress | None = None
    ) -> list[Rewriter]:
        """What rewrites all frames of each capture.

        Each of `captures` opens one, as often as needed: once to learn what occurs, in all of them before the
        first name is replaced, and once more where there are IP fragments to join.
        """
        found = self.names.collector()
        fragmented = [self._survey(again(), found, progress) for again in captures]
        self.names.know(found)
        made = []
        for again, has_fragments in zip(captures, fragmented, strict=True):
            plan = None
            if has_fragments:
                plan = FragmentPlan(self.names)
                reader = again()
                for block in _blocks(reader, progress):
                    plan.feed(block, reader.interfaces)
            made.append(Rewriter(self.names, plan))
        return made

    def _survey(self, reader: CaptureReader, found: Collector, progress: Progress | None) -> bool:
        """Note what occurs in a capture; tells whether IP fragments do."""
        survey = Survey(found)
        for block in _blocks(reader, progress):
            survey.feed(block, reader.interfaces)
        self._learn_file(reader.path, reader.interfaces, reader.side, found)
        return survey.has_fragments

    def frames(self, frames: Iterable[Captured]) -> list[bytes]:
        """The bytes of frames of one file, in rising order; fragments are joined where all are there."""
        taken = list(frames)
        plan = FragmentPlan(self.names)
        for number, link_type, data, time in taken:
            plan.take(number, link_type, data, time)
        rewriter = Rewriter(self.names, plan)
        return [rewriter.frame(number, link_type, data) for number, link_type, data, _ in taken]

    def scan(self, scan: FileScan) -> FileScan:
        """The columns of a file."""
        return redact_scan(scan, self.names)

    def input(self, entry: InputFacts) -> InputFacts:
        """What is told of a file."""
        return replace(
            entry,
            path=self.path(entry.path),
            sha256=self.fingerprint(entry.sha256),
            interfaces=[self.interface(interface) for interface in entry.interfaces],
            comments=[],
            problems=[self._problem(problem) for problem in entry.problems],
            side=self.side(entry.side),
        )

    def fingerprint(self, sha256: str) -> str:
        """In place of the hash of a file: who has the hash of a small file can try which one it was."""
        if not sha256:
            return sha256
        return self.names.key.octets(b"file", sha256.encode(), _HASH_DIGITS // 2).hex()

    def interface(self, interface: Interface) -> Interface:
        """A capture interface: its link type, limits and counters."""
        return changed(
            interface,
            name=self.labels.of("interface", interface.name),
            description="",
            capture_filter=self.filter(interface.capture_filter),
            operating_system="",
            hardware="",
        )

    def filter(self, text: str) -> str:
        """A capture filter."""
        return self.texts.redact(self.labels.filter(text))

    def _problem(self, problem: InputProblem) -> InputProblem:
        return changed(problem, example=self.texts.redact(problem.example))

    def side(self, side: SideEvidence) -> SideEvidence:
        """What a container tells besides frames."""
        return changed(
            side,
            drops=[self.drop(drop) for drop in side.drops],
            messages=[self._service(message) for message in side.messages],
            failures={self.texts.redact(said): count for said, count in side.failures.items()},
            facts=[],
        )

    def drop(self, drop: DroppedPacket) -> DroppedPacket:
        """A packet that the capturing system dropped."""
        return changed(
            drop,
            data=_packet(drop.data, self.names),
            component=self.labels.part(drop.component),
            reason_text=self.texts.redact(drop.reason_text),
        )

    def _service(self, message: ServiceMessage) -> ServiceMessage:
        return changed(
            message,
            spi_i=self.names.ike_spi(message.spi_i),
            spi_r=self.names.ike_spi(message.spi_r),
            local=self.texts.redact(message.local),
            remote=self.texts.redact(message.remote),
        )

    def site(self, site: Site) -> Site:
        """What the user told about the network."""
        servers, vips, balancers = (
            tuple(map(self.texts.address, told)) for told in (site.servers, site.vips, site.balancers)
        )
        return replace(site, servers=servers, vips=vips, balancers=balancers)

    def recovery(self, recovery: Recovery) -> Recovery:
        """Addresses that were found behind NAT detection hashes."""
        address = self.texts.address

        def key(attempt: tuple[int, str]) -> tuple[int, str]:
            return self.names.ike_spi(attempt[0]), address(attempt[1])

        return replace(
            recovery,
            clients={
                key(attempt): RecoveredAddress(address(client.address), client.port)
                for attempt, client in recovery.clients.items()
            },
            dialled={address(text): count for text, count in recovery.dialled.items()},
            not_found=list(map(key, recovery.not_found)),
            not_searched=list(map(key, recovery.not_searched)),
            not_searchable=list(map(key, recovery.not_searchable)),
        )

    def error(self, error: UnreadableError) -> UnreadableError:
        """An input that could not be read, as the result tells of it."""
        where = self.path(error.where.splitlines()[0]) if error.where else ""
        return UnreadableError(self.texts.redact(error.message), where=where, hint=error.hint)


def _blocks(reader: CaptureReader, progress: Progress | None) -> Iterator[FrameBlock]:
    for block in reader.blocks():
        yield block
        if progress is not None:
            progress(reader.path, reader.bytes_read, reader.size)


def _packet(data: bytes, names: Names) -> bytes:
    made = bytearray(data)
    rewrite_ip(made, 0, len(made), names)
    return bytes(made)


def _packed(text: str) -> set[bytes]:
    try:
        return {ip_address(text).packed}
    except ValueError:
        return set()
