"""A result that is redacted afterwards is the result of a redacted analysis."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from pcapan.pipeline import Options, analyze
from pcapan.redact.document import redact_documents
from pcapan.redact.incident import Redactor
from pcapan.redact.keyed import Key
from pcapan.redact.texts import Texts
from tests.samples_kit import Sample, incidents

ALL = incidents()


def redactor() -> Redactor:
    return Redactor(Key(b"k"))


def document(paths: list[str], options: Options | None = None) -> dict[str, Any]:
    made = analyze(paths, options).result.to_dict()
    del made["run"]["started"]
    return made


@pytest.mark.parametrize("incident", ALL, ids=[one.name for one in ALL])
def test_both_ways_give_the_same_document(incident: Sample) -> None:
    paths = [str(path) for path in incident.captures]
    wanted = document(paths, Options(redactor=redactor()))
    plain = document(paths)
    (told,) = redact_documents([plain], redactor())
    assert told == wanted
    assert plain == document(paths), "the original is left as it was"


def test_a_redacted_result_keeps_to_the_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="redacted documents are not checked by the schema")
    schema = json.loads(files("pcapan.report").joinpath("result.schema.json").read_text("utf-8"))
    (told,) = redact_documents([document([str(ALL[0].captures[0])])], redactor())
    told["run"]["started"] = "2026-01-01T00:00:00Z"
    jsonschema.validate(told, schema)


def test_several_results_share_their_pseudonyms() -> None:
    by_name = {incident.name: [str(path) for path in incident.captures] for incident in ALL}
    before, after = document(by_name["sa-limit-8"]), document(by_name["healthy-dnat"])
    one, other = redact_documents([before, after], redactor())
    assert before["capture"]["server"] == after["capture"]["server"]
    assert one["capture"]["server"] == other["capture"]["server"] != before["capture"]["server"]
    assert one["inputs"][0]["path"] != other["inputs"][0]["path"]


@pytest.fixture
def texts() -> Texts:
    made = redactor()
    made.names.addresses.know([b"\x0a\x01\x01\x01"])
    return made.texts


@pytest.mark.parametrize(
    "text",
    [
        "{v4}",
        "from {v4}:500, TTL 62",
        "({v4}), {v4}; and {v4}.",
        "{v4}/24",
        "ip.src == {v4} && udp.dstport in {{500, 4500}}",
        "{v6}",
        "[{v6}]:4500",
        "from {v6}: nothing",
        "ipv6.src == {v6} && udp",
        "frame at 2026-11-23T12:01:55.871Z and 12:01:40 from {v4}",
        "isakmp.ispi == {spi}",
        "SPI {hex} of {mac} ({dash})",
        "esp.spi == 0x{esp}",
    ],
)
def test_names_are_found_in_every_sentence(texts: Texts, text: str) -> None:
    originals = {
        "v4": "10.9.8.7",
        "v6": "2001:db8::1:7",
        "spi": "01:02:03:04:05:06:07:08",
        "hex": "0102030405060708",
        "mac": "02:00:5e:10:00:01",
        "dash": "02-00-5e-10-00-01",
        "esp": "c0ffee01",
    }
    made = {
        name: texts.redact(f"esp.spi == 0x{value}")[-8:] if name == "esp" else texts.redact(value)
        for name, value in originals.items()
    }
    assert all(made[name] != value and len(made[name]) >= 8 for name, value in originals.items())
    assert texts.redact(text.format(**originals)) == text.format(**made)


@pytest.mark.parametrize(
    "text",
    [
        "12:01:55",
        "pcapan 0.1.0",
        "Windows 10.0.17763.1 build",
        "1.2.3.4.5",
        "999.1.1.1",
        "ab:cd",
        "std::vector",
        "a b c d",
        "c0ffee01",
        "sha 0123456789abcdef0123456789abcdef",
    ],
)
def test_what_is_no_name_stays(texts: Texts, text: str) -> None:
    assert texts.redact(text) == text


def test_advice_keeps_its_examples_unless_they_occur(texts: Texts) -> None:
    assert texts.redact_known("such as 192.0.2.1 or 10.0.0.0/8") == "such as 192.0.2.1 or 10.0.0.0/8"
    assert "10.1.1.1" not in texts.redact_known("such as 10.1.1.1")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("udp port 500 or udp port 4500", "udp port 500 or udp port 4500"),
        ("(ip[6:2] & 0x3fff != 0) or ip6 proto 44", "(ip[6:2] & 0x3fff != 0) or ip6 proto 44"),
        ("host vpn.contoso.example and not arp", "host name-1 and not arp"),
        ("ifname eth0 and ifname eth0 or ifname wan", "ifname name-1 and ifname name-1 or ifname name-2"),
    ],
)
def test_a_capture_filter_keeps_its_words_and_loses_names(text: str, wanted: str) -> None:
    assert redactor().filter(text) == wanted


def test_addresses_in_a_capture_filter_are_replaced() -> None:
    told = redactor().filter("host 10.1.1.1 or net 2001:db8::/32 or ether host 02:00:5e:10:00:01")
    assert told.startswith("host 10.") and " or ether host " in told
    for name in ("10.1.1.1", "2001:db8::/32", "02:00:5e:10:00:01", "name-"):
        assert name not in told
