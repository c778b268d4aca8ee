"""The key map: the one place from which bindings, footer and the help screen are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from textual.binding import Binding, BindingType

__all__ = [
    "GROUPS",
    "KEYS",
    "MOUSE",
    "PLACES",
    "Group",
    "KeyBinding",
    "Place",
    "bindings",
    "keys_text",
    "writes",
]

Place = Literal[
    "everywhere", "runs", "table", "run", "compare", "filter", "chart", "notes", "launch", "field", "kind"
]
Group = Literal[
    "Act on runs",
    "Find and sort",
    "Mark",
    "Look",
    "Move",
    "On a chart (tab goes there)",
    "In the form of a new run",
    "Everywhere",
]
GROUPS: tuple[Group, ...] = get_args(Group)


@dataclass(frozen=True, kw_only=True)
class KeyBinding:
    """``keys``, as Textual names them, do ``action`` at ``place``: a screen, a widget, or everywhere.

    ``label`` is what the footer says, if it is to name the key. What does more than look ``writes``: ``--readonly``
    switches it off. One with ``priority`` is heard before the widget that has the focus.
    """

    action: str
    keys: tuple[str, ...]
    about: str
    group: Group
    place: Place
    label: str = ""
    writes: bool = False
    priority: bool = False


def _keys(
    place: Place,
    group: Group,
    *rows: tuple[str, str, str] | tuple[str, str, str, str],
    writes: bool = False,
    priority: bool = False,
) -> tuple[KeyBinding, ...]:
    """Each row: keys, with a space between them; action; what it does; what the footer says, if anything."""
    return tuple(
        KeyBinding(
            action=action,
            keys=tuple(keys.split()),
            about=about,
            group=group,
            place=place,
            label="".join(label),
            writes=writes,
            priority=priority,
        )
        for keys, action, about, *label in rows
    )


def _acting(place: Place) -> tuple[KeyBinding, ...]:
    """What can be done to runs, on each screen that shows some."""
    return _keys(
        place,
        "Act on runs",
        ("n", "launch", "A new search, or a training of the run's cells", "New"),
        ("N", "launch_like", "A new run with the same configuration"),
        ("S", "stop", "Stop: it finishes its step and writes a checkpoint", "Stop"),
        ("R", "resume", "Resume from the last checkpoint, in the background", "Resume"),
        ("D", "delete", "Delete with all files"),
        ("e", "edit", "Tags and note"),
        ("p", "picture", "Open a picture of the cells"),
        ("y", "copy_id", "Copy the id"),
        writes=True,
    )


KEYS: tuple[KeyBinding, ...] = (
    *_keys(
        "table",
        "Move",
        ("up k", "move(-1)", "One run up"),
        ("down j", "move(1)", "One run down"),
        ("pageup ctrl+b", "page(-1)", "One page up"),
        ("pagedown ctrl+f", "page(1)", "One page down"),
        ("home g", "first", "The first run"),
        ("end G", "last", "The last run"),
        ("left h", "shift(-1)", "Columns to the left"),
        ("right l", "shift(1)", "Columns to the right"),
    ),
    *_keys(
        "table",
        "Look",
        ("enter", "open", "Open the run's page", "Open"),
    ),
    *_keys(
        "runs",
        "Find and sort",
        ("slash", "filter", "Filter: words, state=running, loss<0.5 (see below)", "Filter"),
        ("escape", "unfilter", "All runs again, none marked"),
        ("s", "sort", "Sort by …"),
        ("r", "reverse", "The other way round"),
        ("C", "columns", "Choose the columns"),
    ),
    *_keys(
        "table",
        "Mark",
        ("space", "mark", "Mark the run, or unmark it", "Mark"),
        ("a", "mark_all", "Mark all that are shown"),
        ("A", "unmark", "Unmark all"),
    ),
    *_acting("runs"),
    *_keys(
        "runs",
        "Look",
        ("c", "compare", "Compare the marked runs: curves, results, differences", "Compare"),
    ),
    *_keys(
        "filter",
        "Move",
        ("escape enter down", "leave", "To the runs", "To the runs"),
    ),
    *_keys(
        "run",
        "Move",
        ("escape backspace", "back", "One step back", "Back"),
    ),
    *_acting("run"),
    *_keys(
        "run",
        "Look",
        ("f", "full", "One chart alone, or all", "Full"),
        ("left_square_bracket", "cells(-1)", "The cells one change back"),
        ("right_square_bracket", "cells(1)", "The cells one change on"),
        ("left_curly_bracket", "cells(-2)", "The first cells"),
        ("right_curly_bracket", "cells(2)", "The newest cells, which are then followed"),
    ),
    *_keys(
        "run",
        "Find and sort",
        ("slash", "find", "Look for a text in the log", "Log"),
    ),
    *_keys(
        "run",
        "Look",
        ("1", "tab(1)", "Curves"),
        ("2", "tab(2)", "Cells"),
        ("3", "tab(3)", "Architecture"),
        ("4", "tab(4)", "Log"),
        ("5", "tab(5)", "Configuration"),
        ("6", "tab(6)", "System"),
    ),
    *_keys(
        "run",
        "Move",
        ("down j", "down", "Scroll down"),
        ("up k", "up", "Scroll up"),
    ),
    *_keys(
        "compare",
        "Move",
        ("escape backspace", "back", "Back to the runs", "Back"),
    ),
    *_keys(
        "compare",
        "Look",
        ("1", "tab(1)", "Curves"),
        ("2", "tab(2)", "Result table"),
        ("3", "tab(3)", "Differences of the configurations"),
        ("f", "full", "One chart alone, or all", "Full"),
        ("enter", "open", "Open the page of the run under the cursor", "Open"),
    ),
    *_keys(
        "compare",
        "Find and sort",
        ("g", "group", "Group the table: mean ± deviation", "Group"),
    ),
    *_keys(
        "compare",
        "Look",
        ("P", "published", "Published results in the table, or not", "Published"),
    ),
    *_keys(
        "compare",
        "Find and sort",
        ("s", "sort", "Sort the table by …", "Sort"),
        ("r", "reverse", "The other way round"),
    ),
    *_keys(
        "compare",
        "Act on runs",
        ("x", "export", "Export as CSV, Markdown, LaTeX or the HTML report", "Export"),
        writes=True,
    ),
    *_keys(
        "compare",
        "Move",
        ("up k", "move(-1)", "One row up"),
        ("down j", "move(1)", "One row down"),
        ("pageup ctrl+b", "page(-1)", "One page up"),
        ("pagedown ctrl+f", "page(1)", "One page down"),
        ("home", "end(False)", "To the top"),
        ("end G", "end(True)", "To the end"),
        ("left h", "shift(-1)", "Columns to the left"),
        ("right l", "shift(1)", "Columns to the right"),
    ),
    *_keys(
        "chart",
        "On a chart (tab goes there)",
        ("plus equals_sign", "zoom(True)", "Zoom in", "Zoom in"),
        ("minus", "zoom(False)", "Zoom out", "Zoom out"),
        ("left h", "pan(-1)", "Earlier"),
        ("right l", "pan(1)", "Later"),
        ("0", "fit", "Show all", "All"),
        ("L", "log", "Log axis, or a linear one", "Log axis"),
        ("m", "smooth(1)", "Smoother", "Smooth"),
        ("M", "smooth(-1)", "Less smooth"),
        ("comma shift+left", "crosshair(-1)", "Cross-hair left"),
        ("full_stop shift+right", "crosshair(1)", "Cross-hair right"),
        ("escape", "no_crosshair", "No cross-hair"),
        ("f", "full_screen", "Full screen, and back", "Full"),
    ),
    *_keys(
        "notes",
        "Act on runs",
        ("ctrl+s", "save", "Save tags and note"),
        ("escape", "leave", "Leave tags and note"),
        writes=True,
    ),
    *_keys(
        "launch",
        "In the form of a new run",
        ("ctrl+s f5", "start", "Start", "Start"),
        ("ctrl+y f2", "copy_command", "Copy the command line that does the same", "Copy command"),
        ("ctrl+t", "switch_kind", "A search, or a training", "Search/training"),
        writes=True,
        priority=True,
    ),
    *_keys(
        "launch",
        "In the form of a new run",
        ("escape", "leave_form", "Leave the form", "Leave"),
        writes=True,
    ),
    *_keys(
        "field",
        "In the form of a new run",
        ("enter", "choose", "List what can be chosen", "Choose"),
        writes=True,
    ),
    *_keys(
        "field",
        "In the form of a new run",
        ("down", "go(1)", "The next field (also tab)"),
        ("up", "go(-1)", "The field before"),
        writes=True,
        priority=True,
    ),
    *_keys(
        "kind",
        "In the form of a new run",
        ("space left right h l enter", "other_kind", "The other kind"),
        ("down j", "go(1)", "The next field"),
        ("up k", "go(-1)", "The field before"),
        writes=True,
    ),
    *_keys(
        "everywhere",
        "Look",
        ("t", "next_theme", "Light, dark, high contrast"),
    ),
    *_keys(
        "everywhere",
        "Everywhere",
        ("question_mark f1", "help", "All keys", "Help"),
        ("ctrl+p", "command_palette", "All commands, by name"),
        ("tab", "app.focus_next", "The next part"),
        ("q ctrl+q", "quit", "Quit; runs go on", "Quit"),
    ),
)
PLACES: tuple[Place, ...] = get_args(Place)
MOUSE: tuple[tuple[Place, str, str], ...] = (
    ("table", "click on a run", "choose it; again: open its page"),
    ("table", "click on a heading", "sort by it; again: the other way round"),
    ("chart", "wheel on a chart", "zoom where it points; dragging pans"),
    ("everywhere", "wheel", "scroll"),
    ("everywhere", "click in the footer", "what it says"),
)
_TITLES: dict[str, str] = {
    "slash": "/",
    "question_mark": "?",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "escape": "esc",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "comma": ",",
    "full_stop": ".",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
}


def bindings(place: Place) -> list[BindingType]:
    """The bindings of a screen, a widget or the whole program."""
    return [
        Binding(
            ",".join(key.keys),
            key.action,
            key.label or key.about,
            show=bool(key.label),
            key_display=_title(key.keys[0]),
            tooltip=key.about,
            priority=key.priority,
        )
        for key in KEYS
        if key.place == place
    ]


def writes(action: str) -> bool:
    """Whether ``action`` does anything but look, so that ``--readonly`` switches it off."""
    return any(key.writes and key.action.partition("(")[0] == action for key in KEYS)


def keys_text(keys: Sequence[str]) -> str:
    """Keys as the help names them: ``↑ k``."""
    return " ".join(map(_title, keys))


def _title(key: str) -> str:
    modifier, plus, name = key.rpartition("+")
    return (
        modifier.replace("ctrl", "^").replace("shift", "⇧") + _TITLES.get(name, name)
        if plus
        else _TITLES.get(key, key)
    )
