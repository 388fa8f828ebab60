"""The columns of a scanned file with pseudonyms, so that nothing behind the scan ever sees a name.

Knows which columns of `pcapan.scan.columns.FileScan` name somebody. Must not know what they mean. What is
made here is what the scan of the rewritten frames gives (`links`), without reading the file again; a test
compares the two.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from copy import copy

from pcapan.decode.fragments import IncompleteDatagram
from pcapan.decode.numbers import PAYLOAD_SA
from pcapan.record import changed
from pcapan.redact.ike import rewrite_sa
from pcapan.redact.names import Collector, End, Names
from pcapan.redact.packets import rewrite_datagram
from pcapan.scan.columns import FileScan, FlowColumns, MessageColumns, Shape
from pcapan.scan.hashes import Hashes, NatdHashes

#: Bytes of a datagram whose end was not seen.
_NO_DATAGRAM_IS_LONGER = 65535
_VERSION = {4: 4, 16: 6}


def collect(scan: FileScan, found: Collector) -> None:
    """Note everything in a scan that will be replaced."""
    for address in (*scan.addresses, *scan.talkers, *scan.link_neighbours):
        found.address(address)
    for mac in (*scan.source_macs, *scan.link_neighbours.values()):
        found.mac(mac)
    for pair in scan.mac_pairs:
        for mac in pair:
            found.mac(mac)
    found.ike_spis.update(scan.messages.spi_i, scan.messages.spi_r)
    found.ike_spis.update(seen.quoted_spi_i for seen in scan.icmp if seen.quoted_spi_i is not None)
    found.esp_spis.update(scan.esp.spi)
    for row, ends in _hash_rows(scan):
        for hashes in scan.natd[row]:
            for data in hashes:
                found.natd(data, scan.messages.spi_i[row], scan.messages.spi_r[row], ends)
    for datagram in scan.incomplete:
        _incomplete(datagram, found)


def redact_scan(scan: FileScan, names: Names) -> FileScan:
    """A copy of a scan with pseudonyms; what names nobody is shared with the original."""
    return changed(
        scan,
        addresses=[names.address(address) for address in scan.addresses],
        mac_pairs=[(names.mac(source), names.mac(target)) for source, target in scan.mac_pairs],
        shapes=[_shape(shape, names) for shape in scan.shapes],
        messages=_messages(scan.messages, names),
        natd=_hashes(scan, names),
        esp=_flows(scan.esp, names),
        icmp=[
            changed(seen, quoted_spi_i=names.ike_spi(seen.quoted_spi_i or 0))
            if seen.quoted_spi_i is not None
            else seen
            for seen in scan.icmp
        ],
        incomplete=[_incomplete(datagram, names) for datagram in scan.incomplete],
        talkers={names.address(address): count for address, count in scan.talkers.items()},
        source_macs={names.mac(mac) for mac in scan.source_macs},
        link_neighbours={names.address(a): names.mac(mac) for a, mac in scan.link_neighbours.items()},
    )


def _flows(rows: FlowColumns, names: Names) -> FlowColumns:
    made = copy(rows)
    made.spi = array("I", map(names.esp_spi, rows.spi))
    return made


def _messages(rows: MessageColumns, names: Names) -> MessageColumns:
    made = MessageColumns()
    for name, column in vars(rows).items():
        setattr(made, name, column)
    made.spi_i = array("Q", map(names.ike_spi, rows.spi_i))
    made.spi_r = array("Q", map(names.ike_spi, rows.spi_r))
    return made


def _shape(shape: Shape, names: Names) -> Shape:
    return changed(
        shape,
        vendor_ids=tuple(names.vendor_id(vid) for vid in shape.vendor_ids),
        sa_body=rewrite_sa(shape.sa_body, names, is_v2=PAYLOAD_SA in shape.payloads),
    )


def _hash_rows(scan: FileScan) -> Iterator[tuple[int, tuple[End, End]]]:
    """Messages with NAT detection hashes, and the ends of their packets."""
    rows = scan.messages
    for row in scan.natd:
        src, dst = scan.addresses[rows.src[row]], scan.addresses[rows.dst[row]]
        yield row, ((src, rows.sport[row]), (dst, rows.dport[row]))


def _hashes(scan: FileScan, names: Names) -> NatdHashes:
    rows = scan.messages
    made: dict[int, Hashes] = {}
    for row, ends in _hash_rows(scan):
        source, destination = (
            tuple(names.natd(data, rows.spi_i[row], rows.spi_r[row], ends) for data in hashes)
            for hashes in scan.natd[row]
        )
        made[row] = (source, destination)
    return NatdHashes(made)


def _incomplete(datagram: IncompleteDatagram, names: Names) -> IncompleteDatagram:
    src, dst, protocol, number = datagram.key
    first = datagram.first_fragment
    if first is not None:
        first = rewrite_datagram(
            first, _VERSION[len(src)], protocol, (src, dst), _NO_DATAGRAM_IS_LONGER, names
        )
    key = (names.address(src), names.address(dst), protocol, number)
    return datagram._replace(key=key, first_fragment=first)
