"""The same frames, decoded by tshark and here: addresses, protocol, VLAN ids, vendor ids.

Where the two differ on purpose the difference is listed with its reason; anything else is a failure. Classic
pcap files only, read by a dozen lines of this file, so that no other room of the program takes part.
"""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from pcapan.decode.fragments import Reassembler
from pcapan.decode.ip import IpPacket, parse_ip
from pcapan.decode.link import find_ip
from pcapan.decode.vendor_ids import vendor_name

BYTE_ORDERS = {
    b"\xd4\xc3\xb2\xa1": "<",
    b"\xa1\xb2\xc3\xd4": ">",
    b"\x4d\x3c\xb2\xa1": "<",
    b"\xa1\xb2\x3c\x4d": ">",
}

#: Link types no VPN server is captured on: token ring, FDDI, frame relay.
LEFT_OUT = {6, 10, 107}

#: (part of the file name, frame): why the bytes win.
DISPUTED = {
    ("same_session_id_supported_and_unsupported_code", 2): "PPPoE code is not 0, so it is no session data",
    ("unsupported_code_with_ipv4_trailer", 1): "PPPoE code is not 0, so it is no session data",
    ("PcapExamples_null_loopback", 3): "address family 0x000f0008 names no IP; tshark guesses",
    ("sll2_truncated_inner_ipv6", 1): "the IPv6 header is cut: tshark shows what is left of it",
}


def frames(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """(frame number, link type, captured bytes)"""
    data = path.read_bytes()
    order = BYTE_ORDERS.get(data[:4])
    if order is None or len(data) < 24:
        return
    link_type = struct.unpack(order + "I", data[20:24])[0] & 0xFFFF
    at, number = 24, 0
    while at + 16 <= len(data):
        length = struct.unpack(order + "I", data[at + 8 : at + 12])[0]
        at += 16
        number += 1
        if at + length > len(data):
            return
        yield number, link_type, data[at : at + length]
        at += length


Row = dict[str, list[str]]


def decoded_by(tshark: str, link_type: int, captured: list[bytes], scratch: Path) -> list[Row]:
    """What tshark says about each frame. One file for all of them: starting tshark is what takes time."""
    scratch.write_bytes(
        struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link_type)
        + b"".join(struct.pack("<IIII", 0, 0, len(data), len(data)) + data for data in captured)
    )
    fields = ["frame.protocols", "ip.src", "ip.dst", "ip.proto", "ipv6.src", "ipv6.dst"]
    fields += ["vlan.id", "ieee8021ad.id"]
    command = [tshark, "-n", "-r", str(scratch), "-T", "fields", "-E", "occurrence=a"]
    command += ["-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE"]
    for field in fields:
        command += ["-e", field]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unknown or unsupported" in run.stderr:  # the link type
        return [{field: [] for field in fields} for _ in captured]
    lines = run.stdout.splitlines()
    assert len(lines) == len(captured), run.stderr
    return [
        {field: text.split(",") if text else [] for field, text in zip(fields, line.split("\t"), strict=True)}
        for line in lines
    ]


def outermost(row: Row) -> tuple[str, str] | None:
    for layer in ":".join(row["frame.protocols"]).split(":"):
        if layer in ("ip", "ipv6") and row[layer + ".src"]:
            return row[layer + ".src"][0], row[layer + ".dst"][0]
    return None


def disputed(path: Path, number: int) -> bool:
    return any(part in path.name and number == frame for part, frame in DISPUTED)


@pytest.mark.shared
@pytest.mark.tshark
@pytest.mark.parametrize("folder", ["ike", "derived", "hostile", "negative"])
def test_addresses_of_every_frame(folder: str, shared_dir: Path, tshark: str, tmp_path: Path) -> None:
    by_link: dict[int, list[tuple[Path, int, bytes]]] = {}
    for path in sorted((shared_dir / "corpus" / folder).glob("*.[cp]*ap")):
        for number, link_type, data in frames(path):
            if link_type not in LEFT_OUT and not disputed(path, number):
                by_link.setdefault(link_type, []).append((path, number, data))
    differences = []
    for link_type, captured in by_link.items():
        rows = decoded_by(tshark, link_type, [data for _, _, data in captured], tmp_path / "all.pcap")
        for (path, number, data), row in zip(captured, rows, strict=True):
            where = f"{path.name} {number} (link type {link_type})"
            found = find_ip(link_type, data)
            packet = parse_ip(data, found.offset, len(data)) if found.offset >= 0 else None
            here = None
            if isinstance(packet, IpPacket):
                here = (str(ip_address(packet.src)), str(ip_address(packet.dst)))
                if packet.version == 4 and row["ip.proto"] and int(row["ip.proto"][0]) != packet.protocol:
                    differences.append(f"{where}: protocol {packet.protocol}")
            if here != outermost(row):
                differences.append(f"{where}: {here or found} != {outermost(row)}")
            tags = row["ieee8021ad.id"] + row["vlan.id"]
            if found.offset >= 0 and sorted(map(int, tags)) != sorted(found.vlan):
                differences.append(f"{where}: VLAN {found.vlan} != {tags}")
    assert differences == []
    assert sum(map(len, by_link.values())) > 50


@pytest.mark.shared
def test_datagrams_are_complete_in_the_same_frames(shared_dir: Path) -> None:
    """tshark joins no fragments that the snap length cut; here they are complete, with a short payload."""
    differences = []
    joined = cut = 0
    for folder in ("ike", "derived", "negative"):
        for path in sorted((shared_dir / "corpus" / folder).glob("*.pcap")):
            truth = map(json.loads, path.with_name(path.name + ".truth.jsonl").read_text().splitlines())
            expected = [int(row["frame.number"]) for row in truth if row.get("ip.fragment.count")]
            completed = []
            reassembler = Reassembler()
            for number, link_type, data in frames(path):
                found = find_ip(link_type, data)
                packet = parse_ip(data, found.offset, len(data))
                if not isinstance(packet, IpPacket) or not packet.is_fragment:
                    continue
                datagram = reassembler.add(
                    (packet.src, packet.dst, packet.protocol, packet.ip_id),
                    packet.fragment_offset,
                    packet.more_fragments,
                    data[packet.payload_start : packet.payload_end],
                    number,
                    number,
                    packet.wire_payload_length,
                )
                if datagram is not None:
                    assert datagram.problems == ()
                    cut += not datagram.captured_whole
                    completed += [number] if datagram.captured_whole else []
            joined += len(completed)
            modified_header = "modpcap" in path.name  # its record headers are longer than `frames` reads
            if completed != expected and not modified_header:
                differences.append(f"{path.name}: {completed} != {expected}")
    assert differences == []
    assert joined > 50
    assert cut > 10


@pytest.mark.shared
def test_vendor_ids_have_the_names_tshark_gives(shared_dir: Path) -> None:
    """Every id Wireshark knows by name in the corpus is known here; names may be worded differently."""
    seen: dict[str, str] = {}
    for path in sorted((shared_dir / "corpus" / "ike").glob("*.truth.jsonl")):
        for line in path.read_text().splitlines():
            packet = json.loads(line)
            ids, texts = packet.get("isakmp.vid_bytes") or [], packet.get("isakmp.vid_string") or []
            seen |= dict(zip(ids, texts, strict=False))
    known = {vid: text for vid, text in seen.items() if not text.startswith("Unknown")}
    unnamed = {vid: text for vid, text in known.items() if vendor_name(bytes.fromhex(vid)) is None}
    assert unnamed == {}
    assert len(known) > 10
