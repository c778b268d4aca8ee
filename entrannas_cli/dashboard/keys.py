"""The key map: the one place from which bindings, footer and the help screen are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from textual.binding import Binding, BindingType

__all__ = ["GROUPS", "KEYS", "MOUSE", "PLACES", "Group", "Key", "Place", "bindings", "keys_text", "writes"]

Place = Literal[
    "everywhere", "runs", "table", "run", "compare", "filter", "chart", "notes", "launch", "field", "kind"
]
Group = Literal[
    "Move",
    "Find and sort",
    "Mark",
    "Act on runs",
    "Look",
    "On a chart (tab goes there)",
    "In the form of a new run",
    "Everywhere",
]
GROUPS: tuple[Group, ...] = get_args(Group)


@dataclass(frozen=True, kw_only=True)
class Key:
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


def _acting(place: Place) -> tuple[Key, ...]:
    """What can be done to runs, on each screen that shows some."""
    return (
        Key(
            action="launch",
            keys=("n",),
            about="A new search, or a training of the run's cells",
            group="Act on runs",
            place=place,
            label="New",
            writes=True,
        ),
        Key(
            action="launch_like",
            keys=("N",),
            about="A new run with the same configuration",
            group="Act on runs",
            place=place,
            writes=True,
        ),
        Key(
            action="stop",
            keys=("S",),
            about="Stop: it finishes its step and writes a checkpoint",
            group="Act on runs",
            place=place,
            label="Stop",
            writes=True,
        ),
        Key(
            action="resume",
            keys=("R",),
            about="Resume from the last checkpoint, in the background",
            group="Act on runs",
            place=place,
            label="Resume",
            writes=True,
        ),
        Key(
            action="delete",
            keys=("D",),
            about="Delete with all files",
            group="Act on runs",
            place=place,
            writes=True,
        ),
        Key(
            action="edit",
            keys=("e",),
            about="Tags and note",
            group="Act on runs",
            place=place,
            writes=True,
        ),
        Key(
            action="picture",
            keys=("p",),
            about="Open a picture of the cells",
            group="Act on runs",
            place=place,
            writes=True,
        ),
        Key(
            action="copy_id",
            keys=("y",),
            about="Copy the id",
            group="Act on runs",
            place=place,
            writes=True,
        ),
    )


KEYS: tuple[Key, ...] = (
    Key(action="move(-1)", keys=("up", "k"), about="One run up", group="Move", place="table"),
    Key(action="move(1)", keys=("down", "j"), about="One run down", group="Move", place="table"),
    Key(action="page(-1)", keys=("pageup", "ctrl+b"), about="One page up", group="Move", place="table"),
    Key(action="page(1)", keys=("pagedown", "ctrl+f"), about="One page down", group="Move", place="table"),
    Key(action="first", keys=("home", "g"), about="The first run", group="Move", place="table"),
    Key(action="last", keys=("end", "G"), about="The last run", group="Move", place="table"),
    Key(action="shift(-1)", keys=("left", "h"), about="Columns to the left", group="Move", place="table"),
    Key(action="shift(1)", keys=("right", "l"), about="Columns to the right", group="Move", place="table"),
    Key(
        action="open",
        keys=("enter",),
        about="Open the run's page",
        group="Look",
        place="table",
        label="Open",
    ),
    Key(
        action="filter",
        keys=("slash",),
        about="Filter: words, state=running, loss<0.5 (see below)",
        group="Find and sort",
        place="runs",
        label="Filter",
    ),
    Key(
        action="unfilter",
        keys=("escape",),
        about="All runs again, none marked",
        group="Find and sort",
        place="runs",
    ),
    Key(action="sort", keys=("s",), about="Sort by …", group="Find and sort", place="runs"),
    Key(action="reverse", keys=("r",), about="The other way round", group="Find and sort", place="runs"),
    Key(
        action="columns",
        keys=("C",),
        about="Choose the columns",
        group="Find and sort",
        place="runs",
    ),
    Key(
        action="mark",
        keys=("space",),
        about="Mark the run, or unmark it",
        group="Mark",
        place="table",
        label="Mark",
    ),
    Key(action="mark_all", keys=("a",), about="Mark all that are shown", group="Mark", place="table"),
    Key(action="unmark", keys=("A",), about="Unmark all", group="Mark", place="table"),
    *_acting("runs"),
    Key(
        action="compare",
        keys=("c",),
        about="Compare the marked runs: curves, results, differences",
        group="Look",
        place="runs",
        label="Compare",
    ),
    Key(
        action="leave",
        keys=("escape", "enter", "down"),
        about="To the runs",
        group="Move",
        place="filter",
        label="To the runs",
    ),
    Key(
        action="back",
        keys=("escape", "backspace"),
        about="One step back",
        group="Move",
        place="run",
        label="Back",
    ),
    *_acting("run"),
    Key(action="full", keys=("f",), about="One chart alone, or all", group="Look", place="run", label="Full"),
    Key(
        action="cells(-1)",
        keys=("left_square_bracket",),
        about="The cells one change back",
        group="Look",
        place="run",
    ),
    Key(
        action="cells(1)",
        keys=("right_square_bracket",),
        about="The cells one change on",
        group="Look",
        place="run",
    ),
    Key(
        action="cells(-2)",
        keys=("left_curly_bracket",),
        about="The first cells",
        group="Look",
        place="run",
    ),
    Key(
        action="cells(2)",
        keys=("right_curly_bracket",),
        about="The newest cells, which are then followed",
        group="Look",
        place="run",
    ),
    Key(
        action="find",
        keys=("slash",),
        about="Look for a text in the log",
        group="Find and sort",
        place="run",
        label="Log",
    ),
    Key(action="tab(1)", keys=("1",), about="Curves", group="Look", place="run"),
    Key(action="tab(2)", keys=("2",), about="Cells", group="Look", place="run"),
    Key(action="tab(3)", keys=("3",), about="Architecture", group="Look", place="run"),
    Key(action="tab(4)", keys=("4",), about="Log", group="Look", place="run"),
    Key(action="tab(5)", keys=("5",), about="Configuration", group="Look", place="run"),
    Key(action="tab(6)", keys=("6",), about="System", group="Look", place="run"),
    Key(action="down", keys=("down", "j"), about="Scroll down", group="Move", place="run"),
    Key(action="up", keys=("up", "k"), about="Scroll up", group="Move", place="run"),
    Key(
        action="back",
        keys=(
            "escape",
            "backspace",
        ),
        about="Back to the runs",
        group="Move",
        place="compare",
        label="Back",
    ),
    Key(
        action="tab(1)",
        keys=("1",),
        about="Curves",
        group="Look",
        place="compare",
    ),
    Key(
        action="tab(2)",
        keys=("2",),
        about="Result table",
        group="Look",
        place="compare",
    ),
    Key(
        action="tab(3)",
        keys=("3",),
        about="Differences of the configurations",
        group="Look",
        place="compare",
    ),
    Key(
        action="full",
        keys=("f",),
        about="One chart alone, or all",
        group="Look",
        place="compare",
        label="Full",
    ),
    Key(
        action="open",
        keys=("enter",),
        about="Open the page of the run under the cursor",
        group="Look",
        place="compare",
        label="Open",
    ),
    Key(
        action="group",
        keys=("g",),
        about="Group the table: mean ± deviation",
        group="Find and sort",
        place="compare",
        label="Group",
    ),
    Key(
        action="published",
        keys=("P",),
        about="Published results in the table, or not",
        group="Look",
        place="compare",
        label="Published",
    ),
    Key(
        action="sort",
        keys=("s",),
        about="Sort the table by …",
        group="Find and sort",
        place="compare",
        label="Sort",
    ),
    Key(
        action="reverse",
        keys=("r",),
        about="The other way round",
        group="Find and sort",
        place="compare",
    ),
    Key(
        action="export",
        keys=("x",),
        about="Export as CSV, Markdown, LaTeX or the HTML report",
        group="Act on runs",
        place="compare",
        label="Export",
        writes=True,
    ),
    Key(
        action="move(-1)",
        keys=(
            "up",
            "k",
        ),
        about="One row up",
        group="Move",
        place="compare",
    ),
    Key(
        action="move(1)",
        keys=(
            "down",
            "j",
        ),
        about="One row down",
        group="Move",
        place="compare",
    ),
    Key(
        action="page(-1)",
        keys=(
            "pageup",
            "ctrl+b",
        ),
        about="One page up",
        group="Move",
        place="compare",
    ),
    Key(
        action="page(1)",
        keys=(
            "pagedown",
            "ctrl+f",
        ),
        about="One page down",
        group="Move",
        place="compare",
    ),
    Key(
        action="end(False)",
        keys=("home",),
        about="To the top",
        group="Move",
        place="compare",
    ),
    Key(
        action="end(True)",
        keys=(
            "end",
            "G",
        ),
        about="To the end",
        group="Move",
        place="compare",
    ),
    Key(
        action="shift(-1)",
        keys=(
            "left",
            "h",
        ),
        about="Columns to the left",
        group="Move",
        place="compare",
    ),
    Key(
        action="shift(1)",
        keys=(
            "right",
            "l",
        ),
        about="Columns to the right",
        group="Move",
        place="compare",
    ),
    Key(
        action="zoom(True)",
        keys=("plus", "equals_sign"),
        about="Zoom in",
        group="On a chart (tab goes there)",
        place="chart",
        label="Zoom in",
    ),
    Key(
        action="zoom(False)",
        keys=("minus",),
        about="Zoom out",
        group="On a chart (tab goes there)",
        place="chart",
        label="Zoom out",
    ),
    Key(
        action="pan(-1)",
        keys=("left", "h"),
        about="Earlier",
        group="On a chart (tab goes there)",
        place="chart",
    ),
    Key(
        action="pan(1)",
        keys=("right", "l"),
        about="Later",
        group="On a chart (tab goes there)",
        place="chart",
    ),
    Key(
        action="fit",
        keys=("0",),
        about="Show all",
        group="On a chart (tab goes there)",
        place="chart",
        label="All",
    ),
    Key(
        action="log",
        keys=("L",),
        about="Log axis, or a linear one",
        group="On a chart (tab goes there)",
        place="chart",
        label="Log axis",
    ),
    Key(
        action="smooth(1)",
        keys=("m",),
        about="Smoother",
        group="On a chart (tab goes there)",
        place="chart",
        label="Smooth",
    ),
    Key(
        action="smooth(-1)",
        keys=("M",),
        about="Less smooth",
        group="On a chart (tab goes there)",
        place="chart",
    ),
    Key(
        action="crosshair(-1)",
        keys=("comma", "shift+left"),
        about="Cross-hair left",
        group="On a chart (tab goes there)",
        place="chart",
    ),
    Key(
        action="crosshair(1)",
        keys=("full_stop", "shift+right"),
        about="Cross-hair right",
        group="On a chart (tab goes there)",
        place="chart",
    ),
    Key(
        action="no_crosshair",
        keys=("escape",),
        about="No cross-hair",
        group="On a chart (tab goes there)",
        place="chart",
    ),
    Key(
        action="full_screen",
        keys=("f",),
        about="Full screen, and back",
        group="On a chart (tab goes there)",
        place="chart",
        label="Full",
    ),
    Key(
        action="save",
        keys=("ctrl+s",),
        about="Save tags and note",
        group="Act on runs",
        place="notes",
        writes=True,
    ),
    Key(
        action="leave",
        keys=("escape",),
        about="Leave tags and note",
        group="Act on runs",
        place="notes",
        writes=True,
    ),
    Key(
        action="start",
        keys=("ctrl+s", "f5"),
        about="Start",
        group="In the form of a new run",
        place="launch",
        label="Start",
        writes=True,
        priority=True,
    ),
    Key(
        action="copy_command",
        keys=("ctrl+y", "f2"),
        about="Copy the command line that does the same",
        group="In the form of a new run",
        place="launch",
        label="Copy command",
        writes=True,
        priority=True,
    ),
    Key(
        action="switch_kind",
        keys=("ctrl+t",),
        about="A search, or a training",
        group="In the form of a new run",
        place="launch",
        label="Search/training",
        writes=True,
        priority=True,
    ),
    Key(
        action="leave_form",
        keys=("escape",),
        about="Leave the form",
        group="In the form of a new run",
        place="launch",
        label="Leave",
        writes=True,
    ),
    Key(
        action="choose",
        keys=("enter",),
        about="List what can be chosen",
        group="In the form of a new run",
        place="field",
        label="Choose",
        writes=True,
    ),
    Key(
        action="go(1)",
        keys=("down",),
        about="The next field (also tab)",
        group="In the form of a new run",
        place="field",
        writes=True,
        priority=True,  # what is typed next, in one go, is meant for that field
    ),
    Key(
        action="go(-1)",
        keys=("up",),
        about="The field before",
        group="In the form of a new run",
        place="field",
        writes=True,
        priority=True,
    ),
    Key(
        action="other_kind",
        keys=("space", "left", "right", "h", "l", "enter"),
        about="The other kind",
        group="In the form of a new run",
        place="kind",
        writes=True,
    ),
    Key(
        action="go(1)",
        keys=("down", "j"),
        about="The next field",
        group="In the form of a new run",
        place="kind",
        writes=True,
    ),
    Key(
        action="go(-1)",
        keys=("up", "k"),
        about="The field before",
        group="In the form of a new run",
        place="kind",
        writes=True,
    ),
    Key(
        action="next_theme", keys=("t",), about="Light, dark, high contrast", group="Look", place="everywhere"
    ),
    Key(
        action="help",
        keys=("question_mark", "f1"),
        about="All keys",
        group="Everywhere",
        place="everywhere",
        label="Help",
    ),
    Key(
        action="command_palette",
        keys=("ctrl+p",),
        about="All commands, by name",
        group="Everywhere",
        place="everywhere",
    ),
    Key(
        action="app.focus_next", keys=("tab",), about="The next part", group="Everywhere", place="everywhere"
    ),
    Key(
        action="quit",
        keys=("q", "ctrl+q"),
        about="Quit; runs go on",
        group="Everywhere",
        place="everywhere",
        label="Quit",
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
