# cython: boundscheck=True, wraparound=False, annotation_typing=False, initializedcheck=False
"""All sources and all SAs looked at once: how many clients there are, and which of them stand out.

Knows sources and SAs; must not know what is concluded from them. Of 30,000 sources nearly all may be tunnels
that just went on, which are counted by number. Cython compiles this source where it can (see
`pcapan.compiled`; C types are in the .pxd).
"""

from __future__ import annotations

from array import array

from pcapan.track.gathering import Sources
from pcapan.track.late import Late
from pcapan.track.probes import ProbeSeries
from pcapan.track.sas import Basis, IkeSa
from pcapan.track.sources import Around, Source, clients_with

# Asked of every SA, so where it is found fastest: Python 3.11 looks for a member at each `Basis.X`.
_OLDER = Basis.OLDER


class Survey:
    """What was found among sources."""

    def __init__(self, sources: Sources) -> None:
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
        self.with_ike = sources.with_tunnels
        """Sources with attempts or SAs."""
        self._look_at(sources.busy)
        self._count(sources, sources.around, sources.idle)

    def _look_at(self, sources: list[Source]) -> None:
        with_ike = self.with_ike
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
            elif source.ike_sas or source.tunnels():
                with_ike += 1
        self.with_ike = with_ike

    def _count(self, sources: Sources, around: Around, idle: array[int]) -> None:
        """The clients of the idle sources."""
        busy = len(self.clients)
        for at in range(len(idle)):
            clients = clients_with(around.only_port(idle[at]))
            if clients < 0:
                source = sources.in_order[busy + at]
                clients = source.clients_at_once()
                if clients > 1:
                    self.crowded.append(source)
            self.clients.append(clients)


class SaSurvey:
    """What was found among SAs."""

    def __init__(self, sas: Late[IkeSa]) -> None:
        """`sas` are those of a `Track`: the late ones are tunnels older than the capture."""
        self.with_ike: list[IkeSa] = []
        """SAs of which there are IKE messages; of any number of others only ESP is seen."""
        self.with_ike_at: list[int] = []
        """Where each of them stands among all."""
        self.older = sas.others
        """SAs that were there before the capture began; a chain of rekeyed SAs is one."""
        self._look_at(sas.ready)

    def _look_at(self, sas: list[IkeSa]) -> None:
        older = self.older
        for at, sa in enumerate(sas):
            if sa.attempt is not None or sa.exchanges:
                self.with_ike.append(sa)
                self.with_ike_at.append(at)
            if sa.basis is _OLDER and sa.predecessor is None:
                older += 1
        self.older = older
