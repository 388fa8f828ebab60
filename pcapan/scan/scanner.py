"""One file scanned: the hot path, the general path and what both write into.

Knows how the parts of this room are put together and in which order they end. Must not know what a
message means: `pcapan.track` does. Memory grows with IKE messages and ESP flows, never with the file.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from pcapan.ingest.frames import FrameBlock, Interface
from pcapan.ingest.stretch import Stretch
from pcapan.scan.columns import FileScan
from pcapan.scan.copies import RecentPackets
from pcapan.scan.flow_columns import flow_columns
from pcapan.scan.flows import FlowTable
from pcapan.scan.lone import take_back_lone_copies
from pcapan.scan.recorder import MAX_TALKERS, Recorder
from pcapan.scan.talkers import Talkers
from pcapan.scan.walk import Walk

TYPE_CHECKING = False  # as in `typing`, which takes long to load
if TYPE_CHECKING:
    from pcapan.octets import Octets
    from pcapan.scan.general import GeneralPath


class Scanner:
    """Turns the frames of one file into a `FileScan`: `feed` every block, then `finish` once."""

    def __init__(self) -> None:
        self.scan = FileScan()
        self._esp = FlowTable()
        self._keepalives = FlowTable()
        self._talkers = FlowTable(MAX_TALKERS)
        self._recorder = Recorder(self.scan, self._talkers)
        self._recent = RecentPackets()
        self._general: GeneralPath | None = None
        self._walk = Walk(
            self.scan,
            self._esp,
            self._keepalives,
            self._talkers,
            self._recent,
            self._odd,
            self._recorder,
        )

    def feed(self, block: FrameBlock, interfaces: Sequence[Interface]) -> None:
        """Scan the frames of one block; `interfaces` are those of the reader so far."""
        self._walk.block(block, _links(interfaces))

    def stretch(self, stretch: Stretch, interfaces: Sequence[Interface], number: int, most: int) -> int:
        """Scan the frames of a stretch, the first of which is `number`, as long as `most` bytes are not read.

        Returns:
            The number of the frame that comes next.
        """
        return self._walk.stretch(stretch, _links(interfaces), number, most)

    def finish(self) -> FileScan:
        """Close open fragments and hand out the columns; every frame is now in one of the counts."""
        if self._general is not None:
            self._general.finish()
        self._recorder.rows.flush()
        take_back_lone_copies(self.scan)
        self.scan.esp = flow_columns(self._esp, self._recorder.rows)
        self.scan.keepalives = flow_columns(self._keepalives, self._recorder.rows)
        self.scan.talkers = Talkers(self._talkers)
        self._recorder.rows.flush()  # addresses that flows alone have
        return self.scan

    def _odd(
        self,
        data: Octets,
        begin: int,
        end: int,
        wire_end: int,
        link_type: int,
        ts: int,
        number: int,
        untimed: bool,
    ) -> None:
        """A frame for the general path, which is loaded for the first one: scanning begins without it."""
        if self._general is None:
            from pcapan.scan.general import GeneralPath

            self._general = GeneralPath(
                self.scan, self._recorder, self._esp, self._keepalives, self._recent
            )
        self._general.frame(data, begin, end, wire_end, link_type, ts, number, untimed)


def _links(interfaces: Sequence[Interface]) -> array[int]:
    return array("I", [interface.link_type for interface in interfaces])
