"""Confirmation dialogs, which name what is affected."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from ..common.text import safe
from .actions import RunAction

__all__ = ["AskScreen", "ConfirmScreen"]

MAX_NAMED = 6  # names that are listed


class AskScreen(ModalScreen[bool]):
    """Asks whether to ``verb``; answers True for yes.

    With ``destructive``, for what cannot be undone, "no" has the focus, so that Enter alone does nothing.
    """

    BINDINGS = [  # noqa: RUF012 (Textual's way)
        ("y", "answer(True)", "Yes"),
        ("n,escape", "answer(False)", "No"),
        ("left,h", "app.focus_previous", ""),
        ("right,l", "app.focus_next", ""),
    ]

    def __init__(
        self, verb: str, what: str, named: Sequence[str], detail: str, *, destructive: bool = False
    ) -> None:
        super().__init__()
        self._verb, self._what, self._named, self._detail = verb, what, named, detail
        self._destructive = destructive

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(Content.styled(f"{self._verb} {self._what}?", "bold"))
            lines = [safe(name) for name in self._named[:MAX_NAMED]]
            if len(self._named) > MAX_NAMED:
                lines.append(f"… and {len(self._named) - MAX_NAMED} more")
            yield Static(Content("\n".join(lines)), id="named")
            yield Static(Content(self._detail), classes="quiet")
            with Horizontal(id="answers"):
                yield Button(
                    f"{self._verb} (y)",
                    id="yes",
                    variant="error" if self._destructive else "primary",
                    compact=True,
                )
                yield Button("Cancel (n)", id="no", compact=True)

    def on_mount(self) -> None:
        self.query_one("#no" if self._destructive else "#yes").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)


class ConfirmScreen(AskScreen):
    """Asks whether to apply ``action`` to runs, and lists them."""

    def __init__(self, action: RunAction, ids: Sequence[str]) -> None:
        what = "this run" if len(ids) == 1 else f"these {len(ids)} runs"
        super().__init__(action.verb, what, ids, action.detail, destructive=action.destructive)
