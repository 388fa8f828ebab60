"""What the drop reasons of pktmon that matter to a VPN server mean, in plain words.

Knows numbers and words. The numbers are those of Windows 10 2004 and later; the first releases numbered
otherwise, so what a file says about itself goes first.
"""

from __future__ import annotations

#: First build whose numbers are these.
FIRST_BUILD = 19041

_SENSE = {
    8: "filtered by a switch or filter driver",
    12: "blocked by a security policy of the virtual switch",
    15: "IPsec policy of the virtual switch",
    217: "receive queue of the network card full",
    902: "not addressed to this computer",
    903: "protocol unreachable",
    904: "port unreachable",
    907: "no route",
    909: "dropped by inspection at the network layer (firewall or filter driver)",
    911: "administratively prohibited",
    912: "bad checksum",
    914: "hop limit reached",
    918: "nobody took the packet",
    919: "absorbed by inspection at the network layer (filter driver)",
    920: "fragment larger than the MTU",
    922: "neighbour resolution timed out",
    923: "neighbour resolution failed",
    924: "IPsec processing failed",
    945: "administratively configured",
    949: "queue full",
    1200: "bad source address",
    1201: "multicast destination not wanted",
    1202: "bad transport header",
    1203: "bad transport checksum",
    1204: "no program listens on the port",
    1205: "does not fit a connected socket",
    1206: "session state does not fit",
    1207: "blocked by the firewall on receipt",
    1231: "blocked by the firewall on accept",
    1401: "ESP SPI belongs to no SA",
    1402: "lifetime of the SA expired",
    1403: "packet does not fit its SA",
    1404: "replay check failed",
    1405: "malformed IPsec packet",
    1406: "integrity check failed",
    1407: "clear text where IPsec is required",
    1408: "ESP in authenticated-firewall mode",
    1409: "IPsec DoS throttling",
    1410: "IPsec DoS protection: block rule",
    1411: "IPsec DoS protection: multicast",
    1412: "IPsec DoS protection: bad packet",
    1413: "IPsec DoS protection: lookup failed",
    1414: "IPsec DoS protection: state table full",
    1415: "IPsec DoS protection: keying module not allowed",
    1416: "IPsec DoS protection: too many packets queued",
    1417: "IPsec: out of memory",
    1418: "IPsec: operation failed",
}


def reason_text(reason: int, build: int, said: dict[int, str]) -> str:
    """A drop reason in words: the sense known here with the file's own name; empty when neither is known."""
    name = said.get(reason, "")
    sense = _SENSE.get(reason, "") if build >= FIRST_BUILD or not build else ""
    if sense and name:
        return f"{sense} ({name})"
    return sense or name
