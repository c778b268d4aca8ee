"""Result tables on a terminal: as many columns as there is room for."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..common.text import safe, shortened
from ..results.columns import COLUMNS
from ..results.formats import TextTable
from ..results.table import RUNS
from .run_list import STATE_STYLES, short_references
from .terminal import ascii_only, console_for

__all__ = [
    "FittedTable",
    "fitted",
    "fitted_differences",
    "plain_results",
    "print_columns",
    "print_results",
    "result_table",
]

MAX_COLUMNS = 40  # that a text may take
MIN_COLUMNS = 10  # that a text keeps if there is no room
GAP = 2
CONSTANT_PENALTY = 3  # added to the rank of a column whose values are all the same
_IDS = ("run", "cells", "search_run")
_NAMED_BY_VALUES = re.compile(r"\d{8}-\d{6}-.*-s\d+(-\d+)?")  # the id repeats other columns


@dataclass(frozen=True)
class FittedTable:
    """A table that fits, and the keys of the columns left out."""

    table: TextTable
    left_out: tuple[str, ...]


def fitted(
    table: TextTable, width: int | None, *, ids: Iterable[str] = (), keep: bool = False
) -> FittedTable:
    """Fit ``table`` into ``width`` columns (None: any).

    First, ids are shortened as far as they stay unique among ``ids``; then columns are left out, the least
    important first, or, with ``keep``, long texts are cut. The table may still be too wide.
    """
    table = replace(table, rows=tuple(tuple(safe(cell) for cell in row) for row in table.rows))
    if width is None:
        return FittedTable(table, ())
    table = _map_cells(table, lambda key, text: text if key in _IDS else shortened(text, MAX_COLUMNS))
    if _width(table) > width:
        short = _short_ids(ids)
        table = _map_cells(table, lambda key, text: short.get(text, text) if key in _IDS else text)
    kept, left_out = list(range(len(table.keys))), []
    ranks, widths = _ranks(table), _widths(table)
    while not keep and _total_width(widths[n] for n in kept) > width:
        least = max(kept, key=lambda n: (ranks[n], n))
        if not ranks[least] or len(kept) == 1:
            break
        left_out.append(table.keys[least])
        kept.remove(least)
    return FittedTable(_with_texts_cut(table.only(kept), width), tuple(left_out))


def _ranks(table: TextTable) -> list[int]:
    """Return how dispensable each column is: 0 is never left out, the highest first; constant texts rank higher."""
    ranks = []
    grouped_by = table.keys.index(RUNS) if RUNS in table.keys else 0  # the columns grouped by stay
    for n, key in enumerate(table.keys):
        of_best = key.endswith("_best")
        column = COLUMNS.get(key.removesuffix("_best" if of_best else "_mean"))
        rank = (column.rank if column and n >= grouped_by else 0) + of_best
        same = not table.numeric[n] and len(table.rows) > 1 and len({row[n] for row in table.rows}) == 1
        ranks.append(rank + CONSTANT_PENALTY if rank and same else rank)
    return ranks


def fitted_differences(table: TextTable, width: int, *, ids: Iterable[str] = ()) -> FittedTable:
    """Fit a table of configuration values into ``width`` columns: the keys, and as many runs as fit."""
    table = replace(
        _map_cells(table, lambda key, text: shortened(safe(text), MAX_COLUMNS)),
        headings=tuple(map(safe, table.headings)),
    )
    if _width(table) > width:
        short = _short_ids(ids)
        table = replace(table, headings=tuple(short.get(heading, heading) for heading in table.headings))
    widths, count = _widths(table), len(table.keys)
    while count > 2 and _total_width(widths[:count]) > width:
        count -= 1
    return FittedTable(table.only(range(count)), table.keys[count:])


def _short_ids(ids: Iterable[str]) -> Mapping[str, str]:
    """Return what can be typed for each id: its time, or the name in it if it was given one."""
    short = short_references(ids)
    return {
        safe(identifier): safe(forms.by_time if _NAMED_BY_VALUES.fullmatch(identifier) else forms.by_name)
        for identifier, forms in short.items()
    }


def _map_cells(table: TextTable, change: Callable[[str, str], str]) -> TextTable:
    return replace(
        table,
        rows=tuple(
            tuple(change(key, text) for key, text in zip(table.keys, row, strict=True)) for row in table.rows
        ),
    )


def _widths(table: TextTable) -> list[int]:
    return [
        max(map(cell_len, (heading, unit, *(row[n] for row in table.rows))))
        for n, (heading, unit) in enumerate(zip(table.headings, table.units, strict=True))
    ]


def _total_width(widths: Iterable[int]) -> int:
    """Return the width of a table with these column widths."""
    return sum(width + GAP for width in widths) - GAP


def _width(table: TextTable) -> int:
    return _total_width(_widths(table))


def _with_texts_cut(table: TextTable, width: int) -> TextTable:
    """Cut long texts, the longest first, until the table fits; return it unchanged if it can't."""
    widths = _widths(table)
    limits = list(widths)
    texts = [n for n in range(len(widths)) if not table.numeric[n]]
    while _total_width(limits) > width:
        longest = max(texts, key=lambda n: limits[n], default=None)
        if longest is None or limits[longest] <= MIN_COLUMNS:
            return table
        limits[longest] -= 1
    limit = dict(zip(table.keys, limits, strict=True))
    return _map_cells(table, lambda key, text: shortened(text, limit[key]))


def result_table(table: TextTable, *, plain_ascii: bool = False) -> Table:
    """Return the table for Rich: units below the headings, states in colour, published results dimmed."""
    shown = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    has_units = any(table.units)
    for n, width in enumerate(_widths(table)):
        shown.add_column(
            Text(f"{table.headings[n]}\n{table.units[n]}" if has_units else table.headings[n]),
            justify="right" if table.numeric[n] else "left",
            width=width,
            no_wrap=True,
        )
    for row, published in zip(table.rows, table.published, strict=True):
        texts = [
            Text(text.replace("±", "+/-").replace("–", "-") if plain_ascii else text, _style(key, text))
            for key, text in zip(table.keys, row, strict=True)
        ]
        shown.add_row(*texts, style="dim" if published else "")
    return shown


def _style(key: str, text: str) -> str:
    return STATE_STYLES.get(text, "") if key == "state" else ""


def print_results(console: Console, table: TextTable) -> None:
    """Print the table on ``console``; if it is too wide, its lines are longer than the console's."""
    console.width = max(console.width, _width(table) + GAP)
    console.print(result_table(table, plain_ascii=ascii_only(console.file)), crop=False, soft_wrap=False)


def print_columns() -> None:
    """Print the keys of all columns to stdout, one per line, with units and meaning."""
    console = console_for()
    room = max(map(len, COLUMNS)) + GAP
    for key, column in COLUMNS.items():
        unit = f" ({column.unit})" if column.unit else ""
        line = Text.assemble(
            (f"{key:{room}}", "bold" if column.usual else ""), f"{column.about.rstrip('.')}{unit}"
        )
        console.print(line, soft_wrap=True)


def plain_results(table: TextTable) -> str:
    """Return the table as text without colours, for a file."""
    stream = io.StringIO()
    console = Console(
        file=stream, width=_width(table) + GAP, markup=False, highlight=False, emoji=False, no_color=True
    )
    print_results(console, table)
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())
