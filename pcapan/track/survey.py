# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""All sources looked at once: how many clients each has, and which of them stand out.

Knows sources; must not know what is concluded from them. Of 30,000 sources nearly all may be tunnels that
just went on. Cython compiles this source where it can (see `pcapan.compiled`; C types are in the .pxd).
"""

from __future__ import annotations

from collections.abc import Iterable

from pcapan.track.sources import Source


class Survey:
    """What was found."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self.clients: list[int] = []
        """Clients at once, of each source."""
        self.asking: list[Source] = []
        """Sources with attempts."""
        self.asking_at: list[int] = []
        """Where each of them stands among all."""
        self.crowded: list[Source] = []
        """Sources with at least two clients at once."""
        self.with_ike = 0
        """Sources with attempts or SAs."""
        self._look_at(sources)

    def _look_at(self, sources: Iterable[Source]) -> None:
        with_ike = 0
        for at, source in enumerate(sources):
            clients = source.clients_at_once()
            self.clients.append(clients)
            if clients > 1:
                self.crowded.append(source)
            if source.calls.attempts:
                self.asking.append(source)
                self.asking_at.append(at)
                with_ike += 1
            elif source.sas:
                with_ike += 1
        self.with_ike = with_ike
