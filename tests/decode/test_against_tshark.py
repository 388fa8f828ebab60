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


def decoded_by(tshark: str, path: Path) -> dict[int, dict[str, list[str]]]:
    fields = ["frame.number", "frame.protocols", "ip.src", "ip.dst", "ip.proto", "ipv6.src", "ipv6.dst"]
    fields += ["vlan.id", "ieee8021ad.id"]
    command = [tshark, "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=a"]
    command += ["-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE"]
    for field in fields:
        command += ["-e", field]
    # Exit status 2 is a damaged file: what was read up to there is in the output.
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    rows = [
        {field: text.split(",") if text else [] for field, text in zip(fields, line.split("\t"), strict=True)}
        for line in lines
    ]
    return {int(row["frame.number"][0]): row for row in rows}


def outermost(row: dict[str, list[str]]) -> tuple[str, str] | None:
    for layer in row["frame.protocols"][0].split(":"):
        if layer in ("ip", "ipv6") and row[layer + ".src"]:
            return row[layer + ".src"][0], row[layer + ".dst"][0]
    return None


def disputed(path: Path, number: int) -> bool:
    return any(part in path.name and number == frame for part, frame in DISPUTED)


@pytest.mark.shared
@pytest.mark.tshark
@pytest.mark.parametrize("folder", ["ike", "derived", "hostile", "negative"])
def test_addresses_of_every_frame(folder: str, shared_dir: Path, tshark: str) -> None:
    differences = []
    compared = 0
    for path in sorted((shared_dir / "corpus" / folder).glob("*.[cp]*ap")):
        captured = list(frames(path))
        truth = decoded_by(tshark, path) if captured else {}
        for number, link_type, data in captured:
            if number not in truth or link_type in LEFT_OUT or disputed(path, number):
                continue
            row = truth[number]
            found = find_ip(link_type, data)
            packet = parse_ip(data, found.offset, len(data)) if found.offset >= 0 else None
            here = None
            if isinstance(packet, IpPacket):
                here = (str(ip_address(packet.src)), str(ip_address(packet.dst)))
                if packet.version == 4 and row["ip.proto"] and int(row["ip.proto"][0]) != packet.protocol:
                    differences.append(f"{path.name} {number}: protocol {packet.protocol}")
            if here != outermost(row):
                differences.append(f"{path.name} {number}: {here or found} != {outermost(row)}")
            tags = row["ieee8021ad.id"] + row["vlan.id"]
            if sorted(map(int, tags)) != sorted(found.vlan) and found.offset >= 0:
                differences.append(f"{path.name} {number}: VLAN {found.vlan} != {tags}")
            compared += 1
    assert differences == []
    assert compared > 50


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
