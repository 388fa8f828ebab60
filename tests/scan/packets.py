"""Payloads and whole packets for the tests of this folder, and what a scan counted."""

from __future__ import annotations

from ipaddress import ip_address

from pcapan.scan.columns import FileScan
from tests.decode.builders import IPV4, IPV6, ether, ipv4, ipv6, udp
from tests.kit import ike

CLIENT, SERVER = "192.0.2.1", "198.51.100.2"
CLIENT6, SERVER6 = "2001:db8::1", "2001:db8::2"

SA_INIT = ike.message([(ike.SA, ike.SA_BODY), ike.ke(), (ike.NONCE, b"\x22" * 32)])
ENCRYPTED = ike.message([(ike.SK, b"\x99" * 80)], spi_r=0xB1, exchange=ike.AUTH, message_id=1, inner=35)
IKEV1 = ike.message([(10, b"n" * 16)], version=0x10, exchange=2, flags=0)
MARKER = bytes(4)
KEEPALIVE = b"\xff"


def esp(spi: int = 0xE1E1E1E1, sequence: int = 1, size: int = 80) -> bytes:
    return spi.to_bytes(4, "big") + sequence.to_bytes(4, "big") + b"\x33" * size


def packet4(
    payload: bytes, sport: int = 500, dport: int = 500, *, ip_id: int = 7, ttl: int = 64, src: str = CLIENT
) -> bytes:
    """An IP packet without a link layer."""
    return ipv4(udp(payload, sport, dport), src=src, dst=SERVER, ip_id=ip_id, ttl=ttl)


def packet6(payload: bytes, sport: int = 500, dport: int = 500) -> bytes:
    return ipv6(udp(payload, sport, dport), src=CLIENT6, dst=SERVER6)


def frame4(payload: bytes, sport: int = 500, dport: int = 500, *, ip_id: int = 7) -> bytes:
    return ether(IPV4, packet4(payload, sport, dport, ip_id=ip_id))


def frame6(payload: bytes, sport: int = 500, dport: int = 500) -> bytes:
    return ether(IPV6, packet6(payload, sport, dport))


def kinds(scan: FileScan) -> dict[str, int]:
    """The counts that are not zero."""
    counts = {
        "ike": scan.ike,
        "esp": scan.esp_packets,
        "keepalive": scan.keepalive_packets,
        "other": scan.other,
        "copies": scan.copies,
        **scan.undecoded,
    }
    return {name: count for name, count in counts.items() if count}


def check_sum(scan: FileScan) -> None:
    """Every packet is in exactly one count."""
    counted = scan.ike + scan.esp_packets + scan.keepalive_packets + scan.other + scan.copies
    assert counted + sum(scan.undecoded.values()) == scan.packets


def addresses(scan: FileScan) -> list[str]:
    return [str(ip_address(address)) for address in scan.addresses]
