"""Plain labels in place of names: files, interfaces, parts of a system, words of a capture filter.

Knows how labels are counted and which words are nobody's name. Must not know where names come from. Labels
are numbered in the order in which they are asked for and need no key.
"""

from __future__ import annotations

import re
from pathlib import PurePath

#: Endings of file names that tell the format and nothing else.
_ENDINGS = ".pcap .pcapng .cap .etl .dmp .trc .ntar .snoop .gz .zst .json .toml"

#: Parts of Windows' network stack that every Windows has, as pktmon names them.
_KNOWN_PARTS = """
    tcpip tcpip.sys inet inet6 wfp ndis.sys wfplwfs.sys netio.sys wfpcapture.sys ikeext.dll http.sys
"""
_NUMBERED_PART = re.compile(r"component \d+|between card and IKE service")

#: What capture filters are written in, besides numbers and addresses: pcap-filter(7), and pktmon's filters.
_FILTER_WORDS = """
    host src dst net mask port portrange proto protochain ether link wlan ip ip6 arp rarp tcp udp sctp icmp
    icmp6 igmp esp ah vlan mpls pppoes pppoed and or not gateway broadcast multicast less greater len inbound
    outbound addr1 addr2 addr3 addr4 ifname icmptype icmpcode tcpflags any tcp-syn tcp-ack
    mac data protocol encapsulation vxlan heartbeat filter
"""
_TERM = re.compile(r"[^\s()!&|<>=,;\[\]]+")
_WORD = re.compile(r"(?<![\w.])[^\W\d][\w.\-]*")
_ADDRESS = re.compile(r"[0-9A-Fa-f]*[:\-.][0-9A-Fa-f:.\-]*[0-9A-Fa-f:](/\d+)?")


class Labels:
    """Counts names of each kind."""

    def __init__(self) -> None:
        self.given: dict[str, dict[str, str]] = {}
        """Kind -> name -> label."""

    def of(self, kind: str, name: str, ending: str = "") -> str:
        """The label of a name, as ``interface-1``; an empty name stays empty."""
        if not name:
            return ""
        known = self.given.setdefault(kind, {})
        if name not in known:
            known[name] = f"{kind}-{len(known) + 1}{ending}"
        return known[name]

    def path(self, kind: str, path: str) -> str:
        """The label of a file, as ``capture-1.pcapng``; standard input has no name to hide."""
        if path == "-":
            return path
        endings: list[str] = []
        for ending in reversed(PurePath(path.replace("\\", "/")).suffixes):
            if ending.lower() not in _ENDINGS.split() or len(endings) == 2:
                break
            endings.insert(0, ending.lower())
        return self.of(kind, path, "".join(endings))

    def part(self, name: str) -> str:
        """The label of a part of a system; what every system has keeps its name."""
        if name.casefold() in _KNOWN_PARTS.split() or _NUMBERED_PART.fullmatch(name):
            return name
        return self.of("component", name)

    def filter(self, text: str) -> str:
        """A capture filter without names; addresses in it are for `pcapan.redact.texts`."""
        return _TERM.sub(lambda term: self._filter_term(term.group()), text)

    def _filter_term(self, term: str) -> str:
        if _ADDRESS.fullmatch(term):
            return term
        return _WORD.sub(lambda word: self._filter_word(word.group()), term)

    def _filter_word(self, word: str) -> str:
        return word if word.casefold() in _FILTER_WORDS.split() else self.of("name", word)
