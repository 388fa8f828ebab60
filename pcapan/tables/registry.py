"""All declared tables by name, and where the subjects of their rows come from.

Knows every table module; must not know rules or renderers. A new table is its module and one line
here. pandas is loaded only when a DataFrame is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pcapan.tables.attempts import ATTEMPTS
from pcapan.tables.capture import CAPTURE
from pcapan.tables.declare import Glance, Rows, Table
from pcapan.tables.drops import DROPS, drop_subjects
from pcapan.tables.episodes import EPISODES, PROBES, SILENCES
from pcapan.tables.esp import ESP
from pcapan.tables.facts import Facts
from pcapan.tables.groups import (
    FRAGMENT_LOSSES,
    ICMP_ERRORS,
    LEGACY,
    NODES,
    ORPHANS,
    icmp_subjects,
    legacy_subjects,
    loss_subjects,
    node_subjects,
    orphan_subjects,
)
from pcapan.tables.handshakes import HANDSHAKES, handshake_subjects
from pcapan.tables.messages import MESSAGES
from pcapan.tables.network import NETWORK, Way
from pcapan.tables.sas import SAS
from pcapan.tables.sources import SOURCES, source_subjects

if TYPE_CHECKING:
    import pandas as pd

Subjects = Callable[[Facts], Iterable[Any]]

_TABLES: tuple[tuple[Table, Subjects], ...] = (
    (MESSAGES, lambda facts: facts.track.timeline.messages_as_captured()),
    (ATTEMPTS, lambda facts: facts.track.attempts),
    (SAS, lambda facts: facts.track.sas),
    (ESP, lambda facts: facts.track.esp),
    (SOURCES, source_subjects),
    (EPISODES, lambda facts: facts.episodes),
    (SILENCES, lambda facts: facts.silences),
    (PROBES, lambda facts: facts.probes),
    (HANDSHAKES, handshake_subjects),
    (ORPHANS, orphan_subjects),
    (FRAGMENT_LOSSES, loss_subjects),
    (ICMP_ERRORS, icmp_subjects),
    (LEGACY, legacy_subjects),
    (NODES, node_subjects),
    (DROPS, drop_subjects),
    (NETWORK, lambda facts: [Way(facts)]),
    (CAPTURE, lambda facts: [facts]),
)
TABLES: dict[str, Table] = {table.name: table for table, _ in _TABLES}
_SUBJECTS: dict[str, Subjects] = {table.name: subjects for table, subjects in _TABLES}


_GLANCES: dict[str, Callable[[Facts], Glance]] = {
    SAS.name: lambda facts: Glance(facts.ike_sas_at),
    SOURCES.name: lambda facts: Glance(
        facts.population.asking_at, {"clients_at_once": facts.population.clients_of}
    ),
}
"""What spares a reader of few columns most rows of these tables, which may be tunnels that just went on."""


def subjects_of(name: str, facts: Facts) -> Sequence[Any]:
    """What the rows of a table are made from, in the order of the rows."""
    subjects = _SUBJECTS[name](facts)
    return subjects if isinstance(subjects, Sequence) else list(subjects)


def lazy_rows_of(name: str, facts: Facts, subjects: Sequence[Any]) -> Rows:
    """The rows of a table, made from these `subjects` of it, for a reader who asks for few of the columns."""
    glance = _GLANCES[name](facts) if name in _GLANCES else Glance()
    return TABLES[name].lazy_rows(subjects, glance)


def rows_of(name: str, facts: Facts) -> Iterator[dict[str, Any]]:
    """The rows of a table as dictionaries."""
    return TABLES[name].rows(_SUBJECTS[name](facts))


_DTYPES = {"bool": "boolean", "int": "Int64", "float": "Float64", "str": "string"}


def frame_of(name: str, facts: Facts) -> pd.DataFrame:
    """A table as a DataFrame: nullable types, list columns as Python lists."""
    import pandas as pd

    table = TABLES[name]
    frame = pd.DataFrame(rows_of(name, facts), columns=[column.name for column in table.columns])
    return frame.astype({c.name: _DTYPES[c.type] for c in table.columns if c.type in _DTYPES})
