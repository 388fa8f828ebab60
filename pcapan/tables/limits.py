"""What a capture cannot show, in sentences, and which direction it holds.

Knows the gates of all rules in words for the head of a report. The findings about the capture
(`rules/capture-*.toml`) say the same with numbers and advice.
"""

from __future__ import annotations

from pcapan.tables import capture
from pcapan.tables.facts import Facts


def direction(facts: Facts) -> str:
    """both, to-server, from-server or unknown."""
    to_server, from_server = bool(facts.track.receivers), bool(facts.track.senders)
    if to_server and from_server:
        return "both"
    if to_server or from_server:
        return "to-server" if to_server else "from-server"
    return "unknown"


def capture_limits(facts: Facts) -> list[str]:
    """One sentence a limit; an empty list means that nothing stands in the way."""
    if not capture.has_ipsec(facts):
        return ["There is no IKE and no ESP in this capture, so nothing can be said about VPN clients."]
    limits = []
    way = direction(facts)
    if way == "to-server":
        limits.append("Only packets to the server were captured: whether it answered cannot be seen.")
    elif way == "from-server":
        limits.append("Only packets from the server were captured: what clients asked cannot be seen.")
    older = capture.older_sas(facts)
    if older:
        limits.append(f"{older} IKE SAs are older than the capture: counts of live SAs are lower bounds.")
    if capture.damaged_files(facts):
        limits.append("A file is cut or damaged: what came after that place is missing.")
    if capture.cut_messages(facts):
        limits.append("The snap length cut IKE messages: payloads such as NAT detection could not be read.")
    if capture.dropped_packets(facts):
        limits.append(f"The capture itself lost {capture.dropped_packets(facts)} packets, as the file says.")
    if capture.port_500(facts) and not capture.port_4500(facts):
        limits.append("There is nothing on UDP 4500: what followed IKE_SA_INIT cannot be seen.")
    if capture.port_4500(facts) and not capture.port_500(facts):
        limits.append("There is nothing on UDP 500: IKE_SA_INIT cannot be seen.")
    if facts.recovery is not None:
        limits.append(
            "Clients' own addresses were recovered from NAT detection hashes on request: "
            "they are personal data, treat this result accordingly."
        )
        if not facts.recovery.complete:
            limits.append("The search for clients' own addresses was not complete.")
    return limits
