"""Line styles: colours, dashes and markers all differ, so that none of them has to tell lines apart alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["COLOURS", "GRID", "INK", "PAPER", "LineLook", "line_look", "plot_style"]

INK = "#1f2328"
GRID = "#d5d8dc"
PAPER = "#ffffff"
# distinct with every common colour vision deficiency, at least 3:1 on white; after Okabe and Ito (2008), darker
COLOURS = ("#0067a5", "#c34e00", "#007a5a", "#b03a8c", "#7a6a00", "#5b4fc4", "#4d4d4d")
_DASHES: tuple[tuple[float, ...], ...] = ((), (5, 1.6), (1.4, 1.4), (6, 1.6, 1.4, 1.6))
_MARKERS = ("o", "s", "^", "D", "v")


@dataclass(frozen=True)
class LineLook:
    """Colour, dash pattern (lengths on and off, in line widths; () is solid) and matplotlib marker."""

    colour: str
    dashes: tuple[float, ...]
    marker: str


def line_look(number: int) -> LineLook:
    """Return the look of line ``number``, from 0; looks repeat after 140."""
    return LineLook(
        COLOURS[number % len(COLOURS)], _DASHES[number % len(_DASHES)], _MARKERS[number % len(_MARKERS)]
    )


@contextmanager
def plot_style() -> Iterator[None]:
    """Draw with our settings, whatever the user's matplotlibrc says; the same input gives the same bytes."""
    import logging

    # otherwise it logs to stderr about its caches, as soon as it is imported
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "font.family": ["sans-serif"],
                "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "Helvetica", "sans-serif"],
                "font.size": 9,
                "text.color": INK,
                "text.parse_math": False,  # a name may hold dollar signs
                "axes.labelcolor": INK,
                "axes.edgecolor": INK,
                "axes.linewidth": 0.8,
                "axes.grid": True,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.titlesize": 10,
                "axes.unicode_minus": True,
                "axes.formatter.useoffset": False,
                "grid.color": GRID,
                "grid.linewidth": 0.6,
                "xtick.color": INK,
                "ytick.color": INK,
                "figure.facecolor": PAPER,
                "savefig.facecolor": "auto",
                "savefig.dpi": 200,
                "legend.frameon": False,
                "path.simplify": False,
            }
        )
        yield
