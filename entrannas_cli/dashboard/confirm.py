"""Asks before something is done to runs, and names them."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from ..render.text import safe
from .deeds import Deed

__all__ = ["ConfirmScreen"]

SHOWN = 6  # runs that are named


class ConfirmScreen(ModalScreen[bool]):
    """Answers with True for yes. What can't be undone isn't a mere Enter away: "no" has the focus then."""

    BINDINGS = [  # noqa: RUF012 (Textual's way)
        ("y", "answer(True)", "Yes"),
        ("n,escape", "answer(False)", "No"),
        ("left,h", "app.focus_previous", ""),
        ("right,l", "app.focus_next", ""),
    ]

    def __init__(self, deed: Deed, ids: Sequence[str]) -> None:
        super().__init__()
        self._deed, self._ids = deed, ids

    def compose(self) -> ComposeResult:
        count = len(self._ids)
        question = f"{self._deed.verb} {'this run' if count == 1 else f'these {count} runs'}?"
        with Vertical(id="dialog"):
            yield Static(Content.styled(question, "bold"))
            lines = [safe(identifier) for identifier in self._ids[:SHOWN]]
            if count > SHOWN:
                lines.append(f"… and {count - SHOWN} more")
            yield Static(Content("\n".join(lines)), id="named")
            yield Static(Content(self._deed.detail), classes="quiet")
            with Horizontal(id="answers"):
                yield Button(
                    f"{self._deed.verb} (y)",
                    id="yes",
                    variant="error" if self._deed.grave else "primary",
                    compact=True,
                )
                yield Button("Leave it (n)", id="no", compact=True)

    def on_mount(self) -> None:
        self.query_one("#no" if self._deed.grave else "#yes").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)
