"""The cells of a search over time, as a figure of several panels and as an animation. Needs matplotlib.

All frames share one layout: a row for each pair of nodes that is ever connected, in which the operations between
them lie side by side. So stations and rows stay in place while connections come and go.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..common.text import counted, safe, shortened
from ..method.space import CELL_KINDS
from .cell_changes import HistoryFrame, counts_text
from .cell_layout import animation_rows, kind_title, lay_out_frame, look
from .cell_painter import HEADING_HEIGHT, KEY_HEIGHT, KEY_WIDTH, Painter, Style
from .figure_file import any_script
from .page import FONT, MARGIN, blank_page, fitting, text_width

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["MAX_PANELS", "MAX_PICTURES", "history_animation", "history_figure"]

MAX_PANELS = 6
MAX_PICTURES = 40  # of an animation, unless more are requested
PANELS_PER_ROW = 3
GAP = 0.5
ANIMATION_DPI = 80
COLOURS = 128
PICTURE_MS = 300
LAST_MS = 3000  # the last picture stays


class _SharedLayout:
    """What all frames share: rows, style and sizes."""

    def __init__(self, shown: Sequence[HistoryFrame]) -> None:
        cells = {kind: [frame.genotype.cell(kind) for frame in shown] for kind in CELL_KINDS}
        self.rows = {kind: animation_rows(kind_cells) for kind, kind_cells in cells.items()}
        names = {
            c.operation for kind_cells in cells.values() for cell in kind_cells for _, c in cell.connections
        }
        labels = [shortened(safe(look(name).label), 12) for name in names]
        longest = max(text_width(f"+{label}", FONT - 0.5, bold=True) for label in labels)
        self.style = Style(row=0.34, pitch=max(2 * longest + 0.72, 1.5), font=FONT - 0.5)
        self.known = all(look(name).known for name in names)
        sizes = [
            self.style.size(len(rows) + 2, sum(map(len, rows)) + len(rows) + 3) for rows in self.rows.values()
        ]
        self.width = max(KEY_WIDTH, *(width for width, _ in sizes))
        self.heights = dict(zip(self.rows, (height + HEADING_HEIGHT for _, height in sizes), strict=True))

    def draw(self, painter: Painter, kind: str, x: float, y: float, frame: HistoryFrame) -> None:
        """Draw a cell under its heading."""
        cell = frame.genotype.cell(kind)
        layout = lay_out_frame(kind, cell, self.rows[kind])
        change = frame.changes.get(kind)
        new = (
            [(c.target, c.source, str(c.after)) for c in change.changes if c.kind in ("added", "changed")]
            if change
            else []
        )
        detail = f"{counted(len(cell.connections), 'connection')}   {counts_text(change)}"
        painter.heading(x, y, kind_title(kind), detail.strip())
        painter.frame(x, y + HEADING_HEIGHT, layout, new)


def history_figure(shown: Sequence[HistoryFrame], title: str) -> Figure:
    """Draw a panel per frame, row by row: both cells at that step. Raises ``UsageError`` if too large."""
    shared = _SharedLayout(shown)
    rows = -(-len(shown) // PANELS_PER_ROW)
    columns = -(-len(shown) // rows)
    panel = HEADING_HEIGHT + sum(shared.heights.values()) + GAP
    top = MARGIN + HEADING_HEIGHT + 0.15
    width = 2 * MARGIN + columns * shared.width + (columns - 1) * GAP
    figure, axes = blank_page(width, top + rows * panel + 2.4 * KEY_HEIGHT + MARGIN)
    painter = Painter(axes, shared.style)
    painter.text(MARGIN, MARGIN + 0.1, fitting(title, width - 2 * MARGIN, FONT + 4), size=FONT + 4, bold=True)
    for number, frame in enumerate(shown):
        x = MARGIN + (number % columns) * (shared.width + GAP)
        y = top + (number // columns) * panel
        painter.text(x, y + HEADING_HEIGHT / 2, _step_text(frame), size=FONT + 3, bold=True)
        y += HEADING_HEIGHT
        for kind in CELL_KINDS:
            shared.draw(painter, kind, x, y, frame)
            y += shared.heights[kind]
    _key(painter, MARGIN, top + rows * panel, shared)
    return figure


def history_animation(shown: Sequence[HistoryFrame], title: str) -> bytes:
    """Return a looping GIF, a picture per frame, both cells side by side. Raises ``UsageError`` if too large."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    shared = _SharedLayout(shown)
    pictures: list[Image.Image] = []
    # that of the first picture, which has all colours: it has the rails, and the most lines
    palette: Image.Image | None = None
    for number, frame in enumerate(shown):
        figure = _picture(shared, frame, title, (number + 1) / len(shown))
        figure.set_dpi(ANIMATION_DPI)
        canvas: Any = FigureCanvasAgg(figure)
        with any_script():
            canvas.draw()
        image = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba())
        image = image.convert("RGB")
        palette = palette or image.quantize(COLOURS)
        pictures.append(image.quantize(palette=palette, dither=Image.Dither.NONE))
    durations = [PICTURE_MS] * (len(pictures) - 1) + [LAST_MS]
    buffer = io.BytesIO()
    pictures[0].save(
        buffer, "GIF", save_all=True, append_images=pictures[1:], duration=durations, loop=0, optimize=False
    )
    return buffer.getvalue()


def _picture(shared: _SharedLayout, frame: HistoryFrame, title: str, fraction: float) -> Figure:
    width = 2 * MARGIN + 2 * shared.width + GAP
    top = MARGIN + 2 * HEADING_HEIGHT
    body = max(shared.heights.values())
    figure, axes = blank_page(width, top + body + 2.4 * KEY_HEIGHT + MARGIN)
    painter = Painter(axes, shared.style)
    painter.text(
        MARGIN, MARGIN + 0.05, fitting(title, width - 2 * MARGIN, FONT + 3), size=FONT + 3, bold=True
    )
    painter.text(MARGIN, MARGIN + 0.42, _step_text(frame), size=FONT + 3)
    bar = (MARGIN + 2.6, width - MARGIN)
    painter.line(bar, (MARGIN + 0.42,) * 2, "#d6dae3", 4.0, solid_capstyle="round")
    end = bar[0] + (bar[1] - bar[0]) * fraction
    painter.line((bar[0], end), (MARGIN + 0.42,) * 2, "#5b6475", 4.0, solid_capstyle="round")
    for n, kind in enumerate(CELL_KINDS):
        shared.draw(painter, kind, MARGIN + n * (shared.width + GAP), top, frame)
    _key(painter, MARGIN, top + body, shared)
    return figure


def _key(painter: Painter, x: float, y: float, shared: _SharedLayout) -> None:
    painter.key(x, y + KEY_HEIGHT / 2, known=shared.known, more="+: new in this picture")


def _step_text(frame: HistoryFrame) -> str:
    return f"step {frame.step}, epoch {frame.epoch}"
