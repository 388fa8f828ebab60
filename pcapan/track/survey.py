# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""All sources and all SAs looked at once: how many clients there are, and which of them stand out.

Knows sources and SAs; must not know what is concluded from them. Of 30,000 sources nearly all may be tunnels
that just went on. Cython compiles this source where it can (see `pcapan.compiled`; C types are in the .pxd).
"""

from __future__ import annotations

from collections.abc import Iterable

from pcapan.track.probes import ProbeSeries
from pcapan.track.sas import Basis, IkeSa
from pcapan.track.sources import Source

# Asked of every SA, so where it is found fastest: Python 3.11 looks for a member at each `Basis.X`.
_OLDER = Basis.OLDER


class Survey:
    """What was found among sources."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self.clients: list[int] = []
        """Clients at once, of each source."""
        self.asking: list[Source] = []
        """Sources with attempts."""
        self.asking_at: list[int] = []
        """Where each of them stands among all."""
        self.crowded: list[Source] = []
        """Sources with at least two clients at once."""
        self.probes: list[ProbeSeries] = []
        """Series of probes of all of them."""
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
            if source.probes:
                self.probes += source.probes
            if source.calls.attempts:
                self.asking.append(source)
                self.asking_at.append(at)
                with_ike += 1
            elif source.sas:
                with_ike += 1
        self.with_ike = with_ike


class SaSurvey:
    """What was found among SAs."""

    def __init__(self, sas: Iterable[IkeSa]) -> None:
        self.with_ike: list[IkeSa] = []
        """SAs of which there are IKE messages; of any number of others only ESP is seen."""
        self.with_ike_at: list[int] = []
        """Where each of them stands among all."""
        self.older = 0
        """SAs that were there before the capture began; a chain of rekeyed SAs is one."""
        self._look_at(sas)

    def _look_at(self, sas: Iterable[IkeSa]) -> None:
        older = 0
        for at, sa in enumerate(sas):
            if sa.attempt is not None or sa.exchanges:
                self.with_ike.append(sa)
                self.with_ike_at.append(at)
            if sa.basis is _OLDER and sa.predecessor is None:
                older += 1
        self.older = older
