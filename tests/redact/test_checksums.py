"""Checksums of rewritten packets are right where they were right, and wrong where they were wrong."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pcapan.redact.checksums import is_right, renewed, total
from tests.cli.conftest import Cli
from tests.samples_kit import sample

_FIELDS = [f"{protocol}.checksum.status" for protocol in ("ip", "udp", "tcp", "icmp", "icmpv6")] + [
    "frame.len",
    "frame.cap_len",
    "frame.time_epoch",
]


def statuses(tshark: str, path: Path) -> list[str]:
    """What Wireshark says about the checksums, lengths and time of each frame."""
    command = [tshark, "-r", str(path), "-T", "fields"]
    for protocol in ("ip", "udp", "tcp"):
        command += ["-o", f"{protocol}.check_checksum:TRUE"]
    for field in _FIELDS:
        command += ["-e", field]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.tshark
@pytest.mark.parametrize("name", ["sa-limit-8", "healthy-dnat-ipv6", "ip-fragments-lost", "udp-4500-blocked"])
def test_wireshark_finds_the_same_checksums_right(cli: Cli, tshark: str, name: str, tmp_path: Path) -> None:
    target = tmp_path / "x.pcapng"
    assert cli("extract", sample(name), "-o", target, "--redact", "--redact-key", "k").code == 0
    before, after = statuses(tshark, sample(name)), statuses(tshark, target)
    assert after == before and len(before) > 50


@pytest.mark.parametrize("data", [b"", b"\0", b"\x12\x34\x56", bytes(range(40)), b"\xff" * 20])
def test_a_renewed_checksum_is_right_or_wrong_as_before(data: bytes) -> None:
    rest = total(data)
    padded = data + bytes(len(data) % 2)
    for udp in (False, True):
        right = renewed(1, True, rest, zero_means_none=udp).to_bytes(2, "big")
        wrong = renewed(1, False, rest, zero_means_none=udp).to_bytes(2, "big")
        assert is_right(padded, right)
        assert not is_right(padded, wrong)
        if udp:
            assert bytes(2) not in (right, wrong)


def test_a_checksum_that_was_never_computed_stays_zero() -> None:
    assert renewed(0, False, 1234) == 0
    assert renewed(0, True, 1234, zero_means_none=True) == 0
