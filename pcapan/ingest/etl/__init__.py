"""Windows event traces (.etl) of ``netsh trace`` and ``pktmon``: packets and what goes with them.

Knows the container (`container`, `records`, `xpress`, `clock`), the providers that log packets (`ndis`,
`pktmon`) and those that say something about IKE (`wfp`). Must not know what a packet means.
"""

from __future__ import annotations

from pcapan.ingest.etl.reader import FORMAT

__all__ = ["FORMAT"]
