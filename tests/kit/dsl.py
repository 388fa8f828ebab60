"""Conversations as data: one line a packet, built into real frames.

A case file has these lines (``#`` begins a comment; ``/`` at the end continues a line):

    host NAME ADDRESS [inner=ADDRESS[/PORT]] [vip=ADDRESS] [ttl=N]
    server NAME ...                  what the user names with --server
    file                             the packets from here on are in another file
    expect ...                       see `tests.kit.expect`
    [*N] TIME[+STEP] NAME[:PORT] > NAME[:PORT] VERB [option=value ...]

``inner`` is the address a client believes in (its NAT-D source hash), ``vip`` the one clients dial
instead of the server's own (their NAT-D destination hash). ``*N`` repeats the line with N times
that are STEP apart; ``#`` in the line counts 1, 2, ... (hexadecimal). Times are in seconds.

Verbs: INIT INIT-R COOKIE INVALID-KE NO-PROPOSAL AUTH AUTH-R CHILD CHILD-R INFO INFO-R ESP KEEPALIVE
NATIVE (ESP without UDP) ODD (other bytes on the port) OTHER (UDP port 53) HEADER (a bare IKE header)
V1 (IKEv1) UNREACH (ICMP quoting the last packet the other way) ARP (who-has) and
UP: INIT, INIT-R, AUTH, AUTH-R within 0.1 s, then ESP both ways every ``every`` s until ``until``.

Options: i= r= SPIs (``a1`` is a1a1a1a1a1a1a1a1), id= message id, spi= seq= of ESP (hexadecimal),
size= encrypted bytes, frag=1/3 (SKF), nat=hash|none|fake|HOST[/HOST], cookie=1, group=,
vid=ms9|none|HEX, ttl=, ipid=, copies= (captures of the packet, 0.2 ms apart), mtu= (IP fragments),
lose= (the fragment that is missing), snap= (snap length), by=i|r (who initiated the IKE SA, where it
cannot be known).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from tests.decode.builders import IPV4, IPV6, MAC, ether, fragment6, icmp, ipv4, ipv6, udp
from tests.kit import ike
from tests.kit.frames import EPOCH, Frame

_RESPONSES = ("INIT-R", "COOKIE", "INVALID-KE", "NO-PROPOSAL", "AUTH-R", "CHILD-R", "INFO-R")
_EXCHANGES = {"AUTH": ike.AUTH, "CHILD": ike.CHILD, "INFO": ike.INFO}
_SIZES = {"AUTH": 304, "AUTH-R": 240, "CHILD": 200, "CHILD-R": 200, "INFO": 48, "INFO-R": 48}
_ON_500 = ("INIT", "INIT-R", "COOKIE", "INVALID-KE", "NO-PROPOSAL", "ODD", "HEADER", "V1")
_COPY_STEP = 200_000
_LINE = re.compile(
    r"(?:\*(?P<times>\d+)\s+)?(?P<at>[\d.]+)(?:\+(?P<step>[\d.]+))?\s+"
    r"(?P<src>\w+)(?::(?P<sport>[\d#]+))?\s*>\s*(?P<dst>\w+)(?::(?P<dport>[\d#]+))?\s+(?P<verb>[A-Z0-9-]+)\s*(?P<rest>.*)"
)


@dataclass(frozen=True, slots=True)
class Host:
    name: str
    address: str
    inner: str = ""
    inner_port: int = 0
    vip: str = ""
    ttl: int = 64


@dataclass(frozen=True, slots=True)
class Expectation:
    line: int
    words: list[str]


@dataclass(slots=True)
class Case:
    """A conversation and what it must be taken for."""

    name: str
    hosts: dict[str, Host] = field(default_factory=dict)
    servers: list[str] = field(default_factory=list)
    files: list[list[Frame]] = field(default_factory=lambda: [[]])
    expectations: list[Expectation] = field(default_factory=list)

    @property
    def frames(self) -> list[Frame]:
        assert len(self.files) == 1
        return self.files[0]


def parse(text: str, name: str = "case") -> Case:
    builder = _Builder(Case(name))
    for number, line in _lines(text):
        try:
            builder.take(number, line)
        except (KeyError, ValueError, AssertionError) as error:
            raise ValueError(f"{name}:{number}: {line}: {error!r}") from error
    for frames in builder.case.files:
        frames.sort(key=lambda frame: frame.ts)
    return builder.case


def load(path: Path) -> Case:
    return parse(path.read_text("utf-8"), path.stem)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    held = ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#( .*|$)", "", raw).strip()
        held = f"{held} {line}".strip()
        if held.endswith(" /"):
            held = held[:-2]
            continue
        if held:
            yield number, held
        held = ""
    assert not held, "the last line continues nowhere"


@dataclass(frozen=True, slots=True)
class _Line:
    """One packet line, taken apart."""

    at: int
    src: Host
    dst: Host
    sport: int
    dport: int
    verb: str
    options: dict[str, str]

    def number(self, name: str, default: int) -> int:
        return int(self.options[name]) if name in self.options else default


class _Builder:
    def __init__(self, case: Case) -> None:
        self.case = case
        self._initiators: dict[int, str] = {}
        self._sequences: dict[tuple[str, str, int, int, int], int] = {}
        self._ip_ids: dict[str, int] = {}
        self._last: dict[tuple[str, str], bytes] = {}

    def take(self, number: int, line: str) -> None:
        words = line.split()
        if words[0] == "host":
            self._host(words[1:])
        elif words[0] == "server":
            self.case.servers += [self.case.hosts[name].address for name in words[1:]]
        elif words[0] == "file":
            self.case.files.append([])
        elif words[0] == "expect":
            self.case.expectations.append(Expectation(number, words[1:]))
        else:
            found = _LINE.fullmatch(line)
            if found is None:
                raise ValueError("neither a packet nor a declaration")
            for count in range(int(found["times"] or 1)):
                again = _LINE.fullmatch(line.replace("#", f"{count + 1:x}"))
                assert again is not None
                self._packet(again, round((float(found["at"]) + count * float(found["step"] or 0)) * 10**9))

    def _host(self, words: list[str]) -> None:
        name, address, *rest = words
        options = dict(word.split("=", 1) for word in rest)
        inner, _, port = options.pop("inner", "").partition("/")
        ttl = int(options.pop("ttl", "64"))
        host = Host(name, str(ip_address(address)), inner, int(port or 0), options.pop("vip", ""), ttl)
        assert not options, f"unknown options {options}"
        self.case.hosts[name] = host

    def _packet(self, found: re.Match[str], at: int) -> None:
        options = dict(word.split("=", 1) for word in found["rest"].split())
        src, dst, verb = self.case.hosts[found["src"]], self.case.hosts[found["dst"]], found["verb"]
        if verb == "UP":
            self._up(found, at, options)
            return
        usual = 500 if verb in _ON_500 else 4500
        sport = int(found["sport"] or (50000 if verb == "OTHER" else usual))
        dport = int(found["dport"] or (53 if verb == "OTHER" else usual))
        line = _Line(EPOCH + at, src, dst, sport, dport, verb, options)
        frames = self._frames(line)
        for copy in range(line.number("copies", 1)):
            self.case.files[-1] += [frame._replace(ts=frame.ts + copy * _COPY_STEP) for frame in frames]

    def _up(self, found: re.Match[str], at: int, options: dict[str, str]) -> None:
        """A client connects and works."""
        i, r, begin = options.pop("i"), options.pop("r"), at / 10**9
        until, every = float(options.pop("until", begin + 10)), float(options.pop("every", "5"))
        size = options.pop("size", "240")
        client = found["src"] + (f":{found['sport']}" if found["sport"] else "")
        server = found["dst"]
        rest = " ".join(f"{name}={value}" for name, value in options.items())
        lines = [
            f"{begin} {client} > {server} INIT i={i} {rest}",
            f"{begin + 0.01:.6f} {server} > {client} INIT-R i={i} r={r}",
            f"{begin + 0.05:.6f} {client} > {server} AUTH i={i} r={r}",
            f"{begin + 0.08:.6f} {server} > {client} AUTH-R i={i} r={r} size={size}",
        ]
        moment = begin + 0.2
        while moment <= until:
            lines.append(f"{moment:.6f} {client} > {server} ESP spi=e{i}")
            lines.append(f"{moment + 0.01:.6f} {server} > {client} ESP spi=f{i}")
            moment += every
        for line in lines:
            self.take(0, line)

    def _frames(self, line: _Line) -> list[Frame]:
        if line.verb == "ARP":
            sender, target = ip_address(line.src.address).packed, ip_address(line.dst.address).packed
            body = bytes.fromhex("0001080006040001") + MAC[6:] + sender + bytes(6) + target
            return [Frame(line.at, ether(0x0806, body))]
        if line.verb == "UNREACH":
            quoted = self._last[line.dst.name, line.src.name]
            four = ip_address(line.src.address).version == 4
            kind, code, protocol = (3, 3, 1) if four else (1, 4, 58)
            payload = icmp(kind, code, bytes(4), quoted)
        elif line.verb == "NATIVE":
            payload, protocol = self._esp(line, 0, 0), 50
        else:
            payload, protocol = udp(self._datagram(line), line.sport, line.dport), 17
        frames = [Frame(line.at, data) for data in self._ip(line, protocol, payload)]
        if "lose" in line.options:
            del frames[int(line.options["lose"]) - 1]
        if "snap" in line.options:
            keep = int(line.options["snap"])
            frames = [Frame(f.ts, f.data[:keep], len(f.data) if keep < len(f.data) else 0) for f in frames]
        return frames

    def _ip(self, line: _Line, protocol: int, payload: bytes) -> list[bytes]:
        src, dst, ttl = line.src.address, line.dst.address, line.number("ttl", line.src.ttl)
        ident = line.number("ipid", self._ip_ids.get(src, 100))
        self._ip_ids[src] = self._ip_ids.get(src, 100) + 1
        room = (line.number("mtu", 65535) - 48) // 8 * 8
        pieces = [(at, payload[at : at + room]) for at in range(0, len(payload), room)]
        whole = len(pieces) == 1
        packets = []
        for at, piece in pieces:
            more = at + room < len(payload)
            if ip_address(src).version == 4:
                packet = ipv4(
                    piece, src=src, dst=dst, protocol=protocol, ttl=ttl, ip_id=ident, offset=at, more=more
                )
            elif whole:
                packet = ipv6(piece, src=src, dst=dst, next_header=protocol, hop_limit=ttl)
            else:
                body = fragment6(protocol, piece, offset=at, more=more, ident=ident)
                packet = ipv6(body, src=src, dst=dst, next_header=44, hop_limit=ttl)
            packets.append(packet)
        self._last[line.src.name, line.dst.name] = packets[0]
        return [ether(IPV4 if ip_address(src).version == 4 else IPV6, packet) for packet in packets]

    def _datagram(self, line: _Line) -> bytes:
        if line.verb == "KEEPALIVE":
            return b"\xff"
        if line.verb == "ESP":
            return self._esp(line, line.sport, line.dport)
        if line.verb in ("ODD", "OTHER"):
            return b"\x07" * line.number("size", 19)
        message = self._message(line)
        return bytes(4) + message if 4500 in (line.sport, line.dport) else message

    def _esp(self, line: _Line, sport: int, dport: int) -> bytes:
        spi = int((line.options["spi"] * 8)[:8], 16)
        key = (line.src.name, line.dst.name, sport, dport, spi)
        sequence = int(line.options.get("seq", f"{self._sequences.get(key, 0) + 1:x}"), 16)
        self._sequences[key] = sequence
        return spi.to_bytes(4, "big") + sequence.to_bytes(4, "big") + b"\x33" * line.number("size", 80)

    def _message(self, line: _Line) -> bytes:
        spi_i, spi_r = ike.spi(line.options["i"]), ike.spi(line.options.get("r", "0"))
        verb = line.verb
        if verb == "V1":
            nonce = (10, b"\x11" * 20)
            return ike.message([nonce], spi_i=spi_i, spi_r=spi_r, exchange=2, flags=0, version=0x10)
        if verb == "HEADER":
            return ike.message(spi_i=spi_i, spi_r=spi_r)
        flags = ike.RESPONSE if verb in _RESPONSES else 0
        if self._is_initiator(line, spi_i):
            flags |= ike.INITIATOR
        if verb in _ON_500:
            payloads = self._init_payloads(line, spi_i, spi_r)
            return ike.message(payloads, spi_i=spi_i, spi_r=spi_r, flags=flags)
        kind = verb.removesuffix("-R")
        number = line.number("id", 1 if kind == "AUTH" else 2)
        content = bytes([number & 0xFF]) * line.number("size", _SIZES[verb])
        payload: ike.Payload = (ike.SK, content)
        if "frag" in line.options:
            part, total = line.options["frag"].split("/")
            payload = ike.fragment(int(part), int(total), content)
        return ike.message(
            [payload],
            spi_i=spi_i,
            spi_r=spi_r,
            exchange=_EXCHANGES[kind],
            flags=flags,
            message_id=number,
            inner=35,
        )

    def _is_initiator(self, line: _Line, spi_i: int) -> bool:
        if "by" in line.options:
            sender = line.options["by"] == "i"
            self._initiators[spi_i] = line.src.name if sender else line.dst.name
        elif spi_i not in self._initiators:
            asks = line.verb not in _RESPONSES
            self._initiators[spi_i] = line.src.name if asks else line.dst.name
        return self._initiators[spi_i] == line.src.name

    def _init_payloads(self, line: _Line, spi_i: int, spi_r: int) -> list[ike.Payload]:
        group = line.number("group", 14)
        if line.verb == "COOKIE":
            return [ike.notify(ike.COOKIE, b"\x0c" * 20)]
        if line.verb == "INVALID-KE":
            return [ike.notify(ike.INVALID_KE, group.to_bytes(2, "big"))]
        if line.verb == "NO-PROPOSAL":
            return [ike.notify(ike.NO_PROPOSAL)]
        nonce = (ike.NONCE, spi_i.to_bytes(8, "big") * 4)
        payloads = [(ike.SA, ike.SA_BODY), ike.ke(group), nonce]
        if "cookie" in line.options:
            payloads.insert(0, ike.notify(ike.COOKIE, b"\x0c" * 20))
        payloads += self._natd(line, spi_i, spi_r)
        vid = line.options.get("vid", "ms9")
        if vid != "none":
            payloads.append((ike.VENDOR, ike.MS9 if vid == "ms9" else bytes.fromhex(vid)))
        return payloads

    def _natd(self, line: _Line, spi_i: int, spi_r: int) -> list[ike.Payload]:
        nat = line.options.get("nat", "hash")
        if nat == "none":
            return []
        source = (line.src.address, line.sport)
        if line.src.inner:  # behind a NAT that may have changed the port as well
            source = (line.src.inner, line.src.inner_port or line.dport)
        target = (line.dst.vip or line.dst.address, line.dport)
        if nat == "fake":
            source = ("0.0.0.0", 0)
        elif nat != "hash":
            first, _, second = nat.partition("/")
            source = (self.case.hosts[first].address, line.sport)
            if second:
                target = (self.case.hosts[second].address, line.dport)
        return [
            ike.notify(ike.NATD_SOURCE, ike.natd(spi_i, spi_r, *source)),
            ike.notify(ike.NATD_DESTINATION, ike.natd(spi_i, spi_r, *target)),
        ]
