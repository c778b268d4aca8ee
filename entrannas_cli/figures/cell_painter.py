"""Draws cells on a page: the rail map of the text picture, in colour. Needs matplotlib.

Each node is a station with a rail below it; each connection a line from the rail of its source to the station of
its target. With weights: a solid line and a filled label. Without: a dashed line and an outlined label. One colour
per source node makes lines easier to follow, but nothing depends on colour alone.

All lengths are in inches; y grows downwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..common.text import safe, shortened
from .cell_layout import OUTPUT_NAME, Bundle, CellLayout, Edge, FrameLayout, Node, OperationLook
from .page import FONT, PAPER, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "HEADING_HEIGHT",
    "INK",
    "KEY_HEIGHT",
    "KEY_WIDTH",
    "QUIET",
    "RAILS",
    "STATION",
    "Painter",
    "Style",
    "operation_label",
]

INK = "#1d2433"
QUIET = "#5b6475"
STATION = "#f3f5f9"
RAILS = ("#1f5fa8", "#1b7a3d", "#a8420a", "#76389c", "#0b6f82", "#7b5600")  # dark enough for white text
MAX_NAME_CHARS = 24
KEY_HEIGHT = 0.34
KEY_WIDTH = 6.2
HEADING_HEIGHT = 0.36


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


def operation_label(operation: OperationLook) -> str:
    """Return the label of an operation: its name, escaped and shortened; with a question mark if unknown."""
    return shortened(safe(operation.name), MAX_NAME_CHARS) + " ?" * (not operation.known)


class Painter:
    """Draws cells, headings and keys on ``axes`` (see :func:`blank_page`)."""

    def __init__(self, axes: Axes, style: Style) -> None:
        self.axes = axes
        self.style = style

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
        y += HEADING_HEIGHT / 2
        self.text(x, y, title, size=FONT + 1.5, bold=True)
        self.text(x + text_width(title, FONT + 1.5, bold=True) + 0.15, y, detail, color=QUIET)

    def line(self, x: Sequence[float], y: Sequence[float], colour: str, width: float, **look: Any) -> None:
        """Draw a line through the given coordinates, ``width`` points wide."""
        from matplotlib.lines import Line2D

        options = {"solid_capstyle": "butt", "dash_capstyle": "butt"} | look
        self.axes.add_artist(Line2D(x, y, color=colour, linewidth=width, **options))

    def box(
        self, corner: tuple[float, float], width: float, height: float, radius: float, **look: Any
    ) -> None:
        """Draw a box with rounded corners; ``corner`` is its upper left one."""
        from matplotlib.patches import FancyBboxPatch

        style = f"round,pad=0,rounding_size={radius}"
        self.axes.add_artist(FancyBboxPatch(corner, width, height, boxstyle=style, **look))

    def connection(
        self, x: tuple[float, float], y: float, colour: str, parametric: bool, *, room: float = 9.0
    ) -> None:
        """Draw a line: solid with weights, dashed without; at most ``room`` points wide."""
        if parametric:
            self.line(x, (y, y), colour, min(2.2, room), zorder=2)
        else:
            self.line(x, (y, y), colour, min(1.3, room), zorder=2, linestyle=(0, (3.2, 2.2)))

    def label(self, right: float, y: float, name: str, colour: str, parametric: bool) -> float:
        """Draw a label that ends at ``right``: filled with weights, outlined without; return its left end."""
        font = self.style.font
        height = min(0.2 * font / FONT, self.style.row * 0.76)
        width = text_width(name, font, bold=True) + 0.14
        self.box(
            (right - width, y - height / 2),
            width,
            height,
            0.045 if parametric else height / 2,
            facecolor=colour if parametric else PAPER,
            edgecolor=colour,
            linewidth=1.1,
            linestyle="solid" if parametric else (0, (2.4, 1.6)),
            zorder=7,
        )
        ink = PAPER if parametric else INK
        self.text(right - width / 2, y, name, size=font, bold=parametric, ha="center", color=ink)
        return right - width

    def arrow(self, x: float, y: float, colour: str) -> None:
        """Draw an arrowhead that points at a station whose edge is at ``x``."""
        from matplotlib.patches import Polygon

        head = Polygon([(x - 0.1, y - 0.05), (x, y), (x - 0.1, y + 0.05)], facecolor=colour, edgecolor=colour)
        head.set(linewidth=0.5, zorder=6)
        self.axes.add_artist(head)

    def branch(self, x: float, y: float, colour: str, height: float = 0.0) -> None:
        """Mark where lines leave a rail: with a dot, or a bar as high as a bundle."""
        if height:
            y_range = (y - height / 2, y + height / 2)
            self.line((x, x), y_range, colour, 5.0, zorder=5, solid_capstyle="round")
        else:
            self.line((x,), (y,), colour, 0, marker="o", markersize=4.6, markeredgewidth=0, zorder=5)

    # cells

    def cell(self, x: float, y: float, layout: CellLayout) -> None:
        """Draw a cell with its upper left corner at (x, y)."""
        self._stations(x, y, layout.nodes)
        for edge in layout.edges:
            start, end, row_y, colour = self._place(x, y, edge)
            self.connection((start, end - 0.08), row_y, colour, edge.parametric)
            self.branch(start, row_y, colour)
            self.arrow(end, row_y, colour)
            self.label(end - 0.17, row_y, operation_label(edge.operation), colour, edge.parametric)
        self._output(x, y, layout.nodes, layout.output_row)

    def frame(
        self, x: float, y: float, layout: FrameLayout, new: Iterable[tuple[int, int, str]] = ()
    ) -> None:
        """Draw a frame of an animation; ``new`` connections (target, source, operation) get a plus sign."""
        self._stations(x, y, layout.nodes)
        new = frozenset(new)
        for bundle in layout.bundles:
            start, end, row_y, colour = self._place(x, y, bundle)
            count = len(bundle.strands)
            spacing = min(0.07, 0.74 * self.style.row / max(count - 1, 1))
            for n, (_, parametric) in enumerate(bundle.strands):
                strand_y = row_y + (n - (count - 1) / 2) * spacing
                self.connection((start, end - 0.06), strand_y, colour, parametric, room=0.6 * 72 * spacing)
            self.branch(start, row_y, colour, height=(count - 1) * spacing)
            self.arrow(end, row_y, colour)
            labels = []
            for operation, parametric in bundle.strands:
                sign = "+" if (bundle.target, bundle.source, operation.name) in new else ""
                labels.append((sign + shortened(safe(operation.label), 12), parametric))
            self._bundle_labels(end - 0.15, row_y, labels, colour)
        self._output(x, y, layout.nodes, layout.output_row)

    def _place(self, x: float, y: float, line: Edge | Bundle) -> tuple[float, float, float, str]:
        """Return where a line starts and ends, its y, and its colour, in a cell at (x, y)."""
        start, end = x + self.style.x(line.source), x + self.style.x(line.target) - self.style.box / 2
        return start, end, y + self.style.y(line.row), rail_colour(line.source)

    def _bundle_labels(self, right: float, y: float, labels: list[tuple[str, bool]], colour: str) -> None:
        style = self.style
        widths = [text_width(name, style.font, bold=True) + 0.19 for name, _ in labels]
        if sum(widths) <= style.pitch - style.box / 2 - 0.24:
            for name, parametric in reversed(labels):
                right = self.label(right, y, name, colour, parametric) - 0.05
            return
        background = {"facecolor": PAPER, "edgecolor": "none", "boxstyle": "round,pad=0.18"}
        text = f"{len(labels)} operations"
        self.text(right, y, text, size=style.font, bold=True, ha="right", color=colour, bbox=background)

    def _stations(self, x: float, y: float, nodes: Sequence[Node]) -> None:
        style = self.style
        for node in nodes:
            colour, middle = rail_colour(node.number), x + style.x(node.number)
            top, bottom = y + style.y(node.top), y + style.y(node.bottom)
            if node.rail_end > node.bottom:
                ends = (bottom - 0.06, y + style.y(node.rail_end))
                self.line((middle, middle), ends, PAPER, 6.0, zorder=3)  # lines pass behind a rail
                self.line((middle, middle), ends, colour, 1.6, zorder=4)
            self.box(
                (middle - style.box / 2, top + 0.03),
                style.box,
                bottom - top - 0.06,
                0.07,
                facecolor=STATION,
                edgecolor=colour,
                linewidth=1.6,
                zorder=6,
            )
            number_y, size = (top + bottom) / 2, style.font + 2
            self.text(middle, number_y, str(node.number), size=size, bold=True, ha="center", color=colour)
            if node.name:
                self.text(middle, top - 0.12, node.name, size=style.font, ha="center", color=colour)

    def _output(self, x: float, y: float, nodes: Sequence[Node], row: int) -> None:
        style = self.style
        y += style.y(row)
        rails = [x + style.x(node.number) for node in nodes if node.in_output]
        end = x + style.x(len(nodes) - 1) + style.box / 2 + 0.25
        self.line((rails[0], end - 0.05), (y, y), QUIET, 1.6, zorder=4.5, solid_capstyle="projecting")
        for rail in rails:
            self.branch(rail, y, QUIET)
        self.arrow(end, y, QUIET)
        self.text(end + 0.07, y, OUTPUT_NAME, size=style.font + 1, bold=True, color=QUIET)

    def key(self, x: float, y: float, *, known: bool = True, more: str = "") -> None:
        """Draw the key to the signs."""
        left = x
        for sample, parametric, meaning in (
            ("name", True, "solid, filled: with weights"),
            ("name", False, "dashed, outlined: without weights"),
        ):
            self.connection((left, left + 0.25), y, QUIET, parametric)
            right = left + 0.25 + text_width(sample, self.style.font, bold=True) + 0.14
            self.label(right, y, sample, QUIET, parametric)
            self.connection((right, right + 0.14), y, QUIET, parametric)
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
