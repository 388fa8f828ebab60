"""What a datagram on UDP 500 or 4500 is taken for: by its bytes, whatever the other port is."""

from __future__ import annotations

import pytest

from pcapan.scan.columns import MARK_CUT, MARK_NON_ESP
from tests.decode.builders import IPV4, IPV6, ether, icmp, ipv4, ipv6, udp
from tests.kit import ike
from tests.kit.frames import EPOCH, Frame, scan, scan_packets
from tests.scan.packets import (
    CLIENT,
    ENCRYPTED,
    IKEV1,
    KEEPALIVE,
    MARKER,
    SA_INIT,
    SERVER,
    addresses,
    check_sum,
    esp,
    frame4,
    frame6,
    kinds,
    packet4,
    packet6,
)

#: Name -> (payload, source port, destination port, count).
CASES = {
    "ike on 500": (SA_INIT, 500, 500, "ike"),
    "ike from a port that NAT chose": (SA_INIT, 31000, 500, "ike"),
    "ike to a port that NAT chose": (SA_INIT, 500, 31000, "ike"),
    "ike behind the marker on 4500": (MARKER + ENCRYPTED, 31000, 4500, "ike"),
    "ike on 4500 without the marker": (ENCRYPTED, 4500, 4500, "ike"),
    "ike behind a marker on 500": (MARKER + ENCRYPTED, 500, 500, "ike"),
    "ike from 500 to 4500": (MARKER + SA_INIT, 500, 4500, "ike"),
    "ike, one byte more on 500": (SA_INIT + b"\0", 500, 500, "ike"),
    "ikev1 on 500": (IKEV1, 500, 500, "ike"),
    "ikev1 behind the marker": (MARKER + IKEV1, 4500, 4500, "ike"),
    "a bare header": (ike.message(), 500, 500, "ike"),
    "ike that claims too much on 500": (ike.message(length=400), 500, 500, "ike"),
    "ike on 4500 without marker, length of another": (ENCRYPTED + b"\0", 4500, 4500, "esp"),
    "a marker and half a header": (MARKER + ENCRYPTED[:20], 4500, 4500, "other"),
    "esp to 4500": (esp(), 31000, 4500, "esp"),
    "esp from 4500": (esp(), 4500, 31000, "esp"),
    "esp from 4500 to 500": (esp(), 4500, 500, "esp"),
    "the shortest esp": (esp(size=0), 31000, 4500, "esp"),
    "esp on 500": (esp(), 500, 500, "other"),
    "esp without a sequence number": (esp()[:7], 31000, 4500, "other"),
    "keepalive on 4500": (KEEPALIVE, 31000, 4500, "keepalive"),
    "keepalive on 500": (KEEPALIVE, 500, 500, "keepalive"),
    "one byte that is no keepalive": (b"\xfe", 31000, 4500, "other"),
    "two bytes of a keepalive": (b"\xff\xff", 31000, 4500, "other"),
    "nothing": (b"", 500, 500, "other"),
    "a zero spi and no ike": (MARKER + b"\x07" * 60, 4500, 4500, "other"),
    "a dns query": (b"\x12\x34\x01\0\0\1" + bytes(20), 31000, 500, "other"),
    "ike on another port": (SA_INIT, 501, 31000, "other"),
    "ike of version 3": (ike.message(version=0x30), 500, 500, "other"),
}


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(("payload", "sport", "dport", "kind"), CASES.values(), ids=list(CASES))
def test_kind(payload: bytes, sport: int, dport: int, kind: str, version: int) -> None:
    found = scan_packets((frame4 if version == 4 else frame6)(payload, sport, dport))
    assert kinds(found) == {kind: 1}
    assert len(found.messages) == found.ike
    assert len(found.esp) == found.esp_packets
    assert len(found.keepalives) == found.keepalive_packets
    on_ports = {500, 4500} & {sport, dport}
    assert len(found.odd) == (kind == "other" and bool(on_ports))
    assert found.ports == {500: int(on_ports == {500}), 4500: int(4500 in on_ports)}
    if kind == "other":
        assert list(found.talkers.values()) == [1]
    check_sum(found)


def test_columns_of_a_message() -> None:
    payload = ike.message(
        [(ike.SA, ike.SA_BODY), ike.ke(19), (ike.NONCE, bytes(20)), ike.notify(16430), (ike.VENDOR, ike.MS9)],
        spi_i=0xA0,
        spi_r=0xB0,
        message_id=0,
    )
    data = frame4(MARKER + payload, 31000, 4500, ip_id=4711)
    found = scan_packets(data)
    rows = found.messages
    assert (rows.frame[0], rows.ts[0]) == (1, EPOCH)
    assert addresses(found) == [CLIENT, SERVER]
    assert (rows.src[0], rows.dst[0], rows.sport[0], rows.dport[0]) == (0, 1, 31000, 4500)
    assert (rows.ttl[0], rows.ip_id[0], rows.marks[0]) == (64, 4711, MARK_NON_ESP)
    assert (rows.spi_i[0], rows.spi_r[0], rows.length[0]) == (0xA0, 0xB0, len(payload))
    assert (rows.version[0], rows.exchange[0], rows.flags[0], rows.message_id[0]) == (0x20, 34, 0x08, 0)
    assert found.mac_pairs[rows.macs[0]] == (data[6:12], data[:6])
    shape = found.shapes[rows.shape[0]]
    assert (shape.payloads, shape.notifies) == (bytes([33, 34, 40, 41, 43]), (16430,))
    assert (shape.vendor_ids, shape.sa_body, shape.ke_group) == ((ike.MS9,), ike.SA_BODY, 19)
    assert shape.complete and not shape.problem


def test_encrypted_fragments() -> None:
    payload = ike.message([ike.fragment(2, 3, b"\x99" * 60)], spi_r=1, exchange=35, inner=35)
    rows = scan_packets(frame4(MARKER + payload, 4500, 4500)).messages
    assert (rows.fragment_number[0], rows.fragment_total[0], rows.encrypted[0]) == (2, 3, 60)


def test_nat_detection_is_kept_by_row() -> None:
    with_natd = ike.message([ike.notify(16388, b"s" * 20), ike.notify(16389, b"d" * 20)])
    found = scan_packets(frame4(SA_INIT), frame4(with_natd, ip_id=8))
    assert found.natd == {1: ((b"s" * 20,), (b"d" * 20,))}


def test_alike_messages_share_a_shape() -> None:
    frames = [frame4(ike.message([(ike.NONCE, bytes([n]) * 16)], spi_i=n), ip_id=n) for n in range(50)]
    found = scan_packets(*frames)
    assert len(found.messages) == 50 and len(found.shapes) == 1
    assert len(set(found.messages.digest)) == 50


def test_flow_of_esp() -> None:
    packets = [frame4(esp(sequence=n), 31000, 4500) for n in (5, 6, 8, 7)]
    times = (0, 1, 6, 9)
    found = scan([Frame(EPOCH + ts, data) for ts, data in zip(times, packets, strict=True)])
    (flow,) = found.esp
    assert (flow.spi, flow.sport, flow.dport, flow.packets, flow.octets) == (
        0xE1E1E1E1,
        31000,
        4500,
        4,
        4 * 88,
    )
    assert (flow.lowest_sequence, flow.highest_sequence, flow.copies) == (5, 8, 0)
    assert (flow.first_ts - EPOCH, flow.last_ts - EPOCH, flow.first_frame, flow.last_frame) == (0, 9, 1, 4)
    assert (flow.longest_gap, flow.gap_from - EPOCH) == (5, 1)


def test_flow_of_esp_in_reversed_time() -> None:
    packets = [Frame(EPOCH + 3 - n, frame4(esp(sequence=9 - n), 31000, 4500)) for n in range(3)]
    found = scan(packets)
    (flow,) = found.esp
    assert (flow.first_ts - EPOCH, flow.last_ts - EPOCH) == (1, 3)
    assert (flow.first_frame, flow.last_frame, flow.lowest_sequence, flow.highest_sequence) == (3, 1, 7, 9)
    assert found.out_of_order == 2


def test_each_spi_direction_and_port_is_a_flow() -> None:
    found = scan_packets(
        frame4(esp(1), 31000, 4500),
        frame4(esp(2), 31000, 4500),
        frame4(esp(1), 31001, 4500),
        frame4(esp(1), 4500, 31000),
        frame6(esp(1), 31000, 4500),
    )
    assert [(flow.spi, flow.sport, flow.packets) for flow in found.esp] == [
        (1, 31000, 1),
        (2, 31000, 1),
        (1, 31001, 1),
        (1, 4500, 1),
        (1, 31000, 1),
    ]


def test_keepalives_add_up_by_ports() -> None:
    found = scan_packets(*[frame4(KEEPALIVE, port, 4500, ip_id=n) for n, port in enumerate((1, 1, 2, 1))])
    assert [(flow.sport, flow.spi, flow.packets) for flow in found.keepalives] == [(1, 0, 3), (2, 0, 1)]
    assert found.keepalives[0].longest_gap == 2 * 10**9


class TestNativeEsp:
    def test_flow(self) -> None:
        packets = [ether(IPV4, ipv4(esp(sequence=n), protocol=50)) for n in (1, 2)]
        found = scan_packets(*packets, ether(IPV6, ipv6(esp(7), next_header=50)))
        assert kinds(found) == {"esp": 3}
        assert [(f.spi, f.sport, f.dport, f.packets) for f in found.esp] == [
            (0xE1E1E1E1, 0, 0, 2),
            (7, 0, 0, 1),
        ]

    def test_copy_by_sequence_number(self) -> None:
        packet = ether(IPV4, ipv4(esp(), protocol=50))
        assert kinds(scan_packets(packet, packet)) == {"esp": 1, "copies": 1}

    def test_too_short(self) -> None:
        assert kinds(scan_packets(ether(IPV4, ipv4(b"\1" * 7, protocol=50)))) == {"short-esp-header": 1}


class TestCut:
    """Frames that the snap length cut."""

    def cut(self, data: bytes, keep: int) -> Frame:
        return Frame(EPOCH, data[:keep], len(data))

    @pytest.mark.parametrize("keep", range(14, 150))
    @pytest.mark.parametrize(
        ("payload", "ports"),
        [
            (SA_INIT, (500, 500)),
            (MARKER + ENCRYPTED, (4500, 4500)),
            (esp(), (31000, 4500)),
            (KEEPALIVE, (4500, 1)),
        ],
    )
    def test_any_length_is_counted_once(self, payload: bytes, ports: tuple[int, int], keep: int) -> None:
        data = frame4(payload, *ports)
        found = scan([self.cut(data, min(keep, len(data) - 1))])
        check_sum(found)
        assert found.packets == found.cut_frames == 1

    @pytest.mark.parametrize("keep", [42 + 8, 42 + 27, 42 + 28, 42 + 60])
    def test_ike_with_an_spi_is_a_message(self, keep: int) -> None:
        found = scan([self.cut(frame4(SA_INIT), keep)])
        assert kinds(found) == {"ike": 1}
        assert found.messages.marks[0] & MARK_CUT
        assert found.problems == []  # a cut is the capture's doing, not the sender's

    def test_ike_behind_the_marker(self) -> None:
        found = scan([self.cut(frame4(MARKER + ENCRYPTED, 4500, 4500), 42 + 4 + 8)])
        assert kinds(found) == {"ike": 1}
        assert found.messages.marks[0] == MARK_CUT | MARK_NON_ESP

    def test_esp_needs_spi_and_sequence(self) -> None:
        data = frame4(esp(), 31000, 4500)
        assert kinds(scan([self.cut(data, 42 + 8)])) == {"esp": 1}
        assert kinds(scan([self.cut(data, 42 + 7)])) == {"cut-before-payload": 1}

    def test_octets_are_those_of_the_wire(self) -> None:
        data = frame4(esp(size=200), 31000, 4500)
        assert scan([self.cut(data, 60)]).esp[0].octets == 208

    def test_keepalive_before_its_byte(self) -> None:
        assert kinds(scan([self.cut(frame4(KEEPALIVE, 31000, 4500), 42)])) == {"cut-before-payload": 1}

    def test_udp_header(self) -> None:
        assert kinds(scan([self.cut(frame4(SA_INIT), 41)])) == {"short-udp-header": 1}

    def test_ip_header(self) -> None:
        assert kinds(scan([self.cut(frame4(SA_INIT), 33)])) == {"short-ip-header": 1}


class TestOther:
    def test_icmp_that_quotes_ike_is_no_message(self) -> None:
        quoted = packet4(SA_INIT)
        found = scan_packets(
            ether(IPV4, ipv4(icmp(3, 3, bytes(4), quoted), src=SERVER, dst=CLIENT, protocol=1))
        )
        assert kinds(found) == {"other": 1} and len(found.messages) == 0
        (seen,) = found.icmp
        assert (seen.icmp_type, seen.code, seen.quoted_spi_i) == (3, 3, 0xA1A1A1A1A1A1A1A1)
        assert (seen.quoted_sport, seen.quoted_dport) == (500, 500)
        names = addresses(found)
        assert (names[seen.src], names[seen.quoted_src], names[seen.quoted_dst]) == (SERVER, CLIENT, SERVER)

    def test_icmp6_that_quotes_ike_behind_the_marker(self) -> None:
        quoted = packet6(MARKER + ENCRYPTED, 4500, 4500)
        found = scan_packets(ether(IPV6, ipv6(icmp(1, 4, bytes(4), quoted), next_header=58)))
        assert found.icmp[0].quoted_spi_i == 0xA1A1A1A1A1A1A1A1
        assert kinds(found) == {"other": 1}

    def test_icmp_that_quotes_esp_has_no_ike_spi(self) -> None:
        quoted = packet4(esp(), 31000, 4500)
        found = scan_packets(ether(IPV4, ipv4(icmp(3, 3, bytes(4), quoted), protocol=1)))
        assert found.icmp[0].quoted_spi_i is None

    def test_icmp_about_something_else(self) -> None:
        quoted = packet4(b"dns", 31000, 53)
        found = scan_packets(ether(IPV4, ipv4(icmp(3, 3, bytes(4), quoted), protocol=1)))
        assert found.icmp == [] and kinds(found) == {"other": 1}

    def test_arp_tells_neighbours(self) -> None:
        body = bytes.fromhex("000108000604000202000000aaaac000020102000000bbbbc6336402")
        found = scan_packets(ether(0x0806, body))
        assert kinds(found) == {"other": 1}
        assert found.link_neighbours == {bytes([192, 0, 2, 1]): bytes.fromhex("02000000aaaa")}
        assert found.talkers == {bytes([192, 0, 2, 1]): 1}

    def test_arp_probe_of_a_newcomer_tells_nothing(self) -> None:
        body = bytes.fromhex("000108000604000102000000aaaa00000000000000000000c6336402")
        assert scan_packets(ether(0x0806, body)).link_neighbours == {}

    @pytest.mark.parametrize(
        ("data", "kind"),
        [
            (ether(0x88CC, b"lldp"), "other"),
            (ether(IPV4, b""), "short-frame"),
            (ether(IPV4, b"\x65" + bytes(40)), "ip-version-mismatch"),
            (b"\x01" * 9, "short-frame"),
            (ether(IPV4, ipv4(b"\0\1", protocol=17)), "short-udp-header"),
            (ether(IPV4, ipv4(udp(b"x", 1, 2))), "other"),
            (ether(IPV4, ipv4(b"tcp", protocol=6)), "other"),
        ],
    )
    def test_frames_without_ipsec(self, data: bytes, kind: str) -> None:
        found = scan_packets(data)
        check_sum(found)
        assert kinds(found) == {kind: 1}

    def test_oddities_are_counted_and_the_first_is_kept(self) -> None:
        found = scan_packets(*[frame4(b"\x07" * 19, 40000 + n, 500, ip_id=n) for n in range(3)])
        (problem,) = found.problems
        assert (problem.code, problem.frame, problem.count) == ("not-ike", 1, 3)
        assert [(odd.frame, odd.length, odd.sport) for odd in found.odd] == [
            (1, 19, 40000),
            (2, 19, 40001),
            (3, 19, 40002),
        ]

    def test_damaged_ike_is_a_problem(self) -> None:
        found = scan_packets(frame4(ike.message([(33, b"")], inner=40)))
        assert [(p.code, p.count) for p in found.problems] == [("ike-chain-cut", 1)]


class TestTimes:
    def test_first_last_and_pause(self) -> None:
        data = frame4(SA_INIT)
        found = scan([Frame(EPOCH + ts, data) for ts in (5, 7, 100, 101)])
        assert (found.first_ts, found.last_ts) == (EPOCH + 5, EPOCH + 101)
        assert (found.longest_pause, found.pause_from) == (93, EPOCH + 7)
        assert found.out_of_order == 0

    def test_frames_out_of_order(self) -> None:
        found = scan([Frame(EPOCH + ts, frame4(SA_INIT)) for ts in (50, 10, 60, 55)])
        assert (found.first_ts, found.last_ts, found.out_of_order) == (EPOCH + 10, EPOCH + 60, 2)
        assert list(found.messages.ts) == [EPOCH + ts for ts in (50, 10, 60, 55)]
