"""Panels of curves as a matplotlib figure, without touching pyplot's global state."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..common.errors import UsageError
from ..common.text import shown
from ..metrics import Metric
from .metric_series import Axis, Band, Series
from .style import LineLook, line_look, plot_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import Formatter

__all__ = ["FigureLine", "Panel", "curves_figure", "curves_image", "draw_panel", "parse_size", "time_unit"]

PANEL = (4.4, 3.0)  # inches
MAX_ACROSS = 3
SIZES = (1.5, 60.0)  # allowed inches per side
FEW_POINTS = 40  # up to this many, each point has a marker
MARKERS = 8  # on a longer line


@dataclass(frozen=True)
class FigureLine:
    """A curve of a panel. ``look`` is its number in the style cycle; ``raw``, if given, is drawn faintly behind."""

    label: str
    look: int
    course: Series | Band
    raw: Series | None = None


@dataclass(frozen=True)
class Panel:
    """The curves of one metric."""

    metric: Metric
    lines: Sequence[FigureLine]


def parse_size(text: str) -> tuple[float, float]:
    """Parse ``7x3.5`` into width and height in inches. Raises ``UsageError``."""
    parts = text.lower().replace("×", "x").split("x")
    try:
        width, height = map(float, parts)
    except ValueError:
        raise UsageError(f"--size {shown(text)}: expected inches as WxH, for example 7x3.5") from None
    smallest, largest = SIZES
    if not (smallest <= width <= largest and smallest <= height <= largest):
        raise UsageError(f"--size {shown(text)}: each side must be from {smallest:g} to {largest:g} inches")
    return width, height


def curves_image(
    panels: Sequence[Panel],
    suffix: str,
    axis: Axis = "step",
    *,
    log: bool = False,
    title: str = "",
    size: tuple[float, float] | None = None,
) -> bytes:
    """Return :func:`curves_figure` as a file of type ``suffix``; the same input gives the same bytes."""
    import warnings

    from .figure_file import figure_bytes

    with plot_style(), warnings.catch_warnings():
        # raised if the size is too small
        warnings.filterwarnings("ignore", "constrained_layout not applied", UserWarning)
        return figure_bytes(curves_figure(panels, axis, log=log, title=title, size=size), suffix)


def curves_figure(
    panels: Sequence[Panel],
    axis: Axis = "step",
    *,
    log: bool = False,
    title: str = "",
    size: tuple[float, float] | None = None,
) -> Figure:
    """Draw one panel per metric, at most three side by side, and one legend below. ``size`` is in inches.

    Without ``size``, it is as large as its panels and its legend need. Call it within ``plot_style``.
    """
    from matplotlib.figure import Figure

    looks = {line.label: line_look(line.look) for panel in panels for line in panel.lines}
    across = len(panels) if len(panels) <= MAX_ACROSS else 2 if len(panels) == 4 else MAX_ACROSS
    down = math.ceil(len(panels) / across)
    width = size[0] if size else max(PANEL[0] * across, 5.0)
    columns = _legend_columns(list(looks), width)
    legend = 0.19 * math.ceil(len(looks) / columns) + 0.15
    height = size[1] if size else PANEL[1] * down + legend + 0.35 * bool(title)
    figure = Figure(figsize=(width, height), layout="constrained")
    unit = time_unit(panels) if axis == "time" else (1.0, "")
    for number, panel in enumerate(panels, 1):
        draw_panel(figure.add_subplot(down, across, number), panel, axis, unit, log=log)
    if title:
        figure.suptitle(title, fontsize=11)
    figure.legend(
        handles=[_legend_handle(label, look) for label, look in looks.items()],
        loc="outside lower center",
        ncols=columns,
        handlelength=3.2,
        fontsize=8.5,
    )
    return figure


def _legend_columns(labels: Sequence[str], width: float) -> int:
    longest = max(map(len, labels), default=1)
    return max(1, min(len(labels), int(width / (0.08 * longest + 0.75))))


def time_unit(panels: Sequence[Panel]) -> tuple[float, str]:
    """Return (seconds, name) of the unit in which the longest line is easy to read."""
    longest = max((line.course.x[-1] for panel in panels for line in panel.lines), default=0.0)
    for seconds, name in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if longest >= 2 * seconds:
            return seconds, name
    return 1.0, "s"


def draw_panel(
    axes: Axes, panel: Panel, axis: Axis, unit: tuple[float, str] = (1.0, ""), *, log: bool = False
) -> None:
    """Draw the lines of ``panel`` and label its axes; ``unit``, for times, comes from ``time_unit``."""
    from matplotlib.ticker import MaxNLocator

    for line in panel.lines:
        _draw_line(axes, line, unit[0], log=log)
    if axis != "time":
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
    if log:
        axes.set_yscale("log", nonpositive="clip")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_formatter(_minor_formatter())
    axes.set_xlabel(f"time ({unit[1]})" if axis == "time" else axis)
    axes.set_ylabel(panel.metric.title)
    axes.set_axisbelow(True)


def _minor_formatter() -> Formatter:
    """Return a formatter that labels between powers of ten, if they are few, with plain numbers."""
    from matplotlib.ticker import LogFormatter

    class Plain(LogFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return f"{x:g}" if super().__call__(x, pos) else ""

    return Plain(minor_thresholds=(1, 0.5))


def _draw_line(axes: Axes, line: FigureLine, seconds: float, *, log: bool) -> None:
    import numpy as np

    def drawable(values: np.ndarray) -> np.ndarray:
        return np.where(values > 0, values, np.nan) if log else values

    look = line_look(line.look)
    curve = line.course
    x, y = curve.x / seconds, drawable(curve.mean if isinstance(curve, Band) else curve.y)
    if not np.isfinite(y).any():  # nothing fits on a logarithmic axis
        return
    if line.raw is not None:
        raw = drawable(line.raw.y)
        axes.plot(line.raw.x / seconds, raw, color=look.colour, alpha=0.25, linewidth=0.8)
    if isinstance(curve, Band):
        low, high = y - curve.deviation, y + curve.deviation
        axes.fill_between(x, low, high, color=look.colour, alpha=0.18, linewidth=0)
    spacing = len(x) // MARKERS
    first = line.look % MARKERS * spacing // MARKERS  # so that lines have their markers in different places
    every = None if len(x) <= FEW_POINTS else (first, spacing)
    axes.plot(
        x,
        y,
        color=look.colour,
        linewidth=1.4,
        linestyle=(0, look.dashes) if look.dashes else "-",
        marker=look.marker,
        markersize=3.5,
        markevery=every,
    )


def _legend_handle(label: str, look: LineLook) -> object:
    from matplotlib.lines import Line2D

    return Line2D(
        [],
        [],
        color=look.colour,
        linewidth=1.4,
        linestyle=(0, look.dashes) if look.dashes else "-",
        marker=look.marker,
        markersize=3.5,
        # matplotlib hides labels that start with an underscore
        label=f" {label}" if label.startswith("_") else label,
    )
