"""The help: all keys, from the key map."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from .keys import GROUPS, KEYS, MOUSE, Key, keys_text

__all__ = ["HelpScreen", "help_text"]

WHERE = {"run": "on a run's page", "compare": "comparing", "filter": "while typing a filter"}
FILTERS = (
    ("cifar dst", "runs in which both words stand: in id, state, method, space, data, tags"),
    ("state=running", "a column's value; also != and, of numbers, < <= > >="),
    ("accuracy>90 gap<2", "both; shares are in per cent, as the table shows them"),
    ("age<2h", "the newest: s, m, h or d"),
)


def help_text(readonly: bool = False) -> Content:
    """All keys in their groups, then the mouse and the filter; without those that ``readonly`` switches off."""
    parts: list[Content | str | tuple[str, str]] = []
    for group in GROUPS:
        keys = [key for key in KEYS if key.group == group and not (readonly and key.writes)]
        lines = dict.fromkeys((keys_text(key.keys), _about(key)) for key in keys)
        parts += _section(group, list(lines))
    if readonly:
        parts += [("Read-only: nothing here stops, resumes or deletes a run.\n\n", "$warning")]
    parts += _section("Mouse", MOUSE)
    parts += _section("What a filter may say", FILTERS)
    return Content.assemble(*parts).rstrip()


def _about(key: Key) -> str:
    where = WHERE.get(key.place, "")
    return f"{key.about} ({where})" if where else key.about


def _section(
    title: str, lines: list[tuple[str, str]] | tuple[tuple[str, str], ...]
) -> list[Content | str | tuple[str, str]]:
    if not lines:
        return []
    parts: list[Content | str | tuple[str, str]] = [(f"{title}\n", "bold $primary")]
    for keys, about in lines:
        parts += [("  " + keys.ljust(20), "bold"), f"{about}\n"]
    return [*parts, "\n"]


class HelpScreen(ModalScreen[None]):
    """Scrolls; any of the keys that opened it, or Escape, closes it."""

    BINDINGS = [  # noqa: RUF012 (Textual's way)
        ("escape,q,question_mark,f1", "dismiss", "Close"),
        ("j", "scroll(1)", ""),
        ("k", "scroll(-1)", ""),
    ]

    def __init__(self, readonly: bool = False) -> None:
        super().__init__()
        self._readonly = readonly

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help") as scroll:
            scroll.border_title = "Keys"
            scroll.border_subtitle = "esc closes"
            yield Static(help_text(self._readonly))

    def action_scroll(self, lines: int) -> None:
        self.query_one("#help").scroll_relative(y=lines, animate=False)
