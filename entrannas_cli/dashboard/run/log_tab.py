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
        self._seen: RunState | None = None

    def compose(self) -> ComposeResult:
        yield Input(placeholder="search text; enter keeps it, esc shows all lines", id="find", compact=True)
        yield CachedStatic(id="found")
        with VerticalScroll(id="lines", can_focus=False):
            yield CachedStatic(id="log")

    def show(self, seen: RunState) -> None:
        """Draw what has changed."""
        self._seen = seen
        wanted = self.query_one(Input).value.strip().lower()
        scroll = self.query_one("#lines")
        at_end = scroll.scroll_offset.y >= scroll.max_scroll_y
        made_of = (seen.log.version, wanted)
        sheet = self.query_one("#log", CachedStatic)
        if not sheet.is_new(made_of):
            return
        lines = seen.log.lines
        found = [line for line in lines if wanted in line.lower()]
        sheet.show(made_of, lambda: _text(found, wanted, any_line=bool(lines)))
        self.query_one("#found", CachedStatic).show(
            made_of, lambda: f"{len(found)} of the last {counted(len(lines), 'line')}"
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
        if self._seen is not None:
            self.show(self._seen)

    def on_input_submitted(self) -> None:
        self.screen.set_focus(None)


def _text(lines: Sequence[str], wanted: str, *, any_line: bool) -> Text:
    if not lines:
        return Text(f"no line contains “{safe(wanted)}”" if any_line else "no log yet", "dim")
    text = Text("\n".join(map(safe, lines)), overflow="fold")
    if wanted:
        text.highlight_words([wanted], "bold reverse", case_sensitive=False)
    return text
