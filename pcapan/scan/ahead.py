"""Has memory brought near before it is asked for: the rows of flows that frames further on will be added to.

Knows where the addresses and ports of plain frames lie, well enough for a guess: a wrong one costs a little
time and changes nothing. Must not count or decide anything. Compiled modules take the functions of the same
names from ``ahead.pxd``; where the source is interpreted nothing is gained, and these do nothing.
"""

from __future__ import annotations

from array import array

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    from pcapan.octets import Octets
    from pcapan.scan.flows import FlowTable

#: Frames looked at together: the caches closest to the processor hold what is brought for them.
AHEAD = 32


def far(esp: FlowTable, talkers: FlowTable) -> bool:
    """Whether tables are so big that what a packet needs of them lies far from the processor."""
    return False


def bring(
    esp: FlowTable,
    talkers: FlowTable,
    data: Octets,
    offsets: array[int],
    lengths: array[int],
    first: int,
    end: int,
) -> None:
    """Bring near what the frames from `first` to `end`, at most `AHEAD` of them, need of two tables."""
