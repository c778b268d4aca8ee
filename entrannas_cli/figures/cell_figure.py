"""Cells as figures: the rail map of the text picture, drawn for a page. Needs matplotlib.

Each node is a station with a rail below it; each connection a line from the rail of its source to the station of
its target. With weights: a solid line and a filled label. Without: a dashed line and an outlined label. One colour
per source node makes lines easier to follow, but nothing depends on colour alone.

All lengths are in inches; y grows downwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ..common.errors import UsageError
from ..common.text import counted, safe, shortened
from ..method.genotype import Genotype
from ..method.space import CELL_KINDS
from .cell_layout import (
    OUTPUT_NAME,
    CellLayout,
    FrameLayout,
    Node,
    OperationLook,
    kind_title,
    lay_out,
)
from .figure_file import any_script

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Painter", "Style", "blank_page", "fitting", "genotype_figure", "name_of", "text_width"]

PAPER = "#ffffff"
INK = "#1d2433"
QUIET = "#5b6475"
STATION = "#f3f5f9"
RAILS = ("#1f5fa8", "#1b7a3d", "#a8420a", "#76389c", "#0b6f82", "#7b5600")  # dark enough for white text
MAX_NAME_CHARS = 24
MAX_SIDE_IN = 200.0
MARGIN = 0.3
GAP = 0.55  # between the cells
FONT = 9.0  # points
KEY_HEIGHT = 0.34
KEY_WIDTH = 6.2
HEADING_HEIGHT = 0.36
STACKED_ASPECT = 1.45  # cells are stacked up to this ratio of height to width


@dataclass(frozen=True)
class Style:
    """Dimensions of a cell's picture, in inches; ``font`` in points."""

    row: float = 0.3
    box: float = 0.4
    input_pitch: float = 0.85
    pitch: float = 1.5
    font: float = FONT
    head: float = 0.32  # above row 0: the inputs' names
    tail: float = 0.75  # right of the last station: the output's name

    def size(self, nodes: int, output_row: int) -> tuple[float, float]:
        """Return the width and height of a cell's picture."""
        width = self.x(nodes - 1) + self.box / 2 + self.tail
        return width, self.head + (output_row + 0.7) * self.row

    def x(self, number: int) -> float:
        """Return the x of a node's rail and the middle of its station."""
        first = self.box / 2
        return first if not number else first + self.input_pitch + self.pitch * (number - 1)

    def y(self, row: float) -> float:
        return self.head + row * self.row


@cache
def _text_width(text: str, points: float, bold: bool) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    properties = FontProperties(family="sans-serif", size=points, weight="bold" if bold else "normal")
    width, _, _ = TextToPath().get_text_width_height_descent(text, properties, False)
    return float(width) / 72


def text_width(text: str, points: float = FONT, *, bold: bool = False) -> float:
    """Return the width of ``text`` in inches."""
    with any_script():
        return _text_width(text, points, bold)


def fitting(text: str, room: float, points: float) -> str:
    """Escape ``text`` and shorten it in the middle, so that it takes at most ``room`` inches in bold."""
    shown = safe(text)
    limit = len(shown)
    while limit > 8 and text_width(shortened(shown, limit), points, bold=True) > room:
        limit -= 1 + limit // 20
    return shortened(shown, limit)


def name_of(operation: OperationLook) -> str:
    """Return the label of an operation: its name, escaped and shortened; with a question mark if unknown."""
    return shortened(safe(operation.name), MAX_NAME_CHARS) + " ?" * (not operation.known)


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


def genotype_figure(
    genotype: Genotype, title: str = "", kinds: Sequence[str] = CELL_KINDS, *, key: bool = True
) -> Figure:
    """Draw the cells of ``kinds`` under ``title``, with a key to the signs; as large as the cells need.

    Raises ``UsageError`` for cells too large for any page.
    """
    layouts = [lay_out(kind, genotype.cell(kind)) for kind in kinds]
    names = {name_of(edge.operation) for layout in layouts for edge in layout.edges}
    label = max(text_width(name, bold=True) for name in names)
    style = Style(pitch=max(label + 0.78, 1.2))
    sizes = [style.size(len(layout.nodes), layout.output_row) for layout in layouts]
    stacked = sum(height + HEADING_HEIGHT for _, height in sizes) <= STACKED_ASPECT * max(
        width for width, _ in sizes
    )
    known = all(edge.operation.known for layout in layouts for edge in layout.edges)
    lines = _key_lines(known) if key else 0
    widest = max(width for width, _ in sizes)
    width = widest if stacked else sum(width for width, _ in sizes) + GAP * (len(sizes) - 1)
    width = max(width, KEY_WIDTH if key else 0.0) + 2 * MARGIN
    heading = fitting(title, width - 2 * MARGIN, FONT + 3)
    top = MARGIN + (HEADING_HEIGHT + 0.04 if heading else 0.0)
    heights = [HEADING_HEIGHT + height for _, height in sizes]
    body = sum(heights) + GAP * (len(sizes) - 1) if stacked else max(heights)
    figure, axes = blank_page(width, top + body + lines * KEY_HEIGHT + MARGIN)
    painter = Painter(axes, style)
    if heading:
        painter.text(MARGIN, MARGIN + 0.1, heading, size=FONT + 3, bold=True)
    x, y = MARGIN, top
    for layout, (cell_width, height) in zip(layouts, sizes, strict=True):
        painter.heading(x, y, kind_title(layout.kind), counted(len(layout.edges), "connection"))
        painter.cell(x, y + HEADING_HEIGHT, layout)
        if stacked:
            y += HEADING_HEIGHT + height + GAP
        else:
            x += cell_width + GAP
    if key:
        painter.key(MARGIN, top + body + 0.5 * KEY_HEIGHT, known=known)
    return figure


def _key_lines(known: bool) -> int:
    return 2 if known else 3


class Painter:
    """Draws cells, headings and keys on ``axes`` (see :func:`blank_page`)."""

    def __init__(self, axes: Axes, style: Style) -> None:
        self.axes = axes
        self.style = style

    # parts

    def text(
        self, x: float, y: float, text: str, *, size: float = FONT, bold: bool = False, **look: Any
    ) -> None:
        """Draw ``text`` verbatim (no formulas, no markup), its left end at ``x``, its middle at ``y``."""
        options: dict[str, Any] = {"ha": "left", "va": "center_baseline", "color": INK, "zorder": 9} | look
        self.axes.text(
            x,
            y,
            text,
            fontsize=size,
            fontweight="bold" if bold else "normal",
            fontfamily="sans-serif",
            parse_math=False,
            usetex=False,
            **options,
        )

    def heading(self, x: float, y: float, title: str, detail: str) -> None:
        """Draw ``title`` and ``detail`` above a cell."""
        self.text(x, y + HEADING_HEIGHT / 2, title, size=FONT + 1.5, bold=True)
        self.text(
            x + text_width(title, FONT + 1.5, bold=True) + 0.15, y + HEADING_HEIGHT / 2, detail, color=QUIET
        )

    def line(self, x: Sequence[float], y: Sequence[float], colour: str, width: float, **look: Any) -> None:
        """Draw a line through the given coordinates, ``width`` points wide."""
        from matplotlib.lines import Line2D

        options = {"solid_capstyle": "butt", "dash_capstyle": "butt"} | look
        self.axes.add_artist(Line2D(x, y, color=colour, linewidth=width, **options))

    def connection(
        self,
        x: tuple[float, float],
        y: float,
        colour: str,
        parametric: bool,
        zorder: float,
        room: float = 9.0,
    ) -> None:
        """Draw a line: solid with weights, dashed without; at most ``room`` points wide."""
        if parametric:
            self.line(x, (y, y), colour, min(2.2, room), zorder=zorder)
        else:
            self.line(x, (y, y), colour, min(1.3, room), zorder=zorder, linestyle=(0, (3.2, 2.2)))

    def label(self, right: float, y: float, name: str, colour: str, parametric: bool) -> float:
        """Draw a label that ends at ``right``: filled with weights, outlined without; return its left end."""
        from matplotlib.patches import FancyBboxPatch

        font = self.style.font
        height = min(0.2 * font / FONT, self.style.row * 0.76)
        width = text_width(name, font, bold=True) + 0.14
        patch = FancyBboxPatch(
            (right - width, y - height / 2),
            width,
            height,
            boxstyle=f"round,pad=0,rounding_size={0.045 if parametric else height / 2}",
            facecolor=colour if parametric else PAPER,
            edgecolor=colour,
            linewidth=1.1,
            linestyle="solid" if parametric else (0, (2.4, 1.6)),
            zorder=7,
        )
        self.axes.add_artist(patch)
        self.text(
            right - width / 2,
            y,
            name,
            size=font,
            bold=parametric,
            ha="center",
            color=PAPER if parametric else INK,
        )
        return right - width

    def arrow(self, x: float, y: float, colour: str) -> None:
        """Draw an arrowhead that points at a station whose edge is at ``x``."""
        from matplotlib.patches import Polygon

        head = Polygon([(x - 0.1, y - 0.05), (x, y), (x - 0.1, y + 0.05)], facecolor=colour, edgecolor=colour)
        head.set(linewidth=0.5, zorder=6)
        self.axes.add_artist(head)

    # cells

    def cell(self, x: float, y: float, layout: CellLayout) -> None:
        """Draw a cell with its upper left corner at (x, y)."""
        self._stations(x, y, layout.nodes)
        style = self.style
        for edge in layout.edges:
            colour, at = rail_colour(edge.source), y + style.y(edge.row)
            start, end = x + style.x(edge.source), x + style.x(edge.target) - style.box / 2
            self.connection((start, end - 0.08), at, colour, edge.parametric, 2)
            self.branch(start, at, colour)
            self.arrow(end, at, colour)
            self.label(end - 0.17, at, name_of(edge.operation), colour, edge.parametric)
        self._output(x, y, layout.nodes, layout.output_row)

    def frame(
        self, x: float, y: float, layout: FrameLayout, new: Iterable[tuple[int, int, str]] = ()
    ) -> None:
        """Draw a frame of an animation; ``new`` connections (target, source, operation) get a plus sign."""
        self._stations(x, y, layout.nodes)
        style, new = self.style, frozenset(new)
        for bundle in layout.bundles:
            colour, middle = rail_colour(bundle.source), y + style.y(bundle.row)
            start, end = x + style.x(bundle.source), x + style.x(bundle.target) - style.box / 2
            count = len(bundle.strands)
            apart = min(0.07, 0.74 * style.row / max(count - 1, 1))
            for n, (_, parametric) in enumerate(bundle.strands):
                at = middle + (n - (count - 1) / 2) * apart
                self.connection((start, end - 0.06), at, colour, parametric, 2, room=0.6 * 72 * apart)
            self.branch(start, middle, colour, height=(count - 1) * apart)
            self.arrow(end, middle, colour)
            room = style.pitch - style.box / 2 - 0.24
            labels = [
                (
                    ("+" if (bundle.target, bundle.source, operation.name) in new else "")
                    + shortened(safe(operation.label), 12),
                    parametric,
                )
                for operation, parametric in bundle.strands
            ]
            self._labels(end - 0.15, middle, labels, colour, room)
        self._output(x, y, layout.nodes, layout.output_row)

    def _labels(
        self, right: float, y: float, labels: list[tuple[str, bool]], colour: str, room: float
    ) -> None:
        widths = [text_width(name, self.style.font, bold=True) + 0.19 for name, _ in labels]
        if sum(widths) <= room:
            for name, parametric in reversed(labels):
                right = self.label(right, y, name, colour, parametric) - 0.05
            return
        self.text(
            right,
            y,
            f"{len(labels)} operations",
            size=self.style.font,
            bold=True,
            ha="right",
            color=colour,
            bbox={"facecolor": PAPER, "edgecolor": "none", "boxstyle": "round,pad=0.18"},
        )

    def branch(self, x: float, y: float, colour: str, height: float = 0.0) -> None:
        """Mark where lines leave a rail: with a dot, or a bar as high as a bundle."""
        if not height:
            self.line((x,), (y,), colour, 0, marker="o", markersize=4.6, markeredgewidth=0, zorder=5)
            return
        self.line((x, x), (y - height / 2, y + height / 2), colour, 5.0, zorder=5, solid_capstyle="round")

    def _stations(self, x: float, y: float, nodes: Sequence[Node]) -> None:
        from matplotlib.patches import FancyBboxPatch

        style = self.style
        for node in nodes:
            colour, middle = rail_colour(node.number), x + style.x(node.number)
            top, bottom = y + style.y(node.top), y + style.y(node.bottom)
            if node.rail_end > node.bottom:
                ends = (bottom - 0.06, y + style.y(node.rail_end))
                self.line((middle, middle), ends, PAPER, 6.0, zorder=3)  # lines pass behind a rail
                self.line((middle, middle), ends, colour, 1.6, zorder=4)
            patch = FancyBboxPatch(
                (middle - style.box / 2, top + 0.03),
                style.box,
                bottom - top - 0.06,
                boxstyle="round,pad=0,rounding_size=0.07",
                facecolor=STATION,
                edgecolor=colour,
                linewidth=1.6,
                zorder=6,
            )
            self.axes.add_artist(patch)
            self.text(
                middle,
                (top + bottom) / 2,
                str(node.number),
                size=style.font + 2,
                bold=True,
                ha="center",
                color=colour,
            )
            if node.name:
                self.text(middle, top - 0.12, node.name, size=style.font, ha="center", color=colour)

    def _output(self, x: float, y: float, nodes: Sequence[Node], row: int) -> None:
        style, at = self.style, y + self.style.y(row)
        rails = [x + style.x(node.number) for node in nodes if node.in_output]
        end = x + style.x(len(nodes) - 1) + style.box / 2 + 0.25
        self.line((rails[0], end - 0.05), (at, at), QUIET, 1.6, zorder=4.5, solid_capstyle="projecting")
        for rail in rails:
            self.branch(rail, at, QUIET)
        self.arrow(end, at, QUIET)
        self.text(end + 0.07, at, OUTPUT_NAME, size=style.font + 1, bold=True, color=QUIET)

    def key(self, x: float, y: float, *, known: bool = True, more: str = "") -> None:
        """Draw the key to the signs."""
        left = x
        for sample, parametric, meaning in (
            ("name", True, "solid, filled: with weights"),
            ("name", False, "dashed, outlined: without weights"),
        ):
            self.connection((left, left + 0.25), y, QUIET, parametric, 2)
            right = left + 0.25 + text_width(sample, self.style.font, bold=True) + 0.14
            self.label(right, y, sample, QUIET, parametric)
            self.connection((right, right + 0.14), y, QUIET, parametric, 2)
            self.arrow(right + 0.2, y, QUIET)
            self.text(right + 0.3, y, meaning, size=FONT - 1, color=QUIET)
            left = right + 0.3 + text_width(meaning, FONT - 1) + 0.35
        notes = [f"0 and 1: the two previous cells; {OUTPUT_NAME}: the nodes that lead there, concatenated"]
        if more:
            notes[0] += f"; {more}"
        if not known:
            notes.append("?: an operation unknown to this installation")
        for n, note in enumerate(notes, 1):
            self.text(x, y + n * KEY_HEIGHT * 0.8, note, size=FONT - 1, color=QUIET)


def rail_colour(number: int) -> str:
    """Return the colour of a node's rail and of the lines that leave it."""
    return RAILS[number % len(RAILS)]
