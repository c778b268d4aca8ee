"""The help screen, generated from the key map."""

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
    "compare": "in a comparison",
    "filter": "while typing a filter",
    "notes": "in the dialog",
    "kind": "on the kind of run",
}
FILTERS = (
    ("cifar dst", "both words in id, state, method, space, data or tags"),
    ("state=running", "a column's value; also !=, and < <= > >= for numbers"),
    ("accuracy>90 gap<2", "both conditions; shares in per cent, as in the table"),
    ("age<2h", "created within two hours; units are s, m, h, d"),
)


def help_text(readonly: bool = False, places: Container[Place] = PLACES) -> Content:
    """Return the keys of ``places`` by group, then mouse and filter; without the keys ``readonly`` disables."""
    parts: list[Content | str | tuple[str, str]] = []
    several = "runs" in places
    for group in GROUPS:
        keys = [key for key in KEYS if key.group == group and key.place in places]
        keys = [key for key in keys if not (readonly and key.writes)]
        often = Counter((key.keys, key.about) for key in keys)  # no place if the key does the same elsewhere
        lines = dict.fromkeys(
            (keys_text(key.keys), _about(key) if several and often[key.keys, key.about] == 1 else key.about)
            for key in keys
        )
        parts += _section(group, list(lines))
    if readonly:
        parts += [("Read-only: actions that change runs are disabled.\n\n", "$warning")]
    parts += _section("Mouse", [(what, does) for place, what, does in MOUSE if place in places])
    if "filter" in places:
        parts += _section("Filter syntax", FILTERS)
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
    """A scrolling list of keys; Escape, or any key that opens it, closes it."""

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
