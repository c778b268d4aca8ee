"""Text on the screen that is drawn anew only when what it is made of has changed."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text
from textual.content import Content
from textual.widgets import Static

__all__ = ["CachedStatic"]


class CachedStatic(Static):
    """Knows from what its text was made."""

    DEFAULT_CSS = "CachedStatic { height: auto; }"
    _made_of: object = None

    def is_new(self, made_of: object) -> bool:
        """Whether ``show`` with that would draw."""
        return (made_of, self.app.size.width) != self._made_of

    def show(self, made_of: object, draw: Callable[[], Text | Content | str]) -> None:
        """Shows what ``draw`` returns, unless it was made of the same, for the same width."""
        if self.is_new(made_of):
            self._made_of = (made_of, self.app.size.width)
            drawn = draw()
            self.update(Content(drawn) if isinstance(drawn, str) else drawn)  # never markup
