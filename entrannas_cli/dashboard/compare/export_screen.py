"""The dialog that asks for the format and the path of an export."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from ...common.errors import EntrannasError
from ...common.text import safe
from ..background import in_background
from ..confirm import AskScreen
from ..notifications import LONG, notify_errors
from ..pickers import ViOptionList
from .export import FORMATS, ComparisonFormat, Export, checked_path, format_of, write_export

__all__ = ["ExportChoice", "ExportScreen", "offer_export"]


@dataclass(frozen=True)
class ExportChoice:
    """The format and the path to write."""

    format: ComparisonFormat
    path: Path


class ExportScreen(ModalScreen[ExportChoice | None]):
    """Answers with an ``ExportChoice`` whose file can be written, and may be replaced if it exists."""

    BINDINGS = [("escape", "dismiss", "Close")]  # noqa: RUF012 (Textual's way)
    DEFAULT_CSS = """
    ExportScreen { align: center middle; }
    ExportScreen #dialog { width: 76; max-width: 96%; padding: 0 2; }
    ExportScreen #formats { height: auto; border: none; padding: 0; background: $surface; }
    ExportScreen #formats:focus { background-tint: transparent; }
    ExportScreen #about { width: 100%; color: $accent; margin: 1 0; }
    ExportScreen Input { width: 100%; background: $panel; }
    ExportScreen #wrong { width: 100%; color: $error; }
    """

    def __init__(self, export: Export, chosen: ComparisonFormat) -> None:
        super().__init__()
        self._export, self._chosen = export, chosen
        self._suggested = export.file_name(chosen)  # the suggested name
        self._checking = False

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = "Export"
            dialog.border_subtitle = "↑ ↓ format · tab file"
            formats = ViOptionList(
                *(Option(self._prompt(file_format), id=file_format.key) for file_format in FORMATS),
                id="formats",
                compact=True,
            )
            formats.highlighted = FORMATS.index(self._chosen)
            yield formats
            yield Static(id="about")
            yield Static(Content(f"file name (in {_folder()}) or path:"), classes="quiet")
            yield Input(self._suggested, id="file", compact=True)
            yield Static(id="wrong")
            with Horizontal(id="answers"):
                yield Button("Write (enter)", id="write", variant="primary", compact=True)
                yield Button("Cancel (esc)", id="cancel", compact=True)

    def on_mount(self) -> None:
        self.query_one("#formats").focus()
        self._update_texts()

    def _prompt(self, file_format: ComparisonFormat) -> Content:
        """Return the text of a format, marked if it is chosen, so that it shows without colours."""
        return Content(("● " if file_format is self._chosen else "○ ") + file_format.name)

    def _update_texts(self) -> None:
        formats = self.query_one("#formats", OptionList)
        for file_format in FORMATS:
            formats.replace_option_prompt(file_format.key, self._prompt(file_format))
        self.query_one("#about", Static).update(Content(self._export.about(self._chosen)))
        self.query_one("#wrong", Static).update("")

    # the format and the file suffix follow each other; messages about earlier values are ignored

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        now = event.option_list.highlighted
        chosen = self._chosen if now is None else FORMATS[now]
        if chosen is self._chosen:
            return
        self._chosen = chosen
        line = self.query_one("#file", Input)
        if line.value == self._suggested:
            line.value = self._suggested = self._export.file_name(chosen)
        elif format_of(line.value) is not chosen:
            known = format_of(line.value) is not None
            line.value = (str(Path(line.value).with_suffix("")) if known else line.value) + chosen.suffixes[0]
        self._update_texts()

    def on_input_changed(self, event: Input.Changed) -> None:
        by_suffix = format_of(event.input.value)
        if by_suffix is not None and by_suffix is not self._chosen:
            self._chosen = by_suffix
            self.query_one("#formats", OptionList).highlighted = FORMATS.index(by_suffix)
        self._update_texts()

    # writing

    def on_option_list_option_selected(self) -> None:
        self._write()

    def on_input_submitted(self) -> None:
        self._write()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "write":
            self._write()
        else:
            self.dismiss(None)

    def _write(self) -> None:
        """Check in the background whether the file can be written, then answer."""
        if self._checking:
            return
        self._checking = True
        text, chosen = self.query_one("#file", Input).value, self._chosen

        def check() -> tuple[ExportChoice | None, bool, str]:
            try:
                path = checked_path(text, chosen)
            except EntrannasError as error:
                return None, False, str(error)
            return ExportChoice(chosen, path), os.path.lexists(path), ""

        in_background(self.app, check, lambda found: self._checked(*found))

    def _checked(self, answer: ExportChoice | None, exists: bool, problem: str) -> None:
        self._checking = False
        if not self.is_current:  # it was closed meanwhile
            return
        self.query_one("#wrong", Static).update(Content(problem))
        if answer is None:
            self.query_one("#file", Input).focus()
        elif not exists:
            self.dismiss(answer)
        else:

            def answered(yes: bool | None) -> None:
                if yes:
                    self.dismiss(answer)

            self.app.push_screen(
                AskScreen(
                    "Replace", "this file", [str(answer.path)], "Its content will be lost.", destructive=True
                ),
                answered,
            )


def offer_export(app: App[Any], export: Export, default: ComparisonFormat) -> None:
    """Ask how and where to write ``export``, write it in the background and report the outcome."""

    def answered(answer: ExportChoice | None) -> None:
        if answer is None:
            return
        if answer.format.form is None:
            app.notify(f"writing the report: {safe(answer.path)}", markup=False)
        in_background(app, lambda: _outcome(export, answer), lambda outcome: report(*outcome))

    def report(text: str, done: bool) -> None:
        if done:
            app.notify(text, markup=False, timeout=LONG)
        else:
            notify_errors(app, "Export: not done", [text])

    app.push_screen(ExportScreen(export, default), answered)


def _outcome(export: Export, answer: ExportChoice) -> tuple[str, bool]:
    """Return a message and whether the file was written."""
    try:
        return write_export(export, answer.format, answer.path), True
    except EntrannasError as error:
        return str(error), False


def _folder() -> str:
    try:
        return safe(Path.cwd())
    except OSError:
        return "the working directory, which is gone"
