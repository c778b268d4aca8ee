"""The cells of a genotype as a figure, with a heading and a key. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..common.text import counted
from ..method.genotype import Genotype
from ..method.space import CELL_KINDS
from .cell_layout import kind_title, lay_out
from .cell_painter import HEADING_HEIGHT, KEY_HEIGHT, KEY_WIDTH, Painter, Style, operation_label
from .page import FONT, MARGIN, blank_page, fitting, text_width

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["genotype_figure"]

GAP = 0.55  # between the cells, in inches
STACKED_ASPECT = 1.45  # cells are stacked up to this ratio of height to width


def genotype_figure(
    genotype: Genotype, title: str = "", kinds: Sequence[str] = CELL_KINDS, *, key: bool = True
) -> Figure:
    """Draw the cells of ``kinds`` under ``title``, with a key to the signs; as large as the cells need.

    Raises ``UsageError`` for cells too large for any page.
    """
    layouts = [lay_out(kind, genotype.cell(kind)) for kind in kinds]
    operations = {edge.operation for layout in layouts for edge in layout.edges}
    known = all(operation.known for operation in operations)
    longest = max(text_width(operation_label(operation), bold=True) for operation in operations)
    style = Style(pitch=max(longest + 0.78, 1.2))
    sizes = [style.size(len(layout.nodes), layout.output_row) for layout in layouts]
    widths, heights = [width for width, _ in sizes], [HEADING_HEIGHT + height for _, height in sizes]
    gaps = GAP * (len(layouts) - 1)
    stacked = sum(heights) <= STACKED_ASPECT * max(widths)
    width = max(widths) if stacked else sum(widths) + gaps
    width = max(width, KEY_WIDTH if key else 0.0) + 2 * MARGIN
    heading = fitting(title, width - 2 * MARGIN, FONT + 3)
    top = MARGIN + (HEADING_HEIGHT + 0.04 if heading else 0.0)
    body = sum(heights) + gaps if stacked else max(heights)
    key_lines = (2 if known else 3) if key else 0
    figure, axes = blank_page(width, top + body + key_lines * KEY_HEIGHT + MARGIN)
    painter = Painter(axes, style)
    if heading:
        painter.text(MARGIN, MARGIN + 0.1, heading, size=FONT + 3, bold=True)
    x, y = MARGIN, top
    for layout, cell_width, height in zip(layouts, widths, heights, strict=True):
        painter.heading(x, y, kind_title(layout.kind), counted(len(layout.edges), "connection"))
        painter.cell(x, y + HEADING_HEIGHT, layout)
        if stacked:
            y += height + GAP
        else:
            x += cell_width + GAP
    if key:
        painter.key(MARGIN, top + body + 0.5 * KEY_HEIGHT, known=known)
    return figure
