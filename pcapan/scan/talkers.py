"""Who sent packets of other protocols, and how many: a mapping that is made when somebody looks through it.

Knows the table that the hot path counts in, whose keys are a sender's address alone. Must not know what an
address means. There may be a hundred thousand senders, and mostly one is asked for: the server.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pcapan.scan.flow_columns import has_sender, packets_of_senders
from pcapan.scan.recorder import halves

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    from pcapan.scan.flows import FlowTable


class Talkers(Mapping[bytes, int]):
    """Packets by source address (4 or 16 octets, network order), in order of the first one."""

    def __init__(self, table: FlowTable) -> None:
        """Nothing may be added to the table any more."""
        self._table = table
        self._packets: dict[bytes, int] | None = None

    def __getitem__(self, address: bytes) -> int:
        return self._all()[address]

    def __contains__(self, address: object) -> bool:
        if not isinstance(address, bytes) or len(address) not in (4, 16):
            return False
        return has_sender(self._table, 4 if len(address) == 4 else 6, *halves(address))

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._table)

    def __repr__(self) -> str:
        return f"Talkers({self._all()!r})"

    def __reduce__(self) -> tuple[type[dict[bytes, int]], tuple[dict[bytes, int]]]:
        return dict, (self._all(),)

    def _all(self) -> dict[bytes, int]:
        if self._packets is None:
            self._packets = packets_of_senders(self._table)
        return self._packets
