"""The help: all keys, from the key map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from .keys import GROUPS, KEYS, MOUSE, PLACES, KeyBinding, Place, keys_text

__all__ = ["HelpScreen", "help_text"]

WHERE = {
    "run": "on a run's page",
    "compare": "comparing",
    "filter": "while typing a filter",
    "notes": "in their dialog",
    "kind": "on the kind of run",
}
FILTERS = (
    ("cifar dst", "runs in which both words stand: in id, state, method, space, data, tags"),
    ("state=running", "a column's value; also != and, of numbers, < <= > >="),
    ("accuracy>90 gap<2", "both; shares are in per cent, as the table shows them"),
    ("age<2h", "the newest: s, m, h or d"),
)


def help_text(readonly: bool = False, places: Container[Place] = PLACES) -> Content:
    """All keys in their groups, then the mouse and the filter; without those that ``readonly`` switches off.

    Only of ``places``, those that there are in the program.
    """
    parts: list[Content | str | tuple[str, str]] = []
    several = "runs" in places
    for group in GROUPS:
        keys = [key for key in KEYS if key.group == group and key.place in places]
        keys = [key for key in keys if not (readonly and key.writes)]
        often = Counter((key.keys, key.about) for key in keys)  # the same in several places needs no place
        lines = dict.fromkeys(
            (keys_text(key.keys), _about(key) if several and often[key.keys, key.about] == 1 else key.about)
            for key in keys
        )
        parts += _section(group, list(lines))
    if readonly:
        parts += [("Read-only: nothing here starts, stops, resumes or deletes a run.\n\n", "$warning")]
    parts += _section("Mouse", [(what, does) for place, what, does in MOUSE if place in places])
    if "filter" in places:
        parts += _section("What a filter may say", FILTERS)
    return Content.assemble(*parts).rstrip()


def _about(key: KeyBinding) -> str:
    where = WHERE.get(key.place, "")
    return f"{key.about} ({where})" if where else key.about


def _section(
    title: str, lines: list[tuple[str, str]] | tuple[tuple[str, str], ...]
) -> list[Content | str | tuple[str, str]]:
    if not lines:
        return []
    parts: list[Content | str | tuple[str, str]] = [(f"{title}\n", "bold $primary")]
    for keys, about in lines:
        parts += [("  " + keys.ljust(15) + " ", "bold"), f"{about}\n"]
    return [*parts, "\n"]


class HelpScreen(ModalScreen[None]):
    """Scrolls; any of the keys that opened it, or Escape, closes it."""

    BINDINGS = [  # noqa: RUF012 (Textual's way)
        ("escape,q,question_mark,f1", "dismiss", "Close"),
        ("j", "scroll(1)", ""),
        ("k", "scroll(-1)", ""),
    ]

    def __init__(self, readonly: bool = False, places: Container[Place] = PLACES) -> None:
        super().__init__()
        self._readonly, self._places = readonly, places

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help") as scroll:
            scroll.border_title = "Keys"
            scroll.border_subtitle = "esc closes"
            yield Static(help_text(self._readonly, self._places))

    def action_scroll(self, lines: int) -> None:
        self.query_one("#help").scroll_relative(y=lines, animate=False)
