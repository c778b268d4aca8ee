"""The key map, from which bindings, footer and help screen are generated."""

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
    "View",
    "Move",
    "On a chart (tab focuses one)",
    "In the form for a new run",
    "Everywhere",
]
GROUPS: tuple[Group, ...] = get_args(Group)


@dataclass(frozen=True, kw_only=True)
class KeyBinding:
    """``keys``, as Textual names them, run ``action`` at ``place``: a screen, a widget, or everywhere.

    ``label`` is the text in the footer, if the key is listed there. ``writes`` marks actions that change something,
    which ``--readonly`` disables. A binding with ``priority`` is handled before the focused widget gets the key.
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
    """Return bindings from rows of keys (separated by spaces), action, description and optional footer label."""
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
    """Return the bindings of actions on runs, for a screen that shows runs."""
    return _keys(
        place,
        "Act on runs",
        ("n", "launch", "Start a search, or train the run's cells", "New"),
        ("N", "launch_like", "Start a run with the same configuration"),
        ("S", "stop", "Stop after the current step, with a checkpoint", "Stop"),
        ("R", "resume", "Resume from the last checkpoint, in the background", "Resume"),
        ("D", "delete", "Delete with all files"),
        ("e", "edit", "Edit tags and note"),
        ("p", "picture", "Open a picture of the cells"),
        ("y", "copy_id", "Copy the run id"),
        writes=True,
    )


KEYS: tuple[KeyBinding, ...] = (
    *_keys(
        "table",
        "Move",
        ("up k", "move(-1)", "Up one run"),
        ("down j", "move(1)", "Down one run"),
        ("pageup ctrl+b", "page(-1)", "Up one page"),
        ("pagedown ctrl+f", "page(1)", "Down one page"),
        ("home g", "end(False)", "First run"),
        ("end G", "end(True)", "Last run"),
        ("left h", "shift(-1)", "Scroll columns left"),
        ("right l", "shift(1)", "Scroll columns right"),
    ),
    *_keys(
        "table",
        "View",
        ("enter", "open", "Open the run's page", "Open"),
    ),
    *_keys(
        "runs",
        "Find and sort",
        ("slash", "filter", "Filter: words, state=running, loss<0.5 (see below)", "Filter"),
        ("escape", "unfilter", "Clear the filter, then the marks"),
        ("s", "sort", "Sort by a column"),
        ("r", "reverse", "Reverse the order"),
        ("C", "columns", "Choose columns"),
    ),
    *_keys(
        "table",
        "Mark",
        ("space", "mark", "Mark or unmark the run", "Mark"),
        ("a", "mark_all", "Mark all shown runs"),
        ("A", "unmark", "Unmark all"),
    ),
    *_acting("runs"),
    *_keys(
        "runs",
        "View",
        ("c", "compare", "Compare the marked runs: curves, results, differences", "Compare"),
    ),
    *_keys(
        "filter",
        "Move",
        ("escape enter down", "leave", "Back to the runs", "Back to the runs"),
    ),
    *_keys(
        "run",
        "Move",
        ("escape backspace", "back", "Go back", "Back"),
    ),
    *_acting("run"),
    *_keys(
        "run",
        "View",
        ("f", "full", "Show one chart alone, or all", "Full"),
        ("left_square_bracket", "cells(-1)", "Previous cells"),
        ("right_square_bracket", "cells(1)", "Next cells"),
        ("left_curly_bracket", "cells(-2)", "First cells"),
        ("right_curly_bracket", "cells(2)", "Newest cells, and follow them"),
    ),
    *_keys(
        "run",
        "Find and sort",
        ("slash", "find", "Search the log", "Log"),
    ),
    *_keys(
        "run",
        "View",
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
        "View",
        ("1", "tab(1)", "Curves"),
        ("2", "tab(2)", "Result table"),
        ("3", "tab(3)", "Configuration differences"),
        ("f", "full", "Show one chart alone, or all", "Full"),
        ("enter", "open", "Open the page of the run under the cursor", "Open"),
    ),
    *_keys(
        "compare",
        "Find and sort",
        ("g", "group", "Group the table: mean ± deviation", "Group"),
    ),
    *_keys(
        "compare",
        "View",
        ("P", "published", "Show or hide published results", "Published"),
    ),
    *_keys(
        "compare",
        "Find and sort",
        ("s", "sort", "Sort the table by a column", "Sort"),
        ("r", "reverse", "Reverse the order"),
    ),
    *_keys(
        "compare",
        "Act on runs",
        ("x", "export", "Export: CSV, Markdown, LaTeX or HTML report", "Export"),
        writes=True,
    ),
    *_keys(
        "compare",
        "Move",
        ("up k", "move(-1)", "Up one row"),
        ("down j", "move(1)", "Down one row"),
        ("pageup ctrl+b", "page(-1)", "Up one page"),
        ("pagedown ctrl+f", "page(1)", "Down one page"),
        ("home", "end(False)", "First row"),
        ("end G", "end(True)", "Last row"),
        ("left h", "shift(-1)", "Scroll columns left"),
        ("right l", "shift(1)", "Scroll columns right"),
    ),
    *_keys(
        "chart",
        "On a chart (tab focuses one)",
        ("plus equals_sign", "zoom(True)", "Zoom in", "Zoom in"),
        ("minus", "zoom(False)", "Zoom out", "Zoom out"),
        ("left h", "pan(-1)", "Pan left"),
        ("right l", "pan(1)", "Pan right"),
        ("0", "fit", "Show all", "All"),
        ("L", "log", "Toggle the log axis", "Log axis"),
        ("m", "smooth(1)", "Smooth more", "Smooth"),
        ("M", "smooth(-1)", "Smooth less"),
        ("comma shift+left", "crosshair(-1)", "Move the cross-hair left"),
        ("full_stop shift+right", "crosshair(1)", "Move the cross-hair right"),
        ("escape", "no_crosshair", "Hide the cross-hair"),
        ("f", "full_screen", "Toggle full screen", "Full"),
    ),
    *_keys(
        "notes",
        "Act on runs",
        ("ctrl+s", "save", "Save tags and note"),
        ("escape", "leave", "Discard changes to tags and note"),
        writes=True,
    ),
    *_keys(
        "launch",
        "In the form for a new run",
        ("ctrl+s f5", "start", "Start", "Start"),
        ("ctrl+y f2", "copy_command", "Copy the equivalent command line", "Copy command"),
        ("ctrl+t", "switch_kind", "Switch between search and training", "Search/training"),
        writes=True,
        priority=True,
    ),
    *_keys(
        "launch",
        "In the form for a new run",
        ("escape", "leave_form", "Leave the form", "Leave"),
        writes=True,
    ),
    *_keys(
        "field",
        "In the form for a new run",
        ("enter", "choose", "List the choices", "Choose"),
        writes=True,
    ),
    *_keys(
        "field",
        "In the form for a new run",
        ("down", "go(1)", "Next field (also tab)"),
        ("up", "go(-1)", "Previous field"),
        writes=True,
        priority=True,
    ),
    *_keys(
        "kind",
        "In the form for a new run",
        ("space left right h l enter", "other_kind", "Switch the kind"),
        ("down j", "go(1)", "Next field"),
        ("up k", "go(-1)", "Previous field"),
        writes=True,
    ),
    *_keys(
        "everywhere",
        "View",
        ("t", "next_theme", "Next theme: dark, light, high contrast"),
    ),
    *_keys(
        "everywhere",
        "Everywhere",
        ("question_mark f1", "help", "Show all keys", "Help"),
        ("ctrl+p", "command_palette", "Open the command palette"),
        ("tab", "app.focus_next", "Focus the next part"),
        ("q ctrl+q", "quit", "Quit; runs keep running", "Quit"),
    ),
)
PLACES: tuple[Place, ...] = get_args(Place)
MOUSE: tuple[tuple[Place, str, str], ...] = (
    ("table", "click a run", "select it; double-click to open its page"),
    ("table", "click a heading", "sort by it; click again to reverse"),
    ("chart", "wheel on a chart", "zoom at the pointer; drag to pan"),
    ("everywhere", "wheel", "scroll"),
    ("everywhere", "click the footer", "run the action"),
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
    """Return the bindings of ``place``."""
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
    """Return whether ``action`` changes anything, so that ``--readonly`` disables it."""
    return any(key.writes and key.action.partition("(")[0] == action for key in KEYS)


def keys_text(keys: Sequence[str]) -> str:
    """Return ``keys`` as the help shows them: ``↑ k``."""
    return " ".join(map(_title, keys))


def _title(key: str) -> str:
    modifier, plus, name = key.rpartition("+")
    return (
        modifier.replace("ctrl", "^").replace("shift", "⇧") + _TITLES.get(name, name)
        if plus
        else _TITLES.get(key, key)
    )
