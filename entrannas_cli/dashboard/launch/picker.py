"""The dialog that lists the choices of a field."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option as ListOption

from ...common.text import safe
from ..pickers import Choices
from .options import Option

__all__ = ["PickScreen"]

MAX_VALUE_COLUMNS = 44  # columns for the values, beside their descriptions


class PickScreen(ModalScreen[str | None]):
    """Answers with the chosen value; None if cancelled."""

    DEFAULT_CSS = """
    PickScreen { align: center middle; }
    PickScreen #choice { width: 100; max-width: 96%; }
    """
    BINDINGS = [("escape,q", "dismiss", "Close")]  # noqa: RUF012 (Textual's way)

    def __init__(self, title: str, options: Sequence[Option], current: str) -> None:
        super().__init__()
        self._title, self._options, self._current = title, options, current

    def compose(self) -> ComposeResult:
        width = min(max((len(value) for value, _ in self._options), default=0), MAX_VALUE_COLUMNS) + 2
        lines = [
            ListOption(Content.assemble(safe(value).ljust(width), (safe(about), "$quiet")))
            for value, about in self._options
        ]
        choice = Choices(*lines, id="choice")
        choice.border_title = self._title
        choice.border_subtitle = "enter selects, esc cancels"
        choice.highlighted = next(
            (n for n, (value, _) in enumerate(self._options) if value == self._current), 0
        )
        yield choice

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._options[event.option_index][0])
