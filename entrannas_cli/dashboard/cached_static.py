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
    _made_of: object = None

    def is_new(self, made_of: object) -> bool:
        """Return whether ``show`` with ``made_of`` would redraw."""
        return (made_of, self.app.size.width) != self._made_of

    def show(self, made_of: object, draw: Callable[[], Text | Content | str]) -> None:
        """Show what ``draw`` returns, unless ``made_of`` and the width are those of the text shown."""
        if self.is_new(made_of):
            self._made_of = (made_of, self.app.size.width)
            drawn = draw()
            self.update(Content(drawn) if isinstance(drawn, str) else drawn)  # never markup
