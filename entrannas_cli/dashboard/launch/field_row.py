"""A row of the form: the label of a field, its input, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static, TextArea

from ...common.text import safe
from ...store.overview import Overview
from ..keys import bindings
from .draft import OVERRIDES, Field
from .options import CHOOSABLE, names_in

__all__ = ["FieldInput", "FieldRow", "OverridesArea"]

PLACEHOLDERS = {
    "preset": "auto",
    "train-preset": "auto",
    "epochs": "from the preset",
    "train-epochs": "from the preset",
    "data": "a folder, or a .zip of one; default location if empty",
    "seeds": "0-3 or 1,5,7: one run per seed",
    "name": "part of the id, instead of space, method and seed",
    "cells": "a run, RUN@STEP, a file, or published cells",
}
OVERRIDE_EXAMPLES = {
    "search": "SECTION.KEY=VALUE, one per line\nnetwork.channels=16",
    "train": "SECTION.KEY=VALUE, one per line\nderived.channels=16",
}


class FieldInput(Input):
    """An input line. If the field has choices, enter lists them."""

    BINDINGS = bindings("field")

    @dataclass
    class ChoiceAsked(Message):
        """The choices of field ``name`` should be listed."""

        input: FieldInput
        name: str

    def __init__(self, field: Field, text: str, runs: Mapping[str, Overview]) -> None:
        self._choosable = field.name in CHOOSABLE
        super().__init__(
            text,
            id=f"field-{field.name}",
            name=field.name,
            compact=True,
            placeholder=PLACEHOLDERS.get(field.name, ""),
            suggester=SuggestFromList(names_in(field.name, runs)) if self._choosable else None,
        )

    def action_go(self, by: int) -> None:
        """Move to the field below (1) or above (-1)."""
        self.screen.focus_next() if by > 0 else self.screen.focus_previous()

    def action_choose(self) -> None:
        """List the choices, or move to the next field if there are none."""
        if self._choosable:
            self.post_message(self.ChoiceAsked(self, self.name or ""))
        else:
            self.action_go(1)


class OverridesArea(TextArea):
    """A text area that the cursor leaves at the first and the last line."""

    def action_cursor_up(self, select: bool = False) -> None:
        if self.cursor_location[0] == 0 and not select:
            self.screen.focus_previous()
        else:
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        if self.cursor_location[0] == self.document.line_count - 1 and not select:
            self.screen.focus_next()
        else:
            super().action_cursor_down(select)


class _Opener(Static):
    """The arrow beside a field with choices; a click lists them."""

    def on_click(self, event: events.Click) -> None:
        event.stop()
        field = self.parent.query_one(FieldInput) if self.parent is not None else None
        if field is not None:
            field.focus()
            field.action_choose()


class FieldRow(Vertical):
    """``text`` is the initial text; ``runs`` are those whose cells can be chosen."""

    DEFAULT_CSS = """
    /* the second: Textual looks for what is within only where a node has such a rule itself */
    FieldRow, FieldRow:focus-within { height: auto; }
    FieldRow > Horizontal { height: auto; }
    FieldRow .label { width: 10; color: $quiet; }
    FieldRow:focus-within .label { color: $primary; text-style: bold; }
    FieldRow FieldInput { width: 1fr; background: $panel; }
    FieldRow FieldInput:focus { background: $cursor; background-tint: $cursor 0%; }
    FieldRow FieldInput > .input--placeholder, FieldRow FieldInput > .input--suggestion { color: $quiet; }
    FieldRow OverridesArea { width: 1fr; height: auto; min-height: 2; max-height: 8; }
    FieldRow OverridesArea { background: $panel; padding: 0; }
    FieldRow OverridesArea:focus { background: $cursor; }
    FieldRow OverridesArea .text-area--placeholder { color: $quiet; }
    FieldRow _Opener { width: 3; color: $primary; text-align: center; }
    FieldRow .problem { display: none; height: auto; padding-left: 10; color: $error; }
    FieldRow.-wrong .problem { display: block; }
    FieldRow.-wrong .label { color: $error; text-style: bold; }
    """

    def __init__(self, field: Field, text: str, runs: Mapping[str, Overview]) -> None:
        super().__init__(id=f"row-{field.name}")
        self.field = field
        self._text, self._runs = text, runs
        self._problem: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static(self.field.label, classes="label")
            if self.field.name in OVERRIDES.values():
                yield OverridesArea(
                    self._text,
                    id=f"field-{self.field.name}",
                    compact=True,
                    highlight_cursor_line=False,
                    placeholder=OVERRIDE_EXAMPLES[self.field.kinds[0]],
                )
            else:
                yield FieldInput(self.field, self._text, self._runs)
                yield _Opener("▾" if self.field.name in CHOOSABLE else "")
        yield Static(classes="problem")

    @property
    def input(self) -> FieldInput | OverridesArea:
        """The input widget."""
        return self.query_one(f"#field-{self.field.name}")  # type: ignore[return-value]

    @property
    def text(self) -> str:
        """The text in the field."""
        field = self.input
        return field.value if isinstance(field, FieldInput) else field.text

    @text.setter
    def text(self, text: str) -> None:
        field = self.input
        if isinstance(field, FieldInput):
            field.value = text
            field.cursor_position = len(text)
        else:
            field.text = text

    def show_default(self, text: str) -> None:
        """Show the value that applies while nothing is typed."""
        field = self.input
        hint = f"   {PLACEHOLDERS[self.field.name]}" if self.field.name == "seeds" else ""
        if isinstance(field, FieldInput) and text:
            field.placeholder = safe(text + hint)  # never markup

    def show_problem(self, lines: Sequence[str]) -> None:
        """Show what is wrong with the field; ``lines`` is empty if nothing is."""
        if tuple(lines) != self._problem:
            self._problem = tuple(lines)
            self.set_class(bool(lines), "-wrong")
            self.query_one(".problem", Static).update(Content("\n".join(safe(line) for line in lines)))
