"""The tab with the end of the log, and a search."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Input

from ...common.text import counted, safe
from ..cached_static import CachedStatic
from .tab import RunState

__all__ = ["LogTab"]


class LogTab(Vertical):
    """Follows the end of the log while that is in view."""

    DEFAULT_CSS = """
    LogTab > #found { color: $quiet; display: none; }
    LogTab > #find { display: none; background: $surface; }
    LogTab.-finding > #found, LogTab.-finding > #find { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._state: RunState | None = None

    def compose(self) -> ComposeResult:
        yield Input(placeholder="search text; enter keeps it, esc shows all lines", id="find", compact=True)
        yield CachedStatic(id="found")
        with VerticalScroll(id="lines", can_focus=False):
            yield CachedStatic(id="log")

    def show(self, state: RunState) -> None:
        """Draw what has changed."""
        self._state = state
        query = self.query_one(Input).value.strip().lower()
        scroll = self.query_one("#lines")
        at_end = scroll.scroll_offset.y >= scroll.max_scroll_y
        inputs = (state.log.version, query)
        log = self.query_one("#log", CachedStatic)
        if not log.is_new(inputs):
            return
        lines = state.log.lines
        found = [line for line in lines if query in line.lower()]
        log.show(inputs, lambda: _text(found, query, any_line=bool(lines)))
        self.query_one("#found", CachedStatic).show(
            inputs, lambda: f"{len(found)} of the last {counted(len(lines), 'line')}"
        )
        if at_end:
            scroll.scroll_end(animate=False, immediate=False)

    def find(self) -> None:
        """Open the search."""
        self.add_class("-finding")
        self.query_one(Input).focus()

    @property
    def finding(self) -> bool:
        """Whether the search is open."""
        return self.has_class("-finding")

    def unfind(self) -> None:
        """Close the search and show all lines."""
        self.query_one(Input).value = ""
        self.remove_class("-finding")
        self.screen.set_focus(None)

    def on_input_changed(self) -> None:
        if self._state is not None:
            self.show(self._state)

    def on_input_submitted(self) -> None:
        self.screen.set_focus(None)


def _text(lines: Sequence[str], query: str, *, any_line: bool) -> Text:
    if not lines:
        return Text(f"no line contains “{safe(query)}”" if any_line else "no log yet", "dim")
    text = Text("\n".join(map(safe, lines)), overflow="fold")
    if query:
        text.highlight_words([query], "bold reverse", case_sensitive=False)
    return text
