"""The switch between search and training."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Static

from ..keys import bindings
from .draft import KINDS, Kind

__all__ = ["KindSwitch"]

LABEL = "Kind".ljust(10)  # as wide as the labels of the fields


class KindSwitch(Static, can_focus=True):
    """A switch for arrow keys, space and mouse."""

    BINDINGS = bindings("kind")
    DEFAULT_CSS = """
    KindSwitch { height: 1; }
    KindSwitch:focus { background: $cursor; }
    """
    kind: reactive[Kind] = reactive[Kind]("search", init=False)

    @dataclass
    class Switched(Message):
        """The kind was switched."""

        kind: Kind

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.set_reactive(KindSwitch.kind, kind)

    def render(self) -> Content:
        parts: list[str | tuple[str, str]] = [(LABEL, "$quiet")]
        for kind, word in KINDS.items():
            chosen = kind == self.kind
            parts += [(f"{'●' if chosen else '○'} {word}", "bold $primary" if chosen else "$quiet"), "   "]
        return Content.assemble(*parts)

    def watch_kind(self, kind: Kind) -> None:
        self.post_message(self.Switched(kind))

    def action_other_kind(self) -> None:
        """Switch to the other kind."""
        self.kind = "train" if self.kind == "search" else "search"

    def action_go(self, by: int) -> None:
        """Move to the field below (1) or above (-1)."""
        self.screen.focus_next() if by > 0 else self.screen.focus_previous()

    def on_click(self, event: events.Click) -> None:
        """Switch to the clicked kind."""
        at = len(LABEL)
        for kind, word in KINDS.items():
            if at <= event.x < at + 2 + len(word):
                self.kind = kind
            at += 2 + len(word) + 3
