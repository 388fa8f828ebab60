"""The plotting library under settings of our own, and what every chart has.

Knows matplotlib and the page's colours. Must not know what is drawn. The same drawing gives the same
bytes: no dates, no random ids, no user's settings.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pcapan.report.svg import STAND_INS

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

HATCH = "////"
_WIDTH = 8.6


@dataclass(frozen=True, slots=True)
class Chart:
    """One drawing, and what it shows in words."""

    title: str
    description: str
    svg: str


def whole_numbers(axis: Axis) -> None:
    """Marks at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=4, integer=True))


def label(text: str) -> str:
    """Strangers' text as a label: short, of ASCII signs only."""
    text = text.encode("ascii", "backslashreplace").decode()
    text = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
    return text if len(text) <= 40 else f"{text[:38]}.."


@contextmanager
def figure(height: float, left: float = 0.62) -> Iterator[Figure]:
    """A figure under settings of our own, whatever the user's are."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    import matplotlib
    from matplotlib.figure import Figure

    ink, muted, grid = STAND_INS["ink"], STAND_INS["muted"], STAND_INS["grid"]
    with warnings.catch_warnings(), matplotlib.rc_context():
        warnings.simplefilter("ignore")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "svg.fonttype": "none",
                "svg.hashsalt": "pcapan",
                "text.parse_math": False,
                "font.size": 9,
                "axes.titlesize": 9,
                "axes.labelsize": 9,
                "text.color": ink,
                "axes.labelcolor": muted,
                "axes.titlecolor": ink,
                "axes.edgecolor": muted,
                "axes.facecolor": "none",
                "axes.grid": True,
                "axes.axisbelow": True,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "grid.color": grid,
                "grid.linewidth": 0.6,
                "xtick.color": muted,
                "ytick.color": muted,
                "figure.facecolor": "none",
                "hatch.linewidth": 1.1,
                "legend.labelcolor": ink,
            }
        )
        made = Figure(figsize=(_WIDTH, height))
        # Fixed margins, in inches: measuring every text to find them takes as long as drawing.
        made.subplots_adjust(
            left=left / _WIDTH,
            right=1 - 0.12 / _WIDTH,
            bottom=0.48 / height,
            top=1 - 0.32 / height,
            hspace=0.28,
        )
        yield made


def svg_of(drawn: Figure) -> str:
    """The SVG file of a figure, without dates and names."""
    written = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    drawn.savefig(written, format="svg", metadata=nothing, transparent=True)
    return written.getvalue()
