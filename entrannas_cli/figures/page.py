"""A blank page measured in inches, and text that is measured and shortened to fit it. Needs matplotlib."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from ..common.errors import UsageError
from ..common.text import safe, shortened
from .figure_file import any_script

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["FONT", "MARGIN", "PAPER", "blank_page", "fitting", "text_width"]

PAPER = "#ffffff"
MARGIN = 0.3
FONT = 9.0  # points
MAX_SIDE_IN = 200.0


def blank_page(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure and axes that cover it, in inches from the upper left corner.

    Raises ``UsageError`` for a page too large for viewers.
    """
    from matplotlib.figure import Figure

    if max(width, height) > MAX_SIDE_IN:
        raise UsageError(
            f"these cells are too large for a picture ({width:.0f} by {height:.0f} inches): "
            "print them with `entrannas genotype show`, or with --format dot for Graphviz"
        )
    figure = Figure(figsize=(width, height), facecolor=PAPER)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
    return figure, axes


def text_width(text: str, points: float = FONT, *, bold: bool = False) -> float:
    """Return the width of ``text`` in inches."""
    with any_script():
        return _text_width(text, points, bold)


@cache
def _text_width(text: str, points: float, bold: bool) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    properties = FontProperties(family="sans-serif", size=points, weight="bold" if bold else "normal")
    width, _, _ = TextToPath().get_text_width_height_descent(text, properties, False)
    return float(width) / 72


def fitting(text: str, room: float, points: float) -> str:
    """Escape ``text`` and shorten it in the middle, so that it takes at most ``room`` inches in bold."""
    escaped = safe(text)
    limit = len(escaped)
    while limit > 8 and text_width(shortened(escaped, limit), points, bold=True) > room:
        limit -= 1 + limit // 20
    return shortened(escaped, limit)
