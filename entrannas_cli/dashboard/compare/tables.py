"""The tables of the Compare screen, as `entrannas compare` makes them. Slow, so made in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.cells import cell_len

from ...common.errors import EntrannasError
from ...common.text import counted, safe, shortened
from ...results.comparison import Comparison, ComparisonRequest, compare_runs
from ...results.differences import configurations, differing
from ...results.formats import TextTable, text_table
from ...results.select_runs import Selection
from ...store.overview import Overview

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Differences", "TableView", "compared", "difference_view", "differences", "result_view"]

MAX_COLUMNS = 40  # width of a cell's text


@dataclass(frozen=True)
class TableView:
    """A table of sanitised texts, ready to be drawn; or a ``note`` instead.

    ``widths`` are the widths of the columns, ``least`` those without the headings. ``short`` may replace the first
    cell of each row in a narrow table. ``problems`` has a line for each thing that was left out.
    """

    table: TextTable | None = None
    widths: tuple[int, ...] = ()
    least: tuple[int, ...] = ()
    short: tuple[str, ...] = ()
    note: str = ""
    problems: tuple[str, ...] = ()


def compared(runs: Sequence[Overview], request: ComparisonRequest) -> Comparison:
    """Return what `entrannas compare` makes of ``runs``. Raises ``UsageError``."""
    return compare_runs(Selection(tuple(runs)), request)


def result_view(runs: Sequence[Overview], names: Sequence[str], request: ComparisonRequest) -> TableView:
    """Return the result table of ``runs``, which have these short ``names``."""
    if not runs:
        return TableView(note="no runs left")
    try:
        view = _ready(compared(runs, request).table())
    except EntrannasError as error:
        return TableView(note=str(error))
    assert view.table is not None
    short = {safe(safe(run.id)): name for run, name in zip(runs, names, strict=True)}
    return replace(view, short=tuple(short.get(row[0], row[0]) for row in view.table.rows))


@dataclass(frozen=True)
class Differences:
    """Values that differ, one row per key; ``ids`` are the runs with a configuration, named as in the columns."""

    frame: DataFrame
    ids: tuple[str, ...]
    problems: tuple[str, ...]


def differences(runs: Sequence[Overview]) -> Differences:
    """Return what `entrannas compare --diff` makes of ``runs``."""
    configs, problems = configurations(runs)
    kinds = {safe(name): run.status.kind for run in runs for name in (run.id, str(run.path))}
    return Differences(differing(configs, kinds), tuple(configs), problems)


def difference_view(runs: Sequence[Overview], names: Sequence[str]) -> TableView:
    """Return the differences, with the short ``names`` of the runs as headings."""
    if len(runs) < 2:
        return TableView(note="differences need at least two runs: mark them with space on the Runs screen")
    found = differences(runs)
    count = len(found.ids)
    if count < 2:
        return TableView(
            note=f"only {counted(count, 'configuration')} can be read: differences need at least two",
            problems=found.problems,
        )
    if not len(found.frame):
        return TableView(
            note=f"the configurations of these {count} runs are the same", problems=found.problems
        )
    short = {safe(run.id): name for run, name in zip(runs, names, strict=True)}
    table = text_table(found.frame)
    table = replace(table, headings=tuple(short.get(heading, heading) for heading in table.headings))
    return replace(_ready(table), problems=found.problems)


def _ready(table: TextTable) -> TableView:
    first = [safe(row[0]) for row in table.rows]
    rest = [tuple(safe(cell, limit=MAX_COLUMNS) for cell in row[1:]) for row in table.rows]
    table = replace(
        table,
        headings=tuple(shortened(safe(heading), MAX_COLUMNS) for heading in table.headings),
        rows=tuple((head, *cells) for head, cells in zip(first, rest, strict=True)),
    )
    least = tuple(max((cell_len(row[n]) for row in table.rows), default=0) for n in range(len(table.keys)))
    widths = tuple(
        max(width, cell_len(heading), cell_len(unit))
        for width, heading, unit in zip(least, table.headings, table.units, strict=True)
    )
    return TableView(table, widths, least)
