"""The attack: everything that occurs in captures, in every form it could be written, searched in every byte.

Knows how to collect what must not be found and how it may be spelt. Must not use `pcapan.redact`: what the
redaction believes to be a name must not decide what is looked for.

Four bytes turn up in random bytes by themselves now and then. What only looks like a leak does so under one
key: a test that finds something looks again at the outputs of another key, and only what is found under both
counts (`leaks`).
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from urllib.parse import quote

from pcapan.decode.icmp import parse_icmp
from pcapan.decode.ike import parse_ike
from pcapan.decode.ip import parse_ip
from pcapan.decode.link import find_ip
from pcapan.decode.natd import natd_hash
from pcapan.ingest.frames import FrameBlock, Interface
from tests.redact.frames import load, scan_blocks

#: These name nobody, and their bytes are everywhere.
_NOBODY = {"0.0.0.0", "255.255.255.255", "::", "::1"}
_NO_MACS = {bytes(6), b"\xff" * 6}
_ICMP, _UDP, _ICMPV6 = 1, 17, 58


@dataclass
class Secrets:
    """What occurs in some captures."""

    addresses: set[bytes] = field(default_factory=set)
    macs: set[bytes] = field(default_factory=set)
    ike_spis: set[int] = field(default_factory=set)
    esp_spis: set[int] = field(default_factory=set)
    hashes: set[bytes] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, paths: Iterable[Path]) -> Secrets:
        """Everything in these files, names of interfaces and the files' own included."""
        found = cls()
        for path in paths:
            interfaces, blocks = load(path)
            found.names |= {path.name, path.stem.partition(".")[0], str(path), str(path.parent)}
            for interface in interfaces:
                found.names |= {interface.name, interface.description, interface.hardware}
                found.names.add(interface.operating_system)
            found._read(blocks, interfaces)
        found.names = {name for name in found.names if len(name) >= 4}
        found.addresses = {a for a in found.addresses if str(ip_address(a)) not in _NOBODY}
        found.macs -= _NO_MACS
        return found

    def _read(self, blocks: Sequence[FrameBlock], interfaces: Sequence[Interface]) -> None:
        for block in blocks:
            for offset, length, interface in zip(block.offsets, block.lengths, block.interfaces, strict=True):
                self._frame(interfaces[interface].link_type, block.data[offset : offset + length])
        scan = scan_blocks(blocks, interfaces)
        self.ike_spis |= {spi for spi in (*scan.messages.spi_i, *scan.messages.spi_r) if spi}
        self.esp_spis |= {flow.spi for flow in scan.esp}
        self.addresses |= set(scan.addresses) | set(scan.talkers) | set(scan.link_neighbours)
        self.macs |= scan.source_macs | set(scan.link_neighbours.values())
        self.macs.discard(b"")
        for pair in scan.natd.values():
            for hashes in pair:
                self.hashes |= {data for data in hashes if len(data) == 20}

    def _frame(self, link_type: int, frame: bytes | bytearray) -> None:
        frame = bytes(frame)
        if link_type == 1 and len(frame) >= 14:
            self.macs |= {frame[0:6], frame[6:12]}
        found = find_ip(link_type, frame)
        if found.offset < 0:
            return
        packet = parse_ip(frame, found.offset, len(frame))
        if isinstance(packet, str):
            return
        self.addresses |= {packet.src, packet.dst}
        if packet.protocol in (_ICMP, _ICMPV6) and not packet.is_fragment:
            error = parse_icmp(packet.version, frame[packet.payload_start : packet.payload_end])
            if error is not None and error.src is not None and error.dst is not None:
                self.addresses |= {error.src, error.dst}


def spellings(secrets: Secrets) -> Iterator[tuple[str, bytes]]:
    """(what it is, bytes to look for) as text; letters may be of either case."""
    for address in secrets.addresses:
        for form in _address_texts(address):
            yield f"address {ip_address(address)}", form
    for mac in secrets.macs:
        for text in (mac.hex(":"), mac.hex("-"), mac.hex(), mac.hex(".", 2)):
            yield f"MAC {mac.hex(':')}", text.encode()
    for spi in secrets.ike_spis:
        packed = spi.to_bytes(8, "big")
        for text in (packed.hex(), packed.hex(":"), packed.hex(" "), str(spi)):
            yield f"IKE SPI {spi:016x}", text.encode()
    for spi in secrets.esp_spis:
        packed = spi.to_bytes(4, "big")
        for text in (packed.hex(), packed.hex(":"), str(spi)):
            yield f"ESP SPI {spi:08x}", text.encode()
    for data in secrets.hashes:
        yield f"NAT-D hash {data.hex()}", data.hex().encode()
    for name in secrets.names:
        for text in (name, quote(name), quote(name, safe="")):
            yield f"name {name}", text.encode()
        for part in _base64(name.encode()):
            yield f"name {name} in base64", part


def _address_texts(address: bytes) -> Iterator[bytes]:
    parsed = ip_address(address)
    texts = [str(parsed), address.hex(":"), str(int(parsed)), parsed.reverse_pointer.rpartition(".")[0]]
    texts.append(address.hex())
    if isinstance(parsed, IPv6Address):
        texts += [parsed.exploded, quote(str(parsed), safe=""), str(parsed).replace(":", "-")]
    else:
        octets = str(parsed).split(".")
        texts += ["-".join(octets), "_".join(octets), ".".join(f"{int(octet):03d}" for octet in octets)]
        texts += [".".join(reversed(octets)), ".".join(hex(int(octet)) for octet in octets)]
    for text in texts:
        yield text.encode()
    yield "".join(f"%{byte:02x}" for byte in str(parsed).encode()).encode()
    yield from _base64(str(parsed).encode())


def _base64(data: bytes) -> Iterator[bytes]:
    """What base64 makes of `data` inside something longer, at each of the three alignments."""
    for shift in range(3):
        whole = base64.b64encode(bytes(shift) + data)
        inner = whole[-(-8 * shift // 6) : (8 * (shift + len(data))) // 6]
        if len(inner) >= 6:
            yield inner


def packed(secrets: Secrets) -> Iterator[tuple[str, bytes]]:
    """(what it is, bytes to look for) as in packets, in both byte orders."""
    for address in secrets.addresses:
        yield f"address {ip_address(address)}", address
        yield f"address {ip_address(address)} reversed", address[::-1]
    for mac in secrets.macs:
        yield f"MAC {mac.hex(':')}", mac
    for spi in secrets.ike_spis:
        yield f"IKE SPI {spi:016x}", spi.to_bytes(8, "big")
        yield f"IKE SPI {spi:016x} reversed", spi.to_bytes(8, "little")
    for spi in secrets.esp_spis:
        yield f"ESP SPI {spi:08x}", spi.to_bytes(4, "big")
    for data in secrets.hashes:
        yield f"NAT-D hash {data.hex()}", data


_TERM = re.compile(rb"[0-9a-z]")


def found(secrets: Secrets, outputs: Iterable[tuple[str, bytes]]) -> set[tuple[str, str]]:
    """(output, what) of everything found; `outputs` are names and bytes, binary where the name says so."""
    texts = [(what, form.lower()) for what, form in spellings(secrets)]
    binary = list(packed(secrets))
    hits = set()
    for name, data in outputs:
        lower = data.lower()
        for what, form in texts:
            if form in lower and _stands_alone(lower, form):
                hits.add((name, what))
        if name.endswith((".pcapng", ".parquet")):
            hits |= {(name, what) for what, form in binary if form in data}
    return hits


def _stands_alone(data: bytes, form: bytes) -> bool:
    """Whether a number or address is found that is not a part of a longer one: 10.1.1.1 is not 10.1.1.12."""
    at = data.find(form)
    while at >= 0:
        before, after = data[at - 1 : at], data[at + len(form) : at + len(form) + 1]
        if not (_TERM.match(before) and _TERM.match(form[:1])) and not (
            _TERM.match(after) and _TERM.match(form[-1:])
        ):
            return True
        at = data.find(form, at + 1)
    return False


def fitting_hashes(
    secrets: Secrets, blocks: Sequence[FrameBlock], interfaces: Sequence[Interface]
) -> list[str]:
    """NAT detection hashes left in frames that an original address explains: brute force over all of them."""
    hits = []
    for block in blocks:
        for offset, length, interface in zip(block.offsets, block.lengths, block.interfaces, strict=True):
            frame = bytes(block.data[offset : offset + length])
            for spi_i, spi_r, ports, hashes in _hashes(interfaces[interface].link_type, frame):
                for address in secrets.addresses:
                    for port in {500, 4500, 0, *ports}:
                        for pair in ((spi_i, spi_r), (spi_i, 0), (0, 0)):
                            if natd_hash(*pair, address, port) in hashes:
                                hits.append(f"{ip_address(address)}:{port}")
    return hits


def _hashes(link_type: int, frame: bytes) -> Iterator[tuple[int, int, tuple[int, int], set[bytes]]]:
    found_ip = find_ip(link_type, frame)
    packet = parse_ip(frame, found_ip.offset, len(frame)) if found_ip.offset >= 0 else ""
    if isinstance(packet, str) or packet.protocol != _UDP:
        return
    data = frame[packet.payload_start : packet.payload_end]
    for start in (8, 12):
        message = parse_ike(data, start, len(data), len(data)) if len(data) > start else None
        if message is not None and (message.natd_source or message.natd_destination):
            ports = struct.unpack(">HH", data[:4])
            yield message.spi_i, message.spi_r, ports, {*message.natd_source, *message.natd_destination}
