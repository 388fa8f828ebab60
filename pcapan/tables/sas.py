"""Table `sas`: one row an IKE SA, with its state and what the state rests on."""

from __future__ import annotations

from pcapan.tables.declare import Table
from pcapan.track.sas import Basis, IkeSa, SaState

SAS = Table("sas", "IKE SA (pair of SPIs)")

# The words of each, found without asking the member for its value.
_STATES = {state: state.value for state in SaState}
_BASES = {basis: basis.value for basis in Basis}


@SAS.column()
def file_no(sa: IkeSa) -> int:
    """Number of the file in which the SA was first seen."""
    return sa.file


@SAS.column()
def spi_i(sa: IkeSa) -> str | None:
    """Initiator SPI, 16 hex digits; unknown when only ESP of the SA is seen."""
    return f"{sa.spi_i:016x}" if sa.spi_r else None


@SAS.column()
def spi_r(sa: IkeSa) -> str | None:
    """Responder SPI, 16 hex digits; unknown when only ESP of the SA is seen."""
    return f"{sa.spi_r:016x}" if sa.spi_r else None


@SAS.column()
def src(sa: IkeSa) -> str:
    """The client's address when the SA began or was first seen."""
    return sa.src


@SAS.column()
def dst(sa: IkeSa) -> str:
    """The server's address."""
    return sa.server


@SAS.column()
def state(sa: IkeSa) -> str:
    """half-open, authenticating, established, failed or ended."""
    return _STATES[sa.state]


@SAS.column()
def basis(sa: IkeSa) -> str:
    """What the state rests on: observed, inferred (from sizes and silence) or older-than-capture."""
    return _BASES[sa.basis]


@SAS.column("ns since 1970-01-01 UTC")
def first_ns(sa: IkeSa) -> int:
    """First sign of the SA."""
    return sa.first_ts


@SAS.column("ns since 1970-01-01 UTC")
def established_ns(sa: IkeSa) -> int | None:
    """When IKE_AUTH was completed; for an SA older than the capture when it was first seen."""
    return sa.established_ts


@SAS.column("ns since 1970-01-01 UTC")
def ended_ns(sa: IkeSa) -> int | None:
    """When it ended; unknown = it was still there at the end of the capture, as far as can be seen."""
    return sa.ended_ts


@SAS.column("ns since 1970-01-01 UTC")
def last_ns(sa: IkeSa) -> int:
    """Last IKE message or ESP packet."""
    return sa.last_ts


@SAS.column("exchanges", idle=0)
def auth_rounds(sa: IkeSa) -> int:
    """IKE_AUTH exchanges; EAP (user tunnel) takes several, a machine certificate one."""
    return len(sa.auths())


@SAS.column("exchanges", idle=0)
def exchanges(sa: IkeSa) -> int:
    """All exchanges after IKE_SA_INIT."""
    return len(sa.exchanges)


@SAS.column("SPIs")
def esp_spis(sa: IkeSa) -> int:
    """ESP SPIs that belong to it, both directions."""
    return len({(flow.src, flow.flow.spi) for flow in sa.esp})


@SAS.column("packets")
def esp_packets(sa: IkeSa) -> int:
    """ESP packets that belong to it, both directions."""
    return sa.esp_packets


@SAS.column()
def rekeyed_from(sa: IkeSa) -> str | None:
    """Initiator SPI of the SA that this one replaced."""
    return f"{sa.predecessor.spi_i:016x}" if sa.predecessor else None


@SAS.column("changes", idle=0)
def address_changes(sa: IkeSa) -> int:
    """Changes of the client's address or port during the SA: MOBIKE, or a NAT that forgot it."""
    return sa.moves


@SAS.column()
def tunnel_kind(sa: IkeSa) -> str | None:
    """device (one IKE_AUTH round) or user (EAP, several), suspected from the rounds; unknown if not seen."""
    rounds = len(sa.auths())
    if not rounds or not sa.is_live_kind:
        return None
    return "user" if rounds > 1 else "device"
