"""Dialogs to choose columns: one to sort by, several to show."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from .table_columns import RUN, TABLE, TableColumn

__all__ = ["ChoiceScreen", "Choices", "ColumnsScreen", "SortScreen", "ViOptionList"]

_VIM: list[BindingType] = [
    ("j", "cursor_down", ""),
    ("k", "cursor_up", ""),
    ("g", "first", ""),
    ("G", "last", ""),
]


class ViOptionList(OptionList):
    """An option list that also has vi keys."""

    BINDINGS = _VIM

    def action_page_up(self) -> None:
        """Move up one page, unless the list has no room: Textual fails then."""
        if self.scrollable_content_region:
            super().action_page_up()  # type: ignore[no-untyped-call]

    def action_page_down(self) -> None:
        """Move down one page, unless the list has no room."""
        if self.scrollable_content_region:
            super().action_page_down()  # type: ignore[no-untyped-call]


class Choices(ViOptionList):
    """An option list in which the space bar also selects."""

    BINDINGS = [("space", "select", "")]  # noqa: RUF012 (Textual's way)


class ChoiceScreen(ModalScreen[str | None]):
    """Asks for one of ``options``, each a key and a text, given the ``current`` key. Answers None if cancelled."""

    BINDINGS = [("escape,q", "dismiss", "Close")]  # noqa: RUF012 (Textual's way)

    def __init__(self, title: str, options: Sequence[tuple[str, Content]], current: str) -> None:
        super().__init__()
        self._caption, self._choices, self._current = title, options, current

    def compose(self) -> ComposeResult:
        choice = Choices(*(Option(text, id=key) for key, text in self._choices), id="choice")
        choice.border_title = self._caption
        choice.highlighted = next((n for n, (key, _) in enumerate(self._choices) if key == self._current), 0)
        yield choice

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)


class SortScreen(ChoiceScreen):
    """Asks for a column to sort by. Answers with its key; None if cancelled."""

    BINDINGS = [("s", "dismiss", "Close")]  # noqa: RUF012 (Textual's way)

    def __init__(self, current: str) -> None:
        columns = [*TABLE.values(), RUN]
        super().__init__("Sort by", [(column.key, _described(column)) for column in columns], current)


class ColumnsScreen(ModalScreen[tuple[str, ...]]):
    """Asks for the columns to show. Answers with their keys; none means the default columns."""

    BINDINGS = [("escape,q,c", "done", "Done")]  # noqa: RUF012 (Textual's way)

    def __init__(self, current: Sequence[str]) -> None:
        super().__init__()
        self._chosen = set(current)

    def compose(self) -> ComposeResult:
        choice = Choices(
            *(Option(self._prompt(column), id=column.key) for column in TABLE.values()), id="choice"
        )
        choice.border_title = "Columns"
        choice.border_subtitle = "space toggles, esc closes"
        yield choice

    def _prompt(self, column: TableColumn) -> Content:
        mark = "● " if column.key in self._chosen else "○ "
        return Content(mark) + _described(column)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        key = event.option_id or ""
        self._chosen ^= {key}
        event.option_list.replace_option_prompt(key, self._prompt(TABLE[key]))

    def action_done(self) -> None:
        self.dismiss(tuple(key for key in TABLE if key in self._chosen))


def _described(column: TableColumn) -> Content:
    width = max(len(column.heading) for column in TABLE.values()) + 2
    return Content.assemble(column.heading.ljust(width), (column.column.about, "$quiet"))
