"""Text that is redrawn only when its inputs change."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text
from textual.content import Content
from textual.widgets import Static

__all__ = ["CachedStatic"]


class CachedStatic(Static):
    """Remembers what its text was made of."""

    DEFAULT_CSS = "CachedStatic { height: auto; }"
    _inputs: object = None

    def is_new(self, inputs: object) -> bool:
        """Return whether ``show`` with ``inputs`` would redraw."""
        return (inputs, self.app.size.width) != self._inputs

    def show(self, inputs: object, draw: Callable[[], Text | Content | str]) -> None:
        """Show what ``draw`` returns, unless ``inputs`` and the width are those of the text shown."""
        if self.is_new(inputs):
            self._inputs = (inputs, self.app.size.width)
            drawn = draw()
            self.update(Content(drawn) if isinstance(drawn, str) else drawn)  # never markup
