"""Takes back copies that stand alone: without an IP identification, a short time alone proves little.

Knows that who captures a packet twice (a mirror port, every layer of a network stack) captures them all
twice, or many of them. Must not know how a copy was recognised (`copies`).
"""

from __future__ import annotations

from pcapan.decode.numbers import IKE_PORT, NAT_T_PORT
from pcapan.scan.columns import MARK_COPY, FileScan

#: One IKE message in this many has to have a copy, among those without an IP identification.
_SHARE = 10


def take_back_lone_copies(scan: FileScan) -> None:
    """Count IKE messages without IP identification as sent, not as copied, where hardly any has a copy.

    Those that came in IP fragments stay as they are: a fragment always has an identification.
    """
    rows = scan.messages
    unnamed = [row for row, ip_id in enumerate(rows.ip_id) if not ip_id and row not in scan.fragment_frames]
    copies = [row for row in unnamed if rows.marks[row] & MARK_COPY]
    if len(copies) * _SHARE >= len(unnamed):
        return
    for row in copies:
        rows.marks[row] &= ~MARK_COPY
        nat_t = NAT_T_PORT in (rows.sport[row], rows.dport[row])
        scan.ports[NAT_T_PORT if nat_t else IKE_PORT] += 1
    scan.copies -= len(copies)
    scan.ike += len(copies)
