"""The tab with the cells and a slider through their history."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content

from ...common.files import BrokenRun
from ...common.text import counted, safe
from ...figures.cell_layout import kind_title
from ...method.genotype import CellGraph, Genotype
from ...monitor.cell_history import CellHistory
from ...render.cell_text import cell_picture, cell_short
from ..cached_static import CachedStatic
from .side_by_side import SideBySide
from .tab import RunState

__all__ = ["CellsTab"]

HINTED = 110  # columns from which the keys are shown
NARROW = 44  # columns below which cells are shown in short form


class CellsTab(VerticalScroll, can_focus=False):
    """Shows the newest cells, or those at the slider."""

    def __init__(self) -> None:
        super().__init__()
        self._state: RunState | None = None
        self._pinned: int | None = None  # a step; None follows the newest

    def compose(self) -> ComposeResult:
        yield CachedStatic(id="slider")
        yield SideBySide()

    @property
    def follows(self) -> bool:
        """Whether the tab follows the newest cells."""
        return self._pinned is None

    @property
    def step(self) -> int | None:
        """The step of the cells that are shown; None if they are not from the history."""
        index = None if self._state is None else self._index(self._state.history)
        return None if self._state is None or index is None else self._state.history.steps[index]

    def show(self, state: RunState) -> None:
        """Draw what has changed."""
        self._state = state
        slider, pair = self.query_one("#slider", CachedStatic), self.query_one(SideBySide)
        history = state.history
        genotype, note, epoch = state.facts.cells, "", "?"
        index = self._index(history)
        if index is not None:
            try:
                entry = history.entry(index)
                genotype, epoch = entry.genotype, str(entry.epoch)
            except BrokenRun as error:
                genotype, note = None, error.reason
        elif genotype is None:
            note = state.facts.problem or ("no cells here" if state.is_training else "no cells derived yet")
        width = self.size.width
        slider.show(
            (index, history.version, self.follows, note, width),
            lambda: _slider(history, index, epoch, self.follows, note, width),
        )
        pair.show(genotype, lambda columns: _drawn_cells(genotype, columns))

    def _index(self, history: CellHistory) -> int | None:
        if not len(history):
            return None
        if self._pinned is None:
            return len(history) - 1
        return history.at_step(self._pinned) or 0

    def move(self, to: int) -> None:
        """Move one change back (-1) or forward (1), to the first (-2), or to the last (2) and follow it."""
        history = self._state.history if self._state is not None else None
        index = None if history is None else self._index(history)
        if self._state is None or history is None or index is None:
            return
        last = len(history) - 1
        index = {-2: 0, 2: last}.get(to, min(max(index + to, 0), last))
        self._pinned = None if index == last else history.steps[index]
        self.show(self._state)


def _slider(
    history: CellHistory, index: int | None, epoch: str, follows: bool, note: str, width: int
) -> Content:
    parts: list[str | tuple[str, str]] = []
    if index is not None:
        count = len(history)
        slider_width = min(max(width - 60, 8), 60)
        position = round(index / max(count - 1, 1) * (slider_width - 1))
        parts += [
            f"step {history.steps[index]}, epoch {epoch}  ",
            ("─" * position, "$quiet"),
            ("●", "bold $primary"),
            ("─" * (slider_width - 1 - position), "$quiet"),
            f"  {index + 1} of {count}  ",
            ("newest" if follows else "paused: } goes to the newest", "$success" if follows else "$warning"),
        ]
        if width >= HINTED:
            parts.append(("  [ ] { } move", "$quiet"))
        if history.forgotten:
            parts.append((f"  {history.forgotten} older cells left out", "$quiet"))
        parts.append("\n")
    if note:
        parts.append((f"{safe(note)}\n", "$error" if index is not None else "$quiet"))
    return Content.assemble(*parts)


def _drawn_cells(genotype: Genotype | None, width: int) -> list[Text]:
    return [] if genotype is None else [_drawn(kind, cell, width) for kind, cell in genotype.cells]


def _drawn(kind: str, cell: CellGraph, width: int) -> Text:
    text = Text(no_wrap=True)
    text.append(f"{kind_title(kind)}, {counted(len(cell.connections), 'connection')}\n\n", "bold")
    if width < NARROW:
        return text.append("\n".join(cell_short(cell, width)))
    return text.append_text(cell_picture(kind, cell, width))
