"""The header of a chart: its title, and the names and values of its lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from ..common.numbers import metric, percent
from ..common.text import safe, shortened
from .chart import Chart, Line
from .look import Look, marker
from .scale import label

__all__ = ["fit", "header", "values_only"]

_GAP = 2
_SHORTEST = 3  # columns that a shortened name keeps


@dataclass(frozen=True)
class _Entry:
    mark: str
    name: str
    value: str
    style: Style

    @property
    def fixed_width(self) -> int:
        """Columns of the parts that are never shortened, with the space before the name."""
        return cell_len(self.mark) + bool(self.mark) + bool(self.name) + len(self.value)

    def text(self, longest: int) -> Text:
        """Return ``● name 0.123`` with the name in at most ``longest`` columns."""
        name = shortened(self.name, max(longest, 0), "~")
        text = Text(no_wrap=True, end="")
        text.append(f"{self.mark} " if self.mark else "", self.style)
        text.append(f"{name} " if name else "")
        text.append(self.value, self.style + Style(bold=True))
        return text


def _entries(chart: Chart, look: Look, ascii_only: bool) -> list[_Entry]:
    entries = []
    for number, line in chart.numbered:
        marked = len(chart.lines) > 1 or line.number is not None
        mark = marker(number, ascii_only=ascii_only) if marked else ""
        name = _printable(line.name, ascii_only) if marked or not _repeats_title(line, chart) else ""
        entries.append(_Entry(mark, name, _value(chart, line, ascii_only), look.line(number, line.style)))
    return entries


def _repeats_title(line: Line, chart: Chart) -> bool:
    return line.name in chart.title or (chart.title != "" and chart.title in line.name)


def _value(chart: Chart, line: Line, ascii_only: bool) -> str:
    """Return the line's value at the cross-hair, or its last one."""
    trace = line.trace.smoothed(chart.smooth)
    at = len(trace) - 1 if chart.crosshair is None else trace.nearest(chart.crosshair)
    if at is None or at < 0:
        return "-" if ascii_only else "–"
    return percent(trace.y[at]) if chart.percent else metric(trace.y[at])


def _notes(chart: Chart) -> str:
    parts = []
    if chart.crosshair is not None:
        parts.append(f"{chart.x_name} {_x_text(chart.crosshair)}")
    if chart.window.log:
        parts.append("log")
    if chart.smooth > 1:
        parts.append(f"smooth {chart.smooth}")
    if chart.left_out:
        parts.append(f"{chart.left_out} left out")
    return ", ".join(parts)


def _x_text(x: float) -> str:
    return f"{x:,.0f}" if x.is_integer() and abs(x) < 1e15 else label(x, 12)


def header(chart: Chart, width: int, most: int, look: Look, *, ascii_only: bool = False) -> list[Text]:
    """Return at most ``most`` lines of ``width`` columns: the title, notes on the right, names and values.

    Names and values stand beside the title if they fit there, or if there is no other line for them.
    """
    entries = _entries(chart, look, ascii_only)
    notes = _notes(chart)
    title = _title(chart, look, ascii_only)
    room = max(width - (cell_len(notes) + 2 if notes else 0), 0)
    below: list[Text] = []
    if most > 1 and len(entries) > 1 and title.cell_len + _full_width(entries) > room:
        below = _legend(entries, width, most - 1)
    else:
        # cut the title before the values
        title.truncate(max(room - sum(entry.fixed_width + _GAP for entry in entries), room // 3))
        title = _with_entries(title, entries, room)
    if notes:
        title = fit(title, room)
        title.append(fit_text(f"  {notes}", width - title.cell_len), look.axis)
    return [fit(line, width) for line in (title, *below)]


def _full_width(entries: Sequence[_Entry]) -> int:
    """Return the columns that ``entries`` take unshortened, each after a gap."""
    return sum(_GAP + entry.fixed_width + cell_len(entry.name) for entry in entries)


def _legend(entries: Sequence[_Entry], width: int, most: int) -> list[Text]:
    """Return ``entries`` in as few lines as hold them unshortened, or in ``most``."""
    for count in range(1, most + 1):
        each = -(-len(entries) // count)
        chunks = [entries[start : start + each] for start in range(0, len(entries), each)]
        if count == most or all(_full_width(chunk) - _GAP <= width for chunk in chunks):
            return [_with_entries(Text(no_wrap=True, end=""), chunk, width) for chunk in chunks]
    return []


def _title(chart: Chart, look: Look, ascii_only: bool) -> Text:
    text = Text(no_wrap=True, end="")
    return text.append(_printable(chart.title, ascii_only), look.title)


def _with_entries(text: Text, entries: Sequence[_Entry], width: int) -> Text:
    """Append as many entries as fit, names cut to the same length, and the number of those missing.

    If shortened names would be alike, the markers stand alone.
    """
    first = _GAP if text.cell_len else 0
    room = width - text.cell_len - first + _GAP
    count = len(entries)
    while count and room < _width(entries[:count], _SHORTEST) + _more_width(len(entries) - count):
        count -= 1
    shown, missing = entries[:count], len(entries) - count
    longest = max((cell_len(entry.name) for entry in shown), default=0)
    while longest > _SHORTEST and _width(shown, longest) + _more_width(missing) > room:
        longest -= 1
    cut = {shortened(entry.name, longest, "~") for entry in shown}
    if len(cut) < len({entry.name for entry in shown}) and all(entry.mark for entry in entries):
        return _with_entries(text, [replace(entry, name="") for entry in entries], width)
    for number, entry in enumerate(shown):
        text.append(" " * (_GAP if number else first))
        text.append_text(entry.text(longest))
    if missing and room >= _more_width(missing):
        text.append(" " * (_GAP if shown else first) + f"+{missing}")
    return text


def _width(entries: Sequence[_Entry], longest: int) -> int:
    return sum(_GAP + entry.fixed_width + min(cell_len(entry.name), longest) for entry in entries)


def _more_width(missing: int) -> int:
    return _GAP + len(f"+{missing}") if missing else 0


def values_only(chart: Chart, width: int, height: int, look: Look, *, ascii_only: bool = False) -> list[Text]:
    """Return a chart without room for a picture: its values, below the title if it fits."""
    entries = _entries(chart, look, ascii_only)
    lines = [entry.text(width - entry.fixed_width) for entry in entries]
    if len(lines) == 1 and not entries[0].name:  # the title stands for its name
        named = _Entry("", _printable(chart.title, ascii_only), entries[0].value, entries[0].style)
        lines = [named.text(width - named.fixed_width)]
    elif height > len(lines):
        lines.insert(0, _title(chart, look, ascii_only))
    lines += [Text(no_wrap=True, end="") for _ in range(height - len(lines))]
    return [fit(line, width) for line in lines[:height]]


def fit(text: Text, width: int) -> Text:
    """Cut or pad ``text`` to exactly ``width`` columns."""
    if text.cell_len > width:
        text.truncate(width)
    text.append(" " * (width - text.cell_len))
    return text


def fit_text(text: str, width: int) -> str:
    """Right-align ``text`` in ``width`` columns, shortened if necessary."""
    return shortened(text, max(width, 0), "~").rjust(max(width, 0))


def _printable(text: str, ascii_only: bool) -> str:
    shown = safe(text)
    return shown.encode("ascii", "replace").decode() if ascii_only else shown
