"""Vendor ID payloads: who says so, and what Windows tells about itself.

Knows the identifiers implementations announce themselves and their extensions with. Most are the MD5 of a
text, and the tables here hold that text, so that each line can be checked by anybody. Must not conclude
anything from them: an id is what the sender claims. Ids are the sender's bytes: no part of them is ever put
into a name, except a version number.

Sources: RFC 3706 and RFC 3947 with their drafts; for what vendors invented, the public tables of Wireshark,
libreswan, strongSwan and ike-scan. What is marked "observed" was seen in captures and logs, and no document
known to us explains it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final


def _md5(text: str) -> bytes:
    # Naming, not security: also where a hardened build refuses MD5 for anything else.
    return hashlib.md5(text.encode("ascii"), usedforsecurity=False).digest()


#: Followed by the version, four bytes big endian (Windows 2000 and later).
MS_NT5: Final = _md5("MS NT5 ISAKMPOAKLEY")

#: Observed from Windows clients, together with version 9 of MS_NT5; the tail is 1 in IKEv1, 2 in IKEv2.
MS_UNNAMED: Final = bytes.fromhex("01528bbbc00696121849ab9a1c5b2a51")

#: AuthIP's first key exchange rides along in a vendor id; the tail numbers its group.
MS_AUTHIP_KE: Final = bytes.fromhex("7bb93867d76c8d80df0f40fae8fc3b19")

_MICROSOFT: dict[bytes, str] = {
    _md5("MS-Negotiation Discovery Capable"): "MS-Negotiation Discovery Capable",
    _md5("Vid-Initial-Contact"): "Microsoft Vid-Initial-Contact",
    _md5("IKE CGA version 1"): "Microsoft IKE CGA version 1",
    _md5("MS-MamieExists"): "MS-MamieExists (AuthIP supported)",
    _md5("NLBS_PRESENT"): "Microsoft NLBS_PRESENT (fast failover in a network load balancing cluster)",
    _md5("MSFT IPsec Security Realm Id"): "MSFT IPsec Security Realm Id",
}

_EXACT: dict[bytes, str] = {
    **_MICROSOFT,
    _md5("strongSwan"): "strongSwan",
    _md5("KAME/racoon"): "KAME/racoon",
    _md5("RFC 3947"): "RFC 3947 NAT-Traversal",
    _md5("Testing NAT-T RFC"): "Testing NAT-T RFC",
    _md5("ESPThruNAT"): "ESPThruNAT",
    _md5("GSSAPI"): "GSSAPI",
    _md5("A GSS-API Authentication Method for IKE"): "GSS-API Authentication Method for IKE",
    _md5("A GSS-API Authentication Method for IKE\n"): "GSS-API Authentication Method for IKE",
    _md5("ALTIGA NETWORKS"): "Cisco VPN 3000 client",
    _md5("draft-huttunen-ipsec-esp-in-udp-00.txt"): "draft-huttunen-ipsec-esp-in-udp-00",
    # The draft printed the hash of its own name with a line end behind it; both are in use, also by Windows.
    _md5("draft-ietf-ipsec-nat-t-ike-02\n"): "draft-ietf-ipsec-nat-t-ike-02",
    **{
        _md5(text): text
        for text in (
            *(f"draft-ietf-ipsec-nat-t-ike-{number:02d}" for number in range(9)),
            "draft-stenberg-ipsec-nat-traversal-01",
            "draft-stenberg-ipsec-nat-traversal-02",
        )
    },
    b"CISCO-DELETE-REASON": "Cisco Delete Reason",
    b"CISCO-DYNAMIC-ROUTE": "Cisco Dynamic Route",
    b"CISCOVPN-REV-02": "Cisco VPN Revision 2",
    b"FLEXVPN-SUPPORTED": "Cisco FlexVPN",
    bytes.fromhex("1d6e178f6c2c0be284985465450fe9d4"): "FortiGate",
}

#: Ids that go on with a version or flags. No prefix here is the beginning of another.
_NAMES_OF_PREFIXES: dict[bytes, str] = {
    _md5("FRAGMENTATION"): "FRAGMENTATION (IKEv1; Cisco, Microsoft and others)",
    _md5("draft-ietf-ipsra-isakmp-xauth-06.txt")[:8]: "XAUTH",
    _md5("CISCO-UNITY")[:14]: "CISCO-UNITY",
    _md5("ALTIGA GATEWAY")[:13]: "Cisco VPN 3000 concentrator",
    bytes.fromhex("3e984048"): "Cisco IOS",
    b"CISCO(COPYRIGHT)": "Cisco copyright notice",
    bytes.fromhex("afcad71368a1f1c96b8696fc7757"): "RFC 3706 Dead Peer Detection",
    bytes.fromhex("f4ed19e0c114eb516faaac0ee37daf2807b4381f"): "Check Point",
    bytes.fromhex("699369228741c6d4ca094c93e242c9de19e7b7c6"): "Juniper NetScreen",
    bytes.fromhex("166f932d55eb64d8e4df4fd37e2313f0d0fd8451"): "Juniper NetScreen",
    bytes.fromhex("fd808804df73b15150709d878044cde0ac1efcde"): "Juniper SRX",
    bytes.fromhex("8299031757a36082c6a621de"): "FortiGate",
    bytes.fromhex("404bf439522ca3f6"): "SonicWall",
    bytes.fromhex("5b362bc820f6"): "SonicWall",
    bytes.fromhex("5b362bc820f7"): "SonicWall",
    b"HeartBeat_Notify": "HeartBeat Notify",
    b"OpenIKED-": "OpenIKED",
    b"OE-Libreswan-": "Libreswan",
    b"OEN": "Libreswan 3.0 to 3.5",
}

#: Version behind MS_NT5 -> release. 2 to 5 as Wireshark and ike-scan list them; 9 measured on a 2015 client
#: (Windows 8.1's time) and named in logs of Windows 10 clients. 8 is common in logs of 2012-2016, none of
#: which names the release; for 6, 7 and anything newer there is no source at all.
_RELEASES: dict[int, str] = {
    2: "Windows 2000",
    3: "Windows XP",
    4: "Windows XP SP2 or Windows Server 2003",
    5: "Windows Vista",
    9: "Windows (IKE version 9: seen from Windows 8.1 and Windows 10; later releases are not told apart)",
}


def _ms_nt5_version(vid: bytes) -> int | None:
    if vid[:16] == MS_NT5 and len(vid) >= 20:
        return int.from_bytes(vid[16:20], "big")
    return None


def known_prefix(vid: bytes) -> bytes | None:
    """The beginning of `vid` by which it is known, where a version or flags follow; else None."""
    return next((prefix for prefix in _NAMES_OF_PREFIXES if vid.startswith(prefix)), None)


def vendor_name(vid: bytes) -> str | None:
    """What the vendor id `vid` (the whole payload body) stands for, or None when it is not known."""
    vid = bytes(vid)
    name = _EXACT.get(vid)
    if name is not None:
        return name
    head = vid[:16]
    if head == MS_NT5:
        version = _ms_nt5_version(vid)
        return "MS NT5 ISAKMPOAKLEY" if version is None else f"MS NT5 ISAKMPOAKLEY version {version}"
    if head == MS_UNNAMED:
        variant = {b"\x00\x00\x00\x01": " (IKEv1)", b"\x00\x00\x00\x02": " (IKEv2)"}.get(vid[16:], "")
        return f"Microsoft, unnamed{variant}"
    if head == MS_AUTHIP_KE:
        return "Microsoft AuthIP key exchange"
    prefix = known_prefix(vid)
    if prefix is not None:
        return _NAMES_OF_PREFIXES[prefix]
    # Openswan writes OE and ten printable bytes; without the length two letters would be no evidence.
    if len(vid) == 12 and vid.startswith(b"OE") and all(0x21 <= byte < 0x7F for byte in vid):
        return "Openswan"
    return None


def is_microsoft(vid: bytes) -> bool:
    """Whether `vid` is an id of Microsoft's own: FRAGMENTATION, NAT-T and GSSAPI are not."""
    vid = bytes(vid)
    return vid in _MICROSOFT or vid[:16] in (MS_NT5, MS_UNNAMED, MS_AUTHIP_KE)


def windows_generation(vids: Iterable[bytes]) -> str | None:
    """What the vendor ids of one message say about the Windows release; None when none is Microsoft's.

    A claim of the sender, in words that say no more than the sources do.
    """
    microsoft = False
    for vid in vids:
        version = _ms_nt5_version(bytes(vid))
        if version is not None:
            return _RELEASES.get(version) or f"Windows (IKE version {version}: release not known)"
        microsoft = microsoft or is_microsoft(vid)
    return "Windows (release not told)" if microsoft else None
