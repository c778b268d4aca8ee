"""A comparison of runs: which rows and columns to show, in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..common.errors import UsageError
from ..common.text import plain
from ..store.overview import Overview
from .columns import DEFAULT_COLUMNS
from .conditions import parse_condition
from .formats import TextTable, text_table
from .select_runs import Selection
from .table import MEASURES, filtered, grouped, ordered, result_frame

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Comparison", "ComparisonRequest", "compare_runs", "selected", "split_keys"]

ADD_SIGN = "+"  # before a key: adds the column to the usual ones


@dataclass(frozen=True, kw_only=True)
class ComparisonRequest:
    """What to compare.

    ``columns``: keys, or keys with a + before each to add to the usual columns. ``sort``: keys, with a - before
    one for descending order. ``where``: conditions, all of which must hold.
    """

    columns: Sequence[str] = ()
    sort: Sequence[str] = ()
    where: Sequence[str] = ()
    group_by: Sequence[str] = ()
    published: bool = False


@dataclass(frozen=True)
class Comparison:
    """The rows; ``keys`` are the columns for people, ``data_keys`` those for programs.

    ``asked`` says that the columns were asked for, so they are shown even if empty; ``hints`` say why no row may
    be left.
    """

    frame: DataFrame
    keys: tuple[str, ...]
    data_keys: tuple[str, ...]
    asked: bool
    hints: tuple[str, ...]

    def table(self) -> TextTable:
        """Return the rows as text, rounded for reading."""
        table = text_table(self.frame, self.keys)
        return table if self.asked else table.without_empty()


def compare_runs(selection: Selection, request: ComparisonRequest) -> Comparison:
    """Return what ``request`` asks for, from the runs of ``selection``.

    Raises ``UsageError`` for a bad request.
    """
    columns, asked = _columns(request.columns)
    groups = list(request.group_by)
    if groups and request.published and "dataset" not in groups:
        groups.append("dataset")  # published results are for several data sets
    extra = [*columns, *(parse_condition(text).key for text in request.where), *groups]
    if not groups:  # groups are sorted by their own columns
        extra += [key.removeprefix("-") for key in request.sort]
    frame = result_frame(selection.overviews, keys=extra, published=request.published)
    frame, hints = filtered(frame, request.where)
    if groups:
        measures = dict.fromkeys(columns if asked else [*MEASURES, *columns])
        frame = grouped(frame, groups, [key for key in measures if key not in groups])
        keys = data_keys = tuple(map(str, frame.columns))
    else:
        keys = tuple(dict.fromkeys(columns if asked else [*DEFAULT_COLUMNS, *columns]))
        data_keys = keys if asked else tuple(map(str, frame.columns))
        if request.published:  # mark rows that aren't runs, whatever the columns
            keys, data_keys = (
                tuple(dict.fromkeys([*given, "dataset", "source"])) for given in (keys, data_keys)
            )
    return Comparison(ordered(frame, request.sort), keys, data_keys, asked, hints)


def selected(selection: Selection, where: Sequence[str]) -> list[Overview]:
    """Return the runs that meet all conditions, in order.

    Raises ``UsageError`` for a bad one.
    """
    if not where:
        return list(selection.overviews)
    frame = result_frame(selection.overviews, keys=[parse_condition(text).key for text in where])
    paths = set(filtered(frame, where)[0]["path"])
    return [record for record in selection.overviews if plain(str(record.path)) in paths]


def _columns(keys: Sequence[str]) -> tuple[list[str], bool]:
    """Return the keys, and whether they replace the usual ones."""
    added = [key for key in keys if key.startswith(ADD_SIGN)]
    if added and len(added) < len(keys):
        raise UsageError(
            f'columns "{plain(",".join(keys))}": put {ADD_SIGN} before all (to add to the usual ones) or none'
        )
    return [key.removeprefix(ADD_SIGN) for key in keys], bool(keys) and not added


def split_keys(text: str | None, option: str) -> tuple[str, ...]:
    """Return the keys in "a,b, c", without duplicates; none if there is no text.

    Raises ``UsageError`` for an empty key.
    """
    keys = [] if text is None else [key.strip() for key in text.split(",")]
    if not all(keys):
        raise UsageError(f"{option}: an empty key; write, for example, `{option} method,space`")
    return tuple(dict.fromkeys(keys))
