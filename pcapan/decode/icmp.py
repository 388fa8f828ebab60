"""ICMP and ICMPv6 errors, and the packet each of them quotes.

Knows the error messages of RFC 792, RFC 1122, RFC 1812 and RFC 4443, and how much of the original packet they
carry. Must not conclude anything: who sent the error, and whether the quoted packet matters, is for others. A
quoted packet is not a packet of its own and is never counted as one.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pcapan.decode.ip import IpPacket, parse_ip

IKE_PORTS: Final = frozenset({500, 4500})

_UDP = 17
_TCP = 6
_PORTED = frozenset({_TCP, _UDP, 33, 132, 136})

# https://www.iana.org/assignments/icmp-parameters: the types that quote a packet.
_V4_TYPES: dict[int, str] = {
    3: "destination unreachable",
    4: "source quench",
    5: "redirect",
    11: "time exceeded",
    12: "parameter problem",
}
_V4_CODES: dict[tuple[int, int], str] = {
    (3, 0): "network unreachable",
    (3, 1): "host unreachable",
    (3, 2): "protocol unreachable",
    (3, 3): "port unreachable",
    (3, 4): "fragmentation needed",
    (3, 5): "source route failed",
    (3, 6): "destination network unknown",
    (3, 7): "destination host unknown",
    (3, 8): "source host isolated",
    (3, 9): "network administratively prohibited",
    (3, 10): "host administratively prohibited",
    (3, 11): "network unreachable for this type of service",
    (3, 12): "host unreachable for this type of service",
    (3, 13): "administratively prohibited",
    (3, 14): "host precedence violation",
    (3, 15): "precedence cutoff in effect",
    (4, 0): "source quench",
    (5, 0): "redirect for the network",
    (5, 1): "redirect for the host",
    (5, 2): "redirect for the type of service and network",
    (5, 3): "redirect for the type of service and host",
    (11, 0): "time to live exceeded in transit",
    (11, 1): "fragment reassembly time exceeded",
    (12, 0): "parameter problem",
    (12, 1): "required option missing",
    (12, 2): "bad length",
}

# https://www.iana.org/assignments/icmpv6-parameters: types below 128 are errors.
_V6_TYPES: dict[int, str] = {
    1: "destination unreachable",
    2: "packet too big",
    3: "time exceeded",
    4: "parameter problem",
}
_V6_CODES: dict[tuple[int, int], str] = {
    (1, 0): "no route to destination",
    (1, 1): "administratively prohibited",
    (1, 2): "beyond scope of source address",
    (1, 3): "address unreachable",
    (1, 4): "port unreachable",
    (1, 5): "source address failed ingress or egress policy",
    (1, 6): "reject route to destination",
    (1, 7): "error in source routing header",
    (1, 8): "headers too long",
    (2, 0): "packet too big",
    (3, 0): "hop limit exceeded in transit",
    (3, 1): "fragment reassembly time exceeded",
    (4, 0): "erroneous header field",
    (4, 1): "unrecognised next header",
    (4, 2): "unrecognised IPv6 option",
}


class IcmpError(NamedTuple):
    """One ICMP error. The quoted fields are None where the quotation is too short or damaged."""

    version: int
    """4 ICMP, 6 ICMPv6."""
    type: int
    code: int
    name: str
    """Plain words, such as ``port unreachable`` or ``fragmentation needed, MTU 1400``."""
    mtu: int | None
    """Largest packet the next hop takes, in bytes, where the message says so; 0 = an old router left it
    out."""
    src: bytes | None
    """Source address of the quoted packet, 4 or 16 bytes."""
    dst: bytes | None
    """Destination address of the quoted packet."""
    protocol: int | None
    """IP protocol number of the quoted packet."""
    ip_id: int | None
    """Identification of the quoted packet, by which the frame it quotes can be found."""
    fragment_offset: int | None
    """Of the quoted packet, in bytes; a quoted later fragment shows no ports."""
    sport: int | None
    dport: int | None
    """Ports of the quoted packet (UDP, TCP, DCCP, SCTP, UDP-Lite)."""
    payload: bytes
    """What is there of the quoted UDP payload; of any other protocol (and of a later fragment), what follows
    its IP header: the first four bytes of quoted ESP are its SPI."""

    @property
    def quotes_ike_port(self) -> bool:
        """Whether the quoted packet is UDP from or to port 500 or 4500."""
        return self.protocol == _UDP and (self.sport in IKE_PORTS or self.dport in IKE_PORTS)


def parse_icmp(version: int, payload: bytes) -> IcmpError | None:
    """Read the ICMP (`version` 4) or ICMPv6 (6) message that is the IP payload `payload`.

    None when it is no error message, or shorter than its own 8-byte header. Never raises.
    """
    if len(payload) < 8:
        return None
    kind, code = payload[0], payload[1]
    mtu: int | None = None
    if version == 4 and kind in _V4_TYPES:
        name = _V4_CODES.get((kind, code)) or f"{_V4_TYPES[kind]}, code {code}"
        if kind == 3 and code == 4:  # RFC 1191: the MTU is in the low half of the unused word
            mtu = int.from_bytes(payload[6:8], "big")
        quoted_length = payload[5] * 4 if kind in (3, 11, 12) else 0
    elif version == 6 and kind in _V6_TYPES:
        name = _V6_CODES.get((kind, code)) or f"{_V6_TYPES[kind]}, code {code}"
        if kind == 2:
            mtu = int.from_bytes(payload[4:8], "big")
        quoted_length = payload[4] * 8 if kind in (1, 3) else 0
    else:
        return None
    if mtu:
        name = f"{name}, MTU {mtu}"

    # RFC 4884: with extensions behind the quotation its length is given, in words of 4 or 8 bytes, at least
    # 128 bytes. Shorter values are not that, but what an old sender left in the field.
    end = min(len(payload), 8 + quoted_length) if quoted_length >= 128 else len(payload)
    quoted = parse_ip(payload, 8, end)
    if isinstance(quoted, str):
        return IcmpError(version, kind, code, name, mtu, None, None, None, None, None, None, None, b"")
    return _with_quotation(version, kind, code, name, mtu, payload, quoted)


def _with_quotation(
    version: int, kind: int, code: int, name: str, mtu: int | None, payload: bytes, quoted: IpPacket
) -> IcmpError:
    body = bytes(payload[quoted.payload_start : quoted.payload_end])
    sport: int | None = None
    dport: int | None = None
    if quoted.fragment_offset == 0 and quoted.protocol in _PORTED and len(body) >= 4:
        sport = int.from_bytes(body[0:2], "big")
        dport = int.from_bytes(body[2:4], "big")
        if quoted.protocol == _UDP:
            body = body[8 : _udp_end(body)]
    return IcmpError(
        version=version,
        type=kind,
        code=code,
        name=name,
        mtu=mtu,
        src=quoted.src,
        dst=quoted.dst,
        protocol=quoted.protocol,
        ip_id=quoted.ip_id,
        fragment_offset=quoted.fragment_offset,
        sport=sport,
        dport=dport,
        payload=body,
    )


def _udp_end(body: bytes) -> int:
    """Index behind the UDP payload, by the UDP length where that is believable."""
    if len(body) < 8:
        return len(body)
    length = int.from_bytes(body[4:6], "big")
    return length if 8 <= length <= len(body) else len(body)
