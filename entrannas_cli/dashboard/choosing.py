"""Dialogs that choose columns: one to sort by, several to show."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from .columns import RUN, TABLE, TableColumn

__all__ = ["ColumnsScreen", "Options", "SortScreen"]

_VIM: list[BindingType] = [
    ("space", "select", ""),
    ("j", "cursor_down", ""),
    ("k", "cursor_up", ""),
    ("g", "first", ""),
    ("G", "last", ""),
]


class Options(OptionList):
    """A list with the keys of vi besides."""

    BINDINGS = _VIM


class SortScreen(ModalScreen[str | None]):
    """Answers with the key of a column; None if nothing was chosen."""

    BINDINGS = [("escape,q,s", "dismiss", "Close")]  # noqa: RUF012 (Textual's way)

    def __init__(self, now: str) -> None:
        super().__init__()
        self._now = now

    def compose(self) -> ComposeResult:
        columns = [*TABLE.values(), RUN]
        choice = Options(*(Option(_described(column), id=column.key) for column in columns), id="choice")
        choice.border_title = "Sort by"
        choice.highlighted = next((n for n, c in enumerate(columns) if c.key == self._now), 0)
        yield choice

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)


class ColumnsScreen(ModalScreen[tuple[str, ...]]):
    """Answers with the keys of the columns to show; none of them means the usual ones."""

    BINDINGS = [("escape,q,c", "done", "Done")]  # noqa: RUF012 (Textual's way)

    def __init__(self, now: Sequence[str]) -> None:
        super().__init__()
        self._chosen = set(now)

    def compose(self) -> ComposeResult:
        choice = Options(
            *(Option(self._prompt(column), id=column.key) for column in TABLE.values()), id="choice"
        )
        choice.border_title = "Columns"
        choice.border_subtitle = "space chooses, esc ends"
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
    width = max(len(each.heading) for each in TABLE.values()) + 2
    return Content.assemble(column.heading.ljust(width), (column.column.about, "$quiet"))
