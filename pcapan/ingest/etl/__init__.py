"""Windows event traces (.etl) of ``netsh trace`` and ``pktmon``: packets and what goes with them.

Knows the container (`container`, `records`, `xpress`, `clock`), the providers that log packets (`ndis`,
`pktmon`) and those that say something about IKE (`wfp`). Must not know what a packet means.
"""

from __future__ import annotations

from collections.abc import Iterator

from pcapan.ingest.capture import Capture, Format
from pcapan.ingest.feeder import Feeder
from pcapan.ingest.frames import FrameBlock

__all__ = ["FORMAT"]


def _recognise(head: bytes) -> str | None:
    from pcapan.ingest.etl.container import recognise

    return recognise(head)


def _read(feeder: Feeder, capture: Capture) -> Iterator[FrameBlock]:
    from pcapan.ingest.etl.reader import read

    return read(feeder, capture)


#: The modules are loaded for a trace, not for every capture.
FORMAT = Format(_recognise, _read)
