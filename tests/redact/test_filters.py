"""Display filters of a redacted result show the cited frames of the redacted capture."""

from __future__ import annotations

from pathlib import Path

import pytest

from pcapan.pipeline import Options, analyze
from pcapan.redact.incident import Redactor
from pcapan.redact.keyed import Key
from tests.cli.conftest import Cli
from tests.detect.test_display_filters import filters_of, numbers_of, shown
from tests.samples_kit import sample

pytestmark = pytest.mark.tshark


@pytest.mark.parametrize(
    "name",
    [
        "sa-limit-8",
        "healthy-dnat-ipv6",
        "health-probes",
        "udp-4500-blocked",
        "ip-fragments-lost",
        "ike-fragment-lost",
        "started-mid",
        "ikev1",
    ],
)
def test_filters_show_what_they_cite(cli: Cli, tshark: str, name: str, tmp_path: Path) -> None:
    capture, target = sample(name), tmp_path / "x.pcapng"
    ran = cli("extract", capture, "-o", target, "--redact", "--redact-key", "k")
    assert ran.code == 0, ran.err
    result = analyze([str(capture)], Options(redactor=Redactor(Key.of_text(b"k")))).result
    (wanted,) = filters_of(result).values()
    asked = [f"({one}) && ({numbers_of(frames)})" for one, frames in wanted.items()]
    assert shown(tshark, target, asked) == [len(frames) for frames in wanted.values()]
