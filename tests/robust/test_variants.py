"""Captures that lost packets, were cut, merged, anonymised or shifted in time: nothing false is confirmed.

The samples are part of every run; the whole lab, with several seeds, is `heavy`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from pcapan.model import Finding
from tests.kit.frames import read
from tests.robust.addresses import readdress, renumbered, xor
from tests.robust.judge import Hit, Truth, findings_of, judge
from tests.robust.sweep import hits_of, scenarios
from tests.robust.variants import ELSEWHERE, VARIANTS, Files, Variant
from tests.samples_kit import SAMPLES, Sample, incidents, sample

#: Copies of one run in other shapes say nothing new here, and large ones take their time.
SAME_RUN = ("snap-length-96", "truncated-tail", "udp-500-only", "one-direction", "started-mid", "duplicated")
#: What is true of the little that a variant leaves.
TRUE_OF_IT = {
    ("reply-lost", "without-first-third", "no-auth-after-init"): "one request and its answer are left",
}
#: One server was filtered to UDP 500 and the other was not: a mixture that no single capture can be.
MIXED = {("FORMATS/ike500_only.pcap", "merged-with-healthy")}
RICH = [
    one
    for one in incidents()
    if one.name not in (*SAME_RUN, "no-packets") and not one.name.startswith(("capture-", "anonymised"))
]
each_sample = pytest.mark.parametrize("one", RICH, ids=[one.name for one in RICH])
each_variant = pytest.mark.parametrize("variant", VARIANTS.values(), ids=list(VARIANTS))


@cache
def _unchanged(name: str) -> tuple[int, Files, list[Finding]]:
    """Link type, frames and findings of a sample."""
    parts = [read(path) for one in RICH if one.name == name for path in one.captures]
    link, files = parts[0][0], [frames for _, frames in parts]
    return link, files, findings_of(files, link)


@each_variant
@each_sample
def test_nothing_false_about_a_sample(one: Sample, variant: Variant) -> None:
    link, files, before = _unchanged(one.name)
    changed, mapping = variant.make(files, link, 1)
    if changed == files:
        return  # nothing to drop, cut or rename in it
    hits = judge(Truth.of(one.document), variant, findings_of(changed, link), before, mapping)
    grave = [hit for hit in hits if hit.grave and (one.name, variant.name, hit.finding) not in TRUE_OF_IT]
    assert not grave


@each_sample
def test_another_day_is_the_same_incident(one: Sample) -> None:
    _same(one, "another-day")


@each_sample
def test_another_site_is_the_same_incident(one: Sample) -> None:
    _same(one, "elsewhere")


def _same(one: Sample, name: str) -> None:
    link, files, before = _unchanged(one.name)
    changed, _ = VARIANTS[name].make(files, link, 1)
    here, there = (
        [(finding.id, finding.verdict, len(finding.addresses)) for finding in findings]
        for findings in (before, findings_of(changed, link))
    )
    assert there == here


def test_readdressing_twice_gives_the_capture_back() -> None:
    for name in ("branch-nat", "healthy-dnat-ipv6", "ike-service-stopped"):
        link, frames = read(sample(name))
        once = readdress(frames, link, xor(0x1A17C0DE))
        assert once != frames
        assert readdress(once, link, xor(0x1A17C0DE)) == frames
        there = readdress(frames, link, renumbered(ELSEWHERE), rehash=True)
        back = [(new, old) for old, new in ELSEWHERE]
        assert readdress(there, link, renumbered(back), rehash=True) == frames


def test_no_address_of_the_original_is_left() -> None:
    for name in ("ike-service-stopped", "health-probes", "healthy-dnat-ipv6"):
        link, frames = read(sample(name))
        secret = xor(0x71C3A95B)
        changed = b"".join(frame.data for frame in readdress(frames, link, secret))
        for network in (b"\x0a\x0a\x0a", b"\xc6\x33\x64", b"\xcb\x00\x71", b"\x20\x01\x0d\xb8\xff\xff"):
            before = b"".join(frame.data for frame in frames).count(network)
            assert changed.count(network) <= before // 50


def _undecidable(name: str, variant: str, hit: Hit) -> bool:
    """Without any answer nothing shows that all hosts were moved into one network: suspicion is right."""
    accused = hit.kind == "accused" and hit.detail.startswith("suspected")
    return (name, variant) in MIXED or (accused and variant == "one-network" and "in_only" in name)


@pytest.mark.heavy
@pytest.mark.shared
def test_nothing_false_about_the_lab(shared_dir: Path) -> None:
    wrong = []
    for name, link, files, truth in scenarios(shared_dir / "lab" / "captures"):
        for variant, seed, hits in hits_of(link, files, truth, range(1, 6), list(VARIANTS.values())):
            wrong += [
                f"{name} {variant} {seed}: {hit.finding} {hit.detail}"
                for hit in hits
                if hit.grave and not _undecidable(name, variant, hit)
            ]
    assert not wrong, "\n".join(wrong)


def test_the_healthy_one_is_where_variants_look_for_it() -> None:
    assert sample("healthy-dnat") == SAMPLES / "healthy-dnat.pcap"
