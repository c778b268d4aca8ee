"""Two texts, one per kind of cell, side by side if there is room."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import Static

__all__ = ["SideBySide"]

SIDE_BY_SIDE_COLUMNS = 110  # columns from which they stand side by side
GAP = 4


class SideBySide(Container):
    """A container as high as its texts."""

    DEFAULT_CSS = """
    SideBySide { height: auto; layout: vertical; }
    SideBySide.-two { layout: horizontal; }
    SideBySide > Static { width: 1fr; height: auto; margin-bottom: 1; text-wrap: nowrap; }
    SideBySide.-two > #left { margin-right: 4; }
    """

    _inputs: object = None

    def compose(self) -> ComposeResult:
        yield Static(id="left")
        yield Static(id="right")

    def on_resize(self) -> None:
        """Put the texts side by side, or below each other."""
        self.set_class(self.size.width >= SIDE_BY_SIDE_COLUMNS, "-two")

    @property
    def width(self) -> int:
        """Columns for each text."""
        width = self.size.width or self.app.size.width - 4
        return max((width - GAP) // 2 if width >= SIDE_BY_SIDE_COLUMNS else width, 16)

    def show(self, inputs: object, draw: Callable[[int], Sequence[Text]]) -> None:
        """Show what ``draw`` returns for a width, unless ``inputs`` and the width are those of the texts shown."""
        width = self.width
        if (inputs, width) == self._inputs:
            return
        self._inputs = inputs, width
        texts = draw(width)
        for n, name in enumerate(("left", "right")):
            self.query_one(f"#{name}", Static).update(texts[n] if n < len(texts) else "")
